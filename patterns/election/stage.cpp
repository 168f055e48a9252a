#include "patterns/election/stage.hpp"

#include <algorithm>
namespace troupe::election {
stage::stage(const algorithm& which, const stage_setting& how) : which_{which}, how_{how} {
  nodes_.resize(how.members + how.observers);
  for (server s = 0; s < nodes_.size(); ++s) begin(s);
}

setting stage::setting_of(server who) const {
  setting s{.self = who,
            .keep_incumbent = how_.keep_incumbent,
            .life = nodes_[who].life,
            .seed = how_.seed * 1'000 + who * 10 + nodes_[who].life};
  for (server m = 0; m < nodes_.size(); ++m)
    (m < how_.members ? s.members : s.observers).push_back(m);
  return s;
}

void stage::begin(server who) {
  auto& n = nodes_[who];
  ++n.life;
  elector_output out;
  n.it = which_.make(setting_of(who), n.disk, now_, out);
  n.believed = n.it->now_believes();
  obey(who, out);
}

void stage::crash(server who) {
  nodes_[who].it.reset();
  tell_all(who, happening::news::lost);
}

void stage::restart(server who) {
  begin(who);
  tell_all(who, happening::news::back);
}

void stage::tell_all(server of, happening::news what) {
  if (how_.notices <= duration{0}) return;
  for (server other = 0; other < nodes_.size(); ++other)
    if (other != of && nodes_[other].it)
      under_way_.push({now_ + how_.notices,
                       ++numbers_,
                       other,
                       of,
                       nodes_[other].life,
                       what,
                       nodes_[of].life,
                       {}});
}

void stage::obey(server who, elector_output& out) {
  auto& n = nodes_[who];
  const bool wrote = out.persist.has_value();
  if (wrote) n.disk = std::move(*out.persist);
  for (auto* letters : {&out.send_now, &out.send}) {
    for (auto& l : *letters) {
      ++sent_[std::string{l.kind}];
      if (l.to < nodes_.size() && nodes_[l.to].it)
        under_way_.push({now_ + how_.latency, ++numbers_, l.to, who, nodes_[l.to].life,
                         happening::news::letter, 0, std::move(l.bytes)});
    }
  }
  for (const auto& b : out.changes) {
    n.believed = b;
    if (b.as == standing::leading && who != last_leader_) {
      last_leader_ = who;
      ++changes_;
    }
  }
  if (!wrote) return;
  elector_output then;
  n.it->persisted(now_, then);
  obey(who, then);
}

bool stage::step(instant until) {
  auto next = until;
  auto whom = nodes_.size();
  for (server s = 0; s < nodes_.size(); ++s) {
    if (!nodes_[s].it) continue;
    if (const auto due = std::max(now_, nodes_[s].it->due()); due < next) {
      next = due;
      whom = s;
    }
  }
  elector_output out;
  if (!under_way_.empty() && under_way_.top().at <= next && under_way_.top().at <= until) {
    const auto h = under_way_.top();
    under_way_.pop();
    now_ = std::max(now_, h.at);
    auto& n = nodes_[h.to];
    if (!n.it || n.life != h.life) return true;
    if (h.what == happening::news::lost)
      n.it->lost(h.from, h.its_life, now_, out);
    else if (h.what == happening::news::back)
      n.it->back(h.from, h.its_life, now_, out);
    else
      n.it->receive(h.from, h.bytes, now_, out);
    obey(h.to, out);
    return true;
  }
  now_ = next;
  if (whom == nodes_.size()) return false;
  nodes_[whom].it->tick(now_, out);
  obey(static_cast<server>(whom), out);
  return true;
}

void stage::run_for(duration d) {
  const auto until = now_ + d;
  while (step(until)) {
  }
}

bool stage::run_until_agreed(duration limit) {
  const auto until = now_ + limit;
  while (!agreed())
    if (!step(until)) return agreed();
  return true;
}

bool stage::agreed() const {
  const node* first = nullptr;
  for (const auto& n : nodes_) {
    if (!n.it) continue;
    const auto& b = n.believed;
    if (b.as == standing::looking || b.leader >= nodes_.size() || !nodes_[b.leader].it)
      return false;
    if (nodes_[b.leader].believed.as != standing::leading) return false;
    if (first && (first->believed.leader != b.leader || first->believed.term != b.term))
      return false;
    first = &n;
  }
  return first != nullptr;
}

void stage::count_anew() {
  sent_.clear();
  changes_ = 0;
}
}  // namespace troupe::election
