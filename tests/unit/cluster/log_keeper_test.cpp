// How the keepers of a log on two nodes come to know each other's replicas.
#include "actors/consensus/client.hpp"
#include "cluster/replicated_log.hpp"
#include "cluster/types.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/peers.hpp"
#include "runtime/remoting/remoting.hpp"

#include <memory>

#include <caf/all.hpp>
#include <doctest/doctest.h>
using namespace troupe;
using namespace std::chrono_literals;
namespace {
constexpr auto patience = 10s;

// Node a, which has no replica of its own.
struct node_a {
  node_a() {
    remoting::settings links;
    links.cluster = "test";
    links.node = "a";
    links.client = true;  // it listens nowhere
    remoting::service::load(config, links);
    register_types(config);
    system = std::make_unique<caf::actor_system>(config);
    auto made = start_replicated_log(*system, {.node = "a", .how = {}, .store = {}});
    REQUIRE(made);
    log = *made;
  }
  ~node_a() {
    for (const auto& part : {log.keeper, log.client, log.groups, log.tree_keeper, log.tree})
      caf::anon_send_exit(part, caf::exit_reason::user_shutdown);
  }

  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  replicated_log log;
};

void hears(caf::scoped_actor& watcher, const char* of, const caf::actor& handle) {
  watcher->receive(
      [&](const peer_up& up) {
        CHECK(up.id == of);
        CHECK(up.handle == handle);
      },
      caf::after(patience) >> [&] { FAIL("no word of ", of); });
}
}  // namespace

TEST_CASE("log keeper: a peer that spoke while its former life was known is asked once more") {
  node_a a;
  caf::scoped_actor b{*a.system}, replica{*a.system}, watcher{*a.system};
  watcher->send(a.log.client, consensus::tell_replicas{watcher});
  const log_presence of_b{{.node = "b", .life = 2, .expects = 0, .cluster = {}}, replica, nullptr};

  b->send(a.log.keeper, of_b);
  hears(watcher, "b", replica);
  b->send(a.log.keeper, peer_down{"b"});  // the former life
  watcher->receive([](const peer_down& down) { CHECK(down.id == "b"); },
                   caf::after(patience) >> [] { FAIL("b's former life goes on"); });
  b->send(a.log.keeper, peer_up{"b", b});

  b->receive(
      [&](const log_presence& of_a) {
        CHECK(of_a.who.node == "a");
        CHECK(of_a.asks);
      },
      caf::after(patience) >> [] { FAIL("b is not asked"); });
  b->send(a.log.keeper, of_b);
  hears(watcher, "b", replica);
}

TEST_CASE("log keeper: who asks is answered, and not asked in turn") {
  node_a a;
  caf::scoped_actor b{*a.system};
  b->send(
      a.log.keeper,
      log_presence{{.node = "b", .life = 2, .expects = 0, .cluster = {}}, nullptr, nullptr, true});
  b->receive(
      [&](const log_presence& of_a) {
        CHECK(of_a.who.node == "a");
        CHECK_FALSE(of_a.asks);
      },
      caf::after(patience) >> [] { FAIL("b is not answered"); });
}
