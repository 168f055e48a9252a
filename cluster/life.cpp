#include "cluster/life.hpp"

#include "actors/consensus/client.hpp"
#include "actors/mapreduce/data_executor.hpp"
#include "actors/mapreduce/protocol.hpp"
#include "actors/mapreduce/tracker.hpp"
#include "actors/mapreduce/worker.hpp"
#include "actors/storage/names.hpp"
#include "cluster/cluster_config.hpp"
#include "cluster/downing_lease.hpp"
#include "cluster/elections.hpp"
#include "cluster/groups.hpp"
#include "cluster/membership.hpp"
#include "cluster/membership_events.hpp"
#include "cluster/receptionist.hpp"
#include "cluster/tree_keeper.hpp"
#include "cluster/types.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/journal/store.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <thread>

#include <caf/all.hpp>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::open_group)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::want_tree)

namespace troupe {
using std::chrono::milliseconds;
using namespace std::chrono_literals;
namespace {
milliseconds until(life::clock::time_point end) {
  return std::max(1ms, std::chrono::duration_cast<milliseconds>(end - life::clock::now()));
}

// A thread that has had an actor of a system keeps that system's logger, and ~actor_system waits for it for ever. So this
// one lets go of it. (CAF 0.17.6: logger_dtor_done_)
struct let_go_of_logger {
  ~let_go_of_logger() { caf::logger::set_current_actor_system(nullptr); }
};

// Sees to it that no node goes on without one of its parts: it would answer clients, and do nothing else.
class watch : public caf::event_based_actor {
 public:
  using parts = std::map<std::string, caf::actor>;
  watch(caf::actor_config& config, const parts& all, std::function<bool(ending)> ended)
      : caf::event_based_actor{config}, ended_{std::move(ended)} {
    for (const auto& [name, part] : all) {
      names_[part.address()] = name;
      monitor(part);
    }
  }
  const char* name() const override { return "watch"; }
  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      if (gone.reason == caf::exit_reason::user_shutdown) return;
      log::error("node", "a part of the node has ended",
                 {{"part", names_[gone.source]}, {"reason", sentence_of(gone.reason)}});
      ended_(ending::downed);
    });
    return {[](caf::unit_t) {}};  // it lives for its monitors
  }

 private:
  std::map<caf::actor_addr, std::string> names_;
  const std::function<bool(ending)> ended_;
};
}  // namespace

life::config::config(const node_settings& s, const remoting::endpoint& listen,
                     const surroundings& world) {
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  set("scheduler.max-threads", s.threads > 0 ? s.threads : std::max<std::int64_t>(2, cores));
  set("scheduler.policy", !world.scheduler_threads ? caf::atom("testing")
                          : s.work_stealing        ? caf::atom("stealing")
                                                   : caf::atom("sharing"));
  if (world.seed) fix_seed(*this, *world.seed);
  register_types(*this);
  if (s.configure) s.configure(*this);
  remoting::settings links;
  links.cluster = s.cluster;
  links.node = s.name;
  links.listen = listen;
  if (!s.advertised.empty()) links.advertised = *remoting::parse_endpoint(s.advertised);
  links.credentials = s.credentials;
  links.bounds = s.links;
  links.link = s.sessions;
  remoting::load(*this, std::move(links), world.links ? world.links : remoting::real_environment());
}

life::life(const node_settings& s, const remoting::endpoint& listen, surroundings world)
    : settings_{s}, world_{std::move(world)}, config_{s, listen, world_}, system_{config_} {}

result<void, std::string> life::start(beginning with) {
  auto& links = remoting::service::of(system_);
  const auto where = links.listening();
  if (!where) return unexpected{sentence_of(where.error())};
  address_ = to_string(*where);
  if (world_.events) {
    events_ = world_.events;
  } else if (!settings_.events.empty()) {
    auto opened = event_log::open(settings_.events, settings_.name);
    if (!opened) return unexpected{opened.error()};
    events_ = *opened;
  }
  incarnation_ = remoting::incarnation_text(links.incarnation());
  events_->write(events::node_started{number_of(incarnation_), address_, settings_.cluster});
  log::info("node", "started", {{"address", address_}, {"incarnation", incarnation_.substr(0, 8)}});
  links.directory([book = addresses_](const caf::node_id& id) {
    return book->find(remoting::incarnation_text(remoting::incarnation_of(id)));
  });
  return spawn_parts(std::move(with));
}

result<void, std::string> life::spawn_parts(beginning with) {
  const auto& s = settings_;
  const auto journal = with.data / "journal";
  std::error_code unread;
  auto replicated = start_replicated_log(
      system_,
      {.node = s.name,
       .how = s.consensus,
       .store = world_.journal ? world_.journal
                               : [journal, node = s.name] {
                                   return journal::open_store({.directory = journal.string(), .node = node});
                                 },
       .has_store = world_.journal ? world_.has_journal : std::filesystem::exists(journal, unread),
       .events = events_,
       .wall = world_.wall});
  if (!replicated) return unexpected{replicated.error()};
  log_ = replicated->keeper;
  log_client_ = replicated->client;
  groups_ = replicated->groups;
  tree_keeper_ = replicated->tree_keeper;
  tree_ = replicated->tree;
  if (s.membership.resolving.how.kind == membership::downing::lease_majority)
    lease_ = spawn_downing_lease(
        system_, log_client_,
        {std::chrono::duration_cast<milliseconds>(s.membership.lease_held_for),
         std::chrono::duration_cast<milliseconds>(s.membership.resolving.acquire_within)});
  membership_ =
      spawn_membership(system_, {.how = s.membership,
                                 .name = s.name,
                                 .address = s.advertised.empty() ? address_ : s.advertised,
                                 .roles = s.roles,
                                 .seeds = s.seeds,
                                 .known = std::move(with.known),
                                 .remember = std::move(with.remember),
                                 .events = events_,
                                 .lease = lease_});
  receptionist_ = spawn_receptionist(system_, membership_);
  const auto code = world_.code ? world_.code : mapreduce::make_data_executor();
  tracker_ = mapreduce::spawn_tracker(
      system_, {.id = s.name, .epoch = number_of(incarnation_), .code = code, .events = events_, .log = log_client_});
  worker_ = mapreduce::spawn_worker(system_, {.id = s.name,
                                              .directory = (with.data / "mapreduce").string(),
                                              .directory_name = world_.work,
                                              .map_slots = s.map_slots,
                                              .reduce_slots = s.reduce_slots,
                                              .tracker = tracker_,
                                              .code = code});
  names_ = spawn_names(system_, log_client_, {.node = s.name});
  elections_ = spawn_election_keeper(
      system_, {.node = s.name, .client = log_client_, .log = log_, .events = events_});
  auto own_log = s.log;
  own_log.node = s.name;
  config_follower_ = spawn_cluster_config(
      system_, log_client_,
      {.node = s.name, .apply = [own_log, start = world_.log](const setting_texts& set) {
         if (const auto done = start(log_settings(own_log, set)); !done)
           log::error("config", "the cluster's log settings cannot be had", {{"reason", done.error()}});
       }});
  gateway_ = spawn_gateway(system_, {.node = s.name,
                                     .cluster = s.cluster,
                                     .downing = s.membership.resolving.how,
                                     .membership = membership_,
                                     .receptionist = receptionist_,
                                     .tracker = tracker_,
                                     .worker = worker_,
                                     .log = log_,
                                     .log_client = log_client_,
                                     .tree_keeper = tree_keeper_,
                                     .tree = tree_,
                                     .names = names_,
                                     .elections = elections_,
                                     .addresses = addresses_,
                                     .ended = with.ended});
  caf::anon_send(tracker_, peer_up{s.name, worker_});
  watch::parts all{{"membership", membership_},
                   {"receptionist", receptionist_},
                   {"tracker", tracker_},
                   {"worker", worker_},
                   {"log", log_},
                   {"log client", log_client_},
                   {"groups", groups_},
                   {"tree", tree_keeper_},
                   {"tree client", tree_},
                   {"names", names_},
                   {"elections", elections_},
                   {"cluster config", config_follower_},
                   {"gateway", gateway_}};
  if (lease_) all.emplace("downing lease", lease_);
  for (const auto& [name, part] : all) parts_.push_back(part);
  parts_.push_back(system_.spawn<watch>(all, std::move(with.ended)));
  remoting::service::of(system_).gateway(gateway_);
  return {};
}

void life::leave(clock::time_point end, const std::function<bool()>& has_left) {
  caf::scoped_actor self{system_};
  const auto for_work = until(clock::now() + (end - clock::now()) / 2);
  self->request(part(worker_), for_work,
                mapreduce::leave_work{.within_ms = static_cast<std::uint32_t>(for_work.count())})
      .receive([](const mapreduce::worker_leaves&) {},
               [](const caf::error& e) {
                 log::warn("node", "leaving with work that is not handed over",
                           {{"reason", sentence_of(e)}});
               });
  const auto for_names = until(clock::now() + (end - clock::now()) / 3);
  self->request(part(names_), for_names, retire_names{})
      .receive([] {},
               [](const caf::error& e) {
                 log::warn("node", "leaving with names that are not released",
                           {{"reason", sentence_of(e)}});
               });
  bool accepted = false;
  self->request(membership(), until(end), membership::leave{settings_.name})
      .receive([&] { accepted = true; },
               [](const caf::error& e) {
                 log::warn("node", "leaving without a word", {{"reason", sentence_of(e)}});
               });
  while (accepted && !has_left() && clock::now() < end) std::this_thread::sleep_for(5ms);
}

bool life::stop(const char* reason, clock::time_point end) {
  {
    const std::lock_guard guard{mutex_};
    stopped_ = true;
    for (auto* group : {&owned_, &parts_}) {
      for (auto it = group->rbegin(); it != group->rend(); ++it)
        caf::anon_send_exit(*it, caf::exit_reason::user_shutdown);
      group->clear();
    }
    receptionist_ = membership_ = tracker_ = worker_ = log_ = log_client_ = groups_ = tree_keeper_ = tree_ =
        names_ = elections_ = config_follower_ = gateway_ = nullptr;
    group_clients_.clear();
  }
  remoting::service::of(system_).stop();
  while (system_.registry().running() > 0 && clock::now() < end) std::this_thread::sleep_for(2ms);
  events_->write(events::node_stopped{number_of(incarnation_), reason});
  log::info("node", "stopped", {{"reason", reason}});
  return system_.registry().running() == 0;
}

caf::expected<membership::view_reply> life::view(milliseconds timeout) {
  const auto whom = membership();
  if (!whom) return make_error(errc::not_ready, "the node is ending");
  caf::expected<membership::view_reply> seen{make_error(errc::timeout)};
  const let_go_of_logger after;
  caf::scoped_actor self{system_};
  self->request(whom, timeout, membership::get_view{})
      .receive([&](membership::view_reply& v) { seen = std::move(v); },
               [&](caf::error& e) { seen = std::move(e); });
  return seen;
}

caf::actor life::own(caf::actor actor) {
  const std::lock_guard guard{mutex_};
  if (stopped_)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  else
    owned_.push_back(actor);
  return actor;
}

caf::actor life::group(const std::string& name, machine_maker make) {
  if (const auto problem = group_name_problem(name); !problem.empty())
    throw std::invalid_argument{problem};
  const std::lock_guard guard{mutex_};
  auto& client = group_clients_[name];
  if (client || stopped_) return client;
  client = consensus::spawn_client(system_, {.group = name, .node = settings_.name});
  parts_.push_back(client);
  caf::anon_send(groups_, open_group{name, std::move(make), client});
  return client;
}

caf::actor life::tree() {
  const std::lock_guard guard{mutex_};
  if (tree_keeper_) caf::anon_send(tree_keeper_, want_tree{});
  return tree_;
}

std::vector<std::string> life::known() {
  const auto seen = view(1s);
  return seen ? seen->known : addresses_->all();
}
}  // namespace troupe
