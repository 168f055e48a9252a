#include "patterns/election/bully_elector.hpp"
#include "patterns/election/elector.hpp"
#include "patterns/election/raft_elector.hpp"
#include "patterns/election/zab_elector.hpp"

#include <algorithm>
namespace troupe::election {
const std::vector<algorithm>& algorithms() {
  static const std::vector<algorithm> all{
      {"bully", false, false,
       "the highest that lives leads, among those that hear each other; under a partition each "
       "side has a leader",
       "1 + n-2 if the second highest notices; n(n-1)/2 elections, as many alives, n-1 victories "
       "at most",
       &make_bully_elector},
      {"raft", true, true,
       "at most one leader a term, for which a majority voted; none without a majority",
       "2(n-1) for the pre-vote, 2(n-1) for the vote", &make_raft_elector},
      {"zab", true, true,
       "at most one leader a round, whom a majority has joined; none without a majority",
       "n(n-1) votes and n-1 more for each better vote heard of, n-1 joins", &make_zab_elector},
  };
  return all;
}

const algorithm* algorithm_named(std::string_view name) {
  const auto& all = algorithms();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.name == name; });
  return at == all.end() ? nullptr : &*at;
}
}  // namespace troupe::election
