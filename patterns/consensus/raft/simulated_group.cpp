#include "patterns/consensus/raft/simulated_group.hpp"

#include "patterns/consensus/raft/quorum.hpp"

#include <algorithm>
namespace troupe::raft::simulated {
using namespace std::chrono_literals;

// Small enough that windows fill, snapshots go in parts, and proposals are refused.
options setting::usually() {
  options o;
  o.flow = {.requests = 4, .bytes = 1'500};
  o.request_bytes = 400;
  o.part_bytes = 60;
  o.log_bytes = 1'500;
  o.uncommitted_bytes = 3'000;
  o.lag_max = 20;
  return o;
}

group::group(std::uint64_t seed, const setting& how, member members, bool lines)
    : world(seed, {.lateness_max = 2ms}, lines),
      how_(how),
      members_(members),
      asking_(std::make_shared<audience>(seed)),
      chance_(simulation::derived(seed, 0x67726f7570U)),
      voters_(members, true),
      learners_(members, false) {
  configuration first;
  for (member m = 0; m < members; ++m) first.voters.push_back(peer_of(number_of(m, 0)));
  for (member m = 0; m < members; ++m) {
    auto where = std::make_shared<host::place>();
    where->self = m;
    where->how = how.how;
    where->rephrases = how.rephrased;
    where->first = first;
    where->judge = judge_;
    where->asking = asking_;
    places_.push_back(where);
    add([where](const simulation::life& of) { return host{of, where}; });
  }
  simulation::claim_all(*this, claim::all, judge_);
  within(std::string{settles}, settled, [this](const world&) { return unsettled(); });
}

simulation::verdict group::rehearse(const simulation::plan& p) {
  until_ = now() + p.length;
  clients_act();
  operator_acts();
  if (how_.bursts) burst_now_and_then();
  const auto v = run(p);
  if (v.failed()) return v;
  if (auto wrong = asking_->judged(); !wrong.empty())
    complain(std::string{claim::histories}, std::move(wrong));
  return judged();
}

std::optional<member> group::leader() const {
  std::optional<member> found;
  for (member m = 0; m < size(); ++m) {
    if (!at(m) || at(m)->as() != role::leader) continue;
    if (!found || at(m)->term() > at(*found)->term()) found = m;
  }
  return found;
}

void group::clients_act() {
  asking_->look_around(now(), now() < until_ + 4s, members_,
                       [this](member whom, const request& r) { give(whom, r); });
  call(5ms, [this](world&) { clients_act(); });
}

// Also of who no longer leads, and does not know it.
void group::burst_now_and_then() {
  if (now() >= until_) return;
  for (member m = 0; m < size(); ++m)
    if (at(m) && at(m)->as() == role::leader)
      give(m, burst{static_cast<std::uint32_t>(1 + chance_.below(12))});
  call(chance_.between(20ms, 300ms), [this](world&) { burst_now_and_then(); });
}

void group::aim() {
  const bool last = now() >= until_;
  if (aimed_last_) return;
  aimed_last_ = last;
  const auto least = last ? members_ / 2 + 1 : 1;
  auto wanted = least + chance_.below(members_ - least + 1);
  for (member m = 0; m < members_; ++m) {
    const bool in = chance_.below(members_ - m) < wanted;
    wanted -= in ? 1 : 0;
    voters_[m] = in;
    learners_[m] = !in && chance_.below(2) == 0;
  }
}

void group::operator_acts() {
  call(chance_.between(50ms, 400ms), [this](world&) { operator_acts(); });
  if (how_.changes && (now() >= until_ || chance_.below(8) == 0)) aim();
  const auto whom = leader();
  if (!whom) return;
  const auto& config = at(*whom)->config();
  if (how_.transfers && now() < until_ && !config.voters.empty() && chance_.below(12) == 0)
    return give(*whom, hand_over{chance_.one_of(config.voters).id});
  if (how_.preferred && *whom != *how_.preferred && now() < until_)
    return give(*whom, hand_over{id(*how_.preferred)});
  auto next = next_step(config);
  if (normal({next.voters, {}, next.learners}) != config) give(*whom, std::move(next));
}

// New servers learn first; journals that are lost go, and come back under their new numbers.
set_members group::next_step(const configuration& now) const {
  set_members wanted;
  bool all_known = true;
  for (member m = 0; m < members_; ++m) {
    if (voters_[m]) wanted.voters.push_back(peer_of(id(m)));
    if (learners_[m]) wanted.learners.push_back(peer_of(id(m)));
    all_known = all_known && (!voters_[m] || belongs(now, id(m)));
  }
  if (all_known) return wanted;
  for (const auto& p : wanted.voters)
    if (!votes(now, p.id)) wanted.learners.push_back(p);
  wanted.voters.clear();
  for (const auto& p : now.voters)
    if (p.id == id(whose(p.id))) wanted.voters.push_back(p);
  if (wanted.voters.empty()) wanted.voters = now.voters;
  std::erase_if(wanted.learners, [&](const peer& p) { return holds(wanted.voters, p.id); });
  return wanted;
}

// Some voter waits for a quorum of which too many journals are gone.
bool group::quorum_lost() const {
  const auto lives = [&](server s) { return id(whose(s)) == s && at(whose(s)); };
  if (!quorum_says(judge_->decided(), lives)) return true;
  for (member m = 0; m < members_; ++m)
    if (at(m) && votes(at(m)->config(), id(m)) && !quorum_says(at(m)->config(), lives)) return true;
  return false;
}

std::string group::unsettled() const {
  if (quorum_lost()) return {};
  const auto first = leader();
  if (!first) return "nobody leads";
  const auto& leads = *at(*first);
  if (settled_term_ == 0) settled_term_ = leads.term();
  if (leads.term() != settled_term_)
    return "term " + std::to_string(settled_term_) + " has ended without a fault";
  for (member m = 0; m < members_; ++m) {
    if (!at(m)) continue;
    const bool told = belongs(leads.config(), id(m));
    if (auto wrong = told ? behind(*at(m), leads) : std::string{}; !wrong.empty())
      return name(m) + " " + wrong;
    for (std::uint32_t c = 0; told && c < clients; ++c)
      if (world::at(m)->state().sequence(c) < asking_->acknowledged(c))
        return name(m) + " lacks an acknowledged request";
  }
  if (!asking_->idle()) return "a client waits for its answer";
  const auto wanted = next_step(leads.config());
  if (normal({wanted.voters, {}, wanted.learners}) != leads.config())
    return "the members are not those that were asked for";
  return {};
}

std::string group::behind(const replica& r, const replica& leads) const {
  if (r.term() != leads.term()) return "is in term " + std::to_string(r.term());
  if (r.leader() != leads.self()) return "knows another leader, or none";
  if (r.entries().last() != leads.entries().last() || r.commit() != leads.entries().last())
    return "has committed " + std::to_string(r.commit()) + " of " +
           std::to_string(leads.entries().last());
  return {};
}

simulation::menu outlived(duration length) {
  using simulation::fault_kind;
  auto m = simulation::everything(length);
  for (auto& a : m.kinds) {
    if (a.what == fault_kind::delay) a.amount_max = duration{400ms}.count();
    if (a.what == fault_kind::slow_disk) a.amount_max = duration{200ms}.count();
    if (a.what == fault_kind::skew) a.amount_min = -160'000, a.amount_max = 160'000;
  }
  m.kinds.push_back({fault_kind::rot, 1, length / 20, length / 5, 0, 0});
  return m;
}

simulation::run_outcome rehearse(const simulation::plan& p, const setting& how, bool lines) {
  group w{p.seed, how, p.members, lines};
  auto v = w.rehearse(p);
  return outcome_of(w, std::move(v));
}
}  // namespace troupe::raft::simulated
