#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"
#include "runtime/supervision/supervisor.hpp"
#include "virtual_world.hpp"

#include <map>
#include <memory>

#include <caf/all.hpp>
#include <doctest/doctest.h>

namespace {
using namespace troupe;
using namespace troupe::supervision;
using namespace std::chrono_literals;
namespace rules = troupe::supervisor;

using leave_atom = caf::atom_constant<caf::atom("leave")>;
using fail_atom = caf::atom_constant<caf::atom("fail")>;
using whoami_atom = caf::atom_constant<caf::atom("whoami")>;

// A child that answers with the number of its start, and fails when told to.
struct nursery {
  std::map<std::string, int> starts;
  std::string trace;
  std::set<std::string> cannot_start;

  child make(const std::string& id, rules::restart kind = rules::restart::permanent) {
    return {
        {.id = id, .kind = kind}, [this, id](caf::event_based_actor* parent) -> caf::actor {
          if (cannot_start.count(id)) throw std::runtime_error{"no disk"};
          const auto number = ++starts[id];
          trace += "+" + id;
          return parent->spawn([this, id, number](caf::event_based_actor* self) -> caf::behavior {
            self->attach_functor([this, id](const caf::error&) { trace += "-" + id; });
            return {
                [=](fail_atom) { self->quit(make_error(errc::failed, "told to fail")); },
                [=](leave_atom) { self->quit(); },
                [=](whoami_atom) { return number; },
            };
          });
        }};
  }
  std::string did() { return std::exchange(trace, {}); }
};

struct quiet {
  quiet() { (void)log::start({.levels = "off"}); }
  ~quiet() { (void)log::start({}); }
};

struct fixture {
  quiet no_lines;
  nursery kids;
  test::virtual_world world;

  caf::actor start(options how, std::vector<child> children) {
    if (how.seed == 0) how.seed = 1;
    auto root = spawn_supervisor(world.system, std::move(how), std::move(children));
    world.adopt(root);
    world.settle();
    return root;
  }
  caf::actor find(const caf::actor& root, const std::string& id) {
    auto found = world.ask<caf::actor>(root, find_child{id});
    return found ? *found : caf::actor{};
  }
  int number_of(const caf::actor& whom) {
    auto n = world.ask<int>(whom, whoami_atom::value);
    return n ? *n : 0;
  }
  template <class Message>
  caf::error command(const caf::actor& root, Message m) {
    auto answer = world.ask<void>(root, std::move(m));
    return answer ? caf::error{} : answer.error();
  }
  void tell(const caf::actor& whom, caf::atom_value what) {
    if (what == caf::atom("fail"))
      caf::anon_send(whom, fail_atom::value);
    else
      caf::anon_send(whom, leave_atom::value);
    world.settle();
  }
};

// How an actor ended, once it has.
std::shared_ptr<caf::error> end_of(const caf::actor& whom) {
  auto end = std::make_shared<caf::error>(errc::not_ready);
  whom->attach_functor([end](const caf::error& reason) { *end = reason; });
  return end;
}
options named(rules::settings how) { return {.name = "test", .how = how}; }
}  // namespace

TEST_CASE("supervisor actor: a child that fails is replaced, and its stable handle goes on") {
  fixture f;
  auto root = f.start(named({.intensity = 5}), {f.kids.make("a"), f.kids.make("b")});
  CHECK(f.kids.did() == "+a+b");
  auto stable = stable_handle(f.world.system, root, "b");
  f.world.adopt(stable);
  f.world.settle();
  const auto first = f.find(root, "b");
  CHECK(f.number_of(stable) == 1);
  f.tell(first, caf::atom("fail"));
  CHECK(f.kids.did() == "-b+b");
  CHECK(f.find(root, "b") != first);
  CHECK(f.number_of(stable) == 2);
  f.tell(stable, caf::atom("fail"));  // what it hands on is not its own
  CHECK(f.number_of(stable) == 3);
  auto end = end_of(stable);
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  f.world.settle();
  CHECK(*end == caf::exit_reason::user_shutdown);
}

TEST_CASE("supervisor actor: strategies") {
  const auto after_b = [](rules::strategy how) {
    fixture f;
    auto root =
        f.start(named({.how = how}), {f.kids.make("a"), f.kids.make("b"), f.kids.make("c")});
    f.kids.did();
    f.tell(f.find(root, "b"), caf::atom("fail"));
    return f.kids.did();
  };
  CHECK(after_b(rules::strategy::one_for_one) == "-b+b");
  CHECK(after_b(rules::strategy::one_for_all) == "-b-c-a+a+b+c");
  CHECK(after_b(rules::strategy::rest_for_one) == "-b-c+b+c");
}

TEST_CASE("supervisor actor: an ordinary end restarts only what is permanent") {
  fixture f;
  auto root = f.start(named({}), {f.kids.make("p"), f.kids.make("t", rules::restart::transient),
                                  f.kids.make("x", rules::restart::temporary)});
  f.kids.did();
  f.tell(f.find(root, "t"), caf::atom("leave"));
  f.tell(f.find(root, "x"), caf::atom("leave"));
  f.tell(f.find(root, "p"), caf::atom("leave"));
  CHECK(f.kids.did() == "-t-x-p+p");
  const auto list = f.world.ask<child_list>(root, which_children{});
  REQUIRE(list);
  REQUIRE(list->children.size() == 2);
  CHECK(list->children[0].state == "running");
  CHECK(list->children[0].restarts == 1);
  CHECK(list->children[1].id == "t");
  CHECK(list->children[1].state == "idle");
  CHECK(!list->children[1].handle);
}

TEST_CASE("supervisor actor: it gives up, says why, and takes its children along") {
  fixture f;
  std::string events;
  auto how = named({.intensity = 2, .period = 5s});
  how.events =
      event_log::into([&](std::string_view line) { events += line; }, "n", [] { return 0; });
  auto root = f.start(how, {f.kids.make("a"), f.kids.make("b")});
  auto end = end_of(root);
  for (int i = 0; i < 3; ++i) f.tell(f.find(root, "b"), caf::atom("fail"));
  CHECK(*end == errc::failed);
  CHECK(sentence_of(*end) ==
        "supervisor 'test' gave up, since a child kept failing, last 'b': told to fail");
  CHECK(f.kids.did() == "+a+b-b+b-b+b-b-a");
  CHECK(events.find(R"("event":"supervisor_gave_up","supervisor":"test","child":"b")") !=
        std::string::npos);
  CHECK(events.find(
            R"("event":"child_ended","supervisor":"test","child":"b","reason":"told to fail")") !=
        std::string::npos);
}

TEST_CASE(
    "supervisor actor: restarts back off in virtual time; meanwhile the stable handle refuses") {
  fixture f;
  auto root =
      f.start(named({.intensity = 9, .delay = {.least = 1s, .jitter = 0}}), {f.kids.make("a")});
  auto stable = stable_handle(f.world.system, root, "a");
  f.world.adopt(stable);
  f.world.settle();
  f.tell(stable, caf::atom("fail"));
  auto refused = f.world.ask<int>(stable, whoami_atom::value);
  REQUIRE(!refused);
  CHECK(refused.error() == errc::not_ready);
  CHECK(f.world.ask<caf::actor>(root, find_child{"a"}).error() == errc::not_ready);
  f.world.run_for(999ms);
  CHECK(f.number_of(stable) == 0);
  f.world.run_for(1ms);
  CHECK(f.number_of(stable) == 2);
}

TEST_CASE("supervisor actor: a first start that fails ends it, a later one is tried again") {
  fixture f;
  f.kids.cannot_start = {"b"};
  auto broken = spawn_supervisor(f.world.system, named({}), {f.kids.make("a"), f.kids.make("b")});
  auto end = end_of(broken);
  f.world.adopt(broken);
  f.world.settle();
  CHECK(*end == errc::failed);
  CHECK(sentence_of(*end) ==
        "supervisor 'test' could not start: child 'b' could not start: no disk");
  CHECK(f.kids.did() == "+a-a");

  f.kids.cannot_start.clear();
  auto root =
      f.start(named({.intensity = 9, .delay = {.least = 1s, .jitter = 0}}), {f.kids.make("b")});
  f.kids.cannot_start = {"b"};
  f.tell(f.find(root, "b"), caf::atom("fail"));
  f.world.run_for(1s);
  f.kids.cannot_start.clear();
  f.world.run_for(2s);
  CHECK(f.number_of(f.find(root, "b")) == 2);
}

TEST_CASE("supervisor actor: at its failpoint a start fails, and is tried again") {
  fixture f;
  auto root = f.start(named({.intensity = 5}), {f.kids.make("a")});
  REQUIRE(failpoints::switch_on("supervisor.launch=error@1").has_value());
  f.tell(f.find(root, "a"), caf::atom("fail"));
  f.world.run_for(1s);
  failpoints::all_off();
  CHECK(f.kids.did() == "+a-a+a");
  CHECK(f.kids.starts["a"] == 2);
  CHECK(f.number_of(f.find(root, "a")) == 2);
}

TEST_CASE("supervisor actor: who does not stop in time is killed") {
  fixture f;
  auto stubborn =
      child{{.id = "deaf", .shutdown = 3s}, [&](caf::event_based_actor* parent) {
              return parent->spawn([&](caf::event_based_actor* self) -> caf::behavior {
                self->attach_functor([&](const caf::error&) { f.kids.trace += "-deaf"; });
                self->set_exit_handler([=](caf::exit_msg& m) {
                  if (m.reason == caf::exit_reason::kill) self->quit(m.reason);
                });
                return {[](int) {}};
              });
            }};
  auto root = f.start(named({}), {f.kids.make("a"), stubborn});
  auto end = end_of(root);
  f.kids.did();
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  f.world.run_for(2999ms);
  CHECK(f.kids.did() == "");
  CHECK(f.command(root, stop_child{"a"}) == errc::refused);  // stopping
  f.world.run_for(1ms);
  CHECK(f.kids.did() == "-deaf-a");
  CHECK(*end == caf::exit_reason::user_shutdown);
}

TEST_CASE("supervisor actor: killed, it takes its children along, nested ones too") {
  fixture f;
  auto root = f.start(
      named({}),
      {f.kids.make("a"), nested({.id = "sub"}, {.name = "sub", .seed = 1}, {f.kids.make("b")})});
  CHECK(f.kids.did() == "+a+b");
  caf::anon_send_exit(root, caf::exit_reason::kill);
  f.world.settle();
  const auto did = f.kids.did();
  CHECK(did.size() == 4);
  CHECK(did.find("-a") != std::string::npos);
  CHECK(did.find("-b") != std::string::npos);
}

TEST_CASE("supervisor actor: a nested supervisor that gives up is restarted by its parent") {
  fixture f;
  auto root = f.start(
      named({.intensity = 1}),
      {f.kids.make("a"), nested({.id = "sub"}, {.name = "sub", .how = {.intensity = 1}, .seed = 1},
                                {f.kids.make("b"), f.kids.make("c")})});
  f.kids.did();
  const auto sub = f.find(root, "sub");
  f.tell(f.find(sub, "b"), caf::atom("fail"));
  CHECK(f.kids.did() == "-b+b");
  f.tell(f.find(sub, "b"), caf::atom("fail"));
  CHECK(f.kids.did() == "-b-c+b+c");
  CHECK(f.find(root, "sub") != sub);
  auto end = end_of(root);
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  f.world.settle();
  CHECK(f.kids.did() == "-c-b-a");
  CHECK(*end == caf::exit_reason::user_shutdown);
}

TEST_CASE("supervisor actor: children come and go by message") {
  fixture f;
  auto root = f.start(named({.intensity = 9}), {f.kids.make("a")});
  CHECK(!f.command(root, supervision::add_child{f.kids.make("b")}));
  CHECK(f.command(root, supervision::add_child{f.kids.make("b")}) == errc::already_exists);
  CHECK(f.command(root, supervision::add_child{}) == errc::invalid_argument);
  f.tell(f.find(root, "b"), caf::atom("fail"));
  CHECK(f.kids.did() == "+a+b-b+b");
  CHECK(f.command(root, delete_child{"b"}) == errc::refused);
  CHECK(!f.command(root, stop_child{"b"}));
  CHECK(f.command(root, stop_child{"z"}) == errc::not_found);
  CHECK(!f.command(root, restart_child{"b"}));
  CHECK(f.command(root, restart_child{"b"}) == errc::refused);
  CHECK(!f.command(root, stop_child{"b"}));
  CHECK(!f.command(root, delete_child{"b"}));
  CHECK(f.world.ask<caf::actor>(root, find_child{"b"}).error() == errc::not_found);
  CHECK(f.kids.did() == "-b+b-b");
  f.kids.cannot_start = {"c"};
  CHECK(f.command(root, supervision::add_child{f.kids.make("c")}) == errc::failed);
  CHECK(f.world.ask<caf::actor>(root, find_child{"c"}).error() == errc::not_found);
  f.kids.cannot_start.clear();
  CHECK(!f.command(root, supervision::add_child{f.kids.make("c")}));
}

TEST_CASE("supervisor actor: an unusable list of children ends it with the reason") {
  fixture f;
  for (auto children : {std::vector<child>{f.kids.make("a"), f.kids.make("a")},
                        std::vector<child>{{{.id = "a"}, {}}}}) {
    auto root = spawn_supervisor(f.world.system, named({}), children);
    auto end = end_of(root);
    f.world.settle();
    CHECK((*end == errc::already_exists || *end == errc::invalid_argument));
  }
  CHECK(f.kids.did() == "");
  auto root = f.start(named({}), {f.kids.make("a")});
  auto lost = stable_handle(f.world.system, root, "nobody");
  auto end = end_of(lost);
  f.world.settle();
  CHECK(*end == errc::not_found);
}
