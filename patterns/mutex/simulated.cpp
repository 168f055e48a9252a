#include "patterns/mutex/simulated.hpp"

#include <algorithm>
#include <utility>
namespace troupe::mutex {
using namespace std::chrono_literals;
namespace {
constexpr duration alive_every = 100ms, silence = 1s, use_every = 20ms;
constexpr duration over = 8s;       // what a mistake of the detector has led to
constexpr duration patience = 15s;  // of one that waits, in calm

std::string text(std::uint64_t x) { return std::to_string(x); }
}  // namespace

bool scene::right() const { return wrong.empty() && clock() >= wrong_until; }

void scene::starts(server who, std::uint32_t life) {
  lives[who] = life;
  inside[who] = 0;
}

void scene::dies(server who, std::uint32_t life) {
  if (lives[who] != life) return;
  lives[who] = 0;
  inside[who] = 0;
  died_since = true;
  const auto before = wrong.size();
  std::erase_if(wrong,
                [&](const auto& w) { return std::get<0>(w) == who || std::get<1>(w) == who; });
  if (wrong.size() < before) wrong_until = clock() + over;
}

void scene::doubts(server by, server whom, std::uint32_t life) {
  if (lives[whom] == 0 || (life != 0 && lives[whom] != life)) return;
  wrong.emplace(by, whom, lives[whom]);
  wrong_until = clock() + over;
}

void scene::believes(server by, server whom) {
  const auto of = [&](const auto& w) { return std::get<0>(w) == by && std::get<1>(w) == whom; };
  if (std::erase_if(wrong, of) > 0) wrong_until = clock() + over;
}

void scene::enters(server who, std::uint64_t fence) {
  if (!granted.insert(fence).second) complain(claim::own, "fence " + text(fence) + " came twice");
  for (server other = 0; right() && other < inside.size(); ++other)
    if (other != who && inside[other] != 0)
      complain(claim::alone, text(who) + " enters under " + text(fence) + ", and " + text(other) +
                                 " is inside under " + text(inside[other]));
  if (right() && !died_since && fence <= last)
    complain(claim::rising, text(fence) + " was granted after " + text(last));
  last = fence;
  died_since = false;
  inside[who] = fence;
}

bool scene::uses(server who, std::uint64_t fence) {
  if (fence < highest) return false;
  if (fence > highest) {
    if (!used.insert(fence).second) complain(claim::fenced, text(fence) + " is used again");
    highest = fence;
  }
  if (inside[who] != fence) complain(claim::fenced, text(who) + " uses what it has not");
  return true;
}

simulated::simulated(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members)
    : self_(of.self),
      life_(of.number),
      disk_(of.persisted),
      chance_(of.seed),
      scene_(std::move(all)),
      heard_(members),
      alive_at_(of.now),
      act_at_(of.now + chance_.between(0ms, 500ms)) {
  place where{self_, members, life_, 0, scene_->how, of.now};
  for (const auto& r : of.persisted.records()) {
    const auto number = decode<std::uint64_t>(r.bytes);
    if (r.intact() && number) where.seen = std::max(where.seen, *number);
  }
  core_ = make(scene_->algorithm, where);
  for (auto& h : heard_) h.at = of.now;
  scene_->starts(self_, life_);
  presence_ = std::shared_ptr<void>(
      scene_.get(), [s = scene_, self = self_, life = life_](void*) { s->dies(self, life); });
}

void simulated::receive(simulation::member from, message m, instant now, output& out) {
  if (m.alive != 0) {
    auto& h = heard_[from];
    if (m.alive < h.life) return;
    const bool returns = !h.live || m.alive > h.life;
    h = {m.alive, true, now};
    scene_->believes(self_, from);
    if (returns) core_->back(from, m.alive, now, did_);
  } else {
    core_->receive(from, m.what, now, did_);
  }
  obey(now, out);
}

void simulated::lost(simulation::member peer, std::uint32_t its_life, instant now, output& out) {
  if (its_life >= heard_[peer].life) call_lost(peer, its_life, now, out);
}

void simulated::call_lost(server peer, std::uint32_t its_life, instant now, output& out) {
  heard_[peer].life = its_life;
  heard_[peer].live = false;
  scene_->doubts(self_, peer, its_life);
  core_->lost(peer, its_life, now, did_);
  obey(now, out);
}

void simulated::detect(instant now, output& out) {
  alive_at_ = now + alive_every;
  for (server s = 0; s < heard_.size(); ++s) {
    if (s == self_) continue;
    out.send_now.push_back({s, {life_, {}}});
    if (heard_[s].live && now - heard_[s].at > silence) call_lost(s, heard_[s].life, now, out);
  }
}

void simulated::tick(instant now, output& out) {
  if (now >= alive_at_) detect(now, out);
  if (now >= core_->due()) core_->tick(now, did_);
  obey(now, out);
  if (now >= act_at_) act(now, out);
}

instant simulated::due() const { return std::min({alive_at_, act_at_, core_->due()}); }

// The user: it wants, waits, sometimes no longer, uses what it has, and lets go.
void simulated::act(instant now, output& out) {
  act_at_ = now + use_every;
  if (fence_ != 0) {
    if (!scene_->uses(self_, fence_)) above_ = scene_->highest;
    if (now >= leave_at_ || fence_ < scene_->highest) leave(now, out);
  } else if (core_->as() == phase::idle && waiting_.empty()) {
    since_ = now;
    core_->command(acquire{above_}, now, did_);
    obey(now, out);
  } else if (core_->as() == phase::waiting && waiting_.empty() && chance_.chance(2'000)) {
    leave(now, out);
  }
}

void simulated::leave(instant now, output& out) {
  fence_ = 0;
  scene_->inside[self_] = 0;
  act_at_ = now + chance_.between(0ms, 400ms);
  core_->command(release{}, now, did_);
  out.events.push_back({"released", 0});
  obey(now, out);
}

void simulated::obey(instant now, output& out) {
  if (did_.persist) out.persist.push_back(encode(*did_.persist));
  for (auto& l : did_.send) out.send.push_back({l.to, {0, std::move(l.what)}});
  const auto position = disk_.size() + out.persist.size();
  for (const auto& h : did_.told) waiting_.push_back({position, h});
  did_.clear();
  persisted(disk_.durable(), now, out);
}

void simulated::persisted(std::uint64_t upto, instant now, output& out) {
  while (!waiting_.empty() && waiting_.front().position <= upto) {
    const auto next = waiting_.front();
    waiting_.pop_front();
    hear(next.what, now, out);
  }
}

void simulated::hear(const happening& h, instant now, output& out) {
  if (const auto* in = std::get_if<granted>(&h)) {
    out.events.push_back({"granted", in->fence});
    fence_ = in->fence;
    scene_->enters(self_, fence_);
    leave_at_ = now + chance_.between(5ms, 150ms);
    act_at_ = now;
  } else if (const auto* gone = std::get_if<mutex::lost>(&h)) {
    out.events.push_back({"lost", gone->fence});
    if (scene_->right())
      scene_->complain(claim::honest, text(self_) + " has lost " + text(gone->fence));
    fence_ = 0;
    scene_->inside[self_] = 0;
    above_ = std::max(above_, gone->fence);
  }
}

void simulated::describe(const event& e, std::string& fields) {
  simulation::append_field(fields, "event", e.what);
  if (e.fence != 0) simulation::append_field(fields, "fence", static_cast<std::int64_t>(e.fence));
}

simulation::run_outcome rehearse(std::string_view algorithm, const simulation::plan& p,
                                 const simulation::settings& how) {
  const auto all = std::make_shared<scene>();
  all->algorithm = algorithm;
  all->lives.assign(p.members, 0);
  all->inside.assign(p.members, 0);
  simulation::world<simulated> w{p.seed, {.lateness_max = 5ms}, how.lines};
  all->clock = [&w] { return w.now(); };
  for (server m = 0; m < p.members; ++m)
    w.add([=](const simulation::life& of) { return simulated{of, all, p.members}; });
  simulation::claim_all(w, claim::all, all);
  w.within(std::string{claim::served}, patience + 10s, [&](const auto&) {
    for (server m = 0; m < p.members; ++m) {
      const auto* host = w.at(m);
      if (host == nullptr || host->core().as() != phase::waiting) continue;
      if (w.local(m) - host->since() > patience)
        return w.name(m) + " waits since " + simulation::time_text(host->since());
    }
    return std::string{};
  });
  return outcome_of(w, w.run(p));
}

simulation::protocol simulated_protocol() {
  simulation::protocol it;
  it.name = "mutex";
  it.help = "mutual exclusion: a coordinator, Ricart-Agrawala, a token ring";
  simulation::promise_all(it, claim::all, claim::served);
  it.members_max = 25;
  it.calm = patience + 20s;
  it.choices = {{"algorithm", "how members exclude each other", {}}};
  for (const auto& a : algorithms()) it.choices.front().values.emplace_back(a.name);
  it.swarm = simulation::everything;
  it.run = [it](const simulation::plan& p, const simulation::settings& chosen) {
    return rehearse(it.chosen(chosen, "algorithm"), p, chosen);
  };
  return it;
}
}  // namespace troupe::mutex
