#include "cluster/node.hpp"

#include "actors/mapreduce/data_executor.hpp"
#include "actors/mapreduce/protocol.hpp"
#include "actors/mapreduce/tracker.hpp"
#include "actors/mapreduce/worker.hpp"
#include "cluster/data_directory.hpp"
#include "cluster/gateway.hpp"
#include "cluster/membership.hpp"
#include "cluster/receptionist.hpp"
#include "cluster/types.hpp"
#include "cluster/wake.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <thread>

#include <unistd.h>

namespace troupe {
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;
namespace {
std::string default_name() {
  char host[64] = "node";
  ::gethostname(host, sizeof host - 1);
  std::string name{host};
  for (auto& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '-';
  return name.substr(0, 40) + "-" + std::to_string(::getpid());
}

milliseconds until(clock::time_point end) {
  return std::max(1ms, std::chrono::duration_cast<milliseconds>(end - clock::now()));
}

std::uint64_t number_of(const std::string& incarnation) {  // for the event log: 64 of its bits
  return std::strtoull(incarnation.substr(0, 16).c_str(), nullptr, 16);
}

struct life_config : caf::actor_system_config {
  life_config(const node_settings& s, const remoting::endpoint& listen) {
    const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
    set("scheduler.max-threads", s.threads > 0 ? s.threads : std::max<std::int64_t>(2, cores));
    set("scheduler.policy", s.work_stealing ? caf::atom("stealing") : caf::atom("sharing"));
    register_types(*this);
    remoting::settings links;
    links.cluster = s.cluster;
    links.node = s.name;
    links.listen = listen;
    if (!s.advertised.empty()) links.advertised = *remoting::parse_endpoint(s.advertised);
    links.credentials = s.credentials;
    links.bounds = s.links;
    remoting::service::load(*this, std::move(links));
  }
};
}  // namespace

// One incarnation: everything that goes when the node is downed.
class node::life {
 public:
  life(const node_settings& s, const remoting::endpoint& listen)
      : settings_{s}, config_{s, listen}, system_{config_} {}

  result<void, std::string> start(const std::filesystem::path& data, std::vector<std::string> known,
                                  std::function<void(ending)> ended) {
    auto& links = remoting::service::of(system_);
    const auto where = links.listening();
    if (!where) return unexpected{sentence_of(where.error())};
    address_ = to_string(*where);
    if (settings_.events.empty()) {
      events_ = event_log::none();
    } else if (auto opened = event_log::open(settings_.events, settings_.name)) {
      events_ = *opened;
    } else {
      return unexpected{opened.error()};
    }
    incarnation_ = remoting::incarnation_text(links.incarnation());
    events_->write(events::node_started{number_of(incarnation_), address_, settings_.cluster});
    log::info("node", "started",
              {{"address", address_}, {"incarnation", incarnation_.substr(0, 8)}});
    links.directory([book = addresses_](const caf::node_id& id) {
      return book->find(remoting::incarnation_text(remoting::incarnation_of(id)));
    });
    spawn_parts(data, std::move(known), std::move(ended));
    links.gateway(gateway_);
    return {};
  }

  // Tells the others, gives the work back, and waits until that is done or the time is up.
  void leave(clock::time_point end, const std::function<bool()>& has_left) {
    caf::scoped_actor self{system_};
    self->request(worker_, until(clock::now() + (end - clock::now()) / 2), mapreduce::leave_work{})
        .receive([](const mapreduce::worker_leaves&) {},
                 [](const caf::error& e) {
                   log::warn("node", "leaving with work that is not handed over",
                             {{"reason", sentence_of(e)}});
                 });
    bool accepted = false;
    self->request(membership_, until(end), membership::leave{settings_.name})
        .receive([&] { accepted = true; },
                 [](const caf::error& e) {
                   log::warn("node", "leaving without a word", {{"reason", sentence_of(e)}});
                 });
    while (accepted && !has_left() && clock::now() < end) std::this_thread::sleep_for(5ms);
  }

  // False where an actor was still running at `end`: this life can then only be abandoned.
  bool stop(const char* reason, clock::time_point end) {
    for (auto* group : {&owned_, &parts_}) {
      const std::lock_guard guard{mutex_};
      for (auto it = group->rbegin(); it != group->rend(); ++it)
        caf::anon_send_exit(*it, caf::exit_reason::user_shutdown);
      group->clear();
    }
    gateway_ = receptionist_ = membership_ = tracker_ = worker_ = nullptr;
    remoting::service::of(system_).stop();
    while (system_.registry().running() > 0 && clock::now() < end) std::this_thread::sleep_for(2ms);
    events_->write(events::node_stopped{number_of(incarnation_), reason});
    log::info("node", "stopped", {{"reason", reason}});
    return system_.registry().running() == 0;
  }

  caf::expected<membership::view_reply> view(milliseconds timeout) {
    caf::expected<membership::view_reply> seen{make_error(errc::timeout)};
    caf::scoped_actor self{system_};
    self->request(membership_, timeout, membership::get_view{})
        .receive([&](membership::view_reply& v) { seen = std::move(v); },
                 [&](caf::error& e) { seen = std::move(e); });
    return seen;
  }
  caf::actor own(caf::actor actor) {
    const std::lock_guard guard{mutex_};
    owned_.push_back(actor);
    return actor;
  }

  caf::actor_system& system() { return system_; }
  const std::string& address() const { return address_; }
  const caf::actor& receptionist() const { return receptionist_; }
  const caf::actor& membership() const { return membership_; }
  const event_log_ptr& events() const { return events_; }
  std::vector<std::string> known() {
    const auto seen = view(1s);
    return seen ? seen->known : addresses_->all();
  }

 private:
  void spawn_parts(const std::filesystem::path& data, std::vector<std::string> known,
                   std::function<void(ending)> ended) {
    const auto& s = settings_;
    membership_ =
        spawn_membership(system_, {.how = s.membership,
                                   .name = s.name,
                                   .address = s.advertised.empty() ? address_ : s.advertised,
                                   .roles = s.roles,
                                   .seeds = s.seeds,
                                   .known = std::move(known),
                                   .events = events_});
    receptionist_ = spawn_receptionist(system_, membership_);
    const std::shared_ptr<mapreduce::executor> code = mapreduce::make_data_executor();
    tracker_ = mapreduce::spawn_tracker(
        system_, {.id = s.name, .epoch = number_of(incarnation_), .code = code, .events = events_});
    worker_ = mapreduce::spawn_worker(system_, {.id = s.name,
                                                .directory = (data / "mapreduce").string(),
                                                .map_slots = s.map_slots,
                                                .reduce_slots = s.reduce_slots,
                                                .tracker = tracker_,
                                                .code = code});
    gateway_ = spawn_gateway(system_, {.node = s.name,
                                       .cluster = s.cluster,
                                       .membership = membership_,
                                       .receptionist = receptionist_,
                                       .tracker = tracker_,
                                       .worker = worker_,
                                       .addresses = addresses_,
                                       .ended = std::move(ended)});
    caf::anon_send(tracker_, peer_up{s.name, worker_});
    parts_ = {membership_, receptionist_, tracker_, worker_, gateway_};
  }

  const node_settings settings_;
  life_config config_;
  caf::actor_system system_;
  std::shared_ptr<address_book> addresses_ = std::make_shared<address_book>();
  event_log_ptr events_ = event_log::none();
  std::string address_, incarnation_;
  caf::actor membership_, receptionist_, tracker_, worker_, gateway_;
  std::mutex mutex_;
  std::vector<caf::actor> parts_, owned_;
};

struct node::state {
  node_settings settings;
  callback on_start;
  wake signals;
  std::optional<data_directory> directory;
  std::optional<remoting::endpoint> listen;  // the port stays the same in all lives
  std::unique_ptr<life> current;
  std::atomic<bool> left = false;
  std::atomic<std::uint64_t> lives = 0;  // what an earlier life still says does not count

  result<void, std::string> begin(node& self, std::vector<std::string> known) {
    left = false;
    const auto number = ++lives;
    auto fresh = std::make_unique<life>(settings, *listen);
    auto started = fresh->start(directory->path(), std::move(known), [this, number](ending how) {
      if (number != lives) return;
      if (how == ending::left) left = true;
      signals.raise(static_cast<int>(how));
    });
    if (!started) {
      fresh->stop("could not start", clock::now() + settings.stop_within);
      return started;
    }
    listen = *remoting::parse_endpoint(fresh->address());
    current = std::move(fresh);
    if (on_start) on_start(self);
    return {};
  }

  void end(bool leave_first, const char* reason) {
    if (!current) return;
    const auto last = clock::now() + settings.stop_within;
    if (leave_first)
      current->leave(clock::now() + settings.stop_within * 2 / 3, [this] { return left.load(); });
    ++lives;
    if (!current->stop(reason, last)) {
      log::error("node", "actors of the user still run: their system is abandoned",
                 {{"actors", current->system().registry().running()}});
      [[maybe_unused]] auto* const abandoned =
          current.release();  // destroying it would wait for ever
    }
    current.reset();
  }
};

node::node(node_settings settings, callback on_start) : state_{std::make_unique<state>()} {
  state_->settings = std::move(settings);
  state_->on_start = std::move(on_start);
  if (state_->settings.name.empty()) state_->settings.name = default_name();
}

node::~node() { stop(); }

result<void, std::string> node::start() {
  auto& s = *state_;
  if (s.current) return {};
  if (auto wrong = complaint(s.settings); !wrong.empty()) return unexpected{std::move(wrong)};
  log::name_node(s.settings.name);
  if (!s.directory) {
    auto taken = data_directory::take(s.settings.data, s.settings.name);
    if (!taken) return unexpected{taken.error()};
    s.directory.emplace(std::move(*taken));
  }
  s.listen = *remoting::parse_endpoint(s.settings.listen);
  return s.begin(*this, {});
}

exit_code node::run() {
  auto& s = *state_;
  if (const auto started = start(); !started) {
    log::error("node", "cannot start", {{"reason", started.error()}});
    return exit_code::not_done;
  }
  for (;;) {
    switch (static_cast<ending>(s.signals.wait())) {
      case ending::downed: {
        log::warn("node", "the cluster has declared this node dead: building it anew");
        const auto known = s.current->known();
        s.end(false, "downed");
        while (!s.begin(*this, known)) {  // the old listener may take a moment to go
          if (s.signals.wait_for(500ms)) return exit_code::not_done;
        }
        break;
      }
      case ending::left:
        s.end(false, "left");
        return exit_code::done;
      case ending::signal:
      case ending::ordered:
      case ending::stopped:
        s.end(true, "stopped");
        return exit_code::done;
    }
  }
}

void node::stop() {
  state_->end(true, "stopped");
  state_->directory.reset();
}

const std::string& node::name() const { return state_->settings.name; }
std::string node::address() const { return state_->current->address(); }
caf::actor_system& node::system() { return state_->current->system(); }
caf::actor node::receptionist() { return state_->current->receptionist(); }
caf::actor node::membership() { return state_->current->membership(); }
event_log_ptr node::events() const { return state_->current->events(); }
caf::actor node::own(caf::actor actor) { return state_->current->own(std::move(actor)); }

std::vector<management::member_row> node::members() {
  const auto seen = state_->current->view(5s);
  return seen ? rows_of(*seen) : std::vector<management::member_row>{};
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
