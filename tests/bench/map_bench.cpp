// The replicated map on three nodes that sync every commit: closed loops of clients, each waiting for its answer, spread
// over the nodes; then linearizable reads. Beside it, what the disk does alone.
//   map-bench [--seconds S] [--clients N,N,...] [--bytes N] [--leader]   (3, 1,16,64,256, 128)
// --leader: all clients talk to the leader's node, as a client library that knows it would.
#include "actors/consensus/protocol.hpp"
#include "cluster_of_three.hpp"
#include "patterns/encoding.hpp"
#include "patterns/storage/map_messages.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>

#include <caf/all.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace troupe;
using bench::fail, bench::print;
using clock_type = std::chrono::steady_clock;

struct tally {
  std::vector<std::uint32_t> micros;
  std::uint64_t failed = 0;
};

class client : public caf::event_based_actor {
 public:
  client(caf::actor_config& c, caf::actor map, std::size_t number, bool reads, std::size_t bytes,
         const std::atomic<bool>& stop, tally& into)
      : caf::event_based_actor{c},
        map_{std::move(map)},
        reads_{reads},
        bytes_{reads ? encode(storage::question{
                           storage::get{storage::one("key-" + std::to_string(number))}})
                     : encode(storage::command{storage::put{"key-" + std::to_string(number),
                                                            std::string(bytes, 'v')}})},
        stop_{stop},
        into_{into} {}
  caf::behavior make_behavior() override {
    next();
    return {[](caf::unit_t) {}};
  }

 private:
  void next() {
    if (stop_) return quit();
    const auto began = clock_type::now();
    const auto done = [this, began](const consensus::reply&) {
      const auto took = clock_type::now() - began;
      into_.micros.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
      next();
    };
    const auto failed = [this](const caf::error&) {
      ++into_.failed;
      next();
    };
    if (reads_)
      request(map_, caf::infinite, consensus::question{bytes_, false}).then(done, failed);
    else  // the map's own client has patience, and tells
      request(map_, caf::infinite, consensus::command{bytes_}).then(done, failed);
  }
  caf::actor map_;
  bool reads_;
  std::string bytes_;
  const std::atomic<bool>& stop_;
  tally& into_;
};

void measure(caf::actor_system& system, const std::vector<caf::actor>& maps, bool reads,
             std::size_t clients, std::size_t bytes, std::chrono::milliseconds time) {
  std::atomic<bool> stop = false;
  tally all;
  std::vector<caf::actor> actors;
  const auto began = clock_type::now();
  for (std::size_t i = 0; i < clients; ++i)
    actors.push_back(
        system.spawn<in_loop<client>>(maps[i % maps.size()], i, reads, bytes, stop, all));
  std::this_thread::sleep_for(time);
  stop = true;
  caf::scoped_actor self{system};
  self->wait_for(actors);
  const auto seconds = std::chrono::duration<double>(clock_type::now() - began).count();
  const auto name =
      std::string{reads ? "reads" : "writes"} + "_" + std::to_string(clients) + "_clients";
  print(name, static_cast<double>(all.micros.size()) / seconds, "1/s");
  std::sort(all.micros.begin(), all.micros.end());
  if (all.micros.empty()) return;
  print(name + "_p50", all.micros[all.micros.size() / 2], "us");
  print(name + "_p99", all.micros[all.micros.size() * 99 / 100], "us");
  if (all.failed > 0) print(name + "_failed", static_cast<double>(all.failed), "requests");
}

void disk_alone(const fs::path& where) {
  const auto file = (where / "sync").string();
  const int fd = ::open(file.c_str(), O_CREAT | O_WRONLY, 0600);
  std::array<char, 256> block{};
  std::size_t count = 0;
  const auto end = clock_type::now() + 1s;
  while (clock_type::now() < end) {
    if (::write(fd, block.data(), block.size()) < 0 || ::fdatasync(fd) != 0)
      fail("the disk does not sync");
    ++count;
  }
  ::close(fd);
  print("fdatasync_alone", static_cast<double>(count), "1/s");
}
}  // namespace

int main(int argc, char** argv) {
  double seconds = 3;
  std::size_t bytes = 128;
  bool at_leader = false;
  std::vector<std::size_t> counts{1, 16, 64, 256};
  std::string more;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] {
      if (i + 1 >= argc) fail(option + " needs a value");
      return std::string{argv[++i]};
    };
    if (option == "--seconds")
      seconds = std::stod(value());
    else if (option == "--bytes")
      bytes = std::stoul(value());
    else if (option == "--leader")
      at_leader = true;
    else if (option == "--node")
      more += " " + value();
    else if (option == "--clients") {
      counts.clear();
      std::istringstream all{value()};
      for (std::string one; std::getline(all, one, ',');) counts.push_back(std::stoul(one));
    } else
      fail("unknown option " + option);
  }
  (void)log::start({.levels = "warn"});
  const bench::cluster nodes{more};
  disk_alone(nodes.directory);
  bench::config settings{nodes};
  caf::actor_system system{settings};
  {
    const auto [before, ways] = bench::ways_to(system, nodes);
    std::vector<caf::actor> maps;
    for (const auto& w : ways)
      if (!at_leader || w.node == before["leader"]) maps.push_back(w.map);
    const auto time = std::chrono::milliseconds{static_cast<int>(seconds * 1000)};
    for (const auto n : counts) measure(system, maps, false, n, bytes, time);
    for (const auto n : counts) measure(system, maps, true, n, bytes, time);
    const auto term = [](const nlohmann::json& s) { return s["term"].get<double>(); };
    print("terms_begun", term(nodes.status()) - term(before), "elections");
  }
  remoting::service::of(system).stop();
}
