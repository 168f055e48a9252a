// A whole cluster in one process, from one seed, under virtual time: the nodes that a process would run, each its own
// actor system, joined by simulated connections that carry the links' real bytes.
//   laboratory::simulation sim{seed};
//   auto nodes = sim.start(5);
//   sim.partition({0, 1}, {2, 3, 4});
//   sim.run_for(30s);
//   CHECK(sim.all_of({2, 3, 4}, [](auto& n) { return n.members().up() == 3; }));
// Sources: J. Zhou et al., "FoundationDB", SIGMOD 2021, section 4 (a simulated cluster in one thread); what goes wrong
//   is patterns/simulation/fault.hpp's, drawn in swarms.
//   Promises  the same seed, program and calls give the same run, message by message, in every process and build: see
//             `digest`, and `campaign` below, which runs each seed twice
//             what runs is what a process runs (cluster/life.hpp); other are the sockets, time, chance, the scheduler's
//             threads and the event log's file (cluster/surroundings.hpp); TLS is off
//   Assumes   actors that take time from their clock() and chance from fresh_seed (runtime/chance.hpp), and threads, if
//             they must, from runtime/blocking.hpp. One thread calls it
//   Beware    a handler takes no virtual time, however long it runs
//             what a node's actors have in memory is gone when it is killed; the simulator keeps nothing of it
//             the digest has each message's receiver and order, and its bytes where it crosses nodes
//             the process's log is the simulation's while it lives, and then has its defaults again
//   Costs     some microseconds a message: hundreds of times faster than real for idle nodes
#pragma once
#include "cluster/local_node.hpp"
#include "cluster/settings.hpp"
#include "patterns/simulation/verdict.hpp"
#include "runtime/simulator/conductor.hpp"
#include "runtime/simulator/probe.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/expected.hpp>
#include <caf/message.hpp>
namespace troupe::mapreduce {
class executor;
}
namespace troupe::laboratory {
class simulation;
class simulated_node;
using node_ids = std::vector<std::size_t>;
using starter = std::function<void(local_node&)>;

struct simulation_options {
  node_settings node{};  // of each; its name, addresses, seeds and files are the simulator's affair
  wire_conditions network{};
  std::size_t seeds = 3;       // so many of the first nodes are seeds
  bool keep_events = true;     // for events()
  bool keep_steps = false;     // which also tells of each message, then
  std::string log = "off";     // levels, as in log::settings; its lines bear the real time
  bool rebuild_downed = true;  // as a process does
  // Of MapReduce jobs; none: that of processes, with the machine's files.
  std::function<std::shared_ptr<mapreduce::executor>(const std::string& node)> code{};
};

// One of the nodes, through all of its lives.
class simulated_node final : public local_node {
 public:
  ~simulated_node() override;
  const std::string& name() const override;
  std::string address() const override;
  // These throw std::logic_error while it is down.
  caf::actor_system& system() override;
  caf::actor receptionist() override;
  caf::actor membership() override;
  caf::actor log() override;
  caf::actor tree() override;
  caf::actor names() override;
  caf::actor group(const std::string& name, machine_maker make) override;
  event_log_ptr events() const override;
  caf::actor own(caf::actor actor) override;

  member_list members() override;  // none while it is down or frozen
  caf::actor gateway();    // what clients speak to: the requests of management.hpp
  bool running() const;
  bool frozen() const;
  std::size_t lives() const;  // that it has begun
  const std::string& incarnation() const;  // of this life, or the last

 private:
  friend class simulation;
  struct state;
  explicit simulated_node(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

class simulation final : public clockwork {
 public:
  explicit simulation(std::uint64_t seed, simulation_options how = {});
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;
  ~simulation() override;

  // So many more nodes, which start now and find each other; `on_start` is called in each of their lives.
  std::vector<simulated_node*> start(std::size_t n, starter on_start = {});
  simulated_node& node(std::size_t i);
  simulated_node& operator[](std::size_t i) { return node(i); }
  std::size_t size() const { return nodes_.size(); }

  // Time.
  void run_for(duration d);
  bool run_until(condition holds, duration limit, duration stride = std::chrono::milliseconds{10}) override;
  bool run_until_up(std::size_t members, duration limit);  // each running node sees so many, all up
  instant now() override;
  void after(duration d, std::function<void()> what);  // which must not let time pass itself

  // Faults. Those by number hold until they are taken back.
  void kill(std::size_t i);       // as SIGKILL: connections break
  void power_off(std::size_t i);  // the same, and nobody is told
  void restart(std::size_t i);    // a new life, on the old disk
  void leave(std::size_t i);      // in order
  void freeze(std::size_t i);     // as SIGSTOP
  void thaw(std::size_t i);
  void cut(std::size_t from, std::size_t to);
  void partition(const node_ids& one, const node_ids& other);  // both ways
  void heal();                                                 // all cuts and partitions by hand
  void reset(std::size_t a, std::size_t b);                    // their connections break, once
  void strike(const troupe::simulation::fault& f);  // from its `at` on, from now, for its length
  void begin(const troupe::simulation::plan& p);    // all of its faults, from now on
  void run(const troupe::simulation::plan& p);      // the same, and its time and calm pass

  // Claims. The first that breaks ends the run, and is what `judged` tells.
  void complain(std::string claim, std::string what);
  // Asked whenever something has happened; an empty text while it holds, else what is wrong.
  void always(std::string claim, std::function<std::string()> holds);
  bool broken() const { return verdict_.failed(); }
  troupe::simulation::verdict judged() const;  // what keeps a run from repeating itself breaks it, too

  // Questions.
  template <class Holds>
  bool all_of(const node_ids& which, Holds holds) {
    for (const auto i : which)
      if (!holds(node(i))) return false;
    return true;
  }
  std::size_t running() const;
  // An actor on a node that sends, and keeps what comes.
  probe watch_from(std::size_t i);

  std::uint64_t digest() const { return world_.digest(); }
  std::uint64_t steps() const { return world_.steps(); }
  // A directory of the simulation's own for files that are part of it. Its name is the same in each run, so that it may
  // stand in messages.
  const std::filesystem::path& files() const { return files_; }
  const std::string& events() const;  // JSON lines, of all nodes, in virtual time
  std::string recent(std::size_t lines) const;  // with keep_steps: the last messages to your actors, as a timeline
  // What makes the run one that does not repeat itself: sentences; none is well.
  const std::vector<std::string>& complaints() const { return world_.complaints(); }
  conductor& world() { return world_; }

 private:
  friend class simulated_node;
  struct cut_by_hand {
    std::size_t from = 0, to = 0;
  };
  void boot(std::size_t i);
  void end(std::size_t i, bool at_once);
  void stop(std::size_t i, const char* reason);
  void ended(std::size_t i, std::uint64_t life, int how);
  void turn(const troupe::simulation::fault& f, bool on);
  node_ids those(const std::vector<troupe::simulation::member>& named) const;

  const simulation_options how_;
  conductor world_;
  std::vector<std::unique_ptr<simulated_node>> nodes_;
  std::vector<cut_by_hand> cuts_;
  troupe::simulation::verdict verdict_{};
  std::vector<std::pair<std::string, std::function<std::string()>>> always_;
  class directory;
  std::unique_ptr<directory> directory_;  // of all machines; gone with the simulation
  const std::filesystem::path files_;
};
}  // namespace troupe::laboratory
