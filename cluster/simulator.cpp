#include "cluster/simulator.hpp"

#include "actors/mapreduce/data_executor.hpp"
#include "cluster/life.hpp"
#include "cluster/membership.hpp"
#include "cluster/simulator_probe.hpp"
#include "runtime/journal/memory.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>
namespace troupe::laboratory {
using namespace std::chrono_literals;
namespace {
constexpr std::uint16_t port = 4711;
constexpr auto rebuilds_after = 100ms;  // a downed node's process
constexpr auto view_within = 1s;
constexpr auto sync_takes = 500us;  // of a disk
}  // namespace

// Known by the number of a descriptor, which is the same in all runs, other than its name.
class simulation::directory {
 public:
  directory() : real_{(std::filesystem::temp_directory_path() / "troupe-sim-XXXXXX").string()} {
    if (!::mkdtemp(real_.data())) throw std::runtime_error{"no directory for the simulation's files: " + real_};
    const int fd = ::open(real_.c_str(), O_DIRECTORY | O_CLOEXEC);
    fd_ = ::fcntl(fd, F_DUPFD_CLOEXEC, lowest);
    ::close(fd);
    if (fd_ < 0) throw std::runtime_error{"no descriptor for the simulation's files: raise ulimit -n"};
  }
  ~directory() {
    ::close(fd_);
    std::error_code ignored;
    std::filesystem::remove_all(real_, ignored);
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  static constexpr int lowest = 700;
  std::string real_;
  int fd_ = -1;
};

struct simulated_node::state {
  simulation& home;
  machine& on;
  node_settings settings{};
  starter on_start{};
  std::vector<std::string> disk{};  // what data_directory::remember keeps
  std::shared_ptr<journal::memory_disk> journal = std::make_shared<journal::memory_disk>();
  troupe::simulation::generator bad_luck{1};  // what a kill leaves of what was not synced
  std::filesystem::path files{};
  std::unique_ptr<life> current{};
  std::size_t lives = 0;
  std::string incarnation{};
  event_log_ptr events{};

  life& here() const {
    if (!current) throw std::logic_error{"node " + settings.name + " is down"};
    return *current;
  }
};

simulated_node::simulated_node(std::unique_ptr<state> s) : state_{std::move(s)} {}
simulated_node::~simulated_node() = default;
const std::string& simulated_node::name() const { return state_->settings.name; }
std::string simulated_node::address() const { return state_->settings.listen; }
caf::actor_system& simulated_node::system() { return state_->here().system(); }
caf::actor simulated_node::receptionist() { return state_->here().receptionist(); }
caf::actor simulated_node::gateway() { return state_->here().gateway(); }
caf::actor simulated_node::membership() { return state_->here().membership(); }
caf::actor simulated_node::log() { return state_->here().log(); }
caf::actor simulated_node::tree() { return state_->here().tree(); }
caf::actor simulated_node::names() { return state_->here().names(); }
caf::actor simulated_node::group(const std::string& name, machine_maker make) {
  return state_->here().group(name, std::move(make));
}
event_log_ptr simulated_node::events() const { return state_->events; }
caf::actor simulated_node::own(caf::actor actor) { return state_->here().own(std::move(actor)); }
bool simulated_node::running() const { return state_->current != nullptr; }
bool simulated_node::frozen() const { return state_->on.frozen(); }
std::size_t simulated_node::lives() const { return state_->lives; }
const std::string& simulated_node::incarnation() const { return state_->incarnation; }

member_list simulated_node::members() {
  if (!running() || frozen()) return {};
  auto seen = ask<membership::view_reply>(state_->home, *this, membership(), view_within, membership::get_view{});
  return seen ? rows_of(*seen) : member_list{};
}

simulation::simulation(std::uint64_t seed, simulation_options how)
    : how_{std::move(how)}, world_{seed, how_.network}, directory_{std::make_unique<directory>()}, files_{directory_->path()} {
  (void)log::start({.levels = how_.log});
  world_.log().keep(how_.keep_events || how_.keep_steps);
  world_.keep_steps(how_.keep_steps);
}

simulation::~simulation() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) end(i, true);
  (void)log::start({});
}

simulated_node& simulation::node(std::size_t i) { return *nodes_.at(i); }

std::vector<simulated_node*> simulation::start(std::size_t n, starter on_start) {
  std::vector<simulated_node*> made;
  const auto first = nodes_.size();
  std::vector<std::string> seeds;
  for (std::size_t i = 0; i < std::min(how_.seeds, first > 0 ? first : n); ++i)
    seeds.push_back(wires::address_of(static_cast<host_id>(i)) + ':' + std::to_string(port));
  for (std::size_t i = first; i < first + n; ++i) {
    auto s = std::unique_ptr<simulated_node::state>{new simulated_node::state{
        *this, world_.add(troupe::simulation::name_of(static_cast<host_id>(i))), how_.node, on_start}};
    s->settings.name = s->on.name();
    s->settings.listen = wires::address_of(static_cast<host_id>(i)) + ':' + std::to_string(port);
    s->settings.advertised.clear();
    s->settings.seeds = seeds;
    auto& secret = s->settings.credentials.secret;
    s->settings.credentials = {.secret = secret.empty() ? "the simulator's" : secret, .certificate{}, .key{}, .authority{}};
    s->files = files_ / s->on.name();
    s->bad_luck = troupe::simulation::generator{troupe::simulation::derived(s->on.seed(), 0x6469736b)};
    s->events = event_log::into([this](std::string_view line) { world_.log().append(line); }, s->on.name(),
                                [this] { return world_.when().now().count(); });
    nodes_.push_back(std::unique_ptr<simulated_node>{new simulated_node{std::move(s)}});
    made.push_back(nodes_.back().get());
    boot(i);
  }
  return made;
}

// What node::state::begin does in a process.
void simulation::boot(std::size_t i) {
  auto& s = *nodes_.at(i)->state_;
  if (s.current) return;
  world_.net().power(s.on.here(), true);
  auto world = s.on.environment();
  surroundings ours;
  ours.links = world;
  ours.scheduler_threads = false;
  ours.seed = s.on.seed();
  ours.events = s.events;
  ours.code = how_.code ? how_.code(s.on.name()) : mapreduce::make_data_executor(s.on.seed());
  ours.log = [](const log::settings&) { return result<void, std::string>{}; };  // all nodes share the simulation's
  ours.work = "work";
  ours.wall = [this] { return std::chrono::floor<std::chrono::milliseconds>(world_.now()); };
  ours.has_journal = s.journal->of.has_value();
  ours.journal = [this, &s] {
    return journal::open_memory_store(
        s.journal, {.node = s.settings.name,
                    .life = troupe::simulation::derived(s.on.seed(), 0x6a6f75726e616c),
                    .syncing = [this](std::function<void()> ends) { world_.when().after(sync_takes, std::move(ends)); }});
  };
  s.current = std::make_unique<life>(s.settings, *remoting::parse_endpoint(s.settings.listen), ours);
  const auto mine = ++s.lives;
  s.on.take(s.current->system(), world);
  const auto started = s.current->start({
      .data = s.files,
      .known = s.disk,
      .ended =
          [this, i, mine](ending how) {
            world_.when().after({}, [this, i, mine, how] { ended(i, mine, static_cast<int>(how)); });
            return true;
          },
      .remember = [&s, mine](const std::vector<std::string>& members) {
        if (s.lives == mine) s.disk = members;
      },
  });
  if (!started) throw std::logic_error{"node " + s.settings.name + " cannot start: " + started.error()};
  s.incarnation = s.current->incarnation();
  s.on.users_from_here();
  if (s.on_start) s.on_start(*nodes_[i]);
}

// What node::state::serve does in a process.
void simulation::ended(std::size_t i, std::uint64_t which, int how) {
  auto& s = *nodes_.at(i)->state_;
  if (!s.current || s.lives != which) return;
  switch (static_cast<ending>(how)) {
    case ending::downed: {
      const auto known = s.disk;
      stop(i, "downed");
      s.disk = known;
      if (how_.rebuild_downed)
        world_.when().after(rebuilds_after, [this, i, which] {
          if (nodes_[i]->lives() == which) boot(i);
        });
      return;
    }
    case ending::ordered:
    case ending::signal:
    case ending::stopped:
      return leave(i);
    case ending::left:
      stop(i, "left");
      s.disk.clear();
  }
}

// In order: peers are told.
void simulation::stop(std::size_t i, const char* reason) {
  auto& s = *nodes_.at(i)->state_;
  if (!s.current) return;
  s.current->stop(reason, life::clock::time_point::min());
  end(i, false);
}

// At once: nothing that it would still say is heard.
void simulation::end(std::size_t i, bool at_once) {
  auto& s = *nodes_.at(i)->state_;
  if (!s.current) return;
  if (at_once) {
    world_.net().process_ended(s.on.here());
    s.journal->crash(s.bad_luck, true);
  }
  const bool all = s.on.end();
  if (!all) {
    world_.complain("an actor of node " + s.settings.name +
                    " cannot be ended: it ignores exit messages, or waits in a thread");
    [[maybe_unused]] auto* const abandoned = s.current.release();
  }
  s.current.reset();
  world_.net().process_ended(s.on.here());
}

void simulation::run_for(duration d) { world_.run_to(world_.when().now() + d); }
instant simulation::now() { return world_.when().now(); }
void simulation::after(duration d, std::function<void()> what) { world_.when().after(d, std::move(what)); }

bool simulation::run_until(condition holds, duration limit, duration stride) {
  for (const auto last = now() + limit; !holds(); run_for(stride))
    if (now() >= last || broken() || !complaints().empty()) return false;
  return true;
}

bool simulation::run_until_up(std::size_t members, duration limit) {
  return run_until(
      [&] {
        for (const auto& n : nodes_)
          if (n->running() && !n->frozen() && n->members().up() != members) return false;
        return true;
      },
      limit, 100ms);
}

std::size_t simulation::running() const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& n) { return n->running(); }));
}

probe simulation::watch_from(std::size_t i) {
  probe made{*this, node(i).system()};
  node(i).own(made.actor());
  return made;
}

const std::string& simulation::events() const { return world_.log().text(); }

std::string simulation::recent(std::size_t lines) const {
  std::string text;
  const auto& all = world_.recent();
  for (std::size_t i = all.size() > lines ? all.size() - lines : 0; i < all.size(); ++i) text += "    " + all[i] + '\n';
  return text;
}

void simulation::complain(std::string claim, std::string what) {
  if (verdict_.failed()) return;
  verdict_ = judged();
  verdict_.claim = std::move(claim);
  verdict_.what = std::move(what);
  world_.stop();
}

void simulation::always(std::string claim, std::function<std::string()> holds) {
  if (always_.empty())
    world_.after_each([this] {
      for (const auto& [name, still] : always_)
        if (auto wrong = still(); !wrong.empty()) return complain(name, std::move(wrong));
    });
  always_.emplace_back(std::move(claim), std::move(holds));
}

troupe::simulation::verdict simulation::judged() const {
  if (verdict_.failed()) return verdict_;
  troupe::simulation::verdict v;
  if (!complaints().empty()) {
    v.claim = "the run can be simulated";
    v.what = complaints().front();
  }
  v.at = world_.now();
  v.digest = digest();
  v.steps = steps();
  return v;
}
}  // namespace troupe::laboratory
