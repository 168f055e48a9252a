#include "patterns/election/comparison.hpp"

#include <tuple>
#include <utility>
namespace troupe::election {
namespace {
using namespace std::chrono_literals;
using range = std::pair<std::uint64_t, std::uint64_t>;

bool beat(const std::string& kind) {
  return kind == "beat" || kind == "heartbeat" || kind == "heartbeat_reply";
}

// Of n members, those that are down among them: they are written to as well.
range formula(const std::string& algorithm, std::uint64_t n, std::uint64_t live) {
  // Garcia-Molina: elections to all above, their answers, and the victory.
  if (algorithm == "bully") return {live - 1, n * (n - 1) / 2 + (n - 1) * (n - 2) / 2 + n - 1};
  // Ongaro: pre-vote and vote, asked and answered, and the first append; again for each split vote.
  if (algorithm == "raft") return {5 * (live - 1), 20 * (n - 1)};
  // Medeiros: votes, better ones' votes again, an answer to whoever votes late, and a join to the leader.
  return {live * (live - 1), (n - 1) * n * (n + 1) / 2 + n * (n - 1) + n - 1};
}

measured taken(const stage& s, const algorithm& a, std::uint32_t n, const char* event,
               std::uint32_t live, instant since) {
  measured m{.algorithm = std::string{a.name}, .members = n, .event = event};
  for (const auto& [kind, count] : s.sent()) {
    if (beat(kind)) continue;
    m.messages += count;
    m.kinds[kind] = count;
  }
  if (m.event != "it comes back") std::tie(m.least, m.most) = formula(m.algorithm, n, live);
  m.agreed_after = s.now() - since;
  return m;
}
}  // namespace

std::vector<measured> compare(const std::vector<std::uint32_t>& members, bool noticed,
                              std::uint64_t seed) {
  constexpr auto limit = 60s, calm = 3s;
  std::vector<measured> all;
  for (const auto& a : algorithms())
    for (const auto n : members) {
      stage s{a, {.members = n, .notices = noticed ? 1ms : 0ms, .seed = seed}};
      auto since = s.now();
      s.run_until_agreed(limit);
      all.push_back(taken(s, a, n, "all start", n, since));
      s.run_for(calm);
      s.run_until_agreed(limit);
      const auto leader = s.believes(0).leader;
      s.count_anew();
      since = s.now();
      s.crash(leader);
      s.run_until_agreed(limit);
      all.push_back(taken(s, a, n, "the leader dies", n - 1, since));
      s.run_for(calm);
      s.run_until_agreed(limit);
      s.count_anew();
      since = s.now();
      s.restart(leader);
      s.run_until_agreed(limit);
      auto back = taken(s, a, n, "it comes back", n, since);
      s.run_for(calm);
      back.takeovers = s.changes_of_leader();
      all.push_back(std::move(back));
    }
  return all;
}
}  // namespace troupe::election
