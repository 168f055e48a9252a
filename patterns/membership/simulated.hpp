// A member as the simulator's host, and its promises as claims: what swim.hpp says, asked after
// each step.
//   membership::town w{seed, options{}};
//   w.cluster(5);
//   w.claim_views();
//   const simulation::verdict v = w.run(plan);
#pragma once
#include "patterns/membership/simulated_lease.hpp"
#include "patterns/membership/swim.hpp"
#include "patterns/simulation/world.hpp"

#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>
namespace troupe::membership {
// Who lives where, for all members of a world.
struct address_book {
  std::vector<std::string> names{};
  std::map<std::string, simulation::member, std::less<>> by_address{};
};

struct lease_told {
  std::string incarnation{};  // that had asked
  lease_answer what{};
};

class simulated {
 public:
  using message = membership::message;
  using command = std::variant<leave, down, lease_told>;
  using event = membership::event;
  using output = simulation::effects<message, event>;
  struct place {  // what outlives a process
    record self{};
    std::vector<std::string> seeds{};
    std::shared_ptr<const address_book> book{};
    std::vector<std::string> known{};  // for the node that takes this one's place
    std::vector<std::string> noted{};  // whom a process that comes back should ask
    bool notes = true;                 // it has a data directory
    std::function<void(const std::string& incarnation, const lease_order&)> lease{};
  };

  simulated(const simulation::life& of, const options& how, std::shared_ptr<place> where);
  void receive(simulation::member from, message m, instant now, output& out);
  void command_given(const command& c, instant now, output& out);
  void tick(instant now, output& out);
  void lost(simulation::member peer, std::uint32_t its_life, instant now, output& out);
  instant due() const;
  static void describe(const event& e, std::string& fields);
  const swim& core() const { return *core_; }
  // S2: what the last message should have been answered, and was not.
  const std::string& wrong() const { return wrong_; }

 private:
  void carry_out(output& out);
  std::string unanswered(turn_away why, const header& to, std::uint64_t version) const;
  std::shared_ptr<place> where_;
  std::unique_ptr<swim> core_;
  membership::output did_;
  std::string wrong_;
};

// A world of members that are named in the order of their numbers.
class town : public simulation::world<simulated> {
 public:
  town(std::uint64_t seed, options how, simulation::conditions usual = usually(),
       bool lines = false);
  // A host's timer is late by up to 5 ms.
  static simulation::conditions usually();
  static std::string name_of(simulation::member m);  // aaa, aab, ...
  // n members, the first ones of which are seeds.
  void cluster(std::uint32_t n, std::uint32_t seeds = 1);
  simulation::member join(std::vector<std::string> seeds, std::vector<std::string> roles = {});
  // Those who join from now on start as if for the first time whenever they come back.
  void without_notes() { notes_ = false; }

  // Who reaches the lease's keeper; else those who reach a majority of the first members.
  void lease_reached_by(std::function<bool(simulation::member)> whom) {
    reaches_ = std::move(whom);
  }
  bool reaches_lease(simulation::member m) const;
  const simulated_lease& lease() const { return lease_; }

  const swim* at(simulation::member m) const;
  // Every running node is a member, and those of each cluster know each other, all up and reachable.
  bool one_view_a_cluster() const;
  // The running nodes that are members, all in one cluster, know each other, all up and reachable.
  bool one_view(std::size_t members) const;
  std::size_t count(event_kind kind) const;

  // The claims that one view, or all of them, can show. S1, S2, S5, S6, and of S3 that verdicts take
  // their time or two witnesses, hold under anything; the rest of S3, and L2, are asked in calm.
  void claim_views();
  // Unless `merging`, clusters that were formed apart may stay apart: a first seed that starts anew
  // while it can reach none of the others forms one (bootstrap.hpp), and no two merge.
  void claim_calm(duration settled, duration converged, bool merging = true);
  // S4: some time after `side` was parted from the rest, all of whom were up before: what is wrong
  // with those that live.
  std::string kept(const std::vector<simulation::member>& side, const strategy& how) const;

 private:
  struct mark {
    member_id id{};
    member_state state{};
    std::uint64_t generation = 0;
    reach liveness{};
  };
  struct last_seen {  // by one member
    std::uint32_t life = 0;
    std::uint64_t version = ~std::uint64_t{0};  // of the view
    bool changed = false;                       // with this step
    std::vector<mark> marks{};                  // by id
  };
  struct doubt {                                  // of one generation
    instant first{};                              // by anybody
    std::map<simulation::member, instant> own{};  // by whom since, on its clock
  };
  std::string backwards(simulation::member m);
  std::string ambiguous(simulation::member m) const;
  std::string hasty(simulation::member m);
  std::string accused(simulation::member m, duration settled);
  std::string both_live(simulation::member m) const;
  void lease_ordered(simulation::member by, const std::string& incarnation,
                     const lease_order& what);
  options how_;
  bool notes_ = true;
  std::shared_ptr<address_book> book_ = std::make_shared<address_book>();
  std::vector<last_seen> before_;
  std::map<std::pair<member_id, std::uint64_t>, doubt> doubts_;
  std::size_t judged_ = 0, weighed_ = 0;  // events
  simulated_lease lease_;
  std::function<bool(simulation::member)> reaches_;
};
}  // namespace troupe::membership
