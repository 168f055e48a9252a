// A group of simulated replicas: clients that ask, an operator who changes who decides and hands
// leadership over, and the claims of simulated_scene.hpp.
//   raft::simulated::group w{seed, {.reads = ...}, 5};
//   const simulation::verdict v = w.rehearse(plan);
//   Promises  (in calm) `settles`, unless a rotten disk has taken a quorum's journals for good
#pragma once
#include "patterns/consensus/raft/simulated.hpp"
#include "patterns/simulation/protocol.hpp"
#include "patterns/simulation/world.hpp"
namespace troupe::raft::simulated {
struct setting {
  options how = usually();
  bool changes = true;                // of voters and learners
  bool transfers = true;              // of leadership
  bool bursts = false;                // of proposals, at old leaders too: long tails that conflict
  bool rephrased = false;             // leaders say more than ours would (simulated_rephrased.hpp)
  std::optional<member> preferred{};  // is given leadership whenever another has it
  static options usually();
};

class group : public simulation::world<host> {
 public:
  static constexpr std::string_view settles =
      "L: in calm one leader stays, all have what it has, and all requests are answered";
  static constexpr duration settled = std::chrono::seconds{10};

  group(std::uint64_t seed, const setting& how, member members, bool lines = false);
  simulation::verdict rehearse(const simulation::plan& p);

  const replica* at(member m) const { return world::at(m) ? &world::at(m)->core() : nullptr; }
  std::optional<member> leader() const;  // of the highest term
  const scene& judge() const { return *judge_; }
  const audience& asking() const { return *asking_; }
  server id(member m) const { return places_[m]->id(); }

 private:
  void clients_act();
  void operator_acts();
  void burst_now_and_then();
  void aim();  // at other voters and learners
  set_members next_step(const configuration& now) const;
  bool quorum_lost() const;
  std::string unsettled() const;
  std::string behind(const replica& r, const replica& leads) const;

  const setting how_;
  const member members_;
  std::shared_ptr<scene> judge_ = std::make_shared<scene>();
  std::shared_ptr<audience> asking_;
  std::vector<std::shared_ptr<host::place>> places_;
  simulation::generator chance_;
  simulation::instant until_{};
  bool aimed_last_ = false;
  std::vector<bool> voters_, learners_;  // aimed at, by member
  mutable std::uint64_t settled_term_ = 0;
};

simulation::menu outlived(duration length);
simulation::run_outcome rehearse(const simulation::plan& p, const setting& how, bool lines);
}  // namespace troupe::raft::simulated
