#include "cluster/receptionist.hpp"

#include "cluster/membership.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/remoting/remoting.hpp"
#include "virtual_world.hpp"

#include <map>
#include <memory>
#include <utility>

#include <doctest/doctest.h>
using namespace std::chrono_literals;
namespace {
using namespace troupe;

caf::node_id life(std::size_t number) {
  std::array<std::uint8_t, 20> host{};
  host[0] = static_cast<std::uint8_t>(number + 1);
  return caf::make_node_id(static_cast<std::uint32_t>(number + 1), host);
}

// Receptionists of several nodes in one system; their gateways are they themselves.
struct reception {
  explicit reception(std::uint64_t seed, std::size_t n) : world{seed} {
    for (std::size_t i = 0; i < n; ++i) {
      receptionist::settings how;
      how.incarnation = text(i);
      how.beacon_interval = 1s;
      how.owner_of = [owners = owners](const caf::strong_actor_ptr& sender) {
        const auto at = owners->find(sender ? sender->id() : 0);
        return at == owners->end() ? std::string{} : at->second;
      };
      nodes.push_back(spawn_receptionist(world.system, std::move(how)));
      world.adopt(nodes.back());
      (*owners)[nodes.back().id()] = text(i);
    }
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) {
        if (a != b) link(a, b);
      }
    }
    world.settle();
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) {
        if (a != b) member(a, b, membership::event_kind::up);
      }
    }
    world.settle();
  }
  static std::string text(std::size_t i) { return remoting::incarnation_text(life(i)); }
  static remoting::peer peer(std::size_t i) {
    remoting::peer p;
    p.name = "n" + std::to_string(i);
    p.incarnation = life(i);
    return p;
  }
  void link(std::size_t at, std::size_t with) {
    caf::anon_send(nodes[at], remoting::link_up{peer(with), nodes[with], {}});
  }
  void unlink(std::size_t at, std::size_t with) {
    caf::anon_send(nodes[at], remoting::link_down{peer(with), caf::error{}});
  }
  void member(std::size_t at, std::size_t whom, membership::event_kind what) {
    using membership::event_kind;
    membership::event e;
    e.what = what;
    e.member.id = {"n" + std::to_string(whom), text(whom)};
    e.member.state = what == event_kind::leaving ? membership::member_state::leaving
                                                 : membership::member_state::up;
    if (what == event_kind::unreachable) e.member.liveness = membership::reach::unreachable;
    caf::anon_send(nodes[at], e);
  }
  caf::actor service() {
    return world.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  }
  void enroll(std::size_t at, const std::string& key, const caf::actor& who) {
    caf::anon_send(nodes[at], register_service{key, who});
    world.settle();
  }
  std::vector<caf::actor> find(std::size_t at, const std::string& key) {
    auto found = world.ask<service_listing>(nodes[at], find_service{key});
    REQUIRE(found);
    return found->who;
  }
  test::virtual_world world;
  std::shared_ptr<std::map<caf::actor_id, std::string>> owners =
      std::make_shared<std::map<caf::actor_id, std::string>>();
  std::vector<caf::actor> nodes;
};

using handles = std::vector<caf::actor>;
}  // namespace

TEST_CASE("receptionist: what one node's actor registers, all nodes find") {
  reception r{1, 3};
  const auto printer = r.service();
  r.enroll(0, "printer", printer);
  for (std::size_t i = 0; i < 3; ++i) CHECK(r.find(i, "printer") == handles{printer});
  CHECK(r.find(1, "scanner").empty());
  r.enroll(0, "printer", printer);  // again: nothing new
  CHECK(r.find(2, "printer").size() == 1);
}

TEST_CASE("receptionist: a subscriber has the listing at once and after each change") {
  reception r{2, 2};
  auto seen = std::make_shared<std::vector<std::size_t>>();
  const auto watcher = r.world.spawn([seen](caf::event_based_actor*) -> caf::behavior {
    return {[seen](const service_listing& l) { seen->push_back(l.who.size()); }};
  });
  caf::anon_send(r.nodes[1], subscribe_service{"printer", watcher});
  r.world.settle();
  CHECK(*seen == std::vector<std::size_t>{0});
  const auto a = r.service(), b = r.service();
  r.enroll(0, "printer", a);
  r.enroll(1, "printer", b);
  r.enroll(1, "scanner", b);
  caf::anon_send(r.nodes[0], deregister_service{"printer", a});
  r.world.settle();
  CHECK(*seen == std::vector<std::size_t>{0, 1, 2, 1});
  caf::anon_send(r.nodes[1], unsubscribe_service{"printer", watcher});
  r.world.settle();
  r.enroll(0, "printer", a);
  CHECK(seen->size() == 4);
}

TEST_CASE("receptionist: an actor that dies leaves every listing") {
  reception r{3, 2};
  const auto printer = r.service();
  r.enroll(0, "printer", printer);
  r.enroll(0, "scanner", printer);
  caf::anon_send_exit(printer, caf::exit_reason::kill);
  r.world.settle();
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(r.find(i, "printer").empty());
    CHECK(r.find(i, "scanner").empty());
  }
}

TEST_CASE("receptionist: nothing is listed of a node that is unreachable, leaving or gone") {
  using membership::event_kind;
  for (auto what :
       {event_kind::unreachable, event_kind::leaving, event_kind::downed, event_kind::removed}) {
    CAPTURE(to_string(what));
    reception r{4, 2};
    const auto printer = r.service(), mine = r.service();
    r.enroll(0, "printer", printer);
    r.enroll(1, "printer", mine);
    r.member(1, 0, what);
    r.world.settle();
    CHECK(r.find(1, "printer") == handles{mine});
    CHECK(r.find(0, "printer").size() == 2);
  }
  reception r{5, 2};
  const auto printer = r.service();
  r.enroll(0, "printer", printer);
  r.unlink(1, 0);
  r.world.settle();
  CHECK(r.find(1, "printer").empty());
}

TEST_CASE("receptionist: a node that can be reached again is listed again") {
  reception r{6, 2};
  const auto printer = r.service();
  r.enroll(0, "printer", printer);
  r.member(1, 0, membership::event_kind::unreachable);
  r.world.settle();
  CHECK(r.find(1, "printer").empty());
  r.member(1, 0, membership::event_kind::reachable);
  r.world.settle();
  CHECK(r.find(1, "printer") == handles{printer});
  // A new session brings the listing anew.
  r.unlink(0, 1);
  r.unlink(1, 0);
  r.world.settle();
  CHECK(r.find(1, "printer").empty());
  r.link(1, 0);
  r.world.settle();
  r.link(0, 1);
  r.world.settle();
  CHECK(r.find(1, "printer") == handles{printer});
}

TEST_CASE("receptionist: a lost change is made up for by the next beacon") {
  reception r{7, 2};
  const auto first = r.service(), second = r.service();
  auto& name = (*r.owners)[r.nodes[0].id()];
  const auto kept = std::exchange(name, "");  // what node 0 says goes unheard for a while
  r.enroll(0, "printer", first);
  name = kept;
  CHECK(r.find(1, "printer").empty());
  r.world.run_for(3s);
  CHECK(r.find(1, "printer") == handles{first});
  name = "";
  r.enroll(0, "printer", second);
  name = kept;
  r.enroll(0, "scanner", second);  // a gap in the numbers is noticed at once
  CHECK(r.find(1, "printer").size() == 2);
}

TEST_CASE("receptionist: whoever is no linked node is not believed") {
  reception r{8, 2};
  const auto printer = r.service();
  receptionist::whole_handles forged;
  forged.what = {7, {{"printer", 1}}};
  forged.actors = {{1, printer}};
  caf::anon_send(r.nodes[1], forged);
  r.world.settle();
  CHECK(r.find(1, "printer").empty());
}

TEST_CASE("receptionist: bad requests are answered with a sentence") {
  reception r{9, 1};
  const auto printer = r.service();
  const auto refused = [&](auto request, errc code) {
    caf::scoped_actor self{r.world.system};
    auto pending = self->request(r.nodes[0], caf::infinite, request);
    r.world.settle();
    pending.receive([] { FAIL_CHECK("it was accepted"); },
                    [&](const caf::error& e) {
                      CHECK(code_of(e) == code);
                      CHECK(sentence_of(e).size() > 10);
                    });
  };
  refused(register_service{"", printer}, errc::invalid_argument);
  refused(register_service{std::string(300, 'k'), printer}, errc::invalid_argument);
  refused(register_service{"printer", nullptr}, errc::invalid_argument);
  refused(subscribe_service{"printer", nullptr}, errc::invalid_argument);
  refused(deregister_service{"printer", printer}, errc::not_found);
  r.enroll(0, "printer", printer);
  refused(deregister_service{"scanner", printer}, errc::not_found);
  CHECK(r.find(0, "printer") == handles{printer});
}
