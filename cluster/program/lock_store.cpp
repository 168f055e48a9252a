#include "cluster/program/lock_store.hpp"

#include "actors/lock/named_store.hpp"
#include "actors/lock/store.hpp"
#include "actors/lock/tree_store.hpp"
#include "cluster/types.hpp"

#include <map>

#include <caf/all.hpp>
#include <unistd.h>

namespace troupe::program {
namespace {
using opened = answer<std::unique_ptr<lock_store>>;

// In the cluster, through one of its nodes.
class of_cluster final : public lock_store {
 public:
  of_cluster(std::unique_ptr<client> with, caf::actor store) : with_{std::move(with)}, store_{std::move(store)} {}
  caf::actor_system& system() override { return with_->system(); }
  const caf::actor& actor() const override { return store_; }

 private:
  std::unique_ptr<client> with_;
  caf::actor store_;
};

using in_cluster = answer<caf::actor> (*)(client& with);
answer<caf::actor> in_map(client& with) {
  auto log = with.lasting_log();
  if (!log) return unexpected{log.error()};
  return lock::spawn_map_store(with.system(), std::move(*log), {.prefer = with.node()});
}
answer<caf::actor> in_tree(client& with) {
  auto tree = with.lasting_tree();
  if (!tree) return unexpected{tree.error()};
  return lock::spawn_tree_store(with.system(), std::move(*tree), {.prefer = with.node()});
}
const std::map<std::string, in_cluster>& of_clusters() {
  static const std::map<std::string, in_cluster> all{{"map", &in_map}, {"tree", &in_tree}};
  return all;
}

// On its own: an actor system without a network.
class of_itself final : public lock_store {
 public:
  ~of_itself() override { caf::anon_send_exit(store_, caf::exit_reason::kill); }
  caf::actor_system& system() override { return system_; }
  const caf::actor& actor() const override { return store_; }
  std::optional<problem> begin(const std::string& store) {
    auto got = lock::spawn_named_store(system_, store);
    if (!got) return problem{exit_code::no_node, got.error()};
    store_ = std::move(*got);
    return std::nullopt;
  }

 private:
  struct configured : caf::actor_system_config {
    configured() {
      set("scheduler.policy", caf::atom("sharing"));
      set("scheduler.max-threads", std::size_t{1});
      register_types(*this);
    }
  };
  configured config_;
  caf::actor_system system_{config_};
  caf::actor store_;
};
}  // namespace

opened lock_store::open(const std::string& store, const target& to) {
  if (const auto found = of_clusters().find(store); found != of_clusters().end()) {
    auto with = client::connect(to);
    if (!with) return unexpected{with.error()};
    auto actor = found->second(**with);
    if (!actor) return unexpected{actor.error()};
    return opened{std::make_unique<of_cluster>(std::move(*with), std::move(*actor))};
  }
  auto own = std::make_unique<of_itself>();
  if (auto why = own->begin(store)) return unexpected{std::move(*why)};
  return opened{std::move(own)};
}

void add_store(CLI::App& verb, std::string& store) {
  std::string named;
  for (const auto& [name, _] : of_clusters()) named += name + ", ";
  const auto known = [named](const std::string& given) -> std::string {
    if (of_clusters().contains(given)) return {};
    if (const auto why = lock::mistake_in(given)) return *why + "; or, in the cluster, " + named.substr(0, named.size() - 2);
    return {};
  };
  verb.add_option("--store", store, "where it is kept: in the cluster, " + named + "or without one, " + lock::known_stores())
      ->check(known, "")
      ->type_name("STORE")
      ->capture_default_str();
}

std::string owner_or_own(const std::string& given) {
  if (!given.empty()) return given;
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return std::string{host} + "/" + std::to_string(::getpid());
}
}  // namespace troupe::program
