#include "cluster/program/client.hpp"

#include "cluster/elections.hpp"
#include "cluster/program/elect_members.hpp"
#include "cluster/program/lasting_way.hpp"
#include "cluster/program/local_cluster.hpp"
#include "cluster/replicated_log.hpp"
#include "cluster/settings.hpp"
#include "cluster/types.hpp"
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/remoting/remoting.hpp"

#include <cstdio>
#include <map>
#include <optional>
#include <thread>
#include <tuple>
#include <type_traits>

#include <caf/all.hpp>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
using management::done_reply;

struct way {  // where to, and as whom
  std::vector<remoting::endpoint> nodes;
  remoting::settings settings;
};

template <class T>
answer<T> refused(exit_code code, std::string sentence) {
  return unexpected{problem{code, std::move(sentence)}};
}

// The name in a certificate is the only one under which its holder is let in.
std::string name_in(const std::string& certificate) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(certificate.c_str(), "r"),
                                                             &std::fclose};
  if (!file) return {};
  const std::unique_ptr<X509, void (*)(X509*)> read{
      PEM_read_X509(file.get(), nullptr, nullptr, nullptr), &X509_free};
  if (!read) return {};
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(read.get()), NID_commonName, name, sizeof name);
  return name;
}

// What is not given as an option, nor known of a local cluster, is taken from the environment as a node takes it.
answer<config::settings> configured(const target& to, const std::string& secret_file, bool local) {
  config::sources from;
  const bool papers =
      !secret_file.empty() || !to.certificate.empty() || !to.key.empty() || !to.authority.empty();
  for (auto& [name, text] : config::environment()) {
    if (!(name.starts_with("TROUPE_SECURITY_") && (papers || local)))
      from.environment.emplace_back(name, text);
  }
  const auto give = [&](const char* key, const std::string& text) {
    if (!text.empty()) from.flags.emplace_back(key, text);
  };
  give("cluster.name", to.cluster);
  give("security.secret-file", secret_file);
  give("security.certificate", to.certificate);
  give("security.key", to.key);
  give("security.authority", to.authority);
  auto read = config::load(node_options(), from);
  if (!read) return refused<config::settings>(exit_code::usage, read.error());
  return std::move(*read);
}

answer<way> way_to(const target& to) {
  way found;
  auto at = to.at;
  auto secret_file = to.secret_file;
  std::string name;  // of a local cluster
  if (at.empty()) {
    const auto local = the_cluster(to.directory);
    if (!local) return refused<way>(exit_code::no_node, local.error());
    for (const auto& node : local->living())
      if (!node.address.empty()) at.push_back(node.address);
    if (at.empty())
      return refused<way>(exit_code::no_node, "no node of the cluster in " +
                                                  local->directory.string() + " runs any more");
    name = local->name;
    if (secret_file.empty()) secret_file = local->secret().string();
  } else if (secret_file.empty() && to.certificate.empty()) {
    for (const auto& local : running_clusters())  // an address of a local cluster brings its secret
      for (const auto& node : local.nodes)
        if (node.address == at.front()) {
          secret_file = local.secret().string();
          name = local.name;
        }
  }
  for (const auto& text : at) {
    auto parsed = remoting::parse_endpoint(text);
    if (!parsed) return refused<way>(exit_code::usage, "--at: " + sentence_of(parsed.error()));
    found.nodes.push_back(*parsed);
  }
  const auto settings = configured(to, secret_file, !name.empty());
  if (!settings) return unexpected{settings.error()};
  auto credentials = credentials_from(*settings);
  if (!credentials)
    return refused<way>(exit_code::not_done,
                        credentials.error() + ": does the file exist, and is it yours?");
  found.settings.credentials = std::move(*credentials);
  found.settings.link = sessions_from(*settings);
  found.settings.cluster =
      to.cluster.empty() && !name.empty() ? name : settings->text("cluster.name");
  const auto& certificate = found.settings.credentials.certificate;
  found.settings.node =
      certificate.empty() ? "client-" + std::to_string(::getpid()) : name_in(certificate);
  found.settings.client = true;
  return found;
}

struct client_config : caf::actor_system_config {
  explicit client_config(const remoting::settings& settings) {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    register_types(*this);
    remoting::service::load(*this, settings);
  }
};

class connection final : public client {
 public:
  connection(const way& to, milliseconds timeout)
      : config_{to.settings}, system_{config_}, self_{system_}, timeout_{timeout} {}
  ~connection() override {
    for (auto* way : {&lasting_map_, &lasting_tree_}) {
      if (*way) caf::anon_send_exit(*way, caf::exit_reason::user_shutdown);
      *way = nullptr;
    }
    gateways_.clear();
    leave();
    remoting::service::of(system_).stop();
  }

  std::optional<problem> open(const std::vector<remoting::endpoint>& nodes) {
    nodes_ = nodes;
    remoting::service::of(system_).observe(caf::actor_cast<caf::actor>(self_));
    return find(clock::now() + timeout_, false);
  }

  const std::string& node() const override { return node_; }
  void patience(milliseconds left) override { timeout_ = std::max(left, milliseconds{1}); }
  answer<management::members_reply> members() override {
    return query<management::members_reply>(management::members_query{});
  }
  answer<management::what_if_reply> what_if(std::vector<std::string> unreachable) override {
    return query<management::what_if_reply>(management::what_if_query{std::move(unreachable)});
  }
  answer<done_reply> leave(const std::string& name) override {
    return ask<done_reply>(management::leave_order{name});
  }
  answer<done_reply> down(const std::string& name) override {
    return ask<done_reply>(management::down_order{name});
  }
  answer<done_reply> stop() override {
    return ask<done_reply>(management::stop_order{"asked for by a client"});
  }
  answer<management::stats_reply> stats() override {
    return query<management::stats_reply>(management::stats_query{});
  }
  answer<management::submit_reply> submit(const mapreduce::job_spec& job) override {
    return ask<management::submit_reply>(management::submit_order{job});
  }
  answer<management::job_reply> job(const std::string& id) override {
    return query<management::job_reply>(management::job_query{id});
  }
  answer<management::jobs_reply> jobs() override {
    return query<management::jobs_reply>(management::jobs_query{});
  }
  answer<done_reply> cancel(const std::string& id) override {
    return ask<done_reply>(management::cancel_order{id});
  }
  answer<storage::reply> change(const storage::command& what) override {
    return of_group<storage::reply>(map_, &connection::log, consensus::command{encode(what)});
  }
  answer<storage::reply> look(const storage::question& what, bool stale) override {
    return of_group<storage::reply>(map_, &connection::log, consensus::question{encode(what), stale});
  }
  answer<tree::reply> change_tree(const tree::command& what) override {
    return of_group<tree::reply>(tree_, &connection::tree, consensus::command{encode(tree::request{what, 0, {}, {}})});
  }
  answer<tree::reply> look_at_tree(const tree::question& what, bool stale) override {
    return of_group<tree::reply>(tree_, &connection::tree, consensus::question{encode(what), stale});
  }
  std::optional<problem> watch(const storage::watch& what,
                               const std::function<void(storage::revision next)>& began,
                               const std::function<bool(const storage::watch_events&)>& seen,
                               const std::function<bool()>& stopped) override {
    if (auto done = ask<done_reply>(management::watch_order{what, caf::actor_cast<caf::actor>(self_)}); !done)
      return done.error();
    std::optional<problem> why;
    bool on = true;
    self_->monitor(gateway_);
    while (on && !why && !stopped())
      self_->receive([&](const storage::watch_created& at) { began(at.next); },
                     [&](const storage::watch_events& e) { on = seen(e); }, [](const storage::watch_progress&) {},
                     [&](const storage::watch_ended& e) {
                       why = problem{exit_code::not_done, "the watch ended (" + to_string(e.why) +
                                                              "): it can be taken up again at revision " +
                                                              std::to_string(std::max(e.next, e.lowest))};
                     },
                     [&](const caf::down_msg&) {
                       why = problem{exit_code::no_node, "node " + node_ + " does not answer any more"};
                     },
                     caf::after(milliseconds{100}) >> [] {});
    return why;
  }
  caf::actor_system& system() override { return system_; }
  answer<caf::actor> log() override {
    if (!map_) {
      auto got = query<management::map_reply>(management::map_query{});
      if (!got) return unexpected{got.error()};
      map_ = std::move(got->map);
      know_addresses();
    }
    return map_;
  }
  answer<caf::actor> elections() override {
    auto got = query<elections_reply>(elections_query{});
    if (!got) return unexpected{got.error()};
    return std::move(got->keeper);
  }
  answer<caf::actor> tree() override {
    if (!tree_) {
      auto got = query<management::tree_reply>(management::tree_query{});
      if (!got) return unexpected{got.error()};
      tree_ = std::move(got->tree);
      know_addresses();
    }
    return tree_;
  }
  answer<caf::actor> lasting_log() override {
    auto got = log();
    if (got && !lasting_map_) lasting_map_ = program::lasting_map(system_, nodes_, *got);
    return got ? lasting_map_ : got;
  }
  answer<caf::actor> lasting_tree() override {
    auto got = tree();
    if (got && !lasting_tree_) lasting_tree_ = program::lasting_tree(system_, nodes_, *got);
    return got ? lasting_tree_ : got;
  }
  answer<consensus::group_status> log_status(bool here, const std::string& group) override {
    return query<consensus::group_status>(log_status_query{here, group});
  }
  answer<done_reply> log_add(const std::string& node, bool learner) override {
    return ask<done_reply>(management::log_add_order{node, learner});
  }
  answer<done_reply> log_remove(const std::string& node) override {
    return ask<done_reply>(management::log_remove_order{node});
  }
  answer<done_reply> log_transfer(const std::string& node) override {
    return ask<done_reply>(management::log_transfer_order{node});
  }

 private:
  using session = std::pair<caf::node_id, std::uint32_t>;
  static session session_of(const remoting::peer& who) { return {who.incarnation, who.session}; }

  // The first node that answers; one that refuses is asked again, if it is `awaited`.
  std::optional<problem> find(clock::time_point end, bool awaited) {
    std::string why;
    for (;;) {
      for (const auto& node : nodes_) remoting::service::of(system_).connect(node);
      std::size_t refusals = 0;
      why.clear();
      while (!gateway_ && refusals < nodes_.size() && clock::now() < end)
        news(left(end), [&](const remoting::link_refused& no) {
          ++refusals;
          why += "; " + to_string(no.address) + ": " + sentence_of(no.reason);
        });
      if (gateway_) return std::nullopt;
      if (clock::now() >= end || !awaited) break;
      std::this_thread::sleep_for(std::min(milliseconds{50}, left(end)));
    }
    const auto waited = why.empty() ? " answered within " + std::to_string(timeout_.count()) + " ms"
                                    : std::string{" could be reached"};
    return problem{exit_code::no_node, "no node" + waited + why};
  }
  // What has become of links; false if nothing was told in time.
  template <class Refused>
  bool news(milliseconds within, Refused refused_by) {
    bool any = true;
    self_->receive(
        [&](remoting::link_up& up) {
          if (up.gateway) gateways_[session_of(up.who)] = {up.who.name, std::move(up.gateway)};
          choose();
        },
        [&](const remoting::link_down& down) {
          gateways_.erase(session_of(down.who));
          if (session_of(down.who) == asked_) leave();
        },
        [&](const remoting::link_refused& no) { refused_by(no); },
        [](const remoting::link_found&) {}, [](const remoting::link_broken&) {},
        [](const remoting::link_resumed&) {}, caf::after(within) >> [&] { any = false; });
    return any;
  }
  void choose() {
    if (gateway_ || gateways_.empty()) return;
    asked_ = gateways_.begin()->first;
    std::tie(node_, gateway_) = gateways_.begin()->second;
  }
  void leave() {
    gateway_ = map_ = tree_ = nullptr;
    choose();
  }
  static milliseconds left(clock::time_point end) {
    return std::max(milliseconds{1},
                    std::chrono::duration_cast<milliseconds>(end - clock::now()));
  }

  // Where its node is gone, a request goes on through another, or through the same one when it is back: again only if it
  // had certainly not been done, or if it changes nothing.
  template <class Reply, class Request>
  answer<Reply> of_group(caf::actor& group, answer<caf::actor> (connection::*find_group)(), const Request& request) {
    const auto end = clock::now() + timeout_;
    const auto again = [&](const problem& why) {
      while (news(milliseconds{0}, [](const auto&) {})) continue;
      const bool lost = why.code == exit_code::no_node ||
                        (why.code == exit_code::unknown && !gateway_ &&
                         !std::is_same_v<Request, consensus::command>);
      if (!lost || clock::now() >= end) return false;
      group = nullptr;
      if (gateway_) std::this_thread::sleep_for(std::min(milliseconds{20}, left(end)));
      return true;
    };
    for (;;) {
      while (news(milliseconds{0}, [](const auto&) {})) continue;
      if (!gateway_)
        if (const auto lost = find(end, true)) return unexpected{*lost};
      if (!group) {
        const auto there = (this->*find_group)();
        if (!there && again(there.error())) continue;
        if (!there) return unexpected{there.error()};
      }
      auto got = ask_of<consensus::reply>(group, request, left(end));
      if (!got && again(got.error())) continue;
      if (!got) return unexpected{got.error()};
      auto said = decode<Reply>(got->bytes);
      if (!said) return refused<Reply>(exit_code::unknown, "the group's answer makes no sense to this program");
      return std::move(*said);
    }
  }
  template <class Reply, class Request>
  answer<Reply> ask(const Request& request) {
    return ask_of<Reply>(gateway_, request, timeout_);
  }
  template <class Reply, class Request>
  answer<Reply> ask_of(const caf::actor& whom, const Request& request, milliseconds within) {
    auto got = refused<Reply>(exit_code::unknown, "no answer came");
    self_->request(whom, within, request)
        .receive([&](Reply& reply) { got = std::move(reply); },
                 [&](caf::error& e) {
                   got = unexpected{problem{exit_code_of(e), sentence_of(e)}};
                 });
    return got;
  }
  // A question changes nothing, so no answer means that nobody was reached.
  template <class Reply, class Request>
  answer<Reply> query(const Request& request) {
    auto got = ask<Reply>(request);
    if (!got && got.error().code == exit_code::unknown)
      return refused<Reply>(exit_code::no_node,
                            "node " + node_ + " did not answer: " + got.error().sentence);
    return got;
  }

  // Handles of other nodes may come by way of this one.
  void know_addresses() {
    const auto seen = members();
    if (!seen) return;
    program::know_addresses(system_, *seen);
  }

  client_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  std::vector<remoting::endpoint> nodes_;
  // Of all that have answered. A node that was started again may be here before its former life is given up.
  std::map<session, std::pair<std::string, caf::actor>> gateways_;
  session asked_{};
  caf::actor gateway_, map_, tree_, lasting_map_, lasting_tree_;
  std::string node_;
  milliseconds timeout_;
};
}  // namespace

answer<std::unique_ptr<client>> client::connect(const target& to) {
  const auto found = way_to(to);
  if (!found) return unexpected{found.error()};
  auto made = std::make_unique<connection>(*found, to.timeout);
  if (const auto failed = made->open(found->nodes)) return unexpected{*failed};
  return std::unique_ptr<client>{std::move(made)};
}

exit_code fail(const problem& what) { return fail(what.code, what.sentence); }
}  // namespace troupe::program
