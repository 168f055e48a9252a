// Members of a mutual exclusion between the simulator's faults: each enters again and again, and what mutex.hpp promises is
// asked after each step.
//   const auto did = mutex::rehearse("token-ring", plan, {});
//   Detector  each says every 100 ms that it lives; who was not heard for a second is called lost, and who is heard again
//             back. A death on an open connection is told at once
//   Resource  refuses a fence below the highest it has seen. Who is inside uses it again and again; who is refused lets go
//             and acquires above
//   Promises  `claim::all` while faults last, and `claim::served` after them
#pragma once
#include "patterns/mutex/mutex.hpp"
#include "patterns/simulation/judged.hpp"
#include "patterns/simulation/protocol.hpp"
#include "patterns/simulation/world.hpp"

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <tuple>
namespace troupe::mutex {
namespace claim {
inline constexpr std::string_view fenced =
                                      "the resource never takes one entry's use after another's",
                                  alone = "never two inside while the detector's word is right",
                                  own = "a fence is given once",
                                  rising = "fences rise while those who know of the last one live",
                                  honest = "nobody loses what the detector has not given up";
inline constexpr std::array all{fenced, alone, own, rising, honest};
inline constexpr std::string_view served = "every live member that waits is served after calm";
}  // namespace claim

struct scene : simulation::judged {
  std::string algorithm{};
  settings how{};
  std::function<instant()> clock{};
  std::vector<std::uint32_t> lives{};         // that run; 0: none
  std::vector<std::uint64_t> inside{};        // by member, its fence; 0: outside
  std::set<std::uint64_t> granted{}, used{};  // all fences
  std::uint64_t last = 0;                     // that was granted
  bool died_since = false;                    // somebody
  std::uint64_t highest = 0;                  // that the resource has seen
  std::set<std::tuple<server, server, std::uint32_t>>
      wrong{};  // who takes which life for dead, and it runs
  instant wrong_until{};

  bool right() const;  // the detector, and for so long that what it was wrong about is over
  void starts(server who, std::uint32_t life);
  void dies(server who, std::uint32_t life);
  void doubts(server by, server whom, std::uint32_t life);
  void believes(server by, server whom);
  void enters(server who, std::uint64_t fence);
  bool uses(server who, std::uint64_t fence);  // false: refused
};

class simulated {
 public:
  struct message {
    std::uint32_t alive = 0;  // the life of who says that it runs; 0: what follows
    mutex::message what{};
  };
  using command = std::monostate;
  struct event {
    std::string what{};
    std::uint64_t fence = 0;
  };
  using output = simulation::effects<message, event>;
  simulated(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members);
  void receive(simulation::member from, message m, instant now, output& out);
  void command_given(const command&, instant, output&) {}
  void tick(instant now, output& out);
  void lost(simulation::member peer, std::uint32_t its_life, instant now, output& out);
  instant due() const;
  static void describe(const event& e, std::string& fields);
  void persisted(std::uint64_t upto, instant now, output& out);
  const member& core() const { return *core_; }
  instant since() const { return since_; }  // it wants to enter

 private:
  struct heard {
    std::uint32_t life = 0;
    bool live = true;
    instant at{};
  };
  struct news {  // for the user, once what they rest on is on disk
    std::uint64_t position = 0;
    happening what{};
  };
  void call_lost(server peer, std::uint32_t its_life, instant now, output& out);
  void detect(instant now, output& out);
  void act(instant now, output& out);
  void leave(instant now, output& out);
  void obey(instant now, output& out);
  void hear(const happening& h, instant now, output& out);
  server self_;
  const std::uint32_t life_;
  const simulation::disk& disk_;
  simulation::generator chance_;
  std::shared_ptr<scene> scene_;
  std::shared_ptr<void> presence_;  // ends with the process
  std::unique_ptr<member> core_;
  mutex::output did_;
  std::vector<heard> heard_;
  std::deque<news> waiting_;
  std::uint64_t fence_ = 0;  // that the user knows of; 0: outside
  std::uint64_t above_ = 0;
  instant alive_at_{}, act_at_{}, leave_at_{}, since_{};
};

simulation::run_outcome rehearse(std::string_view algorithm, const simulation::plan& p,
                                 const simulation::settings& how);
simulation::protocol simulated_protocol();
}  // namespace troupe::mutex
