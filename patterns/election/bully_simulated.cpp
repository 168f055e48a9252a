#include "patterns/election/bully_simulated.hpp"

#include <algorithm>
namespace troupe::bully::simulated {
using namespace std::chrono_literals;
using simulation::fault_kind;
namespace {
options quick(bool keep_incumbent) {
  return {.answer = 100ms,
          .victory = 300ms,
          .silence = 250ms,
          .beat = 50ms,
          .keep_incumbent = keep_incumbent};
}

// What the header says of how long it takes; some delays are two beats here.
simulation::duration converged(const options& how) {
  const auto longer = std::max(how.silence, how.victory), both = how.silence + how.victory;
  return (how.keep_incumbent ? both : longer) + how.answer + 2 * how.beat;
}

// What was under way when the last fault ended arrives as late as this.
simulation::duration latest(const simulation::plan& p) {
  simulation::duration most = 10ms;
  for (const auto& f : p.faults)
    if (f.what == fault_kind::delay) most = std::max(most, simulation::duration{f.amount} + 10ms);
  return most;
}

// Every second seed the detector tells nothing.
simulation::conditions conditions_of(const simulation::plan& p) {
  const bool notices =
      simulation::generator{simulation::derived(p.seed, 0x746f6c64U)}.below(2) == 0;
  return {.lateness_max = 5ms, .notices = notices};
}

bool only_crashes(const simulation::plan& p) {
  return std::all_of(p.faults.begin(), p.faults.end(),
                     [](const auto& f) { return f.what == fault_kind::crash; });
}

std::string as_text(const term& t) {
  return simulation::name_of(t.leader) + " (number " + std::to_string(t.number) + ", life " +
         std::to_string(t.life) + ")";
}
}  // namespace

// ---- one member

host::host(const simulation::life& of, const options& how, member members,
           std::shared_ptr<scene> all)
    : self_{of.self},
      life_{of.number},
      keeps_{how.keep_incumbent},
      begins_{of.now},
      core_{how, of.self, members, of.number, all->remembers ? all->known.at(of.self) : 0},
      scene_{std::move(all)} {
  scene_->leading.at(self_).reset();
}

void host::receive(member from, message m, instant now, output& out) {
  const auto* answer = std::get_if<alive>(&m);
  const bool due = answer == nullptr || (answer->asked == asked_ && answer->asking_life == life_);
  const bool waited = core_.as() == role::waiting;
  take(received{from, std::move(m)}, now, out);
  if (!due && !waited && core_.as() == role::waiting)
    scene_->complain(claim::answers, "by " + simulation::name_of(from) + ", not in election " +
                                         std::to_string(asked_));
}

void host::command_given(const command& c, instant now, output& out) {
  if (const auto* errs = std::get_if<bully::lost>(&c)) {
    lost(errs->peer, static_cast<std::uint32_t>(errs->life), now, out);
  } else {
    const auto& right = std::get<back>(c);
    if (over_[right.peer] == right.life) over_.erase(right.peer);
    take(right, now, out);
  }
}

void host::tick(instant now, output& out) {
  if (started_) return take(bully::tick{}, now, out);
  started_ = true;
  take(start{}, now, out);
}

void host::lost(member peer, std::uint32_t its_life, instant now, output& out) {
  auto& over = over_[peer];
  over = std::max<std::uint64_t>(over, its_life);
  take(bully::lost{peer, its_life}, now, out);
}

// What comes before the start waits for it.
void host::take(const input& in, instant now, output& out) {
  if (!started_) tick(now, out);
  const auto number_before = core_.number();
  bully::output did;
  core_.step(in, now, did);
  if (core_.number() < number_before)
    scene_->complain(claim::rising, "from " + std::to_string(number_before) + " back to " +
                                        std::to_string(core_.number()));
  scene_->known.at(self_) = core_.number();
  for (const auto& e : did.events) {
    auto& leading = scene_->leading.at(self_);
    const auto* l = std::get_if<leads>(&e);
    if (l == nullptr || l->leader != self_) {
      leading.reset();
    } else if (!leading) {
      leading = now;
    }
    if (l != nullptr) judge(*l, number_before);
  }
  for (const auto& l : did.send)
    if (const auto* asks = std::get_if<election>(&l.what)) asked_ = asks->number;
  for (auto& l : did.send) out.send.push_back({l.to, std::move(l.what)});
  for (auto& e : did.events) out.events.push_back(std::move(e));
}

void host::judge(const leads& e, std::uint64_t number_before) {
  const auto& t = e.since;
  if (t.number < number_before || t.number <= followed_)
    scene_->complain(claim::rising, as_text(t) + " after number " +
                                        std::to_string(std::max(number_before, followed_)));
  followed_ = t.number;
  if (t.leader != self_ ? !scene_->claims.contains(t)
                        : t.life != life_ || !scene_->claims.insert(t).second)
    scene_->complain(claim::claimed, as_text(t));
  if (!keeps_ && t.leader < self_) scene_->complain(claim::elders, as_text(t));
  const auto over = over_.find(t.leader);
  if (over != over_.end() && t.life <= over->second) scene_->complain(claim::dead, as_text(t));
}

void host::describe(const event& e, std::string& fields) {
  const auto* l = std::get_if<leads>(&e);
  simulation::append_field(fields, "event", l == nullptr ? "looking" : "leads");
  if (l == nullptr) return;
  simulation::append_field(fields, "leader", simulation::name_of(l->leader));
  simulation::append_field(fields, "number", static_cast<std::int64_t>(l->since.number));
  simulation::append_field(fields, "leader_life", static_cast<std::int64_t>(l->since.life));
}

// ---- all of them

group::group(const simulation::plan& p, const options& how, bool lines)
    : world{p.seed, conditions_of(p), lines},
      keeps_{how.keep_incumbent},
      scene_{std::make_shared<scene>()},
      before_(p.members) {
  simulation::generator chance{simulation::derived(p.seed, 0x62756c6cU)};
  scene_->leading.resize(p.members);
  scene_->known.resize(p.members);
  scene_->remembers = chance.below(2) == 0;
  for (member m = 0; m < p.members; ++m)
    add([=, all = scene_](const simulation::life& of) { return host{of, how, p.members, all}; });
  simulation::claim_all(*this, claim::all, scene_);
  instant quiet = p.length;
  for (const auto& f : p.faults) quiet = std::max(quiet, f.at + f.length);
  const auto settled = latest(p) + converged(how);
  within(std::string{agree}, settled,
         [this, at = quiet + settled](const auto&) { return parted(at); });
  if (keeps_ && only_crashes(p)) {
    always(std::string{claim::stays}, [this](const auto&, member m) { return deposed(m); });
  } else if (p.members > 1 && chance.below(2) == 0) {
    err(p);
  }
}

// The detector calls lives over that are not, and takes it back before the faults end.
void group::err(const simulation::plan& p) {
  simulation::generator chance{simulation::derived(p.seed, 0x657272U)};
  for (auto n = 1 + chance.below(8); n > 0; --n) {
    const auto whom = static_cast<member>(chance.below(p.members));
    const auto peer = static_cast<member>((whom + 1 + chance.below(p.members - 1)) % p.members);
    const auto at = chance.between({}, p.length), until = chance.between(at, p.length);
    call(at, [=](auto& w) {
      const auto life = w.lives(peer);
      w.give(whom, lost{peer, life});
      w.call(until - at, [=](auto& later) {
        if (later.at(peer) != nullptr && later.lives(peer) == life)
          later.give(whom, back{peer, life});
      });
    });
  }
}

// An elder has taken over from a leader that lives, and has led for longer than messages take.
std::string group::deposed(member m) {
  const auto* follows = at(m)->core().leader();
  const auto was = before_[m];
  before_[m] = {lives(m), follows == nullptr ? was.leader : follows->leader,
                follows != nullptr || (was.any && was.life == lives(m))};
  if (follows == nullptr || !was.any || was.life != lives(m) || follows->leader <= was.leader)
    return {};
  const auto& since = scene_->leading[was.leader];
  if (at(was.leader) == nullptr || !since || now() - *since < 100ms) return {};
  return as_text(*follows) + " has taken over from " + simulation::name_of(was.leader);
}

std::string group::parted(instant settled) const {
  const elector* top = nullptr;
  for (member m = 0; m < size(); ++m)
    if (at(m) != nullptr) top = &at(m)->core();
  if (top == nullptr) return {};  // nobody lives
  const auto* leader = top->leader();
  std::string all;
  bool same = leader != nullptr && at(leader->leader) != nullptr &&
              at(leader->leader)->core().as() == role::leading;
  same = same && (keeps_ || top->as() == role::leading);
  for (member m = 0; m < size(); ++m) {
    if (at(m) == nullptr) continue;
    const auto* own = at(m)->core().leader();
    same = same && own != nullptr && *own == *leader;
    all += name(m) + ": " + to_string(at(m)->core().as()) +
           (own == nullptr ? "" : ' ' + as_text(*own)) + "; ";
  }
  if (!same) return all;
  if (!events().empty() && events().back().at > settled)
    return name(events().back().node) + " has changed its mind; " + all;
  return {};
}

// It has no disk: a crash at a persist never comes, and nothing can tear.
simulation::menu outlived(simulation::duration length) {
  auto m = simulation::everything(length);
  std::erase_if(m.kinds, [](const simulation::appetite& a) {
    return simulation::of_disk(a.what) || a.what == fault_kind::tear ||
           a.what == fault_kind::crash_unsynced || a.what == fault_kind::crash_unsent;
  });
  return m;
}

simulation::run_outcome rehearse(const simulation::plan& p, bool keep_incumbent, bool lines) {
  group w{p, quick(keep_incumbent), lines};
  return outcome_of(w, w.run(p));
}
}  // namespace troupe::bully::simulated

namespace troupe::bully {
simulation::protocol simulated_protocol() {
  simulation::protocol it;
  it.name = "bully";
  it.help = "the election of the highest member that lives";
  simulation::promise_all(it, simulated::claim::all, simulated::agree);
  it.members_max = 25;
  it.calm = std::chrono::seconds{10};
  it.choices = {{"elder", "what it does when it comes back", {"takes-over", "follows"}}};
  it.swarm = simulated::outlived;
  it.run = [it](const simulation::plan& p, const simulation::settings& chosen) {
    return simulated::rehearse(p, it.chosen(chosen, "elder") == "follows", chosen.lines);
  };
  return it;
}
}  // namespace troupe::bully
