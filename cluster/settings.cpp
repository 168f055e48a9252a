#include "cluster/settings.hpp"

#include "runtime/options.hpp"

#include <algorithm>
#include <fstream>

#include <unistd.h>

namespace troupe {
using namespace std::chrono_literals;
namespace {
bool valid_name(const std::string& name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}
std::string name_check(const std::string& name) {
  return name.empty() || valid_name(name) ? ""
                                          : "takes letters, digits, '.', '_' and '-', 63 at most";
}
std::string endpoint_check(const std::string& text) {
  if (text.empty()) return {};
  const auto read = config::read_endpoint(text);
  return read ? std::string{} : read.error();
}

bool wildcard(const std::string& listen) {
  const auto read = config::read_endpoint(listen);
  return read && (read->host == "0.0.0.0" || read->host == "::" || read->host == "*");
}

void declare_membership(config::schema& options) {
  const membership::options d;
  options
      .duration("membership.probe-interval", d.probe_interval, {10ms, 1min},
                "a node probes one other so often")
      .duration("membership.probe-timeout", d.probe_timeout, {5ms, 30s},
                "an answer that is later counts as silence; then others are asked to probe")
      .integer("membership.indirect-probes", d.indirect_probes, {0, 32},
               "how many others are asked to probe")
      .duration("membership.suspicion-min", d.suspicion_min, {20ms, 10min},
                "a silent member is suspected at least so long")
      .duration("membership.suspicion-max", d.suspicion_max, {20ms, 1h},
                "and at most so long, if nobody confirms it")
      .duration("membership.gossip-interval", d.gossip_interval, {10ms, 1min},
                "news are passed on so often")
      .integer("membership.gossip-fanout", d.gossip_fanout, {1, 64}, "to so many members")
      .duration("membership.sync-interval", d.sync_interval, {100ms, 24h},
                "whole views are exchanged so often")
      .choice(
          "membership.downing", "keep-majority",
          {"none", "keep-majority", "static-quorum", "keep-oldest", "down-all", "lease-majority"},
          "which side lives on when the cluster is cut in two")
      .duration("membership.stable-after", d.resolving.stable_after, {0ms, 1h},
                "unreachable members are downed when the picture has not changed for so long")
      .integer("membership.quorum", 0, {0, 100'000}, "the size of static-quorum")
      .text("membership.downing-role", "",
            "only members with this role count for downing; empty: all")
      .flag("membership.down-if-alone", d.resolving.how.down_if_alone,
            "keep-oldest: an oldest that has lost all others gives way")
      .flag("membership.down-all-when-unstable", d.resolving.down_all_when_unstable,
            "down everybody when the picture keeps changing for long beyond stable-after")
      .duration(
          "membership.acquire-delay", d.resolving.how.acquire_delay, {0ms, 1h},
          "lease-majority: all but the larger side wait so long before they ask for the lease")
      .duration("membership.acquire-within", d.resolving.acquire_within, {100ms, 10min},
                "lease-majority: a side that has not got the lease after so long goes down")
      .duration("membership.lease-held-for", d.lease_held_for, {1s, 24h},
                "lease-majority: the lease frees itself after so long")
      .duration("membership.suspects-for", d.resolving.suspects_for, {0ms, 1h},
                "downing waits so long for suspicions under way")
      .choice("membership.detector", "phi-accrual", {"phi-accrual", "deadline"},
              "what gives the level of suspicion that is shown, and asks for a probe out of turn")
      .real("membership.phi-threshold", d.phi_threshold, {0.1, 1000},
            "phi-accrual: the level at which a silence is unusual")
      .integer("membership.deadline-rounds", d.deadline_rounds, {1, 1000},
               "deadline: the rounds of probing without an answer that are unusual")
      .duration("membership.form-after", d.form_after, {0ms, 1h},
                "the first seed forms a cluster if no other seed answers for so long")
      .duration("membership.reform-after", d.reform_after, {0ms, 24h},
                "former members form one anew if a majority of them is in none for so long");
}

void declare_links(config::schema& options) {
  const remoting::limits links;
  const link::session_settings d;
  options
      .integer("link.connections", static_cast<std::int64_t>(links.connections_max), {1, 1'000'000},
               "connections that a node has at most")
      .integer("link.handshakes", static_cast<std::int64_t>(links.handshakes_max), {1, 100'000},
               "connections that have not proved themselves yet, at most")
      .duration("link.handshake-deadline", links.handshake_deadline, {10ms, 10min},
                "a connection that has not proved itself by then is closed")
      .duration("link.dial-deadline", links.dial_deadline, {10ms, 10min},
                "a node that does not answer by then is away")
      .size("link.window", d.window.back(), {128 * config::KiB, 16 * config::GiB},
            "bytes that a peer may send ahead of what is read here, in the normal and in the bulk "
            "lane; a quarter of it in the urgent one")
      .size("link.queue-max", d.queue_max, {64 * config::KiB, 64 * config::GiB},
            "bytes that wait for a peer in one lane, before more is refused as overload")
      .size("link.unacknowledged-max", d.unacknowledged_max, {128 * config::KiB, 16 * config::GiB},
            "bytes kept to be sent again when a connection returns")
      .size("link.message-max", d.message_max, {64 * config::KiB, 4 * config::GiB},
            "the largest message; alike on all nodes")
      .duration("link.resume-window", d.resume_window, {0ms, 10min},
                "a connection that returns within it goes on without loss")
      .duration("link.heartbeat", d.heartbeat, {10ms, 1min},
                "an idle connection shows life so often")
      .duration("link.silence", d.silence, {40ms, 10min},
                "a connection that is silent for so long is broken");
}

void declare_consensus(config::schema& options) {
  const raft::options d;
  options
      .duration("consensus.heartbeat", d.heartbeat, {1ms, 10s},
                "a leader of the replicated log shows life so often")
      .duration("consensus.election-timeout", d.election, {10ms, 10min},
                "without a word of the leader for one to two of these, another is elected")
      .duration("consensus.election-after-loss", d.election_after_loss, {0ms, 1min},
                "and after its connection has broken, within this")
      .flag(
          "consensus.lease-reads", d.lease_reads,
          "reads trust the leader's lease, and so the clocks' rates, instead of asking a majority")
      .integer("consensus.drift-per-mille", d.drift_per_mille, {0, 500},
               "by how much two clocks' rates may differ")
      .size("consensus.snapshot-after", d.log_bytes, {64 * config::KiB, 16 * config::GiB},
            "bytes of entries that are kept in memory before a snapshot takes their place");
}

raft::options consensus_from(const config::settings& from) {
  raft::options o;
  o.heartbeat = from.duration("consensus.heartbeat");
  o.election = from.duration("consensus.election-timeout");
  o.election_after_loss = from.duration("consensus.election-after-loss");
  o.lease_reads = from.flag("consensus.lease-reads");
  o.drift_per_mille = static_cast<std::uint32_t>(from.integer("consensus.drift-per-mille"));
  o.log_bytes = from.size("consensus.snapshot-after");
  return o;
}

membership::options membership_from(const config::settings& from, const std::string& cluster) {
  const auto span = [&](const char* key) {
    return from.duration(std::string{"membership."} + key);
  };
  const auto number = [&](const char* key) {
    return static_cast<unsigned>(from.integer(std::string{"membership."} + key));
  };
  membership::options o;
  o.cluster_name = cluster;
  o.probe_interval = span("probe-interval");
  o.probe_timeout = span("probe-timeout");
  o.indirect_probes = number("indirect-probes");
  o.suspicion_min = span("suspicion-min");
  o.suspicion_max = span("suspicion-max");
  o.gossip_interval = span("gossip-interval");
  o.gossip_fanout = number("gossip-fanout");
  o.sync_interval = span("sync-interval");
  o.form_after = span("form-after");
  o.reform_after = span("reform-after");
  o.detector = from.text("membership.detector") == "deadline"
                   ? membership::options::detection::deadline
                   : membership::options::detection::phi_accrual;
  o.phi_threshold = from.real("membership.phi-threshold");
  o.deadline_rounds = number("deadline-rounds");
  o.resolving.how.down_if_alone = from.flag("membership.down-if-alone");
  o.resolving.down_all_when_unstable = from.flag("membership.down-all-when-unstable");
  o.resolving.suspects_for = span("suspects-for");
  o.resolving.how.kind = *membership::downing_of(from.text("membership.downing"));
  o.resolving.how.quorum = number("quorum");
  o.resolving.how.role = from.text("membership.downing-role");
  o.resolving.stable_after = span("stable-after");
  o.resolving.how.acquire_delay = span("acquire-delay");
  o.resolving.acquire_within = span("acquire-within");
  o.lease_held_for = span("lease-held-for");
  return o;
}

result<std::string, std::string> secret_from(const config::settings& from) {
  const auto& file = from.text("security.secret-file");
  if (file.empty()) return from.text("security.secret");
  std::ifstream in{file};
  std::string secret;
  if (!std::getline(in, secret) || secret.empty())
    return unexpected{"security.secret-file: cannot read a secret from " + file};
  return secret;
}
}  // namespace

void declare_node_options(config::schema& options) {
  options
      .text("node.name", "", "the node's name, unique in the cluster; empty for HOST-PID",
            name_check)
      .text("node.listen", "127.0.0.1:0",
            "where it listens, HOST:PORT; port 0 takes any that is free", endpoint_check)
      .text("node.advertised", "", "where others find it, if that is not where it listens",
            endpoint_check)
      .list("node.roles", {}, "what the node is for; jobs and downing can ask for a role",
            name_check)
      .text("node.data", "", "a directory of this node alone; empty for a temporary one")
      .text("node.events", "", "file that gets the node's events as JSON lines; empty for none")
      .text("cluster.name", "troupe", "clusters of different names never meet", name_check)
      .endpoint_list("cluster.seeds", {},
                     "members to ask for joining; without any the node forms a cluster")
      .integer(
          "cluster.bootstrap-expect", 0, {0, 99},
          "this node is one of so many first voters of the cluster's replicated log; 0: it is none")
      .secret("security.secret",
              "what the nodes of a cluster prove to each other; better in a file")
      .text("security.secret-file", "", "file whose first line is the cluster's secret")
      .text("security.certificate", "",
            "TLS: this node's certificate, a PEM file; its name is the node's name")
      .text("security.key", "", "TLS: the certificate's private key, a PEM file")
      .text("security.authority", "", "TLS: who signs the cluster's certificates, a PEM file");
  declare_shared_options(options);
}

void declare_shared_options(config::schema& options) {
  declare_links(options);
  declare_consensus(options);
  options
      .integer("mapreduce.map-slots", 0, {0, 1024},
               "maps that the node runs at once; 0 for one a core")
      .integer("mapreduce.reduce-slots", 0, {0, 1024},
               "reduces that the node runs at once; 0 for one a core");
  declare_membership(options);
}

bool of_one_node(const std::string& key) {
  return key.starts_with("node.") || key.starts_with("cluster.") || key.starts_with("security.");
}

result<remoting::security, std::string> credentials_from(const config::settings& from) {
  auto secret = secret_from(from);
  if (!secret) return unexpected{secret.error()};
  return remoting::security{*secret, from.text("security.certificate"), from.text("security.key"),
                            from.text("security.authority")};
}

link::session_settings sessions_from(const config::settings& from) {
  link::session_settings s;
  const auto size = [&](const char* key) { return static_cast<std::size_t>(from.size(key)); };
  const std::uint64_t window = size("link.window");
  s.window = {0, std::max<std::uint64_t>(window / 2, 2 * s.chunk), window, window};
  s.queue_max = size("link.queue-max");
  s.unacknowledged_max = size("link.unacknowledged-max");
  s.message_max = size("link.message-max");
  s.resume_window = from.duration("link.resume-window");
  s.heartbeat = from.duration("link.heartbeat");
  s.silence = from.duration("link.silence");
  return s;
}

config::schema node_options() {
  config::schema options;
  declare_runtime_options(options);
  declare_node_options(options);
  return options;
}

result<node_settings, std::string> node_settings_from(const config::settings& from) {
  const auto milliseconds = [&](const char* key) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(from.duration(key));
  };
  const auto number = [&](const char* key) { return static_cast<std::size_t>(from.integer(key)); };
  auto credentials = credentials_from(from);
  if (!credentials) return unexpected{credentials.error()};
  node_settings s;
  s.name = from.text("node.name");
  s.listen = from.text("node.listen");
  s.advertised = from.text("node.advertised");
  s.cluster = from.text("cluster.name");
  for (const auto& seed : from.endpoint_list("cluster.seeds")) s.seeds.push_back(to_string(seed));
  s.roles = from.list("node.roles");
  s.data = from.text("node.data");
  s.events = from.text("node.events");
  s.credentials = std::move(*credentials);
  s.sessions = sessions_from(from);
  s.links.connections_max = number("link.connections");
  s.links.handshakes_max = number("link.handshakes");
  s.links.handshake_deadline = milliseconds("link.handshake-deadline");
  s.links.dial_deadline = milliseconds("link.dial-deadline");
  s.membership = membership_from(from, s.cluster);
  s.consensus.bootstrap_expect = static_cast<std::uint32_t>(number("cluster.bootstrap-expect"));
  s.consensus.how = consensus_from(from);
  s.map_slots = static_cast<std::uint32_t>(number("mapreduce.map-slots"));
  s.reduce_slots = static_cast<std::uint32_t>(number("mapreduce.reduce-slots"));
  s.threads = from.integer("runtime.threads");
  s.work_stealing = from.text("runtime.scheduler") == "stealing";
  s.stop_within = milliseconds("shutdown.limit");
  s.log = log_settings(from);
  if (auto wrong = complaint(s); !wrong.empty()) return unexpected{std::move(wrong)};
  return s;
}

std::string complaint(const node_settings& s) {
  if (!s.name.empty() && !valid_name(s.name))
    return "a node's name " + name_check(s.name) + ": '" + s.name + "' is none";
  if (s.cluster.empty()) return "the cluster's name must not be empty";
  for (const auto* address : {&s.listen, &s.advertised})
    if (const auto wrong = endpoint_check(*address); !wrong.empty())
      return "'" + *address + "' " + wrong;
  if (s.listen.empty()) return "a node has to listen somewhere: 127.0.0.1:0 takes any free port";
  if (s.advertised.empty() && wildcard(s.listen))
    return "a node that listens on all addresses (" + s.listen +
           ") has to say at which of them others find it: set node.advertised to HOST:PORT";
  for (const auto& seed : s.seeds)
    if (const auto wrong = endpoint_check(seed); !wrong.empty())
      return "seed '" + seed + "' " + wrong;
  for (const auto& role : s.roles)
    if (!valid_name(role)) return "role '" + role + "' " + name_check(role);
  if (s.credentials.tls() && (s.credentials.certificate.empty() || s.credentials.key.empty() ||
                              s.credentials.authority.empty()))
    return "TLS takes three files: security.certificate, security.key and security.authority";
  if (const auto wrong = link::validate(s.sessions)) return "of a link's settings, " + *wrong;
  if (s.consensus.how.heartbeat * 2 > s.consensus.how.election)
    return "consensus.election-timeout has to be two heartbeats (consensus.heartbeat) at least";
  if (s.membership.resolving.how.kind == membership::downing::lease_majority &&
      s.consensus.bootstrap_expect == 0 && s.seeds.empty())
    return "membership.downing lease-majority takes its lease in the replicated log, which a node "
           "without seeds has to "
           "begin: set cluster.bootstrap-expect, or another strategy";
  return membership::complaint(s.membership);
}
}  // namespace troupe
