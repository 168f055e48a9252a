// Whole nodes as one of the protocols that `troupe simulate` runs (patterns/simulation/protocol.hpp), beside the cores of
// patterns/.
#pragma once
#include "cluster/simulation_campaign.hpp"
#include "patterns/simulation/protocol.hpp"
namespace troupe::laboratory {
// A trial of what nodes promise together: they form a cluster, and after faults all see each other, up, and no two lives of
// any. As many nodes as the plan has members.
void live_through(simulation& sim, const plan& faults);
troupe::simulation::protocol node_protocol();
// patterns/protocols.hpp's, and nodes.
const std::vector<troupe::simulation::protocol>& all_protocols();
const troupe::simulation::protocol* protocol_named(std::string_view name);  // null: none is
}  // namespace troupe::laboratory
