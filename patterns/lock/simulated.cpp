#include "patterns/lock/simulated.hpp"

#include <algorithm>
#include <utility>
namespace troupe::lock {
using namespace std::chrono_literals;
namespace {
constexpr duration patience = 800ms, again = 500ms;  // with an answer; with an await's
constexpr duration write_every = 20ms, writes_last = 100ms;
constexpr duration answers_last = 4s;  // under way, or to one that sleeps: its session ends
constexpr duration answers_last_in_calm = 100ms;
std::string text(std::uint64_t x) { return std::to_string(x); }
}  // namespace

// ---- what is known of all
void scene::starts(simulation::member who, std::uint32_t life) { lives[who] = life; }

void scene::dies(simulation::member who, std::uint32_t life) {
  ended[{who, life}] = clock();
  if (lives[who] != life) return;
  lives[who] = 0;
  frozen_since.erase(who);
  std::erase_if(holding, [&](const auto& h) { return h.second.who == who; });
}

void scene::asks(std::int64_t user, const hold& what) {
  if (what.as == mode::exclusive)
    tell(user, checking::event_type::invoke, "acquire", what.lock, {});
}

void scene::gets(std::int64_t user, const hold& what) {
  if (const auto gone = revoked.find(what.fence);
      gone != revoked.end()) {  // it has held, for as long as its answer was under way
    if (what.as == mode::exclusive)
      tell(user, checking::event_type::info, "acquire", what.lock, {});
    if (clock() - gone->second > (calm() ? answers_last_in_calm : answers_last))
      complain(claim::holds, text(what.fence) + " is granted long after it was revoked");
    return;
  }
  auto& alone = last_alone[what.lock];
  auto& any = last[what.lock];
  const bool same = keeps && what.as == mode::exclusive && what.fence == alone && alone == any &&
                    granted_to[what.fence] == user;  // in the place that it has kept
  if (!same && what.as != mode::permits && what.fence <= (what.as == mode::exclusive ? any : alone))
    complain(claim::ordered, text(what.fence) + " is granted after " + text(any));
  any = std::max(any, what.fence);
  if (same) again(what);
  if (what.as == mode::exclusive) {
    alone = what.fence;
    granted_to[what.fence] = user;
    let_go.erase(what.fence);
    tell(user, checking::event_type::ok, "acquire", what.lock, what.fence);
  }
  holding[user] = what;
}

void scene::gets_nothing(std::int64_t user, const hold& what) {
  if (what.as == mode::exclusive) tell(user, checking::event_type::fail, "acquire", what.lock, {});
}

void scene::lets_go(std::int64_t user) {
  const auto found = holding.find(user);
  if (found == holding.end()) return;  // its time was over already
  const auto was = found->second;
  holding.erase(found);
  if (was.as != mode::exclusive) return;
  tell(user, checking::event_type::invoke, "release", was.lock, was.fence);
  tell(user, checking::event_type::ok, "release", was.lock, was.fence);
}

void scene::again(const hold& what) {
  const auto found = store.lines().find(what.lock);
  if (!calm() || found == store.lines().end()) return;
  for (const auto& p : found->second)
    if (p.ticket > what.fence && clock() - stood_at[p.ticket] > answers_last_in_calm)
      complain(claim::heeds, text(what.fence) + " before " + text(p.ticket));
}

void scene::takes_away(const std::string& lock, std::uint64_t ticket) {
  revoked.emplace(ticket, clock());
  for (const auto& [user, h] : holding)
    if (h.lock == lock && h.fence == ticket) return lets_go(user);
}

void scene::wakes(std::int64_t user, const line& those) {
  for (const auto& p : those)
    if (woken[p.id].insert(user).second && woken[p.id].size() > 1)
      complain(claim::one, "the end of " + text(p.ticket) + " wakes two");
}

bool scene::writes(std::int64_t user, const std::string& lock, std::uint64_t fence) {
  if (!guard.admit(lock, fence)) return false;
  const auto [its, fresh] = writers.emplace(fence, user);
  if (!fresh && its->second != user)
    complain(claim::fenced, text(fence) + " is written under by two");
  tell(0, checking::event_type::invoke, "access", lock, fence);
  tell(0, checking::event_type::ok, "access", lock, fence);
  return true;
}

void scene::tell(std::int64_t user, checking::event_type type, std::string f,
                 const std::string& lock, checking::value content) {
  told.push_back({user, type, std::move(f), lock, std::move(content), clock().count()});
}

// ---- the store
simulated_store::simulated_store(const simulation::life& of, std::shared_ptr<scene> all)
    : scene_(std::move(all)), chance_(of.seed) {
  scene_->store.restarted(of.now);
}

void simulated_store::receive(simulation::member from, message m, instant now, output& out) {
  tick(now, out);
  if (const auto* w = std::get_if<write>(&m.what)) {
    const bool taken = scene_->writes(w->user, w->lock, w->fence);
    out.send.push_back({from, {m.life, m.number, written{w->fence, taken}}});
    return;
  }
  if (const auto* r = std::get_if<revoke_one>(&m.what)) {
    const auto found = scene_->store.lines().find(r->lock);
    if (found == scene_->store.lines().end()) return;
    const auto first = found->second[r->which % found->second.size()];
    scene_->takes_away(r->lock, first.ticket);
    std::vector<model_store::reply> said;
    scene_->store.asked(~std::uint64_t{0}, {1, leave_line{{}, r->lock, first.id}}, now, said);
    return say(said, out);
  }
  auto* asked = std::get_if<wish>(&m.what);
  if (asked == nullptr) return;
  const auto whom = from + (std::uint64_t{m.life} << 32);
  if (const auto* leaves = std::get_if<leave_line>(asked);
      leaves != nullptr && leaves->yields != 0 && chance_.below(4) == 0) {
    std::vector<model_store::reply> said;
    scene_->store.yield(*leaves, said);
    return say(said, out);
  }
  // An await is asked again under its number; of anything else that is a copy.
  if (!scene_->done.emplace(whom, m.number).second && !std::holds_alternative<await>(*asked))
    return;
  std::vector<model_store::reply> said;
  scene_->store.asked(whom, {m.number, std::move(*asked)}, now, said);
  for (const auto& r : said)
    if (const auto* s = std::get_if<stood>(&r.what))
      scene_->stood_at.emplace(s->ticket, scene_->clock());
  say(said, out);
}

void simulated_store::tick(instant now, output& out) {
  std::vector<model_store::reply> said;
  scene_->store.tick(now, said);
  say(said, out);
}

void simulated_store::say(std::vector<model_store::reply>& all, output& out) {
  for (auto& r : all)
    out.send.push_back({static_cast<simulation::member>(r.whom & 0xffffffffU),
                        {static_cast<std::uint32_t>(r.whom >> 32), r.number, std::move(r.what)}});
}

// ---- a client
simulated_client::simulated_client(const simulation::life& of, std::shared_ptr<scene> all)
    : self_(of.self),
      life_(of.number),
      chance_(of.seed),
      scene_(std::move(all)),
      session_(scene_->sessions) {
  const auto owner = simulation::name_of(self_);
  const auto life = text(of.seed);
  const auto add = [&](std::string lock, mode as, std::uint32_t count, std::uint32_t capacity) {
    const auto number = ++scene_->users;
    users_.push_back({number,
                      {self_, lock, as},
                      holder{{.lock = lock,
                              .owner = owner,
                              .as = as,
                              .count = count,
                              .capacity = capacity,
                              .revocable = chance_.below(2) == 0,
                              .patience = 500ms,
                              .keeps = scene_->keeps && of.seed % 4 != 0 ? 300ms : 0ms},
                             life + "." + text(static_cast<std::uint64_t>(number))}});
    users_.back().act_at = of.now + chance_.between(0ms, 500ms);
  };
  add("x", mode::exclusive, 1, 1);
  add("rw", chance_.below(3) == 0 ? mode::exclusive : mode::shared, 1, 1);
  add("pool", mode::permits, 1 + static_cast<std::uint32_t>(chance_.below(3)), 3);
  scene_->starts(self_, life_);
  presence_ = std::shared_ptr<void>(
      scene_.get(), [s = scene_, self = self_, life = life_](void*) { s->dies(self, life); });
}

void simulated_client::receive(simulation::member, message m, instant now, output& out) {
  on_time(now, out);  // whatever it is that wakes it
  if (m.life != life_) return;
  if (auto* said = std::get_if<answer>(&m.what)) {
    const auto found = pending_.find(m.number);
    if (found == pending_.end()) return;
    auto p = std::move(found->second);
    pending_.erase(found);
    answered_to(std::move(p), std::move(*said), now, out);
  } else if (const auto* w = std::get_if<written>(&m.what)) {
    for (auto& u : users_) {
      if (u.what.fence != w->fence) continue;
      u.heard_at = now;
      if (!w->taken) u.leave_at = now;  // it cannot hold that any more
    }
  }
}

void simulated_client::tick(instant now, output& out) {
  on_time(now, out);
  std::vector<std::uint64_t> late;
  for (const auto& [number, p] : pending_)
    if (now >= p.until) late.push_back(number);
  for (const auto number : late) {
    const auto found = pending_.find(number);
    if (found == pending_.end()) continue;
    if (std::holds_alternative<await>(found->second.what.what)) {
      found->second.until = now + again;
      out.send.push_back({0, {life_, number, found->second.what.what}});
      continue;
    }
    auto p = std::move(found->second);
    pending_.erase(found);
    answered_to(std::move(p), unanswered{}, now, out);
  }
  for (std::size_t i = 0; i < users_.size(); ++i) {
    if (now >= users_[i].core.due()) give(i, lock::tick{}, now, out);
    if (now >= users_[i].act_at) act(i, now, out);
  }
}

instant simulated_client::due() const {
  auto next = session_.due();
  for (const auto& u : users_) next = std::min({next, u.core.due(), u.act_at});
  for (const auto& [number, p] : pending_) next = std::min(next, p.until);
  return next;
}

// What is over must be known before anything else is heard: an answer may have waited long.
void simulated_client::on_time(instant now, output& out) {
  if (now < session_.due()) return;
  session_output did;
  session_.tick(now, did);
  obey(did, now, out);
}

void simulated_client::give(std::size_t whose, const input& in, instant now, output& out) {
  lock::output did;
  users_[whose].core.step(in, now, did);
  for (const auto& e : did.events) hear(users_[whose], e, now, out);
  for (auto& a : did.asks) send(whose, std::move(a), now, out);
}

void simulated_client::obey(session_output& did, instant now, output& out) {
  for (auto& a : did.asks) send(users_.size(), std::move(a), now, out);
  for (std::size_t i = 0; i < users_.size(); ++i) {
    if (did.over) give(i, session_gone{*did.over}, now, out);
    if (did.begun) give(i, session_is{*did.begun}, now, out);
  }
}

void simulated_client::hear(user& u, const lock::event& e, instant now, output& out) {
  if (const auto* g = std::get_if<granted>(&e)) {
    if (u.what.fence == g->fence) return;  // once more
    out.events.push_back({"granted", u.what.lock, g->fence});
    u.waits = false;
    u.what.fence = g->fence;
    u.leave_at =
        now + (chance_.below(20) == 0 ? chance_.between(0ms, 4s) : chance_.between(5ms, 200ms));
    u.act_at = u.heard_at = now;
    scene_->gets(u.number, u.what);
  } else if (std::holds_alternative<declined>(e)) {
    u.waits = false;
    u.act_at = now + (chance_.below(4) == 0 ? 60s : chance_.between(0ms, 500ms));
    scene_->gets_nothing(u.number, u.what);
  } else if (const auto* l = std::get_if<lock::lost>(&e)) {
    out.events.push_back({"lost", u.what.lock, l->fence});
    if (u.what.fence == 0) return;
    if (scene_->calm() && !scene_->revoked.contains(l->fence))
      scene_->complain(claim::kept, text(l->fence) + ": " + l->why);
    u.what.fence = 0;
    u.act_at = now + chance_.between(0ms, 500ms);
    scene_->lets_go(u.number);
  } else {
    const bool greedy = scene_->keeps && self_ % 2 == 1;
    u.act_at = now + chance_.between(0ms, greedy ? 50ms : 400ms);  // let go
  }
}

// It wants, waits for a while or for ever, writes what it has the right to, and lets go.
void simulated_client::act(std::size_t whose, instant now, output& out) {
  auto& u = users_[whose];
  u.act_at = now + write_every;
  if (u.what.fence != 0) {
    if (u.what.as == mode::exclusive)
      out.send.push_back({0, {life_, 0, write{u.number, u.what.lock, u.what.fence}}});
    if (chance_.below(40) == 0) {  // re-entrance
      give(whose, acquire{++cookies_}, now, out);
      give(whose, release{++cookies_}, now, out);
    }
    if (now < u.leave_at) return;
    if (u.what.as == mode::exclusive && now - u.heard_at > writes_last) return;  // not done yet
    out.events.push_back({"released", u.what.lock, u.what.fence});
    if (u.what.as == mode::exclusive) scene_->let_go.insert(u.what.fence);
    u.what.fence = 0;
    scene_->lets_go(u.number);
    u.act_at = instant::max();
    return give(whose, release{++cookies_}, now, out);
  }
  if (u.waits) {
    u.act_at = instant::max();
    return;
  }
  if (scene_->revokes && chance_.below(50) == 0)
    out.send.push_back(
        {0, {life_, 0, revoke_one{u.what.lock, static_cast<std::uint32_t>(chance_.below(8))}}});
  u.waits = true;
  u.since = now;
  scene_->asks(u.number, u.what);
  const auto how = chance_.below(4);
  const auto wait = how == 0 ? 0ns : how == 1 ? chance_.between(50ms, 3s) : for_ever;
  session_output did;
  session_.want(now, did);
  obey(did, now, out);
  give(whose, acquire{++cookies_, wait}, now, out);
}

void simulated_client::send(std::size_t whose, ask what, instant now, output& out) {
  const auto number = ++requests_;
  // Whoever awaits one thing awaits nothing else; to leave a place is no waiting, nor to look beside it.
  const auto other = [&](const auto& p) {
    return p.second.whose == whose && std::holds_alternative<await>(p.second.what.what);
  };
  const bool has_place = whose < users_.size() && (users_[whose].core.at() == stage::holding ||
                                                   users_[whose].core.at() == stage::kept);
  const bool beside = std::holds_alternative<leave_line>(what.what) ||
                      (has_place && std::holds_alternative<look>(what.what));
  if (whose < users_.size() && !beside) std::erase_if(pending_, other);
  const bool waits = std::holds_alternative<await>(what.what);
  out.send.push_back({0, {life_, number, what.what}});
  pending_[number] = {whose, std::move(what), now + (waits ? again : patience)};
}

void simulated_client::answered_to(pending p, answer what, instant now, output& out) {
  const auto* over = std::get_if<await>(&p.what.what);
  if (over != nullptr && !std::holds_alternative<yielded>(what) &&
      users_[p.whose].core.at() == stage::waiting && over->lock == "x" && !scene_->revokes &&
      scene_->calm())
    scene_->wakes(users_[p.whose].number, over->those);
  if (p.whose < users_.size()) return give(p.whose, answered{p.what.number, what}, now, out);
  session_output did;
  session_.answered({p.what.number, std::move(what)}, now, did);
  obey(did, now, out);
}

void simulated_client::describe(const event& e, std::string& fields) {
  simulation::append_field(fields, "event", e.what);
  simulation::append_field(fields, "lock", e.lock);
  simulation::append_field(fields, "fence", static_cast<std::int64_t>(e.fence));
}
}  // namespace troupe::lock
