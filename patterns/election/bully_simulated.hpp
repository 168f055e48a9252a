// Electors in the simulator: members that crash, pause and are parted, a detector that tells of crashes and errs
// now and then, and the header's promises as claims.
//   const auto did = bully::simulated::rehearse(plan, true, false);
#pragma once
#include "patterns/election/bully.hpp"
#include "patterns/simulation/judged.hpp"
#include "patterns/simulation/world.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
namespace troupe::bully::simulated {
using simulation::member;

namespace claim {
inline constexpr std::string_view rising = "no number goes back, and each has one leader",
                                  claimed = "who is followed has said so, in that life",
                                  elders = "nobody follows a lower one, unless incumbents stay",
                                  dead = "no word of the dead is obeyed",
                                  answers = "who waits was answered in this very election",
                                  stays = "where only crashes happen an incumbent that lives stays";
inline constexpr std::array all{rising, claimed, elders, dead, answers, stays};
}  // namespace claim
inline constexpr std::string_view agree = "in calm all follow one, the highest or the incumbent";

struct scene : simulation::judged {
  std::set<term> claims{};                        // of all who have led
  std::vector<std::optional<instant>> leading{};  // by member: since when it leads
  std::vector<std::uint64_t> known{};             // by member: its number
  bool remembers = false;                         // a new life is told it
};

class host {
 public:
  using message = bully::message;
  using command = std::variant<bully::lost, back>;  // the detector errs
  using event = bully::event;
  using output = simulation::effects<message, event>;
  host(const simulation::life& of, const options& how, member members, std::shared_ptr<scene> all);
  void receive(member from, message m, instant now, output& out);
  void command_given(const command& c, instant now, output& out);
  void tick(instant now, output& out);
  void lost(member peer, std::uint32_t its_life, instant now, output& out);
  instant due() const { return started_ ? core_.due() : begins_; }
  static void describe(const event& e, std::string& fields);
  const elector& core() const { return core_; }

 private:
  void take(const input& in, instant now, output& out);
  void judge(const leads& e, std::uint64_t number_before);
  member self_;
  std::uint64_t life_;
  bool keeps_;
  instant begins_{};
  bool started_ = false;
  elector core_;
  std::uint64_t asked_ = 0;                 // its last election
  std::uint64_t followed_ = 0;              // the last leader's number
  std::map<member, std::uint64_t> over_{};  // lives that the detector has called so
  std::shared_ptr<scene> scene_;
};

// A plan's world.
class group : public simulation::world<host> {
 public:
  group(const simulation::plan& p, const options& how, bool lines);

 private:
  void err(const simulation::plan& p);
  std::string deposed(member m);
  std::string parted(instant settled) const;
  bool keeps_;
  std::shared_ptr<scene> scene_;
  struct following {
    std::uint32_t life = 0;
    member leader = 0;
    bool any = false;
  };
  std::vector<following> before_;
};

simulation::menu outlived(simulation::duration length);
simulation::run_outcome rehearse(const simulation::plan& p, bool keep_incumbent, bool lines);
}  // namespace troupe::bully::simulated

namespace troupe::bully {
simulation::protocol simulated_protocol();
}  // namespace troupe::bully
