// Inside actors/lock: what a store of locks on a replicated group is, whatever the group: wishes that are answered in time, and
// waits that are over when what is watched has gone.
//   Promises  each wish but an await is answered within `patience`: by what has come, or `unanswered`
//             whoever it owes an answer is forgotten when it ends, and so are its watchers
#pragma once
#include "actors/lock/store.hpp"

#include <map>
#include <string>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
namespace troupe::lock {
struct late_tick {};  // to the store itself
TROUPE_MESSAGE(late_tick)

class group_store : public caf::event_based_actor {
 public:
  group_store(caf::actor_config& config, caf::actor client, std::string prefer, duration patience);
  void on_exit() override;

 protected:
  using promise = caf::typed_response_promise<store_answer>;

  // Its handlers, to be put before those of its group. `Store` has an `on` for each wish.
  template <class Store>
  caf::message_handler handlers(Store* self) {
    return {[this, self](store_wish& wanted) -> caf::result<store_answer> {
              auto to = this->make_response_promise<store_answer>();
              std::visit([&](auto& what) { self->on(what, to); }, wanted.what);
              return to;
            },
            [this](late_tick) { look_late(); }};
  }

  // ---- wishes, which time out in one place: timers of their own cost more than all else that they do
  std::uint64_t open(promise to);
  void close(std::uint64_t number, answer what);  // nothing, if it is too late

  // ---- waits
  struct waiting {
    promise whom;
    std::string lock{};
    std::vector<caf::actor> watchers{};
  };
  std::uint64_t wait(promise to, const std::string& lock);
  waiting* waits_for(std::uint64_t id);  // null: it is over
  void end(std::uint64_t id, answer what);

  static void sort(line& all);  // by ticket

  const caf::actor& client() const { return client_; }
  const std::string& prefer() const { return prefer_; }
  duration patience() const { return patience_; }

 private:
  struct asked {
    promise whom;
    instant until{};
  };
  void look_late();
  instant now();

  caf::actor client_;
  std::string prefer_;
  duration patience_;
  std::map<std::uint64_t, asked> open_;  // by number, and so by time
  std::map<std::uint64_t, waiting> waits_;
  std::uint64_t numbers_ = 0, waiting_ids_ = 0;
  bool looking_ = false;
};
}  // namespace troupe::lock
