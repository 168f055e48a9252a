#include "patterns/consensus/raft/simulated_protocol.hpp"

#include "patterns/consensus/raft/simulated_group.hpp"
namespace troupe::raft {
using namespace std::chrono_literals;

simulation::protocol simulated_protocol() {
  using simulated::group;
  simulation::protocol it;
  it.name = "raft";
  it.help = "a replicated log, whose members change while clients write and read";
  simulation::promise_all(it, simulated::claim::all, group::settles);
  it.members_max = 9;
  it.calm = group::settled + 2s;
  it.choices = {{"reads", "how a leader knows that it is one", {"index", "lease"}},
                {"snapshots", "how soon the log is compacted", {"small", "large"}},
                {"voters", "whether they change", {"changing", "fixed"}},
                {"transfers", "whether leadership is handed over", {"on", "off"}}};
  it.swarm = simulated::outlived;
  it.run = [it](const simulation::plan& p, const simulation::settings& chosen) {
    simulated::setting how;
    how.how.lease_reads = it.chosen(chosen, "reads") == "lease";
    how.how.drift_per_mille = 400;  // 16 % either way is 38 % between two
    if (it.chosen(chosen, "snapshots") == "large") how.how.log_bytes = 1U << 20U;
    how.changes = it.chosen(chosen, "voters") == "changing";
    how.transfers = it.chosen(chosen, "transfers") == "on";
    return simulated::rehearse(p, how, chosen.lines);
  };
  return it;
}
}  // namespace troupe::raft
