#include "patterns/membership/prober.hpp"

#include <algorithm>
namespace troupe::membership {
namespace {
constexpr std::size_t probes_max = 64;       // at a time, urgent ones included
constexpr std::size_t mediations_max = 256;  // for others

bool probed(const record& r, const member_id& self) {
  return present(r) && reachable(r) && r.id != self;
}
}  // namespace

prober::prober(const options& how, std::uint64_t seed, instant now)
    : how_(how), chance_(seed), next_probe_(now), next_unreachable_(now), next_direct_(now) {}

std::vector<member_id> prober::choose(const view& members, std::size_t k,
                                      const std::vector<member_id>& without) {
  std::vector<const member_id*> candidates;
  for (const auto& [id, r] : members) {
    const bool excluded = std::find(without.begin(), without.end(), id) != without.end();
    if (!excluded && present(r) && r.liveness == reach::alive) candidates.push_back(&id);
  }
  std::vector<member_id> chosen;
  while (chosen.size() < k && !candidates.empty()) {
    const std::size_t at = chance_() % candidates.size();
    chosen.push_back(*candidates[at]);
    candidates[at] = candidates.back();
    candidates.pop_back();
  }
  return chosen;
}

bool prober::next_target(const view& members, const member_id& self, member_id& target) {
  for (int rounds = 0; rounds < 2; ++rounds) {
    while (!round_.empty()) {
      target = std::move(round_.back());
      round_.pop_back();
      const auto at = members.find(target);
      if (at != members.end() && probed(at->second, self)) return true;
    }
    for (const auto& [id, r] : members) {
      if (probed(r, self)) round_.push_back(id);
    }
    for (std::size_t i = round_.size(); i > 1; --i) {
      std::swap(round_[i - 1], round_[chance_() % i]);
    }
  }
  return false;
}

void prober::joined(const member_id& fresh) {
  const std::size_t at = chance_() % (round_.size() + 1);
  round_.insert(round_.begin() + static_cast<std::ptrdiff_t>(at), fresh);
}

void prober::ask_others(std::uint64_t sequence, probe& p, const view& members,
                        const member_id& self, actions& out) {
  p.asked_others = true;
  p.mediators = choose(members, how_.indirect_probes, {self, p.target});
  p.asked = p.mediators.size();
  for (const auto& m : p.mediators) out.requests.push_back({m, p.target, sequence});
}

void prober::urgent(const member_id& target, const view& members, const member_id& self,
                    const local_health& health, instant now, actions& out) {
  const auto at = members.find(target);
  if (at == members.end() || !probed(at->second, self) || probes_.size() >= probes_max) return;
  for (auto& [sequence, p] : probes_) {
    if (p.target != target) continue;
    if (!p.asked_others) ask_others(sequence, p, members, self, out);
    return;
  }
  const instant end = now + health.scaled(how_.probe_timeout) * 5 / 4;
  probe& p = probes_[++sequence_] = {.target = target, .sent = now, .half = end, .end = end};
  out.pings.emplace_back(target, sequence_);
  ask_others(sequence_, p, members, self, out);
}

void prober::tick(const view& members, const member_id& self, std::size_t unreachable,
                  local_health& health, instant now, actions& out) {
  for (auto at = probes_.begin(); at != probes_.end();) {
    auto& [sequence, p] = *at;
    if (now >= p.end) {
      out.failed.push_back(p.target);
      // Mediators that kept quiet are a sign that the fault is here (Lifeguard, IV.A); where there
      // was nobody to ask, the failed probe itself is.
      health.worse(p.asked == 0 ? 1 : static_cast<unsigned>(p.mediators.size()));
      out.quiet.insert(out.quiet.end(), p.mediators.begin(), p.mediators.end());
      at = probes_.erase(at);
      continue;
    }
    if (!p.asked_others && now >= p.half) ask_others(sequence, p, members, self, out);
    ++at;
  }
  for (auto at = mediations_.begin(); at != mediations_.end();) {
    auto& m = at->second;
    if (!m.nacked && now >= m.nack) {
      m.nacked = true;
      out.replies.push_back({m.origin, m.target, m.sequence, false});
    }
    at = now >= m.end ? mediations_.erase(at) : std::next(at);
  }
  if (now >= next_probe_) {
    next_probe_ = now + health.scaled(how_.probe_interval);
    member_id target;
    if (probes_.size() < probes_max && next_target(members, self, target)) {
      const auto timeout = health.scaled(how_.probe_timeout);
      probes_[++sequence_] = {
          .target = target, .sent = now, .half = now + timeout, .end = now + 2 * timeout};
      out.pings.emplace_back(target, sequence_);
    }
  }
  if (now >= next_unreachable_) {
    next_unreachable_ = now + how_.unreachable_interval;
    if (unreachable > 0) ask_unreachable(members, self, out);
  }
  if (now >= next_direct_) {
    next_direct_ = now + how_.probe_interval;
    for (const auto& [id, since] : indirect_since_) out.pings.emplace_back(id, ++sequence_);
  }
}

void prober::ask_unreachable(const view& members, const member_id& self, actions& out) {
  std::vector<const member_id*> silent;
  for (const auto& [id, r] : members) {
    if (present(r) && !reachable(r) && id != self) silent.push_back(&id);
  }
  if (!silent.empty()) {
    out.pings.emplace_back(*silent[unreachable_turn_++ % silent.size()], ++sequence_);
  }
}

bool prober::acked(std::uint64_t sequence, const member_id& target, bool directly,
                   local_health& health, instant now, instant& sent, actions& out) {
  if (directly) indirect_since_.erase(target);
  if (const auto m = mediations_.find(sequence); m != mediations_.end()) {
    if (m->second.target != target || !directly) return false;
    out.replies.push_back({m->second.origin, target, m->second.sequence, true});
    mediations_.erase(m);
    return false;
  }
  const auto at = probes_.find(sequence);
  if (at == probes_.end() || at->second.target != target) return false;
  if (!directly && now >= at->second.half && indirect_since_.size() < cut_off_max) {
    if (indirect_since_.empty()) next_direct_ = now;
    indirect_since_.try_emplace(target, now);
  }
  sent = at->second.sent;
  probes_.erase(at);
  health.better();
  return true;
}

void prober::nacked(std::uint64_t sequence, const member_id& mediator) {
  const auto at = probes_.find(sequence);
  if (at != probes_.end()) std::erase(at->second.mediators, mediator);
}

void prober::mediate(const member_id& origin, std::uint64_t sequence, const member_id& target,
                     instant now, actions& out) {
  if (mediations_.size() >= mediations_max) return;
  mediations_[++sequence_] = {.origin = origin,
                              .target = target,
                              .sequence = sequence,
                              .nack = now + how_.probe_timeout * 4 / 5,
                              .end = now + how_.probe_timeout * 4};
  out.pings.emplace_back(target, sequence_);
}

std::vector<std::string> prober::cut_off(instant now) const {
  std::vector<std::string> names;
  for (const auto& [id, since] : indirect_since_) {
    if (now - since >= how_.cut_off_after) names.push_back(id.name);
  }
  return names;
}

void prober::forget(const member_id& gone) {
  indirect_since_.erase(gone);
  std::erase_if(probes_, [&](const auto& p) { return p.second.target == gone; });
  std::erase_if(mediations_, [&](const auto& m) { return m.second.target == gone; });
}

instant prober::due() const {
  instant first = std::min(next_probe_, next_unreachable_);
  if (!indirect_since_.empty()) first = std::min(first, next_direct_);
  for (const auto& [sequence, p] : probes_) {
    first = std::min(first, p.asked_others ? p.end : p.half);
  }
  for (const auto& [sequence, m] : mediations_) {
    first = std::min(first, m.nacked ? m.end : m.nack);
  }
  return first;
}
}  // namespace troupe::membership
