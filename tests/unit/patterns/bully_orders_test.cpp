// The bully election of three, in every order: eight deliveries, some time-outs, early or late, and one crash, of
// which the others are told at some time.
#include "patterns/election/bully.hpp"
#include "patterns/simulation/small_world.hpp"

#include <algorithm>
#include <cstdio>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using simulation::instant, simulation::member;

struct host {
  using message = bully::message;
  using command = bully::start;
  using event = bully::event;
  using output = simulation::effects<message, event>;
  void take(const bully::input& in, instant now, output& out) {
    bully::output did;
    core.step(in, now, did);
    for (auto& l : did.send) out.send.push_back({l.to, std::move(l.what)});
    out.events = std::move(did.events);
  }
  void receive(member from, message m, instant now, output& out) {
    take(bully::received{from, std::move(m)}, now, out);
  }
  void command_given(const command& c, instant now, output& out) { take(c, now, out); }
  void tick(instant now, output& out) { take(bully::tick{}, now, out); }
  void lost(member peer, std::uint32_t life, instant now, output& out) {
    take(bully::lost{peer, life}, now, out);
  }
  instant due() const { return core.due(); }
  static std::string text_of(const auto& any) {
    return std::visit([](const auto& x) { return to_string(x); }, any);
  }
  static void describe(const event& e, std::string& fields) { fields += text_of(e); }
  static std::string digest(const message& m) { return text_of(m); }
  std::string digest() const { return core.digest(); }
  bully::elector core;
};
using trio = simulation::small_world<host>;

std::vector<bully::term> followed(const trio& w, member m) {
  std::vector<bully::term> all;
  for (const auto& e : w.events(m))
    if (const auto* l = std::get_if<bully::leads>(&e)) all.push_back(l->since);
  return all;
}

// What the header promises under anything.
std::string unsafe(const trio& w, bool keeps, bool led) {
  for (member m = 0; m < w.size(); ++m) {
    const auto own = followed(w, m);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (i > 0 && own[i].number <= own[i - 1].number) return "numbers do not rise";
      if (!keeps && own[i].leader < m) return "a lower one is followed";
      const auto claims = followed(w, own[i].leader);
      const bool from_before = led && own[i] == bully::term{1, 2, 1};
      if (!from_before && std::find(claims.begin(), claims.end(), own[i]) == claims.end())
        return "a leader that never said so";
    }
  }
  return {};
}

// Nothing is under way, and nobody that lives looks for a leader, or follows the dead: then all follow one.
std::string at_odds(const trio& w) {
  if (w.state().find('|') != std::string::npos) return {};
  const bully::term* one = nullptr;
  bool same = true;
  for (member m = 0; m < w.size(); ++m) {
    if (!w.alive(m)) continue;
    const auto* leader = w.host(m).core.leader();
    if (leader == nullptr || !w.alive(leader->leader)) return {};
    same = same && (one == nullptr || *one == *leader);
    one = leader;
  }
  return same ? "" : "all is said, and not all follow one";
}

trio three(bool keeps, bool led, simulation::small_bounds bounds) {
  const bully::options how{.keep_incumbent = keeps};
  trio w{bounds,
         [&](member m) {
           host h{bully::elector{how, m, 3, 1}};
           host::output unheard;
           if (led && m < 2) h.receive(2, bully::victory{{1, 2, 1}}, {}, unheard);
           if (led && m == 2) h.command_given({}, {}, unheard);
           if (led && m == 2 && keeps) h.tick(h.due(), unheard);
           return h;
         },
         [=](const trio& all) {
           auto wrong = unsafe(all, keeps, led);
           return wrong.empty() ? at_odds(all) : wrong;
         }};
  if (!led)
    for (member m = 0; m < 3; ++m) w.command(m, {});
  return w;
}

void look(const char* what, const trio& w) {
  CAPTURE(what);
  const auto all = simulation::every_order(w, 3'000'000);
  CHECK(all.broken == "");
  CHECK(all.whole);
  CHECK(all.states > 1'000);
  std::printf("  %s: %llu states, %llu steps\n", what, static_cast<unsigned long long>(all.states),
              static_cast<unsigned long long>(all.steps));
}
}  // namespace

TEST_CASE("bully, every order: all begin at once") {
  look("takeover", three(false, false, {.ticks = 1, .told_of_crashes = false}));
  look("keep_incumbent", three(true, false, {.ticks = 1, .told_of_crashes = false}));
}

TEST_CASE("bully, every order: all begin at once, and a detector tells of the dead") {
  look("takeover", three(false, false, {.ticks = 0}));
  look("keep_incumbent", three(true, false, {.ticks = 0}));
}

TEST_CASE("bully, every order: the leader dies, or is slow") {
  look("takeover", three(false, true, {.ticks = 2}));
  look("keep_incumbent", three(true, true, {.ticks = 2, .told_of_crashes = false}));
}
