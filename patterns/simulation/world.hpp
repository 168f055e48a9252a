// A world of cores: members with clocks of their own, a network, disks, and faults, all from one
// seed; claims that are checked after each step, and claims that hold again once faults have ended.
// Sources: J. Zhou et al., "FoundationDB", SIGMOD 2021, section 4 (deterministic simulation);
//   TigerBeetle's VOPR and W. Wilson's talk "Testing Distributed Systems w/ Deterministic
//   Simulation" (Strange Loop 2014) for crashes at the worst moment.
//   world<counter_host> w{seed};
//   for (int i = 0; i < 3; ++i) w.add([](const life& of) { return counter_host{of}; });
//   w.always("never less than acknowledged", [](const auto& w, member m) { return std::string{}; });
//   const verdict v = w.run(draw(seed, 3, 30s, 30s, everything(30s)));
//   Promises  the same seed, members, claims and plan give the same run, to the last step, on every
//             machine: see `digest`
//             what one step persists is synced before what it sends leaves (host.hpp); a crash may
//             come at any moment between
//             nothing steps while it is down or frozen; ticks never come before they are due
//   Assumes   hosts and claims draw no chance but from `life::seed`, and go by no pointer's order
//   Beware    the first claim that breaks ends the run
//   Costs     a heap operation and some draws a step; the host's own work is usually more
#pragma once
#include "patterns/simulation/clock.hpp"
#include "patterns/simulation/event_queue.hpp"
#include "patterns/simulation/host.hpp"
#include "patterns/simulation/network.hpp"
#include "patterns/simulation/trace.hpp"
#include "patterns/simulation/verdict.hpp"

#include <deque>
#include <functional>
#include <memory>
namespace troupe::simulation {
template <hosts Host>
class world {
 public:
  using message = typename Host::message;
  using command = typename Host::command;
  using event = typename Host::event;
  using output = effects_of<Host>;
  using maker = std::function<Host(const life&)>;
  struct seen {
    instant at{};
    member node = 0;
    event what{};
  };

  // With `lines`, log() keeps what happens as text.
  explicit world(std::uint64_t seed, conditions usual = {}, bool lines = false)
      : seed_(seed), usual_(usual), network_(usual), chance_(derived(seed, 2)) {
    trace_.keep(lines);
  }
  world(const world&) = delete;  // claims hold on to it
  world& operator=(const world&) = delete;

  // Members are numbered in order, and start at once; later with `start`, if not `running`.
  member add(maker make, bool running = true, std::string name = {});
  void start(member m);

  // A claim returns an empty text while it holds, else what is wrong. `always` is asked after each
  // step of the member; `within`, after `limit` from the end of all faults on, every `stride`.
  using step_claim = std::function<std::string(const world&, member)>;
  using calm_claim = std::function<std::string(const world&)>;
  void always(std::string name, step_claim holds);
  void within(std::string name, duration limit, calm_claim holds);

  // Runs all of a plan: its faults, then its calm.
  verdict run(const plan& p);
  // By hand.
  void run_for(duration d) { run_to(now_ + d); }
  template <class Holds>
  bool run_until(Holds holds, duration limit, duration stride = std::chrono::milliseconds{50}) {
    for (const instant end = now_ + limit; !holds(); run_for(stride)) {
      if (now_ >= end || broken()) return false;
    }
    return true;
  }
  void give(member m, command c, duration after = {});  // lost if it is down by then
  void call(duration after, std::function<void(world&)> what);
  void strike(fault f);  // `at` from now on
  void crash(member m, bool tear = false, bool rot = false);
  void freeze(member m) {
    if (nodes_[m]->host) nodes_[m]->frozen.push_back(by_hand);
  }
  void thaw(member m) { warm(m, by_hand); }
  void cut(member from, member to);
  void partition(const std::vector<member>& side);
  void heal();  // of faults too

  const Host* at(member m) const { return nodes_[m]->host ? &*nodes_[m]->host : nullptr; }
  const std::string& name(member m) const { return nodes_[m]->name; }
  std::uint32_t lives(member m) const { return nodes_[m]->lives; }
  bool frozen(member m) const { return !nodes_[m]->frozen.empty(); }
  // Since when it runs without a break, if it does.
  instant runs_since(member m) const { return nodes_[m]->runs_since; }
  const disk& store(member m) const { return nodes_[m]->store; }
  std::uint64_t sent(member m) const { return nodes_[m]->sent; }
  instant local(member m) const { return nodes_[m]->clock.local(now_); }
  bool passes(member from, member to) const { return network_.passes(from, to); }
  member size() const { return static_cast<member>(nodes_.size()); }
  instant now() const { return now_; }
  const conditions& usual() const { return usual_; }
  // Since when no fault lasts and all that was frozen goes on; none: one lasts.
  std::optional<instant> calm_since() const;
  std::uint64_t steps() const { return steps_; }
  generator& chance() { return chance_; }
  const std::vector<seen>& events() const { return events_; }
  void forget_events() { events_.clear(); }
  bool broken() const { return verdict_.failed(); }
  // A claim of the caller's own, checked by itself.
  void complain(std::string claim, std::string what);
  verdict judged() const;
  std::uint64_t digest() const { return trace_.digest(); }
  const trace& log() const { return trace_; }

 private:
  enum kind : std::uint8_t {
    arrives,
    ticks,
    syncs,
    restarts,
    told,
    commanded,
    begins,
    ends,
    calls
  };
  static constexpr std::uint32_t by_hand = ~std::uint32_t{0};
  struct flight {
    member from = 0;
    message what{};
  };
  struct death {
    member whose = 0;
    std::uint32_t life = 0;
  };
  struct batch {  // waits for a sync
    std::uint64_t upto = 0;
    std::vector<letter<message>> send{};
    std::vector<event> events{};
  };
  struct node {
    explicit node(generator own) : chance(own) {}
    std::string name{};
    maker make{};
    std::optional<Host> host{};
    std::uint32_t lives = 0;
    instant runs_since{};
    bool left = false;
    std::vector<std::uint32_t> down, frozen;  // the faults that hold it
    std::vector<happening> waiting;           // arrived while it was frozen
    drifting_clock clock{};
    generator chance;  // of what it sends, and of its disk
    disk store{};
    duration slow{};
    bool syncing = false;
    std::deque<batch> held{};
    std::optional<std::pair<fault_kind, std::uint32_t>> armed{};  // a crash at the next persist
    std::uint32_t tick_ticket = 0;
    bool tick_pending = false;
    instant tick_for{};
    std::uint32_t sync_ticket = 0;
    std::uint64_t sent = 0;
  };

  void run_to(instant end);
  void happen(const happening& h);
  void occur(const happening& h, node& n);
  void boot(member m, bool rebuilt = false);
  template <class F>
  void step(member m, F&& take);
  void carry_out(member m);
  void release(member m);
  void transmit(member m, std::vector<letter<message>>& send);
  void publish(member m, std::vector<event>& all);
  void stopped(member m, std::optional<duration> again);
  void schedule(member m);
  void start_sync(member m);
  void synced(member m, std::uint64_t upto);
  void drop(const happening& h);
  void begin(std::uint32_t id);
  void end(std::uint32_t id);
  void warm(member m, std::uint32_t by);
  template <class F>
  void each(const fault& f, F&& what);
  void note(member m, std::string_view what);

  const std::uint64_t seed_;
  const conditions usual_;
  network network_;
  generator chance_;
  trace trace_;
  instant now_{};
  instant stuck_at_{};
  std::uint64_t steps_ = 0, stuck_ = 0;
  event_queue queue_;
  pool<flight> flights_;
  pool<command> commands_;
  pool<death> deaths_;
  std::vector<std::unique_ptr<node>> nodes_;
  std::vector<fault> faults_;
  std::uint32_t lasting_ = 0, cuts_ = 0;  // faults of plans, and by hand
  instant calm_since_{};
  std::vector<std::function<void(world&)>> calls_;
  std::vector<std::pair<std::string, step_claim>> always_;
  struct promise {
    std::string name;
    duration limit;
    calm_claim holds;
  };
  std::vector<promise> within_;
  std::vector<seen> events_;
  output out_;
  verdict verdict_;
};
}  // namespace troupe::simulation

#include "patterns/simulation/world_faults.hpp"
#include "patterns/simulation/world_steps.hpp"
