// Elections by bully, raft and zab, which the nodes hold among themselves (cluster/elections.hpp), from a shell.
#pragma once
#include "cluster/elections.hpp"
#include "cluster/program/client.hpp"

#include <optional>
#include <string>
#include <vector>
namespace troupe::program {
bool is_algorithm(const std::string& name);  // of the nodes' own
struct election_wish {
  std::string name, algorithm;  // empty: the election's own
  std::vector<std::string> members, observers;  // empty: all nodes that are up, and none
  std::optional<milliseconds> patience;         // nothing: the election's own, and 1 s for a new one
  bool keep_incumbent = false;                  // or the election's own
};
// What of the wish the election, as it is, does not grant; nothing: both agree.
std::optional<problem> contradiction(const election_wish& wish, const election_charter& is);
struct founded_election {
  election_charter charter;
  std::uint64_t at = 0;  // the map's revision
};
// What the map says of it; nothing: no such election.
answer<std::optional<founded_election>> find_election(client& with, const std::string& name);
// Founds it, if nobody has; a wish that another has decided otherwise is refused.
answer<founded_election> found_election(client& with, const election_wish& wish);
exit_code remove_election(client& with, const std::string& name);

struct election_stand {
  std::string name;
  std::vector<std::string> command;
  milliseconds wait{0};  // 0: for ever
  bool as_json = false;
};
// Enters at the node, runs the command while it is chosen, and says how it ended.
int stand_in(client& with, const founded_election& what, const election_stand& how);
// Who leads; with `watch` again whenever that changes, until interrupted.
exit_code show_election(client& with, const std::string& name, bool watch, bool as_json);
}  // namespace troupe::program
