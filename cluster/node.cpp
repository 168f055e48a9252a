#include "cluster/node.hpp"

#include "cluster/data_directory.hpp"
#include "cluster/life.hpp"
#include "cluster/membership.hpp"
#include "cluster/wake.hpp"
#include "runtime/log.hpp"
#include "runtime/shutdown.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include <caf/logger.hpp>
#include <unistd.h>

namespace troupe {
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;
namespace {
constexpr auto ends_after = 1s;  // beyond settings.stop_within, for destructors

std::string default_name() {
  char host[64] = "node";
  ::gethostname(host, sizeof host - 1);
  std::string name{host};
  for (auto& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '-';
  return name.substr(0, 40) + "-" + std::to_string(::getpid());
}
}  // namespace

struct node::state {
  node_settings settings;
  callback on_start;
  wake signals;
  std::optional<data_directory> directory;
  std::optional<remoting::endpoint> listen;  // the port stays the same in all lives
  std::atomic<bool> left = false;
  std::atomic<bool> served = false;  // somebody waits for what parts of the node have to say

  // Whose turn it is to start, run or end the node: one thread at a time.
  std::mutex turns;
  std::condition_variable passed_on;
  std::optional<std::thread::id> whose;
  bool to_stop = false;  // whoever has the turn should give it up

  std::mutex lives;           // guards the rest
  clock::time_point began{};  // one that is over at once is not followed at once
  std::uint64_t number = 0;   // what an earlier life still says does not count
  std::shared_ptr<life> current;

  std::shared_ptr<life> alive() {
    const std::lock_guard guard{lives};
    return current;
  }
  life& here() {
    const auto found = alive();
    if (!found) throw std::logic_error{"the node is not started, or has ended"};
    return *found;
  }

  bool say(std::uint64_t from, ending how) {
    const std::lock_guard guard{lives};
    if (from != number) return true;
    if (how == ending::left) left = true;
    signals.raise(static_cast<int>(how));
    return served;
  }

  result<void, std::string> begin(node& self, std::vector<std::string> known) {
    std::uint64_t mine = 0;
    {
      const std::lock_guard guard{lives};
      left = false;
      mine = ++number;
      began = clock::now();
      signals.forget();
    }
    auto fresh = std::make_shared<life>(settings, *listen);
    auto started = fresh->start({
        .data = directory->path(),
        .known = std::move(known),
        .ended = [this, mine](ending how) { return say(mine, how); },
        .remember =
            [this, mine](const std::vector<std::string>& members) {
              const std::lock_guard guard{lives};
              if (mine == number) directory->remember(members);
            },
    });
    if (!started) {
      fresh->stop("could not start", clock::now() + settings.stop_within);
      return started;
    }
    listen = *remoting::parse_endpoint(fresh->address());
    {
      const std::lock_guard guard{lives};
      current = std::move(fresh);
    }
    if (on_start) on_start(self);
    return {};
  }

  void end(bool leave_first, const char* reason) {
    if (!alive()) return;
    const auto last = clock::now() + settings.stop_within;
    const watchdog bound{"the end of node " + settings.name, settings.stop_within + ends_after};
    auto ending_now = alive();  // the last to hold it, so that its destructor is watched as well
    if (leave_first)
      ending_now->leave(clock::now() + settings.stop_within * 2 / 3,
                        [this] { return left.load(); });
    {
      const std::lock_guard guard{lives};
      ++number;
    }
    const bool stopped = ending_now->stop(reason, last);
    if (left) directory->remember({});
    const std::lock_guard guard{lives};
    current.reset();
    if (stopped) return;
    log::error("node", "actors of the user still run: their system is abandoned",
               {{"actors", ending_now->system().registry().running()}});
    // never destroyed, for that would wait for ever
    [[maybe_unused]] auto* const abandoned = new std::shared_ptr<life>{std::move(ending_now)};
  }

  // Nothing: it goes on, anew after it was downed.
  std::optional<exit_code> serve(node& self, int what) {
    switch (static_cast<ending>(what)) {
      case ending::downed:
        return rebuild(self);
      case ending::left:
        end(false, "left");
        return exit_code::done;
      case ending::signal:
      case ending::ordered:
      case ending::stopped:
        end(true, "stopped");
        return exit_code::done;
    }
    return std::nullopt;
  }

  std::optional<exit_code> rebuild(node& self) {
    log::warn("node", "this life of the node is over: building it anew");
    const auto known = alive() ? alive()->known() : directory->members();
    end(false, "downed");
    std::string last;
    for (bool at_once = clock::now() - began > 1s;; at_once = false) {
      const auto what = at_once ? std::nullopt : signals.wait_for(500ms);
      if (to_stop_now() || (what && ends(static_cast<ending>(*what)))) return exit_code::done;
      const auto begun = begin(self, known);
      if (begun) return std::nullopt;
      if (begun.error() != last)  // mostly the old listener, which takes a moment to go
        log::error("node", "cannot be built anew yet", {{"reason", begun.error()}});
      last = begun.error();
    }
  }
  static bool ends(ending what) {
    return what == ending::signal || what == ending::ordered || what == ending::stopped;
  }
  bool to_stop_now() {
    const std::lock_guard guard{turns};
    return to_stop;
  }
};

// Held while a thread starts, runs or ends the node; not taken where this thread has it already.
class node::turn {
 public:
  explicit turn(state& s) : state_{s} {
    std::unique_lock lock{s.turns};
    if (s.whose == std::this_thread::get_id()) return;
    s.passed_on.wait(lock, [&] { return !s.whose; });
    s.whose = std::this_thread::get_id();
    taken_ = true;
  }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() {
    if (!taken_) return;
    // Whichever thread destroys a system waits until all that had to do with it have let go of its logger (CAF 0.17.6).
    caf::logger::set_current_actor_system(nullptr);
    {
      const std::lock_guard guard{state_.turns};
      state_.whose.reset();
    }
    state_.passed_on.notify_all();
  }
  bool taken() const { return taken_; }

 private:
  state& state_;
  bool taken_ = false;
};

node::node(node_settings settings, callback on_start) : state_{std::make_unique<state>()} {
  state_->settings = std::move(settings);
  state_->on_start = std::move(on_start);
  if (state_->settings.name.empty()) state_->settings.name = default_name();
}

node::~node() { stop(); }

result<void, std::string> node::start() {
  auto& s = *state_;
  if (s.alive()) return {};  // also while another thread runs it
  const turn mine{s};
  if (s.alive() || !mine.taken()) return {};
  return begin();
}

result<void, std::string> node::begin() {
  auto& s = *state_;
  if (auto wrong = complaint(s.settings); !wrong.empty()) return unexpected{std::move(wrong)};
  log::name_node(s.settings.name);
  if (!s.directory) {
    auto taken = data_directory::take(s.settings.data, s.settings.name);
    if (!taken) return unexpected{taken.error()};
    s.directory.emplace(std::move(*taken));
  }
  s.listen = *remoting::parse_endpoint(s.settings.listen);
  return s.begin(*this, s.directory->members());
}

exit_code node::run() {
  auto& s = *state_;
  const turn mine{s};
  s.served = true;
  if (!s.alive()) {
    if (const auto begun = begin(); !begun) {
      log::error("node", "cannot start", {{"reason", begun.error()}});
      return exit_code::not_done;
    }
  }
  for (;;) {
    // a wish to stop may have been told while a life was being built
    const int what = s.to_stop_now() ? static_cast<int>(ending::stopped) : s.signals.wait();
    if (const auto ended = s.serve(*this, what)) return *ended;
  }
}

bool node::stop_requested(milliseconds wait) {
  auto& s = *state_;
  const turn mine{s};
  s.served = true;
  const auto end = clock::now() + wait;
  while (s.alive()) {
    if (s.to_stop_now()) return true;
    const auto left = std::chrono::duration_cast<milliseconds>(end - clock::now());
    const auto what = s.signals.wait_for(std::max(left, 0ms));
    if (what && state::ends(static_cast<ending>(*what))) return true;
    if (what && s.serve(*this, *what)) return true;
    if (clock::now() >= end) return false;
  }
  return true;
}

void node::stop() {
  auto& s = *state_;
  {
    const std::lock_guard guard{s.turns};
    s.to_stop = s.whose.has_value();
    if (s.to_stop) s.signals.raise(static_cast<int>(ending::stopped));
    if (s.whose == std::this_thread::get_id()) return;  // whoever called us ends it
  }
  const turn mine{s};
  s.end(true, "stopped");
  s.directory.reset();
  const std::lock_guard guard{s.turns};
  s.to_stop = false;
}

const std::string& node::name() const { return state_->settings.name; }
std::string node::address() const { return state_->here().address(); }
caf::actor_system& node::system() { return state_->here().system(); }
caf::actor node::receptionist() { return state_->here().receptionist(); }
caf::actor node::membership() { return state_->here().membership(); }
caf::actor node::log() { return state_->here().log(); }
caf::actor node::tree() { return state_->here().tree(); }
caf::actor node::names() { return state_->here().names(); }
caf::actor node::group(const std::string& name, machine_maker make) {
  return state_->here().group(name, std::move(make));
}
event_log_ptr node::events() const { return state_->here().events(); }
caf::actor node::own(caf::actor actor) { return state_->here().own(std::move(actor)); }

member_list node::members() {
  const auto now = state_->alive();
  if (!now) return {};
  const auto seen = now->view(5s);
  return seen ? rows_of(*seen) : member_list{};
}

bool node::wait_for_members(std::size_t up, milliseconds timeout) {
  const auto end = clock::now() + timeout;
  for (;;) {
    const auto seen = members();
    const auto there =
        std::count_if(seen.begin(), seen.end(), [](const auto& m) { return m.state == "up"; });
    if (static_cast<std::size_t>(there) >= up) return true;
    if (clock::now() >= end) return false;
    std::this_thread::sleep_for(20ms);
  }
}

bool node::wait_until_up(milliseconds timeout) {
  const auto end = clock::now() + timeout;
  for (;;) {
    for (const auto& m : members())
      if (m.name == name() && m.address.size() > 0 && m.state == "up") return true;
    if (clock::now() >= end) return false;
    std::this_thread::sleep_for(20ms);
  }
}
}  // namespace troupe
