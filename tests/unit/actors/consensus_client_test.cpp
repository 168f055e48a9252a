// The client against a replica that answers what the test wants.
#include "actors/consensus/client.hpp"
#include "consensus_group.hpp"
#include "patterns/consensus/sessions.hpp"
#include "patterns/encoding.hpp"
#include "runtime/error.hpp"

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::consensus;
using namespace std::chrono_literals;

// A replica by script: what it is told, and what it says to it.
struct stage {
  using script = std::function<answered(const sessions::entry&)>;
  explicit stage(script of) : answers{std::move(of)}, sim{1, test::group::types} {
    client = spawn_client(sim.system, {.group = "g", .node = "c"});
    sim.adopt(client);
    replica = sim.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const submit& s) {
                told.push_back(*decode<sessions::entry>(s.entry));
                return answers(told.back());
              },
              [](const ask&) { return answered{}; }, [](const tell_leader&) {}};
    });
    caf::anon_send(client, peer_up{"r", replica});
  }
  ~stage() {
    caf::anon_send_exit(client, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(replica, caf::exit_reason::user_shutdown);
    sim.settle();
  }
  std::optional<caf::error> say(const std::string& text) {  // nothing: done
    std::optional<std::optional<caf::error>> got;
    sim.spawn([&got, to = client, text](caf::event_based_actor* self) {
      self->request(to, caf::infinite, command{text})
          .then([&got](reply&) { got.emplace(); },
                [&got](caf::error& e) { got.emplace(std::move(e)); });
    });
    sim.run_until([&] { return got.has_value(); }, 20s);
    return got ? *got : std::optional{make_error(errc::timeout, "the test's own patience")};
  }
  script answers;
  std::vector<sessions::entry> told;
  laboratory::simulator sim;
  caf::actor client, replica;
};
answered with(sessions::reply what) { return {verdict::done, encode(what), "r"}; }
answered opened(std::uint64_t as) {
  return with({.what = sessions::outcome::opened, .client = as});
}
}  // namespace

TEST_CASE("client: a command that was turned away as too much keeps no place in the window") {
  stage s{[](const sessions::entry& e) {
    if (e.what == sessions::kind::open) return opened(5);
    return e.sequence == 1 ? answered{verdict::busy, {}, "r"} : with({.client = 5});
  }};
  CHECK(code_of(s.say("a").value()) == errc::overloaded);
  CHECK_FALSE(s.say("b"));
  CHECK(s.told.back().sequence == 2);
  CHECK(s.told.back().acknowledged_below == 2);  // 1 was given up
}

TEST_CASE("client: of more commands than a session has room for none is turned away") {
  stage s{[](const sessions::entry& e) {
    if (e.what == sessions::kind::open) return opened(5);
    const bool full = e.sequence - e.acknowledged_below >= sessions::settings{}.window;
    return with(
        {.what = full ? sessions::outcome::window_full : sessions::outcome::done, .client = 5});
  }};
  int done = 0, failed = 0;
  s.sim.spawn([&, to = s.client](caf::event_based_actor* self) {
    for (int i = 0; i < 1'000; ++i)
      self->request(to, caf::infinite, command{std::to_string(i)})
          .then([&](reply&) { ++done; }, [&](caf::error&) { ++failed; });
  });
  s.sim.run_until([&] { return done + failed == 1'000; }, 20s);
  CHECK(done == 1'000);
  CHECK(s.told.size() == 1'001);  // each once, and the session
}

TEST_CASE("client: the end of an old session touches nothing of the new one") {
  std::uint64_t sessions = 0;
  stage s{[&](const sessions::entry& e) {
    if (e.what == sessions::kind::open) return opened(++sessions);
    return e.client == 1 ? with({.what = sessions::outcome::session_expired, .client = 1})
                         : with({.client = e.client});
  }};
  CHECK(code_of(s.say("a").value()) == errc::unknown_outcome);
  CHECK_FALSE(s.say("b"));
  CHECK(s.told.back().client == 2);
  CHECK(sessions == 2);
}

TEST_CASE("client: what the group has forgotten may have been done") {
  stage s{[](const sessions::entry& e) {
    return e.what == sessions::kind::open
               ? opened(5)
               : with({.what = sessions::outcome::acknowledged, .client = 5});
  }};
  CHECK(code_of(s.say("a").value()) == errc::unknown_outcome);
}
