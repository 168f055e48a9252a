#include "patterns/protocols.hpp"

#include "patterns/consensus/raft/simulated_protocol.hpp"
#include "patterns/consensus/zab/simulated_protocol.hpp"
#include "patterns/election/bully_simulated.hpp"
#include "patterns/link/simulated_protocols.hpp"
#include "patterns/lock/simulated.hpp"
#include "patterns/mapreduce/simulated_protocol.hpp"
#include "patterns/membership/simulated_protocol.hpp"
#include "patterns/mutex/simulated.hpp"
namespace troupe {
const std::vector<simulation::protocol>& all_protocols() {
  static const std::vector<simulation::protocol> all{
      membership::simulated_protocol(), link::simulated_protocol(),  channel::simulated_protocol(),
      mapreduce::simulated_protocol(),  raft::simulated_protocol(),  zab::simulated_protocol(),
      bully::simulated_protocol(),      mutex::simulated_protocol(), lock::simulated_protocol(),
  };
  return all;
}

const simulation::protocol* protocol_named(std::string_view name) {
  for (const auto& p : all_protocols()) {
    if (p.name == name) return &p;
  }
  return nullptr;
}
}  // namespace troupe
