// Locks: cycles of take and put back by clients that have a lock and a session each, and hand-offs of one lock among eight who
// all want it again. A cycle ends when the store has the place back; `pipelined`: when the next take has been granted, which is
// asked for beside the put-back; `kept`: each process keeps its lock for as long as nobody else wants it.
//   lock-bench [--seconds S] [--clients N,N,...] [--leader] [--store S] [--stores N]   (3, 1,64; map; 1)
// The map's nodes sync every commit. --leader: all clients talk to the leader's node. Another store is named as for `troupe
// lock`, and its clients share N of them, as in N processes.
#include "actors/lock/locks.hpp"
#include "actors/lock/named_store.hpp"
#include "actors/lock/tree_store.hpp"
#include "cluster_of_three.hpp"
#include "runtime/error.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <sstream>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::take)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::taken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::put_back)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::returned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::retire)
namespace {
using namespace std::chrono_literals;
using namespace troupe;
using bench::fail, bench::print;
using clock_type = std::chrono::steady_clock;

struct tally {
  std::atomic<bool> stop = false, counts = false;
  std::atomic<std::uint64_t> fence = 0;  // of the one lock: hand-offs are seen to rise
  std::vector<std::uint32_t> micros;
};

class client : public caf::event_based_actor {
 public:
  client(caf::actor_config& c, caf::actor locks, std::string name, bool pipelined, bool handed,
         tally& into)
      : caf::event_based_actor{c},
        locks_{std::move(locks)},
        lock_{std::move(name)},
        pipelined_{pipelined},
        handed_{handed},
        into_{into} {}
  caf::behavior make_behavior() override {
    next();
    return {[](caf::unit_t) {}};
  }

 private:
  void next() {
    if (into_.stop) {
      send(locks_, lock::retire{});
      return quit();
    }
    began_ = clock_type::now();
    request(locks_, caf::infinite, lock::take{.name = lock_})
        .then([this](const lock::taken& t) { held(t.fence); },
              [](const caf::error& why) { fail(sentence_of(why)); });
  }
  void held(std::uint64_t fence) {
    if (handed_ && fence <= into_.fence.exchange(fence)) fail("a fence that does not rise");
    if (pipelined_ || handed_) count();
    request(locks_, caf::infinite, lock::put_back{lock_})
        .then(
            [this](const lock::returned& r) {
              if (!r.held) fail("a lock was lost");
              if (pipelined_) return;
              if (!handed_) count();
              next();
            },
            [](const caf::error& why) { fail(sentence_of(why)); });
    if (pipelined_) next();
  }
  void count() {
    const auto took = clock_type::now() - began_;
    if (into_.counts)
      into_.micros.push_back(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
  caf::actor locks_;
  std::string lock_;
  bool pipelined_, handed_;
  tally& into_;
  clock_type::time_point began_{};
};

struct ground {
  caf::actor_system& system;
  std::function<caf::actor(std::size_t)> store;  // of the client of that number
  std::chrono::milliseconds time;
};

void measure(const ground& on, const std::string& figure, std::size_t clients, bool pipelined,
             bool handed, std::chrono::milliseconds keeps = {}) {
  tally all;
  std::vector<caf::actor> actors;
  for (std::size_t i = 0; i < clients; ++i) {
    const auto locks = lock::spawn_locks(on.system, on.store(i),
                                         {.owner = "bench-" + std::to_string(i), .keeps = keeps});
    actors.push_back(on.system.spawn<in_loop<client>>(
        locks, handed ? "one" : "lock-" + std::to_string(i), pipelined, handed, all));
  }
  std::this_thread::sleep_for(500ms);
  all.counts = true;
  const auto began = clock_type::now();
  std::this_thread::sleep_for(on.time);
  all.counts = false;
  const auto seconds = std::chrono::duration<double>(clock_type::now() - began).count();
  all.stop = true;
  caf::scoped_actor self{on.system};
  self->wait_for(actors);
  print(figure, static_cast<double>(all.micros.size()) / seconds, "1/s");
  std::sort(all.micros.begin(), all.micros.end());
  if (all.micros.empty()) return;
  print(figure + "_p50", all.micros[all.micros.size() / 2], "us");
  print(figure + "_p99", all.micros[all.micros.size() * 99 / 100], "us");
}

void measure_all(const ground& on, const std::string& store,
                 const std::vector<std::size_t>& counts) {
  for (const auto n : counts) {
    const auto name = store + "_cycles_" + std::to_string(n) + "_clients";
    measure(on, name, n, false, false);
    measure(on, name + "_pipelined", n, true, false);
    measure(on, name + "_kept", n, false, false, 500ms);
  }
  measure(on, store + "_handoffs_8_clients", 8, false, true);
}

void measure_cluster(const std::string& store, bool at_leader, std::chrono::milliseconds time,
                     const std::vector<std::size_t>& counts) {
  const bench::cluster nodes{""};
  bench::config settings{nodes};
  caf::actor_system system{settings};
  {
    const auto [before, ways] = bench::ways_to(system, nodes, store == "tree");
    std::vector<bench::way> used;
    for (const auto& w : ways)
      if (!at_leader || w.node == before["leader"]) used.push_back(w);
    const ground on{system,
                    [&](std::size_t i) {
                      const auto& w = used[i % used.size()];
                      return store == "tree"
                                 ? lock::spawn_tree_store(system, w.tree, {.prefer = w.node})
                                 : lock::spawn_map_store(system, w.map, {.prefer = w.node});
                    },
                    time};
    measure_all(on, store, counts);
  }
  remoting::service::of(system).stop();
}

struct own_config : caf::actor_system_config {
  own_config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    register_types(*this);
  }
};
// A store ends with the locks that it is given to: each gets one that hands on to one that many share.
caf::behavior hand_on(caf::event_based_actor* self, const caf::actor& to) {
  return {[=](lock::store_wish& what) { return self->delegate(to, std::move(what)); }};
}
void measure_named(const std::string& store, std::size_t stores, std::chrono::milliseconds time,
                   const std::vector<std::size_t>& counts) {
  own_config settings;
  caf::actor_system system{settings};
  std::vector<caf::actor> shared;
  for (std::size_t i = 0; i < stores; ++i) {
    auto opened = lock::spawn_named_store(system, store);
    if (!opened) fail(opened.error());
    shared.push_back(std::move(*opened));
  }
  const ground on{system,
                  [&](std::size_t i) { return system.spawn(hand_on, shared[i % shared.size()]); },
                  time};
  measure_all(on, store.substr(0, store.find(':')), counts);
  for (const auto& s : shared) caf::anon_send_exit(s, caf::exit_reason::user_shutdown);
}
}  // namespace

int main(int argc, char** argv) {
  double seconds = 3;
  bool at_leader = false;
  std::string store = "map";
  std::size_t stores = 1;
  std::vector<std::size_t> counts{1, 64};
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] {
      if (i + 1 >= argc) fail(option + " needs a value");
      return std::string{argv[++i]};
    };
    if (option == "--seconds")
      seconds = std::stod(value());
    else if (option == "--leader")
      at_leader = true;
    else if (option == "--store")
      store = value();
    else if (option == "--stores")
      stores = std::stoul(value());
    else if (option == "--clients") {
      counts.clear();
      std::istringstream all{value()};
      for (std::string one; std::getline(all, one, ',');) counts.push_back(std::stoul(one));
    } else
      fail("unknown option " + option);
  }
  (void)log::start({.levels = "warn"});
  const std::chrono::milliseconds time{static_cast<int>(seconds * 1000)};
  if (store == "map" || store == "tree")
    measure_cluster(store, at_leader, time, counts);
  else
    measure_named(store, stores, time, counts);
}
