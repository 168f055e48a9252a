// What benches of a real cluster share: three nodes that sync every commit, and a system of this process that talks to them.
#pragma once
#include "cluster/management.hpp"
#include "cluster/types.hpp"
#include "program_bench.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/remoting/remoting.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#include <unistd.h>
namespace troupe::bench {
struct cluster {
  explicit cluster(const std::string& more) {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-bench-XXXXXX").string();
    if (!::mkdtemp(name.data())) fail("no directory");
    directory = name;
    before_failing() = [this] { end(); };
    std::istringstream lines{program("up --nodes 3 --dir " + name + "/c " + more)};
    std::string word, address;
    while (lines >> word >> address && word.front() == 'n' &&
           address.find(':') != std::string::npos) {
      addresses.push_back(address);
      std::getline(lines, word);
    }
    std::getline(std::ifstream{name + "/c/secret"}, secret);
  }
  ~cluster() {
    before_failing() = {};
    end();
  }
  void end() const {
    (void)try_program("stop --dir " + directory.string() + "/c");
    std::filesystem::remove_all(directory);
  }
  // Null: the log has not begun.
  nlohmann::json status() const {
    const auto [code, text] = try_program("log status --json --dir " + directory.string() + "/c");
    return code == 0 ? nlohmann::json::parse(text) : nlohmann::json{};
  }
  std::filesystem::path directory;
  std::vector<std::string> addresses;
  std::string secret;
};

struct config : caf::actor_system_config {
  explicit config(const cluster& to) {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    register_types(*this);
    remoting::settings s;
    s.cluster = "troupe";
    s.node = "bench-" + std::to_string(::getpid());
    s.client = true;
    s.credentials.secret = to.secret;
    remoting::service::load(*this, s);
  }
};

// Once somebody leads: the log's status, and each node's way to the map (actors/consensus/client.hpp).
struct way {
  std::string node;
  caf::actor map;
  caf::actor tree;  // begun by being asked for; nothing unless it was
};
inline std::pair<nlohmann::json, std::vector<way>> ways_to(caf::actor_system& system,
                                                           const cluster& nodes,
                                                           bool tree = false) {
  using namespace std::chrono_literals;
  caf::scoped_actor self{system};
  auto& links = remoting::service::of(system);
  links.observe(caf::actor_cast<caf::actor>(self));
  for (const auto& a : nodes.addresses) links.connect(*remoting::parse_endpoint(a));
  std::vector<std::pair<std::string, caf::actor>> gateways;
  while (gateways.size() < nodes.addresses.size())
    self->receive(
        [&](remoting::link_up& up) {
          if (up.gateway) gateways.emplace_back(up.who.name, std::move(up.gateway));
        },
        [](const remoting::link_refused& no) { fail(to_string(no.reason)); },
        [](const remoting::link_found&) {}, [](const remoting::link_broken&) {},
        [](const remoting::link_resumed&) {}, [](const remoting::link_down&) {},
        caf::after(10s) >> [] { fail("no node answers"); });
  auto before = nodes.status();
  for (int tries = 0; !before.is_object() || before["leader"].is_null(); before = nodes.status()) {
    if (++tries > 100) fail("nobody leads the log");
    std::this_thread::sleep_for(50ms);
  }
  std::vector<way> ways;
  for (const auto& node : gateways)
    self->request(node.second, 5s, management::map_query{})
        .receive(
            [&](management::map_reply& got) {
              ways.push_back({node.first, std::move(got.map), {}});
            },
            [](const caf::error& e) { fail(to_string(e)); });
  for (std::size_t i = 0; tree && i < ways.size(); ++i)
    self->request(gateways[i].second, 5s, management::tree_query{})
        .receive([&](management::tree_reply& got) { ways[i].tree = std::move(got.tree); },
                 [](const caf::error& e) { fail(to_string(e)); });
  return {std::move(before), std::move(ways)};
}
}  // namespace troupe::bench
