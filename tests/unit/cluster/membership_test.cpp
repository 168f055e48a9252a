// Members and receptionists of several actor systems in one process, over real links on loopback.
#include "cluster/membership.hpp"

#include "cluster/receptionist.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/remoting/remoting.hpp"
#include "wait_until.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <mutex>

#include <caf/all.hpp>
#include <doctest/doctest.h>
using namespace std::chrono_literals;
namespace {
using namespace troupe;

// Everything but suspicion is quick. That one takes real time, in which a busy machine must not find time to suspect
// anybody who lives: such a node would be downed, and nobody builds these anew.
membership::options quick() {
  membership::options o;
  o.probe_interval = 1s;
  o.probe_timeout = 450ms;
  o.suspicion_min = 10s;
  o.suspicion_max = 30s;
  o.gossip_interval = 50ms;
  o.join_interval = 50ms;
  o.down_for = 500ms;
  o.leaving_for = 50ms;
  o.exiting_for = 50ms;
  o.resolving.stable_after = 500ms;
  return o;
}

caf::behavior front(caf::event_based_actor* self, caf::actor member, caf::actor receptionist) {
  using namespace membership;
  const auto to_member = [=](auto& what) {
    return self->delegate<caf::message_priority::high>(member, std::move(what));
  };
  const auto to_receptionist = [=](auto& what) {
    return self->delegate(receptionist, std::move(what));
  };
  return {
      [=](ping& m) { return to_member(m); },
      [=](ping_request& m) { return to_member(m); },
      [=](ack& m) { return to_member(m); },
      [=](nack& m) { return to_member(m); },
      [=](gossip& m) { return to_member(m); },
      [=](membership::sync& m) { return to_member(m); },
      [=](join& m) { return to_member(m); },
      [=](welcome& m) { return to_member(m); },
      [=](turned_away& m) { return to_member(m); },
      [=](receptionist::whole_handles& m) { return to_receptionist(m); },
      [=](receptionist::change_handles& m) { return to_receptionist(m); },
      [=](receptionist::beacon& m) { return to_receptionist(m); },
      [=](receptionist::ask& m) { return to_receptionist(m); },
  };
}

class small_node {
 public:
  explicit small_node(const std::string& name, std::vector<std::string> seeds = {},
                      membership::options how = quick())
      : name(name) {
    remoting::settings links;
    links.cluster = "test";
    links.node = name;
    links.listen = {"127.0.0.1", 0};
    remoting::service::load(config_, links);
    register_membership_types(config_);
    register_receptionist_types(config_);
    config_.set("scheduler.max-threads", std::size_t{2});
    config_.set("scheduler.policy", caf::atom("sharing"));
    system_ = std::make_unique<caf::actor_system>(config_);
    auto& service = remoting::service::of(*system_);
    address = to_string(*service.listening());
    member = spawn_membership(*system_, {.how = std::move(how),
                                         .name = name,
                                         .address = address,
                                         .roles = {"worker"},
                                         .seeds = std::move(seeds)});
    receptionist = spawn_receptionist(*system_, member);
    gateway_ = system_->spawn(front, member, receptionist);
    service.gateway(gateway_);
    listener_ = system_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const membership::event& e) {
        const std::lock_guard guard{mutex_};
        events_.push_back(e);
      }};
    });
    caf::anon_send(member, membership::subscribe{listener_});
  }
  ~small_node() { end(); }
  // As a process that dies: nobody is told.
  void end() {
    if (!system_) return;
    for (auto* a : {&listener_, &member, &receptionist, &gateway_}) {
      caf::anon_send_exit(*a, caf::exit_reason::kill);
      *a = nullptr;
    }
    remoting::service::of(*system_).stop();
    system_.reset();
  }
  caf::actor_system& system() { return *system_; }

  membership::view_reply view() {
    membership::view_reply seen;
    caf::scoped_actor self{*system_};
    self->request(member, 5s, membership::get_view{})
        .receive([&](membership::view_reply& v) { seen = std::move(v); },
                 [](const caf::error& e) { FAIL_CHECK(sentence_of(e)); });
    return seen;
  }
  std::size_t up() {
    const auto seen = view().members;
    return static_cast<std::size_t>(std::count_if(seen.begin(), seen.end(), [](const auto& r) {
      return r.state == membership::member_state::up && reachable(r);
    }));
  }
  bool saw(membership::event_kind what, const std::string& about) {
    const std::lock_guard guard{mutex_};
    return std::any_of(events_.begin(), events_.end(), [&](const membership::event& e) {
      return e.what == what && e.member.id.name == about;
    });
  }
  caf::error order(caf::message what) {
    caf::error refused;
    caf::scoped_actor self{*system_};
    self->request(member, 5s, std::move(what))
        .receive([] {}, [&](caf::error& e) { refused = std::move(e); });
    return refused;
  }
  std::vector<caf::actor> find(const std::string& key) {
    std::vector<caf::actor> found;
    caf::scoped_actor self{*system_};
    self->request(receptionist, 5s, find_service{key})
        .receive([&](service_listing& l) { found = std::move(l.who); },
                 [](const caf::error& e) { FAIL_CHECK(sentence_of(e)); });
    return found;
  }

  const std::string name;
  std::string address;
  caf::actor member, receptionist;

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::actor gateway_, listener_;
  std::mutex mutex_;
  std::vector<membership::event> events_;
};

// For those who wait for a death: by its lost links it is soon suspected, and everybody confirms it.
membership::options mortal() {
  auto o = quick();
  o.suspicion_min = 2s;
  return o;
}

struct trio {
  small_node a, b, c;
  explicit trio(const membership::options& how = quick())
      : a{"a", {}, how}, b{"b", {a.address}, how}, c{"c", {a.address}, how} {
    for (auto* n : {&a, &b, &c}) REQUIRE(test::wait_until([&] { return n->up() == 3; }, 30s));
  }
};
using membership::event_kind;
}  // namespace

TEST_CASE("membership: three systems find each other, and a service is found and used everywhere") {
  trio t;
  const auto seen = t.b.view();
  CHECK(seen.where == membership::standing::member);
  CHECK(seen.cluster == t.a.view().cluster);
  CHECK(seen.members.front().roles == std::vector<std::string>{"worker"});
  CHECK(seen.suspicion.size() == 3);

  const auto twice = t.b.system().spawn([](caf::event_based_actor*) -> caf::behavior {
    return {[](std::int32_t x) { return 2 * x; }};
  });
  caf::anon_send(t.b.receptionist, register_service{"twice", twice});
  for (auto* n : {&t.a, &t.b, &t.c}) {
    REQUIRE(test::wait_until([&] { return n->find("twice").size() == 1; }, 20s));
    caf::scoped_actor self{n->system()};
    self->request(n->find("twice").front(), 10s, std::int32_t{21})
        .receive([](std::int32_t x) { CHECK(x == 42); },
                 [](const caf::error& e) { FAIL_CHECK(sentence_of(e)); });
  }
  caf::anon_send_exit(twice, caf::exit_reason::kill);
  for (auto* n : {&t.a, &t.b, &t.c}) {
    CHECK(test::wait_until([&] { return n->find("twice").empty(); }, 20s));
  }
}

TEST_CASE(
    "membership: a system that dies is downed by the others, its services are listed no more") {
  trio t{mortal()};
  auto idle = t.c.system().spawn(
      [](caf::event_based_actor*) -> caf::behavior { return {[](std::int32_t) {}}; });
  caf::anon_send(t.c.receptionist, register_service{"idle", idle});
  for (auto* n : {&t.a, &t.b}) {
    REQUIRE(test::wait_until([&] { return n->find("idle").size() == 1; }, 20s));
  }
  caf::anon_send_exit(idle, caf::exit_reason::kill);
  idle = nullptr;
  t.c.end();
  for (auto* n : {&t.a, &t.b}) {
    CHECK(test::wait_until([&] { return n->find("idle").empty(); }, 20s));
    CHECK(test::wait_until([&] { return n->saw(event_kind::downed, "c"); }, 30s));
    CHECK(test::wait_until([&] { return n->saw(event_kind::removed, "c"); }, 30s));
    CHECK(n->saw(event_kind::unreachable, "c"));
    CHECK(n->up() == 2);
  }
  // Under the same name and another incarnation it is welcome again.
  small_node again{"c", {t.a.address}, mortal()};
  CHECK(test::wait_until([&] { return again.up() == 3 && t.a.up() == 3 && t.b.up() == 3; }, 30s));
}

TEST_CASE("membership: a leave is graceful, by whomever it is asked") {
  trio t;
  CHECK(!t.a.order(caf::make_message(membership::leave{"c"})));
  CHECK(test::wait_until([&] { return t.c.saw(event_kind::self_left, "c"); }, 30s));
  for (auto* n : {&t.a, &t.b}) {
    CHECK(test::wait_until([&] { return n->saw(event_kind::removed, "c"); }, 30s));
    CHECK(n->saw(event_kind::exiting, "c"));
    CHECK(!n->saw(event_kind::downed, "c"));
    CHECK(!n->saw(event_kind::unreachable, "c"));
  }
}

TEST_CASE("membership: a seed may be written in another way than the node there calls itself") {
  small_node a{"a"};
  const auto port = a.address.substr(a.address.find(':'));
  small_node b{"b", {"localhost" + port}};
  CHECK(test::wait_until([&] { return a.up() == 2 && b.up() == 2; }, 60s));
}

TEST_CASE(
    "membership: a link that is told again, for another address, carries what waits for that one") {
  // b looks for "elsewhere", where nobody is; then it is told that its session with a is what leads there.
  small_node a{"a"};
  small_node b{"b", {"127.0.0.1:1"}};
  remoting::endpoint listening = *remoting::parse_endpoint(a.address);
  const auto seen = std::make_shared<std::promise<caf::actor>>();
  const auto ear = b.system().spawn([seen](caf::event_based_actor*) -> caf::behavior {
    return {[seen](const remoting::link_up& up) { seen->set_value(up.gateway); },
            [](const remoting::link_broken&) {}, [](const remoting::link_resumed&) {},
            [](const remoting::link_down&) {}, [](const remoting::link_refused&) {}};
  });
  auto& links = remoting::service::of(b.system());
  links.observe(ear);
  links.connect(listening);
  auto got = seen->get_future();
  REQUIRE(got.wait_for(60s) == std::future_status::ready);
  remoting::link_up again;
  again.gateway = got.get();
  again.who = {"a", remoting::incarnation_of(again.gateway->node()), listening, false, 1};
  again.dialed = remoting::endpoint{"127.0.0.1", 1};
  CHECK(b.view().where == membership::standing::looking);
  caf::anon_send(b.member, again);
  CHECK(test::wait_until([&] { return a.up() == 2 && b.up() == 2; }, 60s));
  again.gateway = nullptr;
  caf::anon_send_exit(ear, caf::exit_reason::kill);
}

TEST_CASE(
    "membership: a first seed that is this node itself, under another address, forms the cluster") {
  small_node a{"a", {"first.example:1", "127.0.0.1:1"}};
  remoting::link_refused no;
  no.address = {"first.example", 1};
  no.myself = true;
  caf::anon_send(a.member, no);
  CHECK(test::wait_until([&] { return a.up() == 1; }, 60s));
}

TEST_CASE("membership: whoever is downed is told, and may not return under its incarnation") {
  trio t;
  CHECK(!t.a.order(caf::make_message(membership::down{"c"})));
  CHECK(test::wait_until([&] { return t.b.saw(event_kind::downed, "c"); }, 30s));
  CHECK(test::wait_until([&] { return t.c.saw(event_kind::self_downed, "c"); }, 30s));
  CHECK(t.c.view().where == membership::standing::over);
  CHECK(t.a.up() == 2);
}

TEST_CASE("membership: orders that make no sense are answered with a sentence") {
  small_node a{"a"};
  REQUIRE(test::wait_until([&] { return a.up() == 1; }, 20s));
  const auto e = a.order(caf::make_message(membership::down{"nobody"}));
  CHECK(code_of(e) == errc::not_found);
  CHECK(sentence_of(e).find("nobody") != std::string::npos);
  // A living member's name is refused to another, by the link already.
  small_node twin{"a", {a.address}};
  CHECK(test::wait_until([&] { return twin.saw(event_kind::refused, ""); }, 20s));
  CHECK(twin.view().where == membership::standing::looking);
  CHECK(code_of(twin.order(caf::make_message(membership::leave{""}))) == errc::not_ready);
}
