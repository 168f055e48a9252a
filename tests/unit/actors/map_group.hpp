// A group of the replicated map's replicas in one simulated system, and its users' requests.
#pragma once
#include "actors/storage/map_client.hpp"
#include "actors/storage/map_replica.hpp"
#include "consensus_group.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>
namespace troupe::test {
// Passes on to the client what comes, while it is open: a node's way to the map, cut by hand. While
// it is `deaf`, the answers are lost.
struct gate {
  gate(laboratory::simulator& sim, caf::actor client)
      : open{std::make_shared<bool>(true)}, deaf{std::make_shared<bool>(false)} {
    actor =
        sim.spawn([open = open, deaf = deaf, to = std::move(client)](caf::event_based_actor* self) {
          self->set_default_handler([=](caf::scheduled_actor*,
                                        caf::message_view& what) -> caf::result<caf::message> {
            auto promise = self->make_response_promise();
            if (*open && *deaf)
              caf::anon_send(to, what.move_content_to_message());
            else if (*open)
              promise.delegate<caf::message_priority::normal>(to, what.move_content_to_message());
            return promise;
          });
          return caf::behavior{[](caf::tick_atom) {}};
        });
  }
  std::shared_ptr<bool> open, deaf;
  caf::actor actor;
};

class map_group : public group {
 public:
  explicit map_group(int size = 3, std::uint64_t seed = 1, raft::options how = {},
                     storage::watch_settings watches = {})
      : group{size, how, seed, [watches](caf::actor_system& system, consensus::replica_settings s) {
                return system.spawn<storage::map_replica>(
                    storage::map_replica_settings{.log = std::move(s), .watches = watches});
              }} {}

  // Through a client, and time goes on.
  caf::expected<storage::reply> ask(const caf::actor& by, const storage::command& what) {
    return await<storage::reply>([&](auto* self, auto then) {
      storage::ask_map(self, by, std::chrono::seconds{20}, what, then);
    });
  }
  caf::expected<storage::reply> ask(const caf::actor& by, const storage::question& what) {
    return await<storage::reply>([&](auto* self, auto then) {
      storage::ask_map(self, by, std::chrono::seconds{20}, what, then);
    });
  }
  storage::revision put(const std::string& key, const std::string& value,
                        storage::lease_id lease = 0) {
    const auto done = ask(client, storage::command{storage::put{key, value, lease}});
    return done ? done->at : 0;
  }
  std::optional<std::string> get(const std::string& key) {
    const auto done = ask(client, storage::question{storage::get{storage::one(key)}});
    if (!done) return std::nullopt;
    const auto& items = std::get<storage::got>(done->what).items;
    return items.empty() ? std::nullopt : std::optional{items.front().value};
  }
  storage::lease_id grant(storage::duration ttl) {
    const auto done = ask(client, storage::command{storage::lease_grant{ttl, 0}});
    return done ? std::get<storage::granted>(done->what).id : 0;
  }
  caf::expected<storage::host_answer> keep_alive(storage::lease_id lease) {
    return await<storage::host_answer>([&](auto* self, auto then) {
      storage::ask_leader(self, client, std::chrono::seconds{20}, storage::keepalive{lease}, then);
    });
  }

  template <class Answer, class Start>
  caf::expected<Answer> await(Start start) {
    auto got = std::make_shared<std::optional<caf::expected<Answer>>>();
    sim.spawn([&start, got](caf::event_based_actor* self) {
      start(self, [got](caf::expected<Answer> r) { got->emplace(std::move(r)); });
    });
    sim.run_until([&] { return got->has_value(); }, std::chrono::seconds{30});
    if (!*got) return make_error(errc::timeout, "the test's own patience");
    return std::move(**got);
  }
  // Virtual time.
  std::chrono::milliseconds now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(sim.now());
  }
};

// An actor that is not run from its next message on: it, or all of its process, is stopped.
class freeze {
 public:
  template <class What>
  freeze(map_group& g, const caf::actor& whom, What what)
      : jobs_{static_cast<caf::scheduler::test_coordinator&>(g.sim.system.scheduler()).jobs} {
    g.sim.settle();
    caf::anon_send(whom, std::move(what));
    auto* const actor = caf::actor_cast<caf::abstract_actor*>(whom);
    const auto found = std::find(jobs_.begin(), jobs_.end(), dynamic_cast<caf::resumable*>(actor));
    REQUIRE(found != jobs_.end());
    job_ = *found;
    jobs_.erase(found);
  }
  void thaw() { jobs_.push_back(job_); }

 private:
  decltype(caf::scheduler::test_coordinator::jobs)& jobs_;
  caf::resumable* job_ = nullptr;
};
}  // namespace troupe::test
