// The front of a node: whom an order to leave goes to, and what the downing strategies would do.
#include "cluster/gateway.hpp"

#include "cluster/management.hpp"
#include "cluster/membership.hpp"
#include "cluster/types.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/remoting/remoting.hpp"
#include "wait_until.hpp"

#include <atomic>
#include <memory>

#include <caf/all.hpp>
#include <doctest/doctest.h>
using namespace troupe;
using namespace troupe::management;
using namespace std::chrono_literals;
namespace {
membership::record member(const std::string& name, std::uint64_t age, std::string role = {}) {
  membership::record r;
  r.id = {name, std::string(40, name.back())};
  r.address = "10.0.0.1:" + std::to_string(age);
  r.state = membership::member_state::up;
  r.age = age;
  if (!role.empty()) r.roles = {role};
  return r;
}

// The gateway of n1, in front of parts that only note down what they are asked.
struct bench {
  explicit bench(membership::strategy downing = {}) {
    remoting::settings links;
    links.cluster = "test";
    links.node = "n1";
    links.client = true;  // it listens nowhere
    remoting::service::load(config_, links);
    register_types(config_);
    system_ = std::make_unique<caf::actor_system>(config_);
    const auto members = system_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {
          [](const membership::subscribe&) {},
          [this](const membership::get_view&) {
            return membership::view_reply{
                {"n1", view.front().id.incarnation}, membership::standing::member, 1, view, {}, {}};
          },
          [this](const membership::leave& l) -> caf::result<void> {
            ++by_membership;
            if (l.name == "n9") return make_error(errc::not_found, "no n9");
            return caf::unit;
          },
      };
    });
    const auto idle = system_->spawn(
        [](caf::event_based_actor*) -> caf::behavior { return {[](caf::unit_t) {}}; });
    ended_ = {members, idle};
    gateway_ = spawn_gateway(*system_, {.node = "n1",
                                        .cluster = "test",
                                        .downing = downing,
                                        .membership = members,
                                        .receptionist = idle,
                                        .tracker = idle,
                                        .worker = idle,
                                        .addresses = std::make_shared<address_book>(),
                                        .ended = [this](ending how) {
                                          if (how == ending::ordered) ++ordered;
                                          return run.load();
                                        }});
  }
  ~bench() {
    for (auto* a : {&gateway_, &peer_}) {
      if (*a) caf::anon_send_exit(*a, caf::exit_reason::kill);
      *a = nullptr;
    }
    for (auto& a : ended_) caf::anon_send_exit(a, caf::exit_reason::kill);
    ended_.clear();
    remoting::service::of(*system_).stop();
  }
  // n2 is a member and linked; its gateway notes what it is asked.
  void link_n2() {
    peer_ = system_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const leave_order& order) {
                ++forwarded;
                return done_reply{order.name + " is leaving"};
              },
              [this](const services_query&) {
                ++greeted;
                return services_reply{"n2", {}};
              }};
    });
    remoting::link_up up;
    up.who = {"n2", system_->node(), {"10.0.0.1", 2}, false, 1};
    up.gateway = peer_;
    auto known = member("n2", 2);
    known.id.incarnation = remoting::incarnation_text(system_->node());
    caf::anon_send(gateway_, membership::event{membership::event_kind::up, known, {}});
    caf::anon_send(gateway_, up);
    REQUIRE(test::wait_until([&] { return greeted == 1; }, 60s));
    caf::anon_send(gateway_, up);  // told again, for a second address: nothing new
  }
  template <class Reply, class Request>
  result<Reply, std::string> ask(const Request& what) {
    result<Reply, std::string> got = unexpected<std::string>{"nothing"};
    caf::scoped_actor self{*system_};
    self->request(gateway_, 60s, what)
        .receive([&](Reply& reply) { got = std::move(reply); },
                 [&](const caf::error& e) { got = unexpected{sentence_of(e)}; });
    return got;
  }

  std::vector<membership::record> view{member("n1", 1), member("n2", 2), member("n3", 3)};
  std::atomic<int> ordered = 0, by_membership = 0, forwarded = 0, greeted = 0;
  std::atomic<bool> run = true;

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::actor gateway_, peer_;
  std::vector<caf::actor> ended_;
};

const verdict& of(const what_if_reply& reply, const std::string& strategy) {
  for (const auto& v : reply.verdicts)
    if (v.strategy == strategy) return v;
  static const verdict none;
  FAIL_CHECK("nothing of " << strategy);
  return none;
}
using names = std::vector<std::string>;
}  // namespace

TEST_CASE(
    "gateway: to leave is the affair of the node that leaves, which hands over its work first") {
  bench b;
  b.link_n2();
  CHECK(b.ask<done_reply>(leave_order{"n1"}));
  CHECK(b.ordered == 1);
  CHECK(b.ask<done_reply>(leave_order{"n2"}));
  CHECK(b.forwarded == 1);
  CHECK(b.by_membership == 0);
  CHECK(b.ask<done_reply>(leave_order{"n3"}));  // no link leads there
  CHECK(b.by_membership == 1);
  const auto nobody = b.ask<done_reply>(leave_order{"n9"});
  REQUIRE(!nobody);
  CHECK(nobody.error().find("n9") != std::string::npos);
  CHECK(b.greeted == 1);
}

TEST_CASE("gateway: a node that nobody runs leaves all the same") {
  bench b;
  b.run = false;
  CHECK(b.ask<done_reply>(leave_order{"n1"}));
  CHECK(b.by_membership == 1);
}

TEST_CASE("gateway: what-if answers for the strategy as it is configured") {
  using membership::downing;
  bench b{{.kind = downing::static_quorum, .role = {}, .quorum = 3, .down_if_alone = false}};
  const auto got = b.ask<what_if_reply>(what_if_query{{"n3"}});
  REQUIRE(got);
  CHECK(got->unreachable == names{"n3"});
  CHECK(of(*got, "static-quorum").configured);
  CHECK(!of(*got, "keep-majority").configured);
  CHECK(of(*got, "static-quorum").down == names{"n1", "n2"});  // two are no quorum of three
  CHECK(of(*got, "keep-majority").down == names{"n3"});

  bench defaults;
  const auto plain = defaults.ask<what_if_reply>(what_if_query{{"n3"}});
  REQUIRE(plain);
  CHECK(of(*plain, "static-quorum").down == names{"n3"});  // a majority, where no size is set
  CHECK(of(*plain, "keep-majority").configured);

  bench oldest{{.kind = downing::keep_oldest, .role = {}, .quorum = 0, .down_if_alone = false}};
  const auto alone = oldest.ask<what_if_reply>(what_if_query{{"n2", "n3"}});
  REQUIRE(alone);
  CHECK(of(*alone, "keep-oldest").down == names{"n2", "n3"});  // it would give way otherwise

  bench roles{{.kind = downing::keep_majority, .role = "core", .quorum = 0, .down_if_alone = true}};
  roles.view = {member("n1", 1, "core"), member("n2", 2), member("n3", 3)};
  const auto core = roles.ask<what_if_reply>(what_if_query{{"n2", "n3"}});
  REQUIRE(core);
  CHECK(of(*core, "keep-majority").down == names{"n2", "n3"});  // only n1 counts

  bench lease{{.kind = downing::lease_majority, .role = {}, .quorum = 0, .down_if_alone = true}};
  const auto asks = lease.ask<what_if_reply>(what_if_query{{"n2", "n3"}});
  REQUIRE(asks);
  CHECK(of(*asks, "lease-majority").configured);
  CHECK(of(*asks, "lease-majority").down == names{"n2", "n3"});  // if it gets it
  CHECK(of(*asks, "lease-majority").reason.find("asks for the lease after 2000 ms") !=
        std::string::npos);

  bench off{{.kind = downing::none, .role = {}, .quorum = 0, .down_if_alone = true}};
  const auto nobody = off.ask<what_if_reply>(what_if_query{{"n3"}});
  REQUIRE(nobody);
  CHECK(of(*nobody, "none").configured);
  CHECK(of(*nobody, "none").down.empty());
}

TEST_CASE("gateway: what-if of somebody who is no member is refused") {
  bench b;
  const auto got = b.ask<what_if_reply>(what_if_query{{"n2", "n77"}});
  REQUIRE(!got);
  CHECK(got.error().find("'n77'") != std::string::npos);
}
