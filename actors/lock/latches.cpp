#include "actors/lock/latches.hpp"

#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <caf/all.hpp>
namespace troupe::lock {
struct latches_tick {};
TROUPE_MESSAGE(latches_tick)
}  // namespace troupe::lock
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::latches_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
namespace {
caf::error to_error(const latch_ended& e) {
  switch (e.how) {
    case latch_end::timed_out:
    case latch_end::unknown:
      return make_error(errc::timeout, e.sentence);
    default:
      return make_error(errc::refused, e.sentence);
  }
}

class latches : public caf::event_based_actor {
 public:
  latches(caf::actor_config& config, caf::actor store, latch_settings how)
      : caf::event_based_actor{config}, store_{std::move(store)}, how_{how} {}
  const char* name() const override { return "latches"; }
  void on_exit() override {
    // Anonymously: whom nobody reaches any more comes here while it is destroyed, and cannot be a sender.
    caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
    store_ = nullptr;
    running_.clear();
  }
  caf::behavior make_behavior() override {
    return {
        [this](latch_set& w) { return begin(std::move(w)); },
        [this](latch_count_down& w) { return begin(std::move(w)); },
        [this](latch_await& w) { return begin(std::move(w)); },
        [this](latch_look& w) { return begin(std::move(w)); },
        [this](latch_reset& w) { return begin(std::move(w)); },
        [this](latches_tick) {
          if (now() < armed_)
            return;  // an earlier one came after it was armed, and has armed another
          armed_ = instant::max();
          tick_all();
        },
    };
  }

 private:
  struct running {
    latch core;
    caf::typed_response_promise<latch_count> whom;
  };
  instant now() { return std::chrono::duration_cast<instant>(clock().now().time_since_epoch()); }

  caf::result<latch_count> begin(latch_wish what) {
    auto promise = make_response_promise<latch_count>();
    const auto number = ++numbers_;
    auto& r =
        running_.emplace(number, running{latch{std::move(what), how_}, promise}).first->second;
    latch_output out;
    r.core.begin(now(), out);
    obey(number, out);
    return promise;
  }
  void obey(std::uint64_t which, latch_output& out) {
    const auto found = running_.find(which);
    if (found == running_.end()) return;
    if (out.ended) {
      auto to = found->second.whom;
      running_.erase(found);
      if (out.ended->how == latch_end::done)
        to.deliver(
            latch_count{out.ended->is.left, out.ended->is.count, std::move(out.ended->is.counted)});
      else
        to.deliver(to_error(*out.ended));
      return;
    }
    for (auto& a : out.asks) ask_store(which, std::move(a));
    arm();
  }
  void ask_store(std::uint64_t which, ask what) {
    const bool waits = std::holds_alternative<await>(what.what);
    const auto then = [this, which, number = what.number](answer said) {
      const auto found = running_.find(which);
      if (found == running_.end()) return;
      latch_output out;
      found->second.core.answered({number, std::move(said)}, now(), out);
      obey(which, out);
    };
    request(store_, waits ? caf::duration{caf::infinite} : caf::duration{how_.patience},
            store_wish{std::move(what.what)})
        .then([then](store_answer& said) { then(std::move(said.what)); },
              [then](const caf::error&) { then(unanswered{}); });
  }
  void tick_all() {
    std::vector<std::uint64_t> due;
    for (const auto& [which, r] : running_)
      if (now() >= r.core.due()) due.push_back(which);
    for (const auto which : due) {
      const auto found = running_.find(which);
      if (found == running_.end()) continue;
      latch_output out;
      found->second.core.tick(now(), out);
      obey(which, out);
    }
    arm();
  }
  void arm() {
    auto due = instant::max();
    for (const auto& [which, r] : running_) due = std::min(due, r.core.due());
    if (due == instant::max() || due >= armed_) return;
    armed_ = due;
    const auto at = now();
    delayed_send(this, due > at ? due - at : duration{0}, latches_tick{});
  }

  caf::actor store_;
  latch_settings how_;
  std::map<std::uint64_t, running> running_;
  std::uint64_t numbers_ = 0;
  instant armed_ = instant::max();
};
}  // namespace

caf::actor spawn_latches(caf::actor_system& system, caf::actor store, latch_settings how) {
  return system.spawn<latches>(std::move(store), how);
}
}  // namespace troupe::lock
