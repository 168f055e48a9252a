// Steps a second of the simulator's ring 1: with cores that do nothing but answer, and with members
// of a cluster, claims checked after each step. One
// thread, seconds of processor time, so that a busy machine matters less; virtual seconds beside it.
#include "patterns/membership/simulated.hpp"
#include "patterns/simulation/world.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

using namespace troupe;
using namespace std::chrono_literals;
namespace {
struct echo {
  using message = std::uint64_t;
  using command = std::uint64_t;
  using event = std::uint64_t;
  using output = simulation::effects<message, event>;
  void receive(simulation::member from, message m, simulation::instant, output& out) {
    out.send.push_back({from, m + 1});
  }
  void command_given(const command& c, simulation::instant, output& out) {
    out.send.push_back({(self + 1) % members, c});
  }
  void tick(simulation::instant now, output& out) {
    next = now + 10ms;
    out.send.push_back({(self + 1) % members, 0});
  }
  simulation::instant due() const { return next; }
  simulation::member self, members;
  simulation::instant next = simulation::instant::max();
};

void figure(const std::string& name, double value, const char* unit) {
  std::printf("{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\"}\n", name.c_str(), value, unit);
}

// Runs a world for about two seconds.
template <class World>
void measure(const std::string& name, World& w, simulation::duration stride) {
  const auto start = std::clock();
  const auto steps = w.steps();
  const auto from = w.now();
  std::chrono::duration<double> took{};
  while (took < 2s && !w.broken()) {
    w.run_for(stride);
    w.forget_events();
    took = std::chrono::duration<double>{static_cast<double>(std::clock() - start) /
                                         static_cast<double>(CLOCKS_PER_SEC)};
  }
  if (w.broken()) std::printf("%s\n", to_string(w.judged()).c_str());
  figure(name + "_steps", static_cast<double>(w.steps() - steps) / took.count(), "1/s");
  figure(name + "_virtual_time",
         std::chrono::duration<double>(w.now() - from).count() / took.count(), "s/s");
}

void trivial(simulation::member members, std::uint32_t flying) {
  simulation::world<echo> w{1};
  for (simulation::member i = 0; i < members; ++i) {
    w.add([=](const simulation::life& of) { return echo{.self = of.self, .members = members}; });
  }
  w.always("true", [](const auto&, simulation::member) { return std::string{}; });
  for (std::uint32_t i = 0; i < flying; ++i) w.give(i % members, i);
  measure("simulation_trivial_" + std::to_string(members) + "_members_" + std::to_string(flying) +
              "_messages",
          w, 100ms);
}

void members(std::uint32_t n, bool claims) {
  membership::town w{1, {}};
  w.cluster(n);
  if (claims) w.claim_views();
  if (claims) w.claim_calm(20s, 60s);
  w.run_until([&] { return w.one_view(n); }, 120s, 1s);
  measure("simulation_membership_" + std::to_string(n) + (claims ? "" : "_without_claims"), w,
          n > 50 ? simulation::duration{1s} : simulation::duration{10s});
}
}  // namespace

int main() {
  trivial(5, 10);
  trivial(100, 1000);
  trivial(1000, 100'000);
  for (const std::uint32_t n : {5, 10, 100}) {
    members(n, true);
    members(n, false);
  }
}
