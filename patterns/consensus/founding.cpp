#include "patterns/consensus/founding.hpp"

#include <algorithm>
namespace troupe::founding {
namespace {
constexpr duration again = std::chrono::milliseconds{500};
}  // namespace

founder::founder(presence self, std::optional<charter> own, std::string id)
    : self_{std::move(self)}, promise_{std::move(own)}, id_{std::move(id)} {
  if (promise_ && promise_->cluster.empty()) promise_.reset();  // one that was given up
}

void founder::step(const input& in, instant now, output& out) {
  std::visit([&](const auto& event) { on(event, now, out); }, in);
}

void founder::on(const met& m, instant now, output& out) {
  std::visit([&](const auto& what) { take(m.from, what, now, out); }, m.what);
}

void founder::on(const parted& p, instant, output&) { others_.erase(p.node); }

// Of a charter that has not begun.
bool founder::founds() const {
  return promise_ && self_.cluster.empty() && promise_->founder == self_.node;
}

void founder::on(const tick&, instant now, output& out) {
  if (promise_ && self_.cluster.empty() && now >= asked_ + again) {
    if (founds()) {
      ask_all(now, out);
    } else {
      asked_ = now;
      out.send.push_back({promise_->founder, stands{promise_->cluster}});
    }
  }
  consider(now, out);
}

void founder::take(const std::string& from, const presence& m, instant now, output& out) {
  others_[from] = m;
  if (!m.cluster.empty()) learn(m.cluster, out);
  if (founds()) ask_all(now, out);
  consider(now, out);
}

void founder::take(const std::string& from, const ask& m, instant now, output& out) {
  const auto& wanted = m.what;
  if (promise_ == wanted) {
    out.send.push_back({from, promised{wanted.cluster}});
    return;
  }
  if (!self_.cluster.empty()) {
    out.send.push_back({from, declined{wanted.cluster, {}, true}});
    return;
  }
  if (promise_) {
    out.send.push_back({from, declined{wanted.cluster, promise_->founder, false}});
    if (!founds()) out.send.push_back({promise_->founder, stands{promise_->cluster}});
    return;
  }
  const bool meant = std::any_of(
      wanted.voters.begin(), wanted.voters.end(),
      [&](const raft::peer& p) { return p.id == self_.life && p.name == self_.node && p.id != 0; });
  if (!meant) {  // one that was here before
    out.send.push_back({from, declined{wanted.cluster, {}, false}});
    return;
  }
  promise_ = wanted;
  asked_ = now;
  out.persist = wanted;
  out.send.push_back({from, promised{wanted.cluster}});
}

void founder::take(const std::string& from, const promised& m, instant, output& out) {
  if (!founds() || m.cluster != promise_->cluster) return;
  agreed_.insert(from);
  const bool all = std::all_of(
      promise_->voters.begin(), promise_->voters.end(),
      [&](const raft::peer& p) { return p.name == self_.node || agreed_.contains(p.name); });
  if (all) begin(out);
}

void founder::take(const std::string&, const declined& m, instant, output& out) {
  if (!founds() || m.cluster != promise_->cluster) return;
  if (m.begun || m.founder.empty() || m.founder < self_.node) give_up(out);
}

void founder::take(const std::string& from, const stands& m, instant, output& out) {
  const bool does = promise_ && promise_->cluster == m.cluster;
  if (!does) out.send.push_back({from, withdrawn{m.cluster}});
  if (does && !self_.cluster.empty()) out.send.push_back({from, begun{*promise_}});
}

void founder::take(const std::string& from, const withdrawn& m, instant now, output& out) {
  if (!promise_ || promise_->cluster != m.cluster || promise_->founder != from ||
      !self_.cluster.empty() || founds())
    return;
  give_up(out);
  consider(now, out);
}

void founder::take(const std::string&, const begun& m, instant, output& out) {
  learn(m.what.cluster, out);
}

// A promise that came to nothing; what others have begun meanwhile is heard now.
void founder::give_up(output& out) {
  promise_.reset();
  agreed_.clear();
  out.persist = charter{};
  for (const auto& [name, other] : others_)
    if (!other.cluster.empty()) return learn(other.cluster, out);
}

void founder::learn(const std::string& cluster, output& out) {
  if (self_.cluster == cluster) return;
  if (!self_.cluster.empty()) {
    out.conflict = cluster;
    return;
  }
  if (promise_ && promise_->cluster == cluster) return begin(out);
  if (promise_ && !founds()) {
    out.send.push_back({promise_->founder, stands{promise_->cluster}});
    return;
  }
  if (promise_) {
    promise_.reset();
    agreed_.clear();
    out.persist = charter{};
  }
  self_.cluster = cluster;
  out.learned = cluster;
}

void founder::begin(output& out) {
  self_.cluster = promise_->cluster;
  out.begin = promise_;
  for (const auto& [name, other] : others_) out.send.push_back({name, begun{*promise_}});
}

bool founder::voter() const { return self_.expects > 0 && self_.life != 0; }

std::size_t founder::here() const {
  return static_cast<std::size_t>(voter()) +
         static_cast<std::size_t>(std::count_if(others_.begin(), others_.end(), [&](const auto& o) {
           return o.second.expects == self_.expects && o.second.life != 0;
         }));
}

// The first by name of those that are here, if there are enough and none of them knows of a log.
void founder::consider(instant now, output& out) {
  if (!voter() || promise_ || !self_.cluster.empty()) return;
  std::vector<raft::peer> candidates{{self_.life, self_.node}};
  for (const auto& [name, other] : others_)
    if (other.expects == self_.expects && other.life != 0) candidates.push_back({other.life, name});
  if (candidates.size() < self_.expects) return;
  std::sort(candidates.begin(), candidates.end(),
            [](const raft::peer& a, const raft::peer& b) { return a.name < b.name; });
  if (candidates.front().name != self_.node) return;
  candidates.resize(self_.expects);
  promise_ = charter{id_ + (charters_ > 0 ? "-" + std::to_string(charters_) : ""), self_.node,
                     std::move(candidates)};
  ++charters_;
  out.persist = promise_;
  ask_all(now, out);
  if (self_.expects == 1) begin(out);
}

void founder::ask_all(instant now, output& out) {
  asked_ = now;
  for (const auto& p : promise_->voters)
    if (p.name != self_.node && !agreed_.contains(p.name))
      out.send.push_back({p.name, ask{*promise_}});
}
}  // namespace troupe::founding
