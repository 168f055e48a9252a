#include "runtime/simulator.hpp"

#include "runtime/chance.hpp"
namespace troupe::laboratory {
simulator::config::config(std::uint64_t seed, const configure& more) {
  set("scheduler.policy", caf::atom("testing"));
  fix_seed(*this, seed);
  if (more) more(*this);
}

simulator::simulator(std::uint64_t seed, const configure& more)
    : world_{seed}, here_{world_.add("here")}, config_{seed, more}, system{config_} {
  here_.take(system);
}

simulator::~simulator() {
  actors_.clear();
  here_.end();
}

bool simulator::run_until(condition holds, duration limit, duration stride) {
  settle();
  for (const auto last = now() + limit; !holds(); run_for(stride))
    if (now() >= last || !complaints().empty()) return false;
  return true;
}
}  // namespace troupe::laboratory
