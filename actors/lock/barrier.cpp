#include "actors/lock/barrier.hpp"

#include "patterns/hex.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <caf/all.hpp>
namespace troupe::lock {
struct barrier_tick {};
TROUPE_MESSAGE(barrier_tick)
}  // namespace troupe::lock
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::barrier_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
namespace {
caf::error to_error(const barrier_refused& e) {
  switch (e.why) {
    case barrier_refusal::timed_out:
      return make_error(errc::timeout, e.sentence);
    case barrier_refusal::refused:
      return make_error(errc::refused, e.sentence);
    case barrier_refusal::broken:
      return make_error(errc::failed, "the barrier is broken: " + e.sentence);
  }
  return make_error(errc::failed);
}

class member : public caf::event_based_actor {
 public:
  member(caf::actor_config& config, caf::actor store, barrier_member_settings how)
      : caf::event_based_actor{config},
        store_{std::move(store)},
        s_{std::move(how)},
        session_{s_.session},
        core_{s_.core, hex(fresh_seed(system()))} {}
  const char* name() const override { return "barrier"; }
  void on_exit() override {
    // Anonymously: whom nobody reaches any more comes here while it is destroyed, and cannot be a sender.
    caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
    store_ = nullptr;
    enters_.reset();
    leaves_.reset();
    whom_ = nullptr;
  }
  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      if (whom_ && whom_.address() == gone.source) break_it();
    });
    return {
        [this](const enter_barrier& e) -> caf::result<entered_barrier> {
          auto whom = caf::actor_cast<caf::actor>(current_sender());  // before the promise
          auto promise = make_response_promise<entered_barrier>();
          if (going_) {
            promise.deliver(make_error(errc::not_ready, "this member has left for good"));
            return promise;
          }
          if (enters_ || leaves_ || !core_.may_enter()) {
            promise.deliver(
                make_error(errc::refused, "it is in the barrier, or on its way: leave first"));
            return promise;
          }
          enters_ = promise;
          if (whom && whom != whom_) monitor(whom);
          whom_ = std::move(whom);
          step(barrier_enter{e.wait.count() < 0 ? for_ever : duration{e.wait}});
          session_output out;
          session_.want(now(), out);
          obey(out);
          return promise;
        },
        [this](leave_barrier) -> caf::result<left_barrier> {
          auto promise = make_response_promise<left_barrier>();
          if (leaves_ || !core_.inside()) {
            promise.deliver(make_error(errc::refused, "it is not inside"));
            return promise;
          }
          leaves_ = promise;
          step(barrier_leave{});
          return promise;
        },
        [this](retire_barrier) { go(); },
        [this](barrier_tick) {
          if (now() < armed_)
            return;  // an earlier one came after it was armed, and has armed another
          armed_ = instant::max();
          if (now() >= session_.due()) tick_session();
          if (now() >= core_.due()) step(tick{});
          arm();
        },
    };
  }

 private:
  instant now() { return std::chrono::duration_cast<instant>(clock().now().time_since_epoch()); }

  // A process that was stopped may find an old answer before its own timer.
  void step(const barrier_input& in) {
    if (!session_.id().empty() && now() >= session_.good_until()) tick_session();
    barrier_output out;
    core_.step(in, now(), out);
    for (auto& e : out.events) std::visit([&](auto& x) { tell(x); }, e);
    for (auto& a : out.asks)
      ask_store(std::move(a.what), [this, number = a.number](answer& said) {
        step(answered{number, std::move(said)});
      });
    if (out.spoiled) renew();
    arm();
  }
  void tell(const barrier_entered& e) {
    if (auto to = std::exchange(enters_, {})) to->deliver(entered_barrier{e.round, e.place});
  }
  void tell(const barrier_left&) {
    if (auto to = std::exchange(leaves_, {})) to->deliver(left_barrier{});
  }
  void tell(const barrier_refused& e) {
    if (auto to = std::exchange(enters_, {}))
      to->deliver(to_error(e));
    else if (auto leaving = std::exchange(leaves_, {}))
      leaving->deliver(to_error(e));
  }
  void tell(const barrier_broken& e) {
    log::warn("lock", "barrier_broken", {{"barrier", s_.core.name}, {"reason", e.why}});
    if (whom_) send<caf::message_priority::high>(whom_, e);
  }

  void tick_session() {
    session_output out;
    session_.tick(now(), out);
    obey(out);
  }
  void obey(session_output& out) {
    for (auto& a : out.asks)
      ask_store(std::move(a.what), [this, number = a.number](answer& said) {
        session_output then;
        session_.answered({number, std::move(said)}, now(), then);
        obey(then);
      });
    if (out.over) step(session_gone{*out.over});
    if (out.begun) step(session_is{*out.begun});
    if (out.refused) turn_away(*out.refused);
    arm();
  }
  // The store lets nobody stand.
  void turn_away(const std::string& why) {
    auto to = std::exchange(enters_, {});
    if (!to) return;
    step(barrier_abandon{});
    session_output out;
    session_.close(now(), out);
    obey(out);
    to->deliver(make_error(errc::refused, why));
  }
  // Under another session: what was asked for under this one cannot stand any more.
  void renew() {
    session_output out;
    session_.close(now(), out);
    session_.want(now(), out);
    step(session_gone{"it was given up"});
    obey(out);
  }
  // Who entered has ended: its place goes at once, and is not left in order.
  void break_it() {
    whom_ = nullptr;
    enters_.reset();
    leaves_.reset();
    if (core_.idle()) return;
    step(barrier_abandon{});
    renew();
  }
  // With the session ends its place, also one that is still to come.
  void go() {
    if (std::exchange(going_, true)) return;
    whom_ = nullptr;
    const auto why = make_error(errc::cancelled, "it has been told to retire");
    if (auto to = std::exchange(enters_, {})) to->deliver(why);
    if (auto to = std::exchange(leaves_, {})) to->deliver(why);
    barrier_output left;
    core_.step(barrier_abandon{}, now(), left);
    session_output out;
    session_.close(now(), out);
    if (out.asks.empty()) return quit();
    ask_store(std::move(out.asks.front().what), [this](answer&) { quit(); });
  }
  void ask_store(wish what, std::function<void(answer&)> then) {
    const bool waits = std::holds_alternative<await>(what);
    const auto patience = waits ? caf::duration{caf::infinite} : caf::duration{s_.session.ttl};
    request(store_, patience, store_wish{std::move(what)})
        .then([then](store_answer& said) { then(said.what); },
              [then](const caf::error&) {
                answer none{unanswered{}};
                then(none);
              });
  }
  void arm() {
    const auto due = std::min(session_.due(), core_.due());
    if (due == instant::max() || due >= armed_) return;
    armed_ = due;
    const auto at = now();
    delayed_send(this, due > at ? due - at : duration{0}, barrier_tick{});
  }

  caf::actor store_;
  barrier_member_settings s_;
  session session_;
  barrier core_;
  std::optional<caf::typed_response_promise<entered_barrier>> enters_;
  std::optional<caf::typed_response_promise<left_barrier>> leaves_;
  caf::actor whom_;
  bool going_ = false;
  instant armed_ = instant::max();
};
}  // namespace

caf::actor spawn_barrier(caf::actor_system& system, caf::actor store, barrier_member_settings how) {
  return system.spawn<member>(std::move(store), std::move(how));
}
}  // namespace troupe::lock
