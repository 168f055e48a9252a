// Part of simulated.hpp: the world, and what is asked of it.
#include "patterns/checking/exclusion.hpp"
#include "patterns/lock/simulated.hpp"

#include <algorithm>
#include <utility>
namespace troupe::lock {
using namespace std::chrono_literals;
namespace {
using host = simulation::any_of<simulated_store, simulated_client>;
using town = simulation::world<host>;
using simulation::member;

constexpr duration patience = 15s;  // of one that waits, in calm
constexpr duration excused = 10s;   // what faults have led to is over
constexpr duration delayed_longest = 2s;
constexpr std::int64_t drift_most = 24'000;  // 1.024 / 0.976 is within 50 per mille

const simulated_client* client(const town& w, member m) {
  const auto* h = w.at(m);
  return h == nullptr ? nullptr : h->as<simulated_client>();
}

// What it holds by all that it can know, and the store's truth.
void compare(const town& w, scene& all, member m) {
  const auto* c = client(w, m);
  if (c == nullptr || w.frozen(m) || w.local(m) >= c->its_session().good_until()) return;
  for (const auto& u : c->users()) {
    if (u.core.at() != stage::holding || all.revoked.contains(u.core.ticket())) continue;
    const auto found = all.store.lines().find(u.what.lock);
    auto line = found == all.store.lines().end() ? lock::line{} : found->second;
    std::erase_if(line, [&](const place& p) { return all.let_go.contains(p.ticket); });
    if (holds(line, u.core.ticket())) continue;
    all.complain(claim::holds, w.name(m) + " believes to hold '" + u.what.lock + "' under " +
                                   std::to_string(u.core.ticket()));
  }
}

void stops(const town& w, scene& all, member m) {
  const auto* c = client(w, m);
  if (c == nullptr || w.local(m) < c->its_session().good_until()) return;
  for (const auto& u : c->users())
    if (u.core.at() == stage::holding)
      all.complain(claim::stops, w.name(m) + " holds '" + u.what.lock + "'");
}

// Whose time is over by its own clock has lost it, though it may sleep.
void expire(const town& w, scene& all) {
  std::vector<std::int64_t> over;
  for (const auto& [user, h] : all.holding)
    if (const auto* c = client(w, h.who); c && w.local(h.who) >= c->its_session().good_until())
      over.push_back(user);
  for (const auto user : over) all.lets_go(user);
}

void frees(const town& w, scene& all) {
  if (w.at(0) == nullptr || w.frozen(0)) return;
  for (member m = 1; m < w.size(); ++m)
    if (w.frozen(m) && w.at(m))
      all.frozen_since.emplace(m, w.now());
    else
      all.frozen_since.erase(m);
  for (const auto& [id, s] : all.store.sessions()) {
    const auto who = static_cast<member>(s.whose & 0xffffffffU);
    const auto life = static_cast<std::uint32_t>(s.whose >> 32);
    auto since = instant::max();
    if (const auto end = all.ended.find({who, life}); end != all.ended.end()) since = end->second;
    if (const auto cold = all.frozen_since.find(who); cold != all.frozen_since.end())
      since = std::min(since, cold->second);
    if (since == instant::max()) continue;
    const auto lease = s.ttl + s.ttl / 1'000'000 * (drift_most + 1'000);
    if (w.now() - std::max(since, w.runs_since(0)) > lease + delayed_longest + 1s)
      all.complain(claim::freed, "the store keeps " + w.name(who) + "'s session");
  }
}

std::string waiting(const town& w) {
  for (member m = 1; m < w.size(); ++m) {
    const auto* c = client(w, m);
    if (c == nullptr) continue;
    for (const auto& u : c->users())
      if (u.waits && w.local(m) - u.since > patience)
        return w.name(m) + " waits for '" + u.what.lock + "' since " +
               simulation::time_text(u.since);
  }
  return {};
}

bool wished(const town& w, const std::string& lock, const place& p, std::uint64_t whose) {
  const auto m = static_cast<member>(whose & 0xffffffffU);
  const auto* c = client(w, m);
  if (c == nullptr || w.lives(m) != static_cast<std::uint32_t>(whose >> 32)) return false;
  return std::any_of(c->users().begin(), c->users().end(), [&](const auto& u) {
    if (u.what.lock != lock) return false;
    return u.core.lets_go() || (u.core.at() != stage::idle &&
                                (u.core.ticket() == p.ticket || u.core.at() == stage::standing));
  });
}

std::string strays(const town& w, scene& all) {
  std::map<std::uint64_t, instant> now;
  for (const auto& [lock, line] : all.store.lines())
    for (const auto& p : line) {
      const auto s = all.store.sessions().find(all.store.session_of(lock, p.id));
      if (s != all.store.sessions().end() && wished(w, lock, p, s->second.whose)) continue;
      const auto before = all.strays.find(p.ticket);
      now[p.ticket] = before == all.strays.end() ? w.now() : before->second;
      if (w.now() - now[p.ticket] > 250ms)
        return "place " + std::to_string(p.ticket) + " of '" + lock + "' is nobody's";
    }
  all.strays = std::move(now);
  return {};
}

void judge(town& w, const scene& all) {
  const auto ops = checking::operations_of(all.told);
  if (!ops) return w.complain(std::string{claim::judged}, "it is none: a flaw of the simulation");
  const auto said = checking::check_exclusion(*ops, {.keeps = all.keeps});
  if (said.what == checking::verdict::violated)
    w.complain(std::string{claim::judged}, said.sentence);
}

simulation::menu swarm(duration length) {
  auto all = simulation::everything(length);
  for (auto& k : all.kinds) {
    if (k.what == simulation::fault_kind::delay) k.amount_max = delayed_longest.count();
    if (k.what == simulation::fault_kind::skew)
      k.amount_min = -drift_most, k.amount_max = drift_most;
  }
  return all;
}
}  // namespace

simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how) {
  const auto all = std::make_shared<scene>();
  all->sessions = {.ttl = 3s, .margin = 10ms};
  all->revokes = p.seed % 2 == 0;
  all->keeps = p.seed / 2 % 2 == 0;
  town w{p.seed, {.lateness_max = 5ms}, how.lines};
  all->clock = [&w] { return w.now(); };
  all->calm = [&w] {
    const auto since = w.calm_since();
    return since && w.now() - *since > excused;
  };
  w.add([=](const simulation::life& of) { return host{simulated_store{of, all}}; }, true, "store");
  for (member m = 1; m < p.members; ++m)
    w.add([=](const simulation::life& of) { return host{simulated_client{of, all}}; });
  w.always(std::string{claim::holds}, [all](const town& in, member m) {
    if (m == 0)
      for (member c = 1; c < in.size(); ++c) compare(in, *all, c);
    else
      compare(in, *all, m);
    stops(in, *all, m);
    expire(in, *all);
    frees(in, *all);
    return std::string{};
  });
  simulation::claim_all(w, claim::all, all);
  w.within(std::string{claim::served}, patience + excused,
           [](const town& in) { return waiting(in); });
  w.within(std::string{claim::tidy}, excused, [all](const town& in) { return strays(in, *all); });
  w.run(p);
  if (!w.broken()) judge(w, *all);
  return outcome_of(w, w.judged());
}

simulation::protocol simulated_protocol() {
  simulation::protocol it;
  it.name = "locks";
  it.help = "locks on a store: exclusive, shared, permits; sessions that end";
  simulation::promise_all(it, claim::all, claim::served);
  it.promises.emplace_back(claim::tidy);
  it.members_min = 2;
  it.members_max = 25;
  it.calm = patience + excused + 10s;
  it.swarm = swarm;
  it.run = rehearse;
  return it;
}
}  // namespace troupe::lock
