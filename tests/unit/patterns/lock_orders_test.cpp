// Two or three clients and a store: any order of messages, time-outs, ends of sessions and a crash. Who believes to hold has
// its place, and nobody stands in its way.
#include "patterns/encoding.hpp"
#include "patterns/lock/holder.hpp"
#include "patterns/lock/model_store.hpp"
#include "patterns/lock/session.hpp"
#include "patterns/simulation/small_world.hpp"

#include <map>
#include <optional>

#include <doctest/doctest.h>
using namespace troupe;
using namespace troupe::lock;
using namespace std::chrono_literals;

namespace {
const session_settings usual{.ttl = 10s};

// A client with a session, or the store.
struct bare {
  struct message {
    std::uint64_t of = 0;  // the session's requests or the holder's
    std::uint64_t number = 0;
    std::variant<wish, answer> what{};
  };
  using command = acquire;
  using event = std::string;
  using output = simulation::effects<message, event>;
  struct client {
    session its;
    holder core;
    std::map<std::pair<std::uint64_t, std::uint64_t>, bool> asked{};  // which; true: it may wait
  };

  bare(simulation::member self, simulation::member store_at, mode as, duration keeps)
      : store_at{store_at} {
    if (self == store_at) {
      store.emplace();
      std::vector<model_store::reply> said;
      for (simulation::member c = 0; c < store_at; ++c)
        store->asked(c * 2, {1, open_session{usual.ttl}}, instant{}, said);
      return;
    }
    const auto name = simulation::name_of(self);
    it.emplace(client{session{usual},
                      holder{{.lock = "x", .owner = name, .as = as, .keeps = keeps}, name}});
    session_output ignored;
    it->its.want(instant{}, ignored);
    it->its.answered({1, opened{"s" + std::to_string(self + 1)}}, instant{}, ignored);
    lock::output none;
    it->core.step(session_is{it->its.id()}, instant{}, none);
  }

  void command_given(const acquire& c, instant now, output& out) { give(c, now, out); }
  void receive(simulation::member from, const message& m, instant now, output& out) {
    if (store) {
      std::vector<model_store::reply> said;
      store->tick(now, said);
      store->asked(from * 2 + m.of, {m.number, std::get<wish>(m.what)}, now, said);
      return say(said, out);
    }
    on_time(now, out);
    hear(m.of, m.number, std::get<answer>(m.what), now, out);
  }
  // What a timer can do, one at a time: a session ends, a holder lets go or looks again, one that keeps its place wants it
  // again, an answer is waited for no longer.
  void tick(instant now, output& out) {
    if (store) {
      std::vector<model_store::reply> said;
      store->tick(now, said);
      return say(said, out);
    }
    if (now >= it->its.due()) return on_time(now, out);
    if (now >= it->core.due()) return give(lock::tick{}, now, out);
    if (it->core.at() == stage::holding) return give(release{2}, now, out);
    if (it->core.at() == stage::kept && !again) {
      again = true;
      return give(acquire{3}, now, out);
    }
    for (const auto& [which, waits] : it->asked)
      if (!waits) return hear(which.first, which.second, unanswered{}, now, out);
  }
  instant due() const {
    if (store) return store->due();
    if (it->core.at() == stage::holding || (it->core.at() == stage::kept && !again)) return {};
    for (const auto& [which, waits] : it->asked)
      if (!waits) return {};
    return std::min(it->its.due(), it->core.due());
  }
  static void describe(const event& e, std::string& fields) { fields += e; }
  static std::string digest(const message& m) { return encode(std::tuple{m.of, m.number, m.what}); }
  std::string digest() const {
    if (store) return store->digest();
    return it->its.digest() + it->core.digest() + encode(std::tuple{it->asked, again});
  }

  simulation::member store_at;
  std::optional<client> it{};
  std::optional<model_store> store{};
  bool again = false;  // it has wanted again what it kept

 private:
  void on_time(instant now, output& out) {
    if (now < it->its.due()) return;
    session_output did;
    it->its.tick(now, did);
    obey(did, now, out);
  }
  void hear(std::uint64_t of, std::uint64_t number, const answer& what, instant now, output& out) {
    if (it->asked.erase({of, number}) == 0) return;
    if (of == 1) return give(answered{number, what}, now, out);
    session_output did;
    it->its.answered({number, what}, now, did);
    obey(did, now, out);
  }
  void obey(session_output& did, instant now, output& out) {
    for (auto& a : did.asks) ask_for(0, std::move(a), out);
    if (did.over) give(session_gone{*did.over}, now, out);
    if (did.begun) give(session_is{*did.begun}, now, out);
  }
  void give(const input& in, instant now, output& out) {
    lock::output did;
    it->core.step(in, now, did);
    for (auto& a : did.asks) ask_for(1, std::move(a), out);
    for (const auto& e : did.events)
      if (const auto* g = std::get_if<granted>(&e)) out.events.push_back(std::to_string(g->fence));
  }
  void ask_for(std::uint64_t of, ask a, output& out) {
    it->asked[{of, a.number}] = std::holds_alternative<await>(a.what);
    out.send.push_back({store_at, {of, a.number, std::move(a.what)}});
  }
  void say(std::vector<model_store::reply>& said, output& out) {
    for (auto& r : said)
      out.send.push_back(
          {static_cast<simulation::member>(r.whom / 2), {r.whom % 2, r.number, std::move(r.what)}});
  }
};
using small = simulation::small_world<bare>;

std::string wrong(const small& all) {
  const auto store = all.size() - 1;
  std::map<std::string, simulation::member> fences;
  for (simulation::member m = 0; m < store; ++m) {
    for (const auto& e : all.events(m))
      if (const auto [its, fresh] = fences.emplace(e, m);
          !fresh && (its->second != m || !all.host(m).again))
        return "a fence came twice";
    const auto& c = *all.host(m).it;
    if (!all.alive(m) || c.core.at() != stage::holding || all.now() >= c.its.good_until()) continue;
    const auto& lines = all.host(store).store->lines();
    const auto found = lines.find("x");
    if (found == lines.end() || !holds(found->second, c.core.ticket()))
      return simulation::name_of(m) + " believes to hold, and does not";
  }
  return {};
}

void check(simulation::small_bounds bounds, const std::vector<mode>& as, duration keeps = {}) {
  bounds.members = static_cast<std::uint32_t>(as.size()) + 1;
  bounds.told_of_crashes = false;
  small w{bounds,
          [&](simulation::member m) {
            return bare{m, bounds.members - 1, m < as.size() ? as[m] : mode::exclusive, keeps};
          },
          wrong};
  for (simulation::member m = 0; m < as.size(); ++m) w.command(m, acquire{1});
  const auto all = simulation::every_order(w, 6'000'000);
  CHECK(all.broken == "");
  CHECK(all.whole);
  MESSAGE(as.size() << " clients: " << all.states << " states, " << all.ends << " ends");
}
}  // namespace

TEST_CASE(
    "lock: in every order of 8 deliveries, three timers and a crash, two exclude each other") {
  check({.deliveries = 8, .ticks = 3, .crashes = 1}, {mode::exclusive, mode::exclusive});
}

TEST_CASE("lock: the same of three, readers and a writer") {
  check({.deliveries = 8, .ticks = 1, .crashes = 1}, {mode::shared, mode::exclusive, mode::shared});
}

TEST_CASE("lock: the same with messages lost") {
  check({.deliveries = 7, .ticks = 3, .crashes = 0, .losses = 2},
        {mode::exclusive, mode::exclusive});
}

TEST_CASE("lock: the same where places are kept after a release, and wanted again") {
  check({.deliveries = 8, .ticks = 4, .crashes = 0}, {mode::exclusive, mode::exclusive}, 300ms);
}
