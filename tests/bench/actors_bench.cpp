// What an actor costs where it lives: bytes for an idle one, spawns and messages a second. JSON lines.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include <caf/all.hpp>
#include <unistd.h>

namespace {
using clock_type = std::chrono::steady_clock;

double resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  std::size_t total = 0, resident = 0;
  in >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void figure(const char* name, double value, const char* unit) {
  std::printf("{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\"}\n", name, value, unit);
  std::fflush(stdout);
}

caf::behavior idle(caf::event_based_actor*) {
  return {[](caf::get_atom) { return 0; }};
}
caf::behavior counter(caf::stateful_actor<std::uint64_t>* self) {
  return {[self](std::uint64_t n) { self->state += n; },
          [self](caf::get_atom) { return self->state; }};
}
}  // namespace

int main() {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  caf::actor_system system{config};
  {
    constexpr std::size_t many = 200'000;
    std::vector<caf::actor> actors;
    actors.reserve(many);
    const auto before = resident_bytes();
    const auto began = clock_type::now();
    for (std::size_t i = 0; i < many; ++i) actors.push_back(system.spawn(idle));
    const auto took = std::chrono::duration<double>(clock_type::now() - began).count();
    caf::scoped_actor self{system};
    self->request(actors.back(), std::chrono::seconds{60}, caf::ping_atom::value)
        .receive([] {}, [](caf::error&) {});
    figure("bytes_per_idle_actor", (resident_bytes() - before) / many, "B");
    figure("actors_spawned", many / took, "1/s");
    for (auto& a : actors) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  }
  {
    constexpr std::uint64_t many = 1'000'000;
    auto a = system.spawn(counter);
    caf::scoped_actor self{system};
    const auto began = clock_type::now();
    for (std::uint64_t i = 0; i < many; ++i) caf::anon_send(a, std::uint64_t{1});
    std::uint64_t seen = 0;
    self->request(a, std::chrono::seconds{60}, caf::get_atom_v)
        .receive([&](std::uint64_t n) { seen = n; }, [](caf::error&) {});
    const auto took = std::chrono::duration<double>(clock_type::now() - began).count();
    if (seen != many) return 1;
    figure("local_messages_one_way", many / took, "1/s");
    constexpr int asked = 100'000;
    const auto start = clock_type::now();
    for (int i = 0; i < asked; ++i)
      self->request(a, std::chrono::seconds{60}, caf::get_atom_v)
          .receive([](std::uint64_t) {}, [](caf::error&) {});
    figure("local_round_trip",
           std::chrono::duration<double>(clock_type::now() - start).count() / asked * 1e6, "us");
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  }
}
