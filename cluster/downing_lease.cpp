#include "cluster/downing_lease.hpp"

#include "actors/storage/map_client.hpp"
#include "patterns/encoding.hpp"
#include "patterns/hex.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <variant>

#include <caf/all.hpp>

namespace troupe {
struct return_again {  // to itself
  membership::lease_return what{};
  caf::actor_clock::time_point came{};
};
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::return_again)

namespace troupe {
using namespace membership;
namespace {
std::string prefix_of(std::uint64_t cluster) { return "/troupe/downing/" + hex(cluster) + '/'; }

struct order {
  std::variant<lease_claim, lease_return> what;
  caf::typed_response_promise<lease_answer> whom{};
  caf::actor_clock::time_point came{}, until{};
};
struct books {
  lease_state state{};
  storage::revision holder = 0, dead = 0;  // when these were last put; 0: not there
};

class downing_lease : public caf::event_based_actor {
 public:
  downing_lease(caf::actor_config& config, caf::actor client, downing_lease_settings settings)
      : caf::event_based_actor{config}, client_{std::move(client)}, s_{settings} {}
  const char* name() const override { return "downing-lease"; }
  void on_exit() override {
    client_ = nullptr;
    orders_.clear();
  }
  caf::behavior make_behavior() override {
    return {
        [this](return_again& r) {
          take_in({r.what, {}, r.came});
        },
        [this](lease_claim& c) -> caf::result<lease_answer> {
          auto promise = make_response_promise<lease_answer>();
          take_in({std::move(c), promise});
          return promise;
        },
        [this](const lease_return& r) { take_in({r}); },
    };
  }

 private:
  void take_in(order&& o) {
    const auto now = clock().now();
    if (o.came == caf::actor_clock::time_point{}) o.came = now;
    o.until = now + s_.patience;
    orders_.push_back(std::move(o));
    if (orders_.size() == 1) read();
  }
  order& current() { return orders_.front(); }
  const lease_claim* claim() { return std::get_if<lease_claim>(&current().what); }
  std::string prefix() {
    return prefix_of(std::visit([](const auto& x) { return x.cluster; }, current().what));
  }
  std::chrono::milliseconds left() {
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(current().until - clock().now());
    return std::max(rest, std::chrono::milliseconds{0});
  }

  void done(lease_answer answer) {
    if (const auto* c = claim()) {
      answer.number = c->number;
      current().whom.deliver(std::move(answer));
    }
    orders_.pop_front();
    if (!orders_.empty()) read();
  }
  // What could not be given back is tried again, behind what has come since, for as long as it can be held.
  void fail(std::string why) {
    if (claim() == nullptr && clock().now() < current().came + s_.held_for)
      delayed_send(this, s_.patience,
                   return_again{std::get<lease_return>(current().what), current().came});
    done({.reason = std::move(why)});
  }

  // Asks the map, and goes on with its answer where that is a `Done`.
  template <class Done, class Request, class Then>
  void ask(Request what, Then then) {
    if (left().count() == 0) return fail("the replicated log does not answer in time");
    storage::ask_map(this, client_, left(), what, [this, then](caf::expected<storage::reply> r) {
      if (!r) return fail(sentence_of(r.error()));
      if (auto* as_wanted = std::get_if<Done>(&r->what)) return then(*as_wanted);
      const auto* no = std::get_if<storage::refused>(&r->what);
      fail(no != nullptr ? storage::explain(no->why) : "the map's answer makes no sense");
    });
  }

  void read() {
    ask<storage::got>(
        storage::question{storage::get{storage::prefix(prefix())}},
        [this](const storage::got& all) {
          books b;
          for (const auto& kv : all.items) {
            const bool holder = kv.key == prefix() + "holder";
            if (holder) {
              auto value = decode<lease_holding>(kv.value);
              if (!value) return fail("the value of " + kv.key + " makes no sense to this version");
              b.state.holding = std::move(*value);
              b.holder = kv.mod_revision;
            } else if (kv.key == prefix() + "dead") {
              auto value = decode<lease_dead>(kv.value);
              if (!value) return fail("the value of " + kv.key + " makes no sense to this version");
              b.state.dead = std::move(*value);
              b.dead = kv.mod_revision;
            }
          }
          judge(std::move(b));
        });
  }

  void judge(books b) {
    const auto* c = claim();
    if (c == nullptr) {
      if (!give_back(b.state, std::get<lease_return>(current().what))) return done({});
      return write(b, 0, {});
    }
    auto answer = take(b.state, *c);
    if (answer.what != lease_outcome::granted) return done(std::move(answer));
    ask<storage::granted>(
        storage::command{storage::lease_grant{s_.held_for, 0}},
        [this, b, answer](const storage::granted& lease) { write(b, lease.id, answer); });
  }

  // Without a lease: what is there keeps its own.
  void write(const books& b, storage::lease_id lease, const lease_answer& answer) {
    const auto holder = prefix() + "holder", dead = prefix() + "dead";
    storage::txn change;
    const auto unchanged = [&](const std::string& key, storage::revision at) {
      change.when.push_back(
          {storage::one(key), storage::aspect::mod_revision, storage::relation::equal, at, {}});
    };
    unchanged(holder, b.holder);
    unchanged(dead, b.dead);
    if (b.state.holding)
      change.then.emplace_back(storage::put{.key = holder,
                                            .value = encode(*b.state.holding),
                                            .lease = lease,
                                            .keep_lease = lease == 0});
    else
      change.then.emplace_back(storage::erase{storage::one(holder), false});
    change.then.emplace_back(storage::put{.key = dead, .value = encode(b.state.dead)});
    ask<storage::txn_done>(storage::command{std::move(change)},
                           [this, lease, answer](const storage::txn_done& made) {
                             if (made.succeeded) return done(answer);
                             if (lease != 0)  // it would run out by itself
                               storage::ask_map(this, client_, s_.patience,
                                                storage::command{storage::lease_revoke{lease, 0}},
                                                [](const caf::expected<storage::reply>&) {});
                             read();  // another was faster
                           });
  }

  caf::actor client_;
  const downing_lease_settings s_;
  std::deque<order> orders_;  // the first is under way
};
}  // namespace

caf::actor spawn_downing_lease(caf::actor_system& system, caf::actor client,
                               downing_lease_settings settings) {
  return system.spawn<downing_lease>(std::move(client), settings);
}
}  // namespace troupe
