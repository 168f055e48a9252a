#include "cluster/cluster_config.hpp"

#include "actors/consensus/protocol.hpp"
#include "actors/storage/map_client.hpp"
#include "actors/storage/watcher.hpp"
#include "cluster/settings.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/options.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <caf/all.hpp>
namespace troupe {
struct read_config {};  // to itself
TROUPE_MESSAGE(read_config)
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read_config)

namespace troupe {
using namespace std::chrono_literals;
namespace {
constexpr auto patience = 6s;  // the client's own is less
constexpr auto pause = 1s;
constexpr std::array changeable{"log.file-size", "log.files", "log.format", "log.level"};

bool is_changeable(const std::string& key) {
  return std::find(changeable.begin(), changeable.end(), key) != changeable.end();
}
result<config::settings, std::string> loaded(const setting_texts& texts) {
  return config::load(node_options(), {.flags = {texts.begin(), texts.end()}});
}

class cluster_config : public caf::event_based_actor {
 public:
  cluster_config(caf::actor_config& config, caf::actor client, cluster_config_settings s)
      : caf::event_based_actor{config}, client_{std::move(client)}, s_{std::move(s)} {}
  const char* name() const override { return "cluster-config"; }
  void on_exit() override {
    if (watcher_) caf::anon_send_exit(watcher_, caf::exit_reason::user_shutdown);
    client_ = watcher_ = nullptr;
  }
  caf::behavior make_behavior() override {
    send(client_, consensus::tell_replicas{this});
    return {
        [this](const peer_up&) {  // before the first there is nobody to ask
          if (!std::exchange(met_, true)) read();
        },
        [](const peer_down&) {},
        [this](read_config) { read(); },
        [](const storage::watch_created&) {},
        [](const storage::watch_progress&) {},
        [this](const storage::watch_events& w) {
          for (const auto& e : w.events) {
            const auto key = key_in(e.kv.key);
            if (e.what == storage::change::put)
              wanted_[key] = e.kv.value;
            else
              wanted_.erase(key);
          }
          apply();
        },
        [this](const storage::watch_ended&) {
          watcher_ = nullptr;
          read();
        },
    };
  }

 private:
  static std::string key_in(const std::string& key) {
    return key.substr(std::string_view{cluster_config_prefix}.size());
  }
  void read() {
    storage::ask_map(
        this, client_, patience,
        storage::question{storage::get{storage::prefix(cluster_config_prefix)}},
        [this](const caf::expected<storage::reply>& r) {
          const auto* seen = storage::answer_as<storage::got>(r);
          if (seen == nullptr) return delayed_send(this, pause, read_config{});
          wanted_.clear();
          for (const auto& kv : seen->items) wanted_[key_in(kv.key)] = kv.value;
          apply();
          watcher_ = storage::spawn_watcher(
              system(), client_, this,
              {.what = {.keys = storage::prefix(cluster_config_prefix), .from = r->at + 1},
               .prefer = s_.node,
               .silence = 3s});
        });
  }
  void apply() {
    setting_texts valid;
    for (const auto& [key, text] : wanted_) {
      const auto wrong = cluster_setting_problem(key, text);
      if (wrong.empty())
        valid[key] = text;
      else
        log::warn("config", "a setting of the cluster is left out",
                  {{"key", key}, {"value", text}, {"reason", wrong}});
    }
    if (valid == applied_) return;
    const auto before = std::exchange(applied_, valid);
    s_.apply(applied_);
    for (const auto& [key, text] : applied_)
      if (const auto was = before.find(key); was == before.end() || was->second != text)
        log::info("config", "set for the cluster", {{"key", key}, {"value", text}});
    for (const auto& [key, text] : before)
      if (!applied_.contains(key))
        log::info("config", "not set for the cluster any more", {{"key", key}});
  }

  caf::actor client_;
  const cluster_config_settings s_;
  setting_texts wanted_, applied_;
  bool met_ = false;
  caf::actor watcher_;
};
}  // namespace

std::string cluster_setting_problem(const std::string& key, const std::string& value) {
  const auto known = node_options().find(key) != nullptr;
  if (known && (of_one_node(key) || key == "log.file"))
    return key + " belongs to one node: set it in that node's file, environment or flags";
  if (known && !is_changeable(key))
    return key +
           " cannot change while nodes run: set it in each node's configuration, and start them "
           "anew. For the whole "
           "cluster can be set: " +
           cluster_setting_keys();
  const auto read = loaded({{key, value}});
  if (read) return {};
  auto sentence = read.error();
  const auto source = "--" + key + ": ";
  if (sentence.starts_with(source)) sentence.erase(0, source.size());
  while (!sentence.empty() && sentence.back() == '\n') sentence.pop_back();
  return known ? sentence : "'" + key + "': " + sentence;
}

std::string cluster_setting_keys() {
  std::string all;
  for (const auto* key : changeable) all += (all.empty() ? "" : ", ") + std::string{key};
  return all;
}

log::settings log_settings(const log::settings& own, const setting_texts& of_cluster) {
  const auto read = loaded(of_cluster);
  if (!read) return own;
  const auto theirs = log_settings(*read);
  const auto set = [&](const char* key) { return of_cluster.contains(key); };
  auto s = own;
  if (set("log.level")) s.levels = theirs.levels;
  if (set("log.format")) s.json = theirs.json;
  if (set("log.file-size")) s.file_size = theirs.file_size;
  if (set("log.files")) s.files_max = theirs.files_max;
  return s;
}

caf::actor spawn_cluster_config(caf::actor_system& system, caf::actor client,
                                cluster_config_settings settings) {
  return system.spawn<cluster_config>(std::move(client), std::move(settings));
}
}  // namespace troupe
