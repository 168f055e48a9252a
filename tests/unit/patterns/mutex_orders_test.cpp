// Three members, any order of messages, timers and a crash: never two inside, fences rise.
#include "mutex_bench.hpp"
#include "patterns/simulation/every_order.hpp"
using namespace troupe;
using namespace troupe::mutex;
using namespace troupe::mutex::test;

namespace {
// A member without the detector of a host: a crash is told by the world.
struct bare {
  using message = mutex::message;
  struct command {
    bool acquires = true;
  };
  using event = std::string;
  using output = simulation::effects<message, event>;

  explicit bare(std::unique_ptr<mutex::member> m) : core(std::move(m)) {}
  bare(const bare& other) : core(other.core->copy()), leaves(other.leaves) {}
  bare& operator=(const bare& other) {
    core = other.core->copy();
    leaves = other.leaves;
    return *this;
  }
  bare(bare&&) = default;
  bare& operator=(bare&&) = default;

  void command_given(const command&, instant now, output& out) {
    mutex::output did;
    core->command(acquire{}, now, did);
    obey(did, out);
  }
  void receive(simulation::member from, const message& m, instant now, output& out) {
    mutex::output did;
    core->receive(from, m, now, did);
    obey(did, out);
  }
  // Whoever is inside leaves with its timer.
  void tick(instant now, output& out) {
    mutex::output did;
    if (core->as() == phase::holding && leaves) {
      leaves = false;
      core->command(release{}, now, did);
    } else {
      core->tick(now, did);
    }
    obey(did, out);
  }
  void lost(simulation::member peer, std::uint32_t life, instant now, output& out) {
    mutex::output did;
    core->lost(peer, life, now, did);
    obey(did, out);
  }
  instant due() const { return core->as() == phase::holding && leaves ? instant{} : core->due(); }
  void obey(mutex::output& did, output& out) {
    for (auto& l : did.send) out.send.push_back({l.to, std::move(l.what)});
    for (const auto& h : did.told) {
      if (const auto* in = std::get_if<granted>(&h))
        fences.push_back(in->fence), leaves = true, out.events.push_back(std::to_string(in->fence));
      if (std::holds_alternative<mutex::lost>(h)) out.events.emplace_back("lost");
    }
  }
  static void describe(const event& e, std::string& fields) { fields += e; }
  static std::string digest(const message& m) { return encode(m); }
  std::string digest() const { return core->digest() + (leaves ? 'l' : 's'); }

  std::unique_ptr<mutex::member> core;
  std::vector<std::uint64_t> fences{};
  bool leaves = false;
};
using small = simulation::small_world<bare>;

std::string wrong(const small& all) {
  std::vector<std::string> fences;
  int inside = 0;
  for (server s = 0; s < all.size(); ++s) {
    inside += all.alive(s) && all.host(s).core->as() == phase::holding ? 1 : 0;
    for (const auto& e : all.events(s)) {
      if (e == "lost") return "somebody has lost it, and nobody was taken for dead who was not";
      if (std::find(fences.begin(), fences.end(), e) != fences.end()) return "a fence came twice";
      fences.push_back(e);
    }
  }
  // who is inside came last: nobody has had a higher fence
  for (server s = 0; s < all.size(); ++s) {
    if (!all.alive(s) || all.host(s).core->as() != phase::holding) continue;
    for (const auto& f : fences)
      if (std::stoull(f) > all.host(s).core->fence()) return "fences fall";
  }
  return inside > 1 ? "two are inside" : "";
}

small formed(std::string_view name, simulation::small_bounds bounds,
             const std::vector<server>& asking) {
  const auto before = std::make_shared<group>(name, 3U);
  small w{bounds, [before](simulation::member m) { return bare{before->all[m]->copy()}; }, wrong};
  for (const auto s : asking) w.command(s, {});
  return w;
}

void check(std::string_view name, simulation::small_bounds bounds,
           const std::vector<server>& asking) {
  CAPTURE(std::string{name});
  const auto all = simulation::every_order(formed(name, bounds, asking), 6'000'000);
  CHECK(all.broken == "");
  CHECK(all.whole);
  MESSAGE(name << ": " << all.states << " states, " << all.ends << " ends");
}
}  // namespace

TEST_CASE(
    "mutex: in every order of 8 deliveries and a crash, the coordinator's too, one is inside") {
  check("centralised", {.deliveries = 8, .ticks = 1, .crashes = 1}, {1, 2});
}

TEST_CASE("mutex: the same of those who ask each other") {
  check("ricart-agrawala", {.deliveries = 8, .ticks = 1, .crashes = 1}, {0, 1, 2});
}

TEST_CASE("mutex: the same of a token, and of the one that replaces it") {
  check("token-ring", {.deliveries = 8, .ticks = 2, .crashes = 1}, {1, 2});
}

TEST_CASE("mutex: the same with messages lost") {
  for (const auto& a : algorithms())
    check(a.name, {.deliveries = 6, .ticks = 2, .crashes = 0, .losses = 2}, {0, 1, 2});
}
