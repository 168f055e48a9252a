// The link between two processes on loopback: one way and request/response, beside BASP in the same run and local CAF;
// a channel of bulk bytes over it; and how long an urgent request waits behind 100 MB of bulk. Each figure is the median
// of `--rounds` (3) rounds; link and BASP take turns, so that what else the machine does hits both alike.
//   link-bench [--rounds N] [--quick] [--only link|basp|local|channel|urgent]
#include "actors/link/channel.hpp"
#include "actors/link/channel_thread.hpp"
#include "runtime/remoting/remoting.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using sync_atom = caf::atom_constant<caf::atom("sync")>;
using helper_atom = caf::atom_constant<caf::atom("helper")>;
using open_atom = caf::atom_constant<caf::atom("open")>;

void print(const std::string& figure, double value, const std::string& unit) {
  std::cout << nlohmann::json{{"figure", figure}, {"value", value}, {"unit", unit}}.dump()
            << std::endl;
}
double median(std::vector<double> xs) {
  std::sort(xs.begin(), xs.end());
  return xs.empty() ? 0 : xs[xs.size() / 2];
}

caf::behavior quick(caf::event_based_actor*) {
  return {[](int x) { return x; }};
}
struct sink_state {
  std::unique_ptr<troupe::channel::channels> bulk{};
};
// Takes payloads and channels, and returns payloads when asked to.
caf::behavior sink(caf::stateful_actor<sink_state>* self) {
  self->state.bulk = std::make_unique<troupe::channel::channels>(self);
  auto* const bulk = self->state.bulk.get();
  self->set_down_handler([=](const caf::down_msg& d) { bulk->down(d); });
  return caf::message_handler{
      [](const std::string&) {},
      [](int, std::string& payload) { return std::move(payload); },
      [](sync_atom) { return true; },
      [=](helper_atom) { return self->spawn(quick); },
      [=](open_atom, troupe::channel::id id) {
        bulk->open_sink(
            id,
            {.data = [=](const std::string& bytes) { bulk->find_sink(id)->consumed(bytes.size()); },
             .over = [](const caf::error&) {}});
        return true;
      },
  }
      .or_else(bulk->handlers());
}

struct process {
  pid_t pid = -1;
  std::uint16_t port = 0;
  int input = -1;
};
process start(const std::string& kind) {
  int out[2], in[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(in, O_CLOEXEC) != 0) std::exit(1);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  std::string self = "link-bench", role = "--serve", which = kind;
  char* argv[] = {self.data(), role.data(), which.data(), nullptr};
  process child;
  if (::posix_spawn(&child.pid, "/proc/self/exe", &actions, nullptr, argv, environ) != 0)
    std::exit(1);
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(in[0]);
  child.input = in[1];
  std::string line;
  for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
  ::close(out[0]);
  child.port = static_cast<std::uint16_t>(std::stoi(line));
  return child;
}
void finish(process& child) {
  ::close(child.input);  // its end of input ends it
  ::waitpid(child.pid, nullptr, 0);
}

void common(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{2});
  troupe::channel::register_types(config);
}
troupe::remoting::settings link_settings(const std::string& name, bool listens) {
  troupe::remoting::settings s;
  s.cluster = "bench";
  s.link.queue_max = 256u << 20;  // so much is queued on purpose
  s.node = name;
  if (listens) s.listen = {"127.0.0.1", 0};
  return s;
}

int serve(const std::string& kind) {
  caf::actor_system_config config;
  common(config);
  if (kind == "link") {
    troupe::remoting::service::load(config, link_settings("server", true));
  } else {
    config.load<caf::io::middleman>();
  }
  caf::actor_system system{config};
  auto actor = system.spawn(sink);
  std::uint16_t port = 0;
  if (kind == "link") {
    auto& links = troupe::remoting::service::of(system);
    links.gateway(actor);
    port = links.listening()->port;
  } else {
    port = *system.middleman().publish(actor, 0, "127.0.0.1");
  }
  std::cout << port << std::endl;
  for (char c = 0; ::read(0, &c, 1) > 0;) {
  }
  std::_Exit(0);
}

double one_way(caf::actor_system& system, const caf::actor& to, std::size_t bytes,
               std::size_t count) {
  caf::scoped_actor self{system};
  const std::string payload(bytes, 'x');
  // a marker now and then, by the same way, bounds what is under way; BASP has no other bound
  const std::size_t between =
      std::max<std::size_t>(1, std::min<std::size_t>(10'000, (1 << 20) / bytes));
  const auto marker = [&] { return self->request(to, 60s, sync_atom::value); };
  std::deque<decltype(marker())> markers;
  const auto wait = [&](std::size_t most) {
    for (; markers.size() > most; markers.pop_front())
      markers.front().receive([](bool) {}, [](caf::error&) { std::abort(); });
  };
  const auto begin = clock_type::now();
  for (std::size_t i = 0; i < count; ++i) {
    self->send(to, payload);
    if (i % between != between - 1) continue;
    markers.push_back(marker());
    wait(8);
  }
  markers.push_back(marker());
  wait(0);
  return static_cast<double>(count) /
         std::chrono::duration<double>(clock_type::now() - begin).count();
}

struct trips {
  double p50 = 0, p99 = 0;
};
trips round_trip(caf::actor_system& system, const caf::actor& to, std::size_t bytes,
                 std::size_t count) {
  caf::scoped_actor self{system};
  const std::string payload(bytes, 'x');
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = clock_type::now();
    self->request(to, 60s, 1, payload)
        .receive([](std::string&) {}, [](caf::error&) { std::abort(); });
    times.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

// Writes of `bytes` until `total` have been taken at the other side; in bytes a second.
double by_channel(caf::actor_system& system, const caf::actor& to, std::size_t bytes,
                  std::size_t total) {
  caf::scoped_actor self{system};
  const auto id = troupe::channel::fresh_id(system);
  self->request(to, 60s, open_atom::value, id)
      .receive([](bool) {}, [](caf::error&) { std::abort(); });
  const std::string payload(bytes, 'x');
  const auto begin = clock_type::now();
  troupe::channel::writer out{system, id, to};
  for (std::size_t sent = 0; sent < total; sent += bytes)
    if (out.write(payload)) std::abort();
  if (out.finish()) std::abort();
  return static_cast<double>(total) /
         std::chrono::duration<double>(clock_type::now() - begin).count();
}
void channels(caf::actor_system& system, const caf::actor& to, int rounds, bool quickly) {
  for (const auto& [bytes, total] : {std::pair<std::size_t, std::size_t>{16, 64'000'000},
                                     {1024, 512'000'000},
                                     {65536, 1'024'000'000}}) {
    std::vector<double> rates;
    for (int i = 0; i < rounds; ++i)
      rates.push_back(by_channel(system, to, bytes, quickly ? total / 10 : total));
    const auto size = std::to_string(bytes) + "B";
    print("channel_writes_" + size, median(rates) / static_cast<double>(bytes), "writes/s");
    print("channel_" + size, median(rates) / 1e6, "MB/s");
  }
}

// What one wire shows for one size of message, over the rounds.
struct series {
  std::vector<double> rates, p50, p99;
  void print(const std::string& name, std::size_t bytes) const {
    const auto size = std::to_string(bytes) + "B";
    ::print(name + "_one_way_" + size, median(rates), "messages/s");
    ::print(name + "_round_trip_p50_" + size, median(p50), "us");
    ::print(name + "_round_trip_p99_" + size, median(p99), "us");
  }
};
struct wire {
  std::string name;
  caf::actor_system* system;
  caf::actor to;
};
struct size_of_run {
  std::size_t bytes, messages, trips;
};
void measure(const std::vector<wire>& wires, int rounds, bool quickly) {
  const std::size_t share = quickly ? 10 : 1;
  for (const auto& [bytes, messages, count] :
       {size_of_run{16, 1'000'000, 5'000}, size_of_run{1024, 400'000, 5'000},
        size_of_run{65536, 16'000, 2'000}}) {
    std::vector<series> seen(wires.size());
    for (int i = 0; i < rounds; ++i) {
      for (std::size_t w = 0; w < wires.size(); ++w) {
        const auto& [name, system, to] = wires[w];
        seen[w].rates.push_back(one_way(*system, to, bytes, messages / share));
        const auto t = round_trip(*system, to, bytes, count / share);
        seen[w].p50.push_back(t.p50);
        seen[w].p99.push_back(t.p99);
      }
    }
    for (std::size_t w = 0; w < wires.size(); ++w) seen[w].print(wires[w].name, bytes);
    if (wires.size() == 2)
      ::print(wires[0].name + "_to_" + wires[1].name + "_one_way_" + std::to_string(bytes) + "B",
              median(seen[0].rates) / median(seen[1].rates), "ratio");
  }
}

caf::actor meet(caf::actor_system& system, std::uint16_t port) {
  caf::scoped_actor self{system};
  auto& links = troupe::remoting::service::of(system);
  links.gateway(nullptr);
  links.observe(caf::actor_cast<caf::actor>(self));
  links.connect({"127.0.0.1", port});
  caf::actor found;
  self->receive([&](const troupe::remoting::link_up& up) { found = up.gateway; });
  return found;
}

// Urgent requests to an actor beside the one that is kept busy, until `done`: how long the typical and the longest took.
struct waits {
  double typical = 0, worst = 0;
};
template <class Done>
waits urgent_until(caf::scoped_actor& self, const caf::actor& helper, Done done) {
  std::vector<double> times;
  while (times.empty() || !done()) {
    const auto begin = clock_type::now();
    self->request<caf::message_priority::high>(helper, caf::duration{60s}, 1)
        .receive([](int) {}, [](caf::error&) { std::abort(); });
    times.push_back(std::chrono::duration<double, std::milli>(clock_type::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.back()};
}

// 100 MB on their way, as 1 KiB messages that are all queued, and as one message; beside them urgent requests, which are
// what a heartbeat is.
void urgent(caf::actor_system& system, const caf::actor& to, int rounds) {
  caf::scoped_actor self{system}, other{system};
  caf::actor helper;
  self->request(to, 60s, helper_atom::value)
      .receive([&](caf::actor& h) { helper = h; }, [](caf::error&) { std::abort(); });
  const std::string small(1024, 'x'), large(100'000'000, 'x');
  for (const bool at_once : {false, true}) {
    std::vector<double> typical, worst;
    for (int round = 0; round < rounds; ++round) {
      if (at_once) {
        other->send(to, large);
      } else {
        for (std::size_t i = 0; i < large.size() / small.size(); ++i) other->send(to, small);
      }
      auto last = other->request(to, 60s, sync_atom::value);
      const auto seen = urgent_until(self, helper, [&] { return !other->mailbox().empty(); });
      last.receive([](bool) {}, [](caf::error&) { std::abort(); });
      typical.push_back(seen.typical);
      worst.push_back(seen.worst);
    }
    const std::string name = at_once ? "link_urgent_beside_one_100MB" : "link_urgent_behind_100MB";
    print(name + "_p50", median(typical), "ms");
    print(name + "_worst", median(worst), "ms");
  }
}
}  // namespace

int main(int argc, char** argv) {
  int rounds = 3;
  bool quickly = false;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--serve" && i + 1 < argc) return serve(argv[++i]);
    if (arg == "--rounds" && i + 1 < argc) rounds = std::stoi(argv[++i]);
    if (arg == "--quick") quickly = true;
    if (arg == "--only" && i + 1 < argc) only = argv[++i];
  }
  const auto wanted = [&](const char* what) { return only.empty() || only == what; };
  if (wanted("local")) {
    caf::actor_system_config config;
    common(config);
    caf::actor_system system{config};
    auto to = system.spawn(sink);
    measure({{"local", &system, to}}, rounds, quickly);
    caf::anon_send_exit(to, caf::exit_reason::kill);
  }
  auto by_link = start("link"), by_basp = start("basp");
  {
    caf::actor_system_config config, other;
    common(config);
    common(other);
    troupe::remoting::service::load(config, link_settings("client", false));
    other.load<caf::io::middleman>();
    caf::actor_system system{config}, basp_system{other};
    const auto link = meet(system, by_link.port);
    const auto basp = basp_system.middleman().remote_actor("127.0.0.1", by_basp.port);
    if (!link || !basp) return 1;
    std::vector<wire> wires;
    if (wanted("link")) wires.push_back({"link", &system, link});
    if (wanted("basp")) wires.push_back({"basp", &basp_system, *basp});
    if (!wires.empty()) measure(wires, rounds, quickly);
    if (wanted("channel")) channels(system, link, rounds, quickly);
    if (wanted("urgent")) urgent(system, link, rounds);
    troupe::remoting::service::of(system).stop();
  }
  finish(by_link);
  finish(by_basp);
}
