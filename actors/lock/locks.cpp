#include "actors/lock/locks_actor.hpp"
#include "patterns/hex.hpp"
#include "patterns/lock/kinds.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>
namespace troupe::lock {
struct locks_tick {};
TROUPE_MESSAGE(locks_tick)
struct look_for_deadlocks {};
TROUPE_MESSAGE(look_for_deadlocks)
}  // namespace troupe::lock
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::locks_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::look_for_deadlocks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
namespace {
constexpr duration forgotten_after = std::chrono::seconds{1};  // a lock that nobody here wants

caf::error unreachable() {
  return make_error(errc::timeout, "the store of the locks does not answer");
}
}  // namespace

caf::error to_error(const declined& why) {
  switch (why.why) {
    case decline::timed_out:
      return make_error(errc::timeout, why.sentence);
    case decline::deadlock:
      return make_error(errc::refused, "a deadlock, and this wait gives way: " + why.sentence);
    default:
      return make_error(errc::refused, why.sentence);
  }
}

locks_actor::locks_actor(caf::actor_config& config, caf::actor store, locks_settings settings)
    : caf::event_based_actor{config},
      store_{std::move(store)},
      s_{std::move(settings)},
      session_{s_.session},
      life_{hex(fresh_seed(system()))} {}

void locks_actor::on_exit() {
  // Anonymously: whom nobody reaches any more comes here while it is destroyed, and cannot be a sender.
  caf::anon_send_exit(store_, caf::exit_reason::user_shutdown);
  store_ = nullptr;
  takes_.clear();
  returns_.clear();
  sets_.clear();
  held_.clear();
  watched_.clear();
}

caf::behavior locks_actor::make_behavior() {
  set_down_handler([this](const caf::down_msg& gone) { ended(gone.source); });
  return {
      [this](take& wanted) { return on(wanted); },
      [this](const put_back& what) { return on(what); },
      [this](take_all& wanted) { return on(wanted); },
      [this](const put_back_all& what) { return on(what); },
      [this](const revoke& what) { return on(what); },
      [this](survey) -> caf::result<surveyed> {
        auto promise = make_response_promise<surveyed>();
        ask_store(survey{}, [promise](answer& said) mutable {
          if (auto* all = std::get_if<surveyed>(&said))
            promise.deliver(std::move(*all));
          else
            promise.deliver(unreachable());
        });
        return promise;
      },
      [this](retire) {
        for (auto& [key, h] : held_) give_all(h);
        going_ = true;
        go();
      },
      [this](locks_tick) {
        if (now() < armed_)
          return;  // an earlier one came after it was armed, and has armed another
        armed_ = instant::max();
        tick_all();
      },
      [this](look_for_deadlocks) { scan(); },
  };
}

// ---- one lock
caf::result<taken> locks_actor::on(const take& wanted) {
  auto whom = caf::actor_cast<caf::actor>(current_sender());  // before the promise takes it
  auto promise = make_response_promise<taken>();
  if (const auto wrong = lock_name_problem(wanted.name)) {
    promise.deliver(make_error(errc::invalid_argument, *wrong));
    return promise;
  }
  if (going_) {
    promise.deliver(make_error(errc::not_ready, "these locks have been given back for good"));
    return promise;
  }
  const auto wait = wanted.wait.count() < 0 ? for_ever : duration{wanted.wait};
  const want what{wanted.name, wanted.as, wanted.count, wanted.capacity};
  take_one(owner_of(wanted.owner), what, std::move(whom), wait, ++cookies_,
           [promise](const outcome& o) mutable {
             if (o.fence != 0)
               promise.deliver(taken{o.fence});
             else
               promise.deliver(to_error(o.no));
           });
  return promise;
}

void locks_actor::take_one(const std::string& owner, const want& wanted, caf::actor whom,
                           duration wait, std::uint64_t cookie,
                           std::function<void(const outcome&)> then) {
  takes_[cookie] = {std::move(then), std::move(whom)};
  auto& h = held_by(owner, wanted);
  step(h, acquire{cookie, wait, wanted.count, wanted.capacity});
  want_session();
}

caf::result<returned> locks_actor::on(const put_back& what) {
  auto promise = make_response_promise<returned>();
  const auto found = held_.find({owner_of(what.owner), what.name, what.as});
  if (found == held_.end()) {
    promise.deliver(returned{false});
    return promise;
  }
  const auto cookie = ++cookies_;
  returns_[cookie] = [promise](bool held) mutable { promise.deliver(returned{held}); };
  step(found->second, release{cookie});
  return promise;
}

locks_actor::held& locks_actor::held_by(const std::string& owner, const want& wanted) {
  const key k{owner, wanted.lock, wanted.as};
  const auto found = held_.find(k);
  if (found != held_.end()) return found->second;
  holder_settings how{.lock = wanted.lock,
                      .owner = owner,
                      .as = wanted.as,
                      .count = wanted.count,
                      .capacity = wanted.capacity,
                      .revocable = s_.revocable,
                      .keeps = s_.keeps};
  const auto number = ++holders_;
  auto& h =
      held_
          .emplace(k, held{holder{std::move(how), life_ + "." + std::to_string(number)}, k, number})
          .first->second;
  if (!session_.id().empty()) step(h, session_is{session_.id()});
  return h;
}

// A process that was stopped may find an old answer before its own timer.
void locks_actor::step(held& h, const input& in) {
  if (!session_.id().empty() && now() >= session_.good_until()) tick_session();
  output out;
  h.core.step(in, now(), out);
  for (auto& e : out.events) std::visit([&](auto& x) { tell(h, x); }, e);
  for (auto& a : out.asks)
    ask_store(std::move(a.what), [this, k = h.k, whose = h.number,
                                  number = a.number](answer& said) {
      if (const auto found = held_.find(k); found != held_.end() && found->second.number == whose)
        step(found->second, answered{number, std::move(said)});
    });
  const auto at = h.core.at();
  if (at == stage::waiting || at == stage::looking) look_later();
  arm(due_of(h));
  go();
}

void locks_actor::tell(held& h, const granted& e) {
  const auto found = takes_.find(e.cookie);
  if (found == takes_.end()) return;
  auto to = std::move(found->second);
  takes_.erase(found);
  if (to.whom && to.whom != h.whose) {
    h.whose = to.whom;
    watch(h.whose);
  }
  to.then({e.fence, {}});
}

void locks_actor::tell(held&, const declined& e) {
  const auto found = takes_.find(e.cookie);
  if (found == takes_.end()) return;
  const auto then = std::move(found->second.then);
  takes_.erase(found);
  then({0, e});
}

void locks_actor::tell(held&, const freed& e) {
  const auto found = returns_.find(e.cookie);
  if (found == returns_.end()) return;  // nobody asked
  const auto then = std::move(found->second);
  returns_.erase(found);
  then(e.held);
}

void locks_actor::tell(held& h, const lost& e) {
  tell_lost(h, e.fence, e.why);
  lost_of_sets(h.k, e.why);
}

void locks_actor::tell_lost(held& h, std::uint64_t fence, const std::string& why) {
  const auto& [owner, name, as] = h.k;
  log::warn("lock", "lost", {{"lock", name}, {"owner", owner}, {"fence", fence}, {"reason", why}});
  if (h.whose) send<caf::message_priority::high>(h.whose, lock_lost{name, owner, fence, why});
}

// ---- the session that all of them stand under
void locks_actor::want_session() {
  session_output out;
  session_.want(now(), out);
  obey(out);
}

void locks_actor::tick_session() {
  session_output out;
  session_.tick(now(), out);
  obey(out);
}

void locks_actor::obey(session_output& out) {
  for (auto& a : out.asks)
    ask_store(std::move(a.what), [this, number = a.number](answer& said) {
      session_output then;
      session_.answered({number, std::move(said)}, now(), then);
      obey(then);
    });
  if (out.over)
    for (auto& [k, h] : held_) step(h, session_gone{*out.over});
  if (out.refused)
    for (auto& [k, h] : held_) step(h, session_refused{*out.refused});
  if (out.begun)
    for (auto& [k, h] : held_) step(h, session_is{*out.begun});
  arm(session_.due());
}

void locks_actor::ask_store(wish what, std::function<void(answer&)> then) {
  request(store_, caf::infinite, store_wish{std::move(what)})  // the store keeps the time
      .then([then](store_answer& said) { then(said.what); },
            [then](const caf::error&) {
              answer none{unanswered{}};
              then(none);
            });
}

void locks_actor::tick_all() {
  const auto at = now();
  if (at >= session_.due()) tick_session();
  for (auto& [k, h] : held_)
    if (at >= h.core.due()) step(h, tick{});
  for (auto it = held_.begin(); it != held_.end();)
    it = it->second.core.wants_session() ? std::next(it) : held_.erase(it);
  for (const auto& [k, h] : held_) arm(due_of(h));
  arm(session_.due());
}

instant locks_actor::due_of(const held& h) {
  return h.core.wants_session() ? h.core.due() : now() + forgotten_after;
}

void locks_actor::arm(instant due) {
  if (due == instant::max() || due >= armed_) return;
  armed_ = due;
  const auto at = now();
  delayed_send(this, due > at ? due - at : duration{0}, locks_tick{});
}

// ---- deadlocks
void locks_actor::look_later() {
  if (s_.scan.count() == 0 || std::exchange(looking_, true)) return;
  delayed_send(this, s_.scan, look_for_deadlocks{});
}

// It waits for a place in its own name that another process has, or had until it died.
bool locks_actor::may_end(const deadlock& d, const line& l) const {
  if (d.circle.size() > 1) return false;
  const auto before = in_the_way(l, d.ticket);
  return std::none_of(before.begin(), before.end(), [&](const place& p) {
    return p.owner == d.victim && p.id.compare(0, life_.size() + 1, life_ + ".") == 0;
  });
}

void locks_actor::scan() {
  looking_ = false;
  const bool waits = std::any_of(held_.begin(), held_.end(), [](const auto& h) {
    return h.second.core.at() == stage::waiting || h.second.core.at() == stage::looking;
  });
  if (!waits) return suspected_.clear();
  look_later();
  ask_store(survey{}, [this](answer& said) {
    const auto* all = std::get_if<surveyed>(&said);
    if (all == nullptr) return;
    std::map<std::uint64_t, instant> victims;
    for (const auto& d : deadlocks(all->all)) {
      const auto known = suspected_.find(d.ticket);
      const auto since = victims[d.ticket] = known == suspected_.end() ? now() : known->second;
      if (known == suspected_.end()) continue;  // a true one is there the next time, too
      if (may_end(d, all->all.at(d.lock)) && now() - since < s_.session.ttl + forgotten_after)
        continue;
      for (auto& [k, h] : held_)
        if (h.core.ticket() == d.ticket) step(h, give_way{d.ticket, explain(d)});
    }
    suspected_ = std::move(victims);
  });
}

// ---- ends
caf::result<returned> locks_actor::on(const revoke& what) {
  auto promise = make_response_promise<returned>();
  ask_store(look{what.name}, [this, promise, what](answer& said) mutable {
    const auto* there = std::get_if<seen>(&said);
    const auto* p = there == nullptr ? nullptr : find(there->all, what.fence);
    if (there == nullptr)
      promise.deliver(unreachable());
    else if (p == nullptr)
      promise.deliver(returned{false});
    else
      ask_store(leave_line{{}, what.name, p->id}, [promise](answer& then) mutable {
        if (std::holds_alternative<settled>(then))
          promise.deliver(returned{true});
        else
          promise.deliver(unreachable());
      });
  });
  return promise;
}

void locks_actor::give_all(held& h) {
  while (h.core.at() == stage::holding && h.core.depth() > 0) step(h, release{++cookies_});
  step(h, keep_no_more{});
}

void locks_actor::watch(const caf::actor& who) {
  if (watched_.insert(who.address()).second) monitor(who);
}

void locks_actor::ended(const caf::actor_addr& who) {
  watched_.erase(who);
  leave_sets(who);
  for (auto& [k, h] : held_)
    if (h.whose && h.whose.address() == who) {
      h.whose = nullptr;
      give_all(h);
    }
}

void locks_actor::go() {
  if (!going_) return;
  const bool leaves = std::any_of(held_.begin(), held_.end(),
                                  [](const auto& h) { return h.second.core.lets_go(); });
  if (leaves || std::exchange(gone_, true)) return;
  session_output out;
  session_.close(now(), out);
  for (auto& a : out.asks) {
    ask_store(std::move(a.what), [this](answer&) { quit(); });
    return;
  }
  quit();
}

caf::actor spawn_locks(caf::actor_system& system, caf::actor store, locks_settings settings) {
  return system.spawn<in_loop<locks_actor>>(std::move(store), std::move(settings));
}
}  // namespace troupe::lock
