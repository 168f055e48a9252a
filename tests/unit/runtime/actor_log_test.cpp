#include "runtime/actor_log.hpp"

#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

#include <stdexcept>

#include <caf/all.hpp>
#include <doctest/doctest.h>

namespace {
using namespace troupe;
struct logging {
  logging() { (void)log::start({.levels = "debug", .file = (dir / "log").string()}); }
  ~logging() { (void)log::start({}); }
  bool has(const std::string& text) {
    return test::read_file(dir / "log").find(text) != std::string::npos;
  }
  test::temp_directory dir;
};
}  // namespace

TEST_CASE("actor log: what CAF would print is logged, and what it would do is done") {
  logging to;
  test::virtual_world world;
  auto friendly = world.spawn([]() -> caf::behavior { return {[](int) {}}; });
  auto actor = world.spawn([=](caf::event_based_actor* self) -> caf::behavior {
    log_for(self, "worker");
    self->monitor(friendly);
    return {[](int) -> int { throw std::runtime_error{"no way"}; }};
  });
  caf::error end;
  actor->attach_functor([&](const caf::error& reason) { end = reason; });
  world.settle();
  CHECK(world.ask<int>(actor, std::string{"hello"}).error() == caf::sec::unexpected_message);
  CHECK(to.has("warn  worker: a message that nobody handles actor="));
  CHECK(!to.has("hello"));  // what it holds is nobody's business
  caf::anon_send_exit(friendly, caf::exit_reason::kill);
  world.settle();
  CHECK(to.has("debug worker: somebody has ended"));
  CHECK(!world.ask<int>(actor, 1));
  CHECK(to.has("error worker: an exception ends an actor"));
  CHECK(to.has("reason=\"no way\""));
  CHECK(sentence_of(end) == "the receiver's handler threw an exception: no way");
}
