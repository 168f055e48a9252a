#include "patterns/consensus/following.hpp"

#include "patterns/consensus/raft/quorum.hpp"

#include <algorithm>
namespace troupe::raft {
namespace {
bool named(const std::vector<peer>& all, const std::string& name) {
  return std::any_of(all.begin(), all.end(), [&](const peer& p) { return p.name == name; });
}
}  // namespace

std::optional<step_after> next_step(const configuration& wanted, const configuration& is,
                                    const std::function<bool(const peer&)>& here) {
  using kind = step_after::kind;
  if (!wanted.outgoing.empty() || !is.outgoing.empty() || wanted.voters.empty()) return {};
  bool lacking = false;
  for (const auto& p : wanted.voters) {
    if (holds(is.voters, p.id)) continue;
    lacking = true;
    if (here(p)) return step_after{holds(is.learners, p.id) ? kind::vote : kind::learn, p};
  }
  for (const auto& p : wanted.learners)
    if (!holds(is.learners, p.id) && !holds(is.voters, p.id) && here(p))
      return step_after{kind::learn, p};
  if (lacking) return {};
  for (const auto* all : {&is.voters, &is.learners})
    for (const auto& p : *all)
      if (!named(wanted.voters, p.name) && !named(wanted.learners, p.name))
        return step_after{kind::leave, p};
  for (const auto& p : is.voters)  // it is to learn only
    if (holds(wanted.learners, p.id)) return step_after{kind::learn, p};
  return {};
}
}  // namespace troupe::raft
