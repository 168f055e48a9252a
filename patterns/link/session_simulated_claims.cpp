// What the simulated link's nodes are held to, and how a run goes.
#include "patterns/link/session_simulated.hpp"
#include "patterns/link/simulated_protocols.hpp"

#include <algorithm>
namespace troupe::link::simulated {
using namespace std::chrono_literals;
namespace {
constexpr simulation::duration settled = 40s;
constexpr std::string_view meets = "all that was sent comes, in one session of each pair";
}  // namespace

void host::check(const peer& p) {
  if (!p.link || !p.link->live()) return;
  const auto& link = *p.link;
  const auto& how = scene_->how;
  if (link.unacknowledged() > how.unacknowledged_max)
    scene_->complain(claim::bounded, "more is kept than allowed");
  const auto& mine = scene_->sessions[p.id][side(p)];
  for (const auto on : lanes) {
    const auto i = index(on);
    const auto name = "lane " + std::to_string(i);
    if (link.reassembling(on) > how.message_max)
      scene_->complain(claim::bounded, name + "'s unfinished batch");
    if (on == lane::control) continue;
    if (link.queued(on) > how.queue_max) scene_->complain(claim::bounded, name + "'s queue");
    if (link.sent(on) > link.limit(on))
      scene_->complain(claim::credited, name + " has sent beyond its limit");
    if (link.limit(on) > mine.granted[i])
      scene_->complain(claim::credited, name + " has a limit that was never granted");
    if (link.granted(on) > link.arrived(on) + how.window[i])
      scene_->complain(claim::granted, name + " is granted more than its window");
    if (link.held(on) > scene_->swell * (how.window[i] + how.message_max))
      scene_->complain(claim::bounded, name + " holds too much");
  }
}

std::string host::unfinished(const host& a, const host& b) {
  const auto& p = a.peers_.at(b.self_ < a.self_ ? b.self_ : b.self_ - 1);
  const auto& q = b.peers_.at(a.self_ < b.self_ ? a.self_ : a.self_ - 1);
  const auto pair = simulation::name_of(a.self_) + " and " + simulation::name_of(b.self_);
  if (p.in_use == 0 || p.in_use != q.in_use) return pair + " have no connection";
  if (p.open.size() + q.open.size() != 2) return pair + " have a connection that nobody uses";
  if (p.id != q.id || !p.link->live() || !q.link->live()) return pair + " have no session";
  const auto& both = a.scene_->sessions.at(p.id);
  for (const auto& d : both)
    for (const auto on : lanes)
      if (d.got[index(on)] != d.sent[index(on)].size())
        return pair + ": not all of lane " + std::to_string(index(on)) + " has come";
  return p.link->drained() && q.link->drained() ? std::string{} : pair + " are not drained";
}

instant host::due() const {
  auto next = work_at_;
  for (const auto& p : peers_)
    if (p.link && p.link->live()) next = std::min(next, p.link->next_tick());
  return next;
}

void host::describe(const event& e, std::string& fields) {
  simulation::append_field(fields, "event", e.what);
  simulation::append_field(fields, "peer", simulation::name_of(e.peer));
  simulation::append_field(fields, "session", static_cast<std::int64_t>(e.number));
  if (!e.why.empty()) simulation::append_field(fields, "reason", e.why);
}

namespace {
session_settings small(simulation::generator& chance) {
  const auto size = [&](std::uint64_t n) { return static_cast<std::size_t>(chance.below(n)); };
  session_settings s;
  s.chunk = 16 + size(100);
  s.frame_max = s.chunk + 8 + size(100);
  s.message_max = 3000;
  s.control_message_max = 600;
  s.control_burst = 700;
  s.control_rate = 200'000;
  s.socket_max = 1 + size(600);
  s.unacknowledged_max = 2 * s.chunk + 264 + size(1500);
  s.queue_max = 6000;
  s.window = {0, 2 * s.chunk + size(500), 2 * s.chunk + size(1000), 2 * s.chunk + size(1000)};
  s.ack_bytes = 1 + size(500);
  s.heartbeat = 200ms;
  s.silence = 1s;
  s.resume_window = 2s;
  return s;
}
}  // namespace

simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how) {
  simulation::generator chance{simulation::derived(p.seed, 0x6c696e6bU)};
  const auto all = std::make_shared<scene>();
  all->how = small(chance);
  all->drops = chance.below(2) == 0;
  all->swell = 1 + chance.below(3);
  all->faults_until = p.length;
  all->quiet_from = p.length + 5s;
  simulation::world<host> w{p.seed, {.lateness_max = 5ms}, how.lines};
  for (member m = 0; m < p.members; ++m)
    w.add([=](const simulation::life& of) { return host{of, all, p.members}; });
  simulation::claim_all(w, claim::all, all);
  w.within(std::string{meets}, settled, [&](const auto&) {
    for (member a = 0; a < w.size(); ++a) {
      for (member b = a + 1; b < w.size(); ++b) {
        if (w.at(a) == nullptr || w.at(b) == nullptr) continue;  // down for good
        if (auto wrong = host::unfinished(*w.at(a), *w.at(b)); !wrong.empty()) return wrong;
      }
    }
    return std::string{};
  });
  return outcome_of(w, w.run(p));
}
}  // namespace troupe::link::simulated

namespace troupe::link {
simulation::protocol simulated_protocol() {
  simulation::protocol it;
  it.name = "link";
  it.help = "sessions with lanes and credit, over connections that are cut and dialed again";
  simulation::promise_all(it, simulated::claim::all, simulated::meets);
  it.members_usual = 2;
  it.members_max = 20;
  it.calm = simulated::settled + std::chrono::seconds{5};
  it.swarm = simulation::everything;
  it.run = simulated::rehearse;
  return it;
}
}  // namespace troupe::link
