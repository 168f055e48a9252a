// What a node is told: every setting reaches the part that it is for, and what makes no sense is refused by name.
#include "cluster/settings.hpp"

#include <doctest/doctest.h>
using namespace troupe;
using namespace std::chrono_literals;
namespace {
using flags = std::vector<std::pair<std::string, std::string>>;
result<node_settings, std::string> read(flags given) {
  config::sources from;
  from.flags = std::move(given);
  const auto settings = config::load(node_options(), from);
  if (!settings) return unexpected{settings.error()};
  return node_settings_from(*settings);
}
std::string refusal(flags given) {
  const auto got = read(std::move(given));
  return got ? std::string{} : got.error();
}
bool names(const std::string& sentence, const std::string& word) {
  CAPTURE(sentence);
  return sentence.find(word) != std::string::npos;
}
}  // namespace

TEST_CASE("settings: without any a node runs on the defaults of its parts") {
  const auto s = read({});
  REQUIRE(s);
  const link::session_settings d;
  CHECK(s->sessions.window == d.window);
  CHECK(s->sessions.queue_max == d.queue_max);
  CHECK(s->sessions.unacknowledged_max == d.unacknowledged_max);
  CHECK(s->sessions.message_max == d.message_max);
  CHECK(s->sessions.resume_window == d.resume_window);
  CHECK(s->sessions.heartbeat == d.heartbeat);
  CHECK(s->sessions.silence == d.silence);
  const membership::options m;
  CHECK(s->membership.detector == m.detector);
  CHECK(s->membership.phi_threshold == m.phi_threshold);
  CHECK(s->membership.deadline_rounds == m.deadline_rounds);
  CHECK(s->membership.reform_after == m.reform_after);
  CHECK(s->membership.resolving.how.down_if_alone == m.resolving.how.down_if_alone);
  CHECK(s->membership.resolving.down_all_when_unstable == m.resolving.down_all_when_unstable);
  CHECK(s->membership.resolving.suspects_for == m.resolving.suspects_for);
}

TEST_CASE("settings: those of links and of membership arrive there") {
  const auto s = read({{"link.window", "1MiB"},
                       {"link.queue-max", "2MiB"},
                       {"link.unacknowledged-max", "3MiB"},
                       {"link.message-max", "4MiB"},
                       {"link.resume-window", "7s"},
                       {"link.heartbeat", "1s"},
                       {"link.silence", "9s"},
                       {"membership.detector", "deadline"},
                       {"membership.phi-threshold", "12"},
                       {"membership.deadline-rounds", "5"},
                       {"membership.reform-after", "11s"},
                       {"membership.down-if-alone", "false"},
                       {"membership.down-all-when-unstable", "true"},
                       {"membership.acquire-delay", "3s"},
                       {"membership.acquire-within", "4s"},
                       {"membership.lease-held-for", "50s"},
                       {"membership.suspects-for", "8s"}});
  REQUIRE(s);
  CHECK(s->sessions.window == std::array<std::uint64_t, 4>{0, 1u << 19, 1u << 20, 1u << 20});
  CHECK(s->sessions.queue_max == 2u << 20);
  CHECK(s->sessions.unacknowledged_max == 3u << 20);
  CHECK(s->sessions.message_max == 4u << 20);
  CHECK(s->sessions.resume_window == 7s);
  CHECK(s->sessions.heartbeat == 1s);
  CHECK(s->sessions.silence == 9s);
  CHECK(s->membership.detector == membership::options::detection::deadline);
  CHECK(s->membership.phi_threshold == 12);
  CHECK(s->membership.deadline_rounds == 5);
  CHECK(s->membership.reform_after == 11s);
  CHECK(!s->membership.resolving.how.down_if_alone);
  CHECK(s->membership.resolving.down_all_when_unstable);
  CHECK(s->membership.resolving.suspects_for == 8s);
  CHECK(s->membership.resolving.how.acquire_delay == 3s);
  CHECK(s->membership.resolving.acquire_within == 4s);
  CHECK(s->membership.lease_held_for == 50s);
}

TEST_CASE("settings: what makes no sense together is refused, by name") {
  CHECK(names(refusal({{"link.heartbeat", "2s"}}), "silence"));
  CHECK(names(refusal({{"link.window", "1KiB"}}), "link.window"));
  for (const auto* all : {"0.0.0.0:4711", "[::]:0"}) {
    CHECK(names(refusal({{"node.listen", all}}), "node.advertised"));
    CHECK(refusal({{"node.listen", all}, {"node.advertised", "a.example:4711"}}).empty());
  }
  CHECK(refusal({{"node.listen", "10.0.0.1:4711"}}).empty());
  // lease-majority needs a log: of this node's own, or of those that it joins
  const std::pair<std::string, std::string> lease{"membership.downing", "lease-majority"};
  CHECK(names(refusal({lease}), "cluster.bootstrap-expect"));
  CHECK(refusal({lease, {"cluster.bootstrap-expect", "1"}}).empty());
  CHECK(refusal({lease, {"cluster.seeds", "10.0.0.1:4711"}}).empty());
  CHECK(names(
      refusal({lease, {"cluster.bootstrap-expect", "1"}, {"membership.acquire-within", "60s"}}),
      "lease"));
}

TEST_CASE("settings: what is one node's own, and what its cluster shares") {
  config::schema shared;
  declare_shared_options(shared);
  const auto all = node_options();
  for (const auto& [key, option] : shared.options()) {
    const auto& shown = key;  // no binding, for clang 14
    CAPTURE(shown);
    CHECK(!of_one_node(key));
    CHECK(all.find(key) != nullptr);
  }
  for (const auto* key : {"node.name", "cluster.seeds", "security.secret"}) CHECK(of_one_node(key));
}
