#include "runtime/shutdown.hpp"

#include "runtime/log.hpp"
#include "temp_directory.hpp"
#include "wait_until.hpp"

#include <csignal>
#include <functional>

#include <caf/all.hpp>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {
using namespace troupe;
using namespace std::chrono_literals;

// A process of its own, since its signals and its end are what is tested. `ready` lets the parent act.
class process {
 public:
  explicit process(const std::function<int(const std::function<void()>& ready)>& body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      (void)log::start({.file = log_file()});
      const int code = body([&] { (void)!::write(ends[1], "x", 1); });
      ::_exit(code);
    }
    char byte = 0;
    REQUIRE(::read(ends[0], &byte, 1) == 1);
    ::close(ends[0]);
    ::close(ends[1]);
    started_ = std::chrono::steady_clock::now();
  }
  void signal(int number) const { ::kill(pid_, number); }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  std::chrono::nanoseconds took() const { return std::chrono::steady_clock::now() - started_; }
  std::string log_file() const { return (dir_ / "log").string(); }
  std::string logged() const { return test::read_file(log_file()); }

 private:
  test::temp_directory dir_;
  pid_t pid_ = -1;
  std::chrono::steady_clock::time_point started_;
};

shutdown::step note(const char* what) {
  return [what](const patience&) {
    log::info("test", what);
    return true;
  };
}
[[noreturn]] void hang() {
  for (;;) ::pause();
}
}  // namespace

TEST_CASE("shutdown: a signal, then the steps in reverse, then zero") {
  for (const auto number : {SIGTERM, SIGINT}) {
    process p{[](auto& ready) {
      shutdown stop{10s};
      stop.add("first", 1s, note("first stopped"));
      stop.add("second", 1s, note("second stopped"));
      ready();
      log::info("test", "stopping", {{"why", stop.wait()}});
      return stop.run() ? 0 : 1;
    }};
    p.signal(number);
    CHECK(p.wait() == 0);
    const auto logged = p.logged();
    CHECK(logged.find(number == SIGTERM ? "why=SIGTERM" : "why=SIGINT") != std::string::npos);
    CHECK(logged.find("second stopped") < logged.find("first stopped"));
    CHECK(logged.find("first stopped") != std::string::npos);
  }
}

TEST_CASE(
    "shutdown: a step that is stuck is named, the others still run, and the process ends in time") {
  process p{[](auto& ready) {
    shutdown stop{10s};
    stop.add("journal", 1s, note("journal closed"));
    stop.add("broken", 100ms, [](const patience&) -> bool { hang(); });
    stop.add("throws", 1s, [](const patience&) -> bool { throw std::runtime_error{"oops"}; });
    ready();
    stop.request("of its own");
    (void)stop.wait();
    stop.run();
    return 0;
  }};
  CHECK(p.wait() == 1);
  CHECK(p.took() < 5s);
  CHECK(p.logged().find("journal closed") != std::string::npos);
  CHECK(p.logged().find("stuck=\"throws, broken\"") != std::string::npos);
}

TEST_CASE("shutdown: the limit bounds all of it, destructors too") {
  struct never_ends {
    ~never_ends() { hang(); }
  };
  process p{[](auto& ready) {
    shutdown stop{300ms};
    never_ends local;
    ready();
    stop.request("now");
    (void)stop.wait();
    stop.run();
    return 0;
  }};
  CHECK(p.wait() == 1);
  CHECK(p.took() < 5s);
  CHECK(p.logged().find("stuck=\"a destructor\"") != std::string::npos);
}

TEST_CASE("shutdown: a second signal hurries, a third one ends") {
  const auto patient = [](bool heeds) {
    return [heeds](const std::function<void()>& ready) {
      shutdown stop{60s};
      stop.add("quick", 10s, note("quick stopped"));
      stop.add("slow", 60s, [&, heeds](const patience& left) {
        ready();
        if (!heeds) hang();
        return test::wait_until([&] { return left.over(); }, 60s);
      });
      stop.request("now");
      (void)stop.wait();
      return stop.run() ? 0 : 1;
    };
  };
  process heeding{patient(true)};
  heeding.signal(SIGTERM);
  CHECK(heeding.wait() == 0);
  CHECK(heeding.took() < 10s);
  CHECK(heeding.logged().find("quick stopped") != std::string::npos);

  process deaf{patient(false)};
  deaf.signal(SIGTERM);
  CHECK(deaf.wait() == 1);
  CHECK(deaf.took() < 10s);
  CHECK(deaf.logged().find("stuck=slow") != std::string::npos);
}

TEST_CASE("shutdown: waiting has a limit of its own, and any thread may ask") {
  process p{[](auto& ready) {
    shutdown stop{5s};
    ready();
    if (stop.wait_for(1ms)) return 1;
    std::thread asking{[&] { stop.request("downed by the others"); }};
    const auto why = stop.wait();
    asking.join();
    return why == "downed by the others" && stop.run() ? 0 : 2;
  }};
  CHECK(p.wait() == 0);
}

TEST_CASE("shutdown: actors are asked, and killed when they do not listen") {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  caf::actor_system system{config};
  const auto before = system.registry().running();
  auto polite = system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  auto deaf = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_exit_handler([=](caf::exit_msg& m) {
      if (m.reason == caf::exit_reason::kill) self->quit(m.reason);
    });
    return {[](int) {}};
  });
  const auto in = [](std::chrono::milliseconds d) {
    return patience{std::chrono::steady_clock::now() + d};
  };
  CHECK(!await_actors(system, in(1ms)));
  CHECK(stop_actor(system, polite, in(10s)));
  CHECK(stop_actor(system, deaf, in(50ms)));
  CHECK(stop_actor(system, {}, in(0ms)));
  polite = deaf = nullptr;
  CHECK(test::wait_until([&] { return system.registry().running() == before; }));
}
