#include "patterns/consensus/raft/simulated_rephrased.hpp"

#include <algorithm>
namespace troupe::raft::simulated {
std::vector<letter> rephrased::beside(const replica& core, const std::vector<letter>& said) {
  if (snapshots_.empty() || snapshots_.back().index != core.base().index) {
    snapshots_.push_back(core.base());
    if (snapshots_.size() > snapshots_kept) snapshots_.pop_front();
  }
  std::vector<letter> also;
  for (const auto& l : said) {
    if (core.as() != role::leader) break;
    if (const auto* beat = std::get_if<heartbeat>(&l.what)) {
      const auto* p = core.follower(l.to);
      const auto prev = p ? p->next() - 1 : 0;
      const auto prev_term = core.entries().term(prev);
      if (prev_term && beat->term == core.term() && chance_.below(4) == 0)
        also.push_back(
            {l.to, append_request{beat->term, prev, *prev_term, core.commit(), beat->round, {}}});
    }
    if (const auto* m = std::get_if<append_request>(&l.what)) {
      if (m->term == core.term() && chance_.below(8) == 0)
        also.push_back({l.to, shorter(core, *m)});
    } else if (const auto* part = std::get_if<snapshot_part>(&l.what)) {
      if (part->term == core.term() && chance_.below(4) == 0)
        also.push_back({l.to, of_another(core, *part)});
    }
  }
  return also;
}

append_request rephrased::shorter(const replica& core, const append_request& m) {
  constexpr std::uint64_t back_max = 4, entries_max = 3;
  const auto& log = core.entries();
  auto also = m;
  also.prev_index -= std::min(chance_.below(back_max + 1), m.prev_index - log.base());
  also.prev_term = log.term(also.prev_index).value_or(0);
  also.entries.clear();
  for (auto n = chance_.below(entries_max + 1); n > 0; --n) {
    const auto next = also.prev_index + also.entries.size() + 1;
    if (next <= log.last()) also.entries.push_back(log.at(next));
  }
  return also;
}

snapshot_part rephrased::of_another(const replica& core, const snapshot_part& m) {
  const auto& other = snapshots_[static_cast<std::size_t>(chance_.below(snapshots_.size()))];
  const auto& bytes = *other.bytes;
  const auto size = m.bytes.size();
  const auto offset = std::min<std::uint64_t>(m.offset + chance_.below(2) * size, bytes.size());
  return {.term = core.term(),
          .round = m.round,
          .index = other.index,
          .last_term = other.term,
          .config = other.config,
          .size = bytes.size(),
          .offset = offset,
          .bytes = bytes.substr(static_cast<std::size_t>(offset), size)};
}
}  // namespace troupe::raft::simulated
