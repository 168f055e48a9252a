// Majorities, of one configuration or of both that are joint (section 6).
#pragma once
#include "patterns/consensus/raft/types.hpp"

#include <algorithm>
#include <functional>
#include <limits>
namespace troupe::raft {
inline bool holds(const std::vector<peer>& group, server id) {
  return std::any_of(group.begin(), group.end(), [&](const peer& p) { return p.id == id; });
}
inline bool votes(const configuration& c, server id) {
  return holds(c.voters, id) || holds(c.outgoing, id);
}
inline bool belongs(const configuration& c, server id) {
  return votes(c, id) || holds(c.learners, id);
}

// The greatest value that a majority has reached; nobody there: all have.
template <class Value, class Reached>
Value reached_by_majority(const std::vector<peer>& group, Value all, Reached&& reached) {
  if (group.empty()) return all;
  std::vector<Value> values;
  values.reserve(group.size());
  for (const auto& p : group) values.push_back(reached(p.id));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}
// The same of a configuration: of both its majorities the lesser.
template <class Value, class Reached>
Value reached_by_quorum(const configuration& c, Value all, Reached&& reached) {
  return std::min(reached_by_majority<Value>(c.voters, all, reached),
                  reached_by_majority<Value>(c.outgoing, all, reached));
}
template <class Says>
bool quorum_says(const configuration& c, Says&& says) {
  return reached_by_quorum<int>(c, 1, [&](server s) { return says(s) ? 1 : 0; }) == 1 &&
         !c.voters.empty();
}

// Every server of it once, by id.
inline std::vector<peer> everybody(const configuration& c) {
  std::vector<peer> all = c.voters;
  all.insert(all.end(), c.outgoing.begin(), c.outgoing.end());
  all.insert(all.end(), c.learners.begin(), c.learners.end());
  std::sort(all.begin(), all.end(), [](const peer& a, const peer& b) { return a.id < b.id; });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const peer& a, const peer& b) { return a.id == b.id; }),
            all.end());
  return all;
}
}  // namespace troupe::raft
