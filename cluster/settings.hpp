// What a node is told: who it is, where it listens, whom it asks to join, how it proves itself. Defaults make a lone
// node on loopback; the same settings come from a file, the environment and flags (runtime/config.hpp).
#pragma once
#include "cluster/replicated_log.hpp"
#include "patterns/membership/options.hpp"
#include "patterns/result.hpp"
#include "runtime/config.hpp"
#include "runtime/log.hpp"
#include "runtime/remoting/remoting.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>
namespace troupe {
struct node_settings {
  std::string name;                    // unique in the cluster; empty: HOST-PID
  std::string listen = "127.0.0.1:0";  // port 0: any that is free
  std::string advertised;              // where others find us, if not where we listen
  std::string cluster = "troupe";      // two clusters of different names never meet
  std::vector<std::string>
      seeds;  // members to ask; without any the node forms a cluster of its own
  std::vector<std::string> roles;
  std::string data;                // a directory of this node alone; empty: a temporary one
  std::string events;              // event log; empty: none
  remoting::security credentials;  // without any: loopback only
  remoting::limits links;
  link::session_settings sessions;
  membership::options membership;
  log_options consensus;
  std::uint32_t map_slots = 0;  // 0: as many as there are cores
  std::uint32_t reduce_slots = 0;
  std::int64_t threads = 0;  // that run actors; 0: as many as there are cores, and 2 at least
  bool work_stealing = false;
  std::chrono::milliseconds stop_within{
      10'000};  // a node that has not stopped in order by then just ends
  log::settings log;
  // Called with the configuration of each life's actor system: a program registers its own message types here, with
  // add_message_type, on all nodes alike.
  std::function<void(caf::actor_system_config&)> configure;
};

void declare_node_options(config::schema& options);
// Those that are alike for all nodes of a cluster; the others say who a node is, whom it joins, how it proves itself.
void declare_shared_options(config::schema& options);
bool of_one_node(const std::string& key);  // node.*, cluster.*, security.*
// All options that a node understands, the ground's with them.
config::schema node_options();
// How somebody who is no node proves itself, and what its sessions are like; the error names the setting.
result<remoting::security, std::string> credentials_from(const config::settings& from);
link::session_settings sessions_from(const config::settings& from);
// The error says which setting makes no sense, and why.
result<node_settings, std::string> node_settings_from(const config::settings& from);
// What is wrong with settings that were filled in by hand; empty: nothing.
std::string complaint(const node_settings& settings);
}  // namespace troupe
