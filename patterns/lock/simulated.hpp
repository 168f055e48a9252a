// Locks between the simulator's faults: clients, each with a session and a holder a lock, and a store that is a model
// (model_store.hpp) behind a network that delays, loses and repeats. What the headers of this folder promise is asked after
// each step.
//   Members   0 is the store, on its own clock, and beside it what the locks guard: it refuses a fence below the highest it
//             has seen. All others are clients that acquire an exclusive lock, one for readers and writers, and permits,
//             wait or give up, write while they hold, and let go; now and then one revokes whatever place. Who writes
//             and hears nothing goes on holding. In half of the runs most keep their places for a while after that
//   Under     anything that simulation::everything knows, with clocks that differ by less than `drift_per_mille`. The store
//             keeps all but its awaits over a crash, and starts its sessions' time anew
//             the word of who lets go goes ahead of what he asks for, which the store may lose then
//   Assumes   a request that was repeated by the network, not by its asker, takes effect once
//   Promises  `claim::all` while faults last; `claim::served` and `claim::tidy` after them
#pragma once
#include "patterns/checking/history.hpp"
#include "patterns/consensus/fence.hpp"
#include "patterns/lock/holder.hpp"
#include "patterns/lock/model_store.hpp"
#include "patterns/lock/session.hpp"
#include "patterns/simulation/judged.hpp"
#include "patterns/simulation/protocol.hpp"
#include "patterns/simulation/world.hpp"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <variant>
#include <vector>
namespace troupe::lock {
namespace claim {
inline constexpr std::string_view
    holds =
        "who runs and believes to hold has its place, and nobody who has not let go stands in its "
        "way",
    stops = "nobody who runs holds past its session's deadline",
    fenced = "what is guarded takes no holder's write after another's",
    ordered = "nobody is served before one whose ticket is lower and who stands in its way",
    freed = "what a dead or frozen holder had is free within its lease and a second",
    one = "in calm the end of an exclusive place wakes one waiter",
    kept = "in calm nobody loses what it holds",
    heeds =
        "in calm nobody holds again, in the place that it has kept, a tenth of a second after "
        "another stood behind it",
    judged = "the history is that of a fenced lock";
inline constexpr std::array all{holds, stops, fenced, ordered, freed, one, kept, heeds, judged};
inline constexpr std::string_view served = "everybody who waits is served after calm",
                                  tidy = "nobody is left in line who does not wish to hold";
}  // namespace claim

struct scene : simulation::judged {
  struct hold {
    simulation::member who = 0;
    std::string lock{};
    mode as = mode::exclusive;
    std::uint64_t fence = 0;
  };
  std::function<instant()> clock{};
  std::function<bool()> calm{};  // for so long that nobody has an excuse
  session_settings sessions{};
  // ---- what outlives the store's process
  model_store store{};
  fence guard{};
  std::set<std::pair<std::uint64_t, std::uint64_t>> done{};  // requests: whose, its number
  // ---- what is known of clients
  std::map<simulation::member, std::uint32_t> lives{};  // that run
  std::map<std::pair<simulation::member, std::uint32_t>, instant> ended{};
  std::map<simulation::member, instant> frozen_since{};
  std::map<std::int64_t, hold> holding{};                     // by user: what its process believes
  std::map<std::string, std::uint64_t> last_alone{}, last{};  // fences granted, by lock
  std::map<std::uint64_t, std::int64_t> writers{};            // by fence
  std::map<std::string, std::set<std::int64_t>> woken{};      // by the end of which place
  std::map<std::uint64_t, std::int64_t> granted_to{};         // alone: fence, user
  std::map<std::uint64_t, instant> revoked{};                 // by ticket
  std::set<std::uint64_t> let_go{};                           // tickets of who has held alone
  std::map<std::uint64_t, instant> stood_at{};                // by ticket
  std::map<std::uint64_t, instant> strays{};                  // tickets of those who do not wish
  checking::history told{};
  std::int64_t users = 0;
  bool keeps = false;  // places, after a release
  bool revokes =
      false;  // places, in this run: one that was revoked and is not told yet may be woken beside another

  void starts(simulation::member who, std::uint32_t life);
  void dies(simulation::member who, std::uint32_t life);
  void asks(std::int64_t user, const hold& what);
  void gets(std::int64_t user, const hold& what);
  void gets_nothing(std::int64_t user, const hold& what);
  void lets_go(std::int64_t user);  // or has to
  void again(const hold& what);     // in the place that it has kept
  void takes_away(const std::string& lock, std::uint64_t ticket);
  void wakes(std::int64_t user, const line& those);
  bool writes(std::int64_t user, const std::string& lock, std::uint64_t fence);

 private:
  void tell(std::int64_t user, checking::event_type type, std::string f, const std::string& lock,
            checking::value content);
};

struct write {
  std::int64_t user = 0;
  std::string lock{};
  std::uint64_t fence = 0;
};
struct revoke_one {  // by somebody from outside
  std::string lock{};
  std::uint32_t which = 0;  // of the line, round and round
};
struct written {
  std::uint64_t fence = 0;
  bool taken = false;
};
struct simulated_message {
  std::uint32_t life = 0;    // of the client
  std::uint64_t number = 0;  // of its request
  std::variant<wish, answer, write, written, revoke_one> what{};
};
struct simulated_event {
  std::string what{};
  std::string lock{};
  std::uint64_t fence = 0;
};

class simulated_store {
 public:
  using message = simulated_message;
  using command = std::monostate;
  using event = simulated_event;
  using output = simulation::effects<message, event>;
  simulated_store(const simulation::life& of, std::shared_ptr<scene> all);
  void receive(simulation::member from, message m, instant now, output& out);
  void command_given(const command&, instant, output&) {}
  void tick(instant now, output& out);
  instant due() const { return scene_->store.due(); }

 private:
  void say(std::vector<model_store::reply>& all, output& out);
  std::shared_ptr<scene> scene_;
  simulation::generator chance_;
};

class simulated_client {
 public:
  using message = simulated_message;
  using command = std::monostate;
  using event = simulated_event;
  using output = simulation::effects<message, event>;
  struct user {
    std::int64_t number = 0;
    scene::hold what{};  // without a fence: it holds nothing
    holder core;
    bool waits = false;
    instant since{}, act_at{}, leave_at{}, heard_at{};
  };
  simulated_client(const simulation::life& of, std::shared_ptr<scene> all);
  void receive(simulation::member from, message m, instant now, output& out);
  void command_given(const command&, instant, output&) {}
  void tick(instant now, output& out);
  void lost(simulation::member, std::uint32_t, instant now, output& out) { on_time(now, out); }
  instant due() const;
  static void describe(const event& e, std::string& fields);

  const session& its_session() const { return session_; }
  const std::vector<user>& users() const { return users_; }

 private:
  struct pending {
    std::size_t whose = 0;  // a user's place in the list; behind them: the session
    ask what{};
    instant until{};
  };
  void on_time(instant now, output& out);
  void give(std::size_t whose, const input& in, instant now, output& out);
  void obey(session_output& did, instant now, output& out);
  void hear(user& u, const lock::event& e, instant now, output& out);
  void act(std::size_t whose, instant now, output& out);
  void send(std::size_t whose, ask what, instant now, output& out);
  void answered_to(pending p, answer what, instant now, output& out);

  const simulation::member self_;
  const std::uint32_t life_;
  simulation::generator chance_;
  std::shared_ptr<scene> scene_;
  std::shared_ptr<void> presence_;  // ends with the process
  session session_;
  std::vector<user> users_;
  std::map<std::uint64_t, pending> pending_;
  std::uint64_t requests_ = 0, cookies_ = 0;
};

simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how);
simulation::protocol simulated_protocol();
}  // namespace troupe::lock
