// What `troupe tree` does that lasts: an ephemeral node for as long as a command runs, and watches.
#pragma once
#include "cluster/program/command.hpp"
#include "patterns/tree/watches.hpp"

#include <string>
#include <vector>
namespace troupe::program {
// The node is there until the command has ended or, without one, until an interruption.
exit_code hold_node(const target& to, const tree::create& wanted, const std::vector<std::string>& command, milliseconds ttl,
                    bool as_json);
exit_code watch_node(const target& to, const tree::watch& what, bool once, bool as_json);
}  // namespace troupe::program
