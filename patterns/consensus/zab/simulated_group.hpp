// An ensemble of simulated servers that clients give transactions to, and the claims of simulated.hpp.
//   zab::simulated::group w{seed, setting{}, 5};
//   const simulation::verdict v = w.rehearse(plan);
//   Promises  (in calm) `settles`
#pragma once
#include "patterns/consensus/zab/simulated.hpp"
#include "patterns/simulation/protocol.hpp"
#include "patterns/simulation/world.hpp"
namespace troupe::zab::simulated {
struct setting {
  options how = usually();
  bool observers = true;             // the last of four and more
  std::uint64_t snapshot_each = 12;  // transactions; 0: never
  static options usually();
};

class group : public simulation::world<host> {
 public:
  static constexpr std::string_view settles =
      "L: in calm one leader stays, and all have applied all that is in its history";
  static constexpr duration settled = std::chrono::seconds{6};

  group(std::uint64_t seed, const setting& how, member members, bool lines = false);
  simulation::verdict rehearse(const simulation::plan& p);
  const replica* at(member m) const { return world::at(m) ? &world::at(m)->core() : nullptr; }
  const scene& judge() const { return *judge_; }

 private:
  void clients_act();
  std::string unsettled() const;
  const setting how_;
  std::shared_ptr<scene> judge_;
  simulation::generator chance_;
  simulation::instant until_{};
  std::uint64_t before_calm_ = 0;  // applied
};

simulation::menu outlived(duration length);
simulation::run_outcome rehearse(const simulation::plan& p, const setting& how, bool lines);
}  // namespace troupe::zab::simulated
