#include "runtime/shutdown.hpp"

#include "runtime/log.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>

#include <caf/all.hpp>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace troupe {
namespace {
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  struct sigaction hangup {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);  // not under nohup
  return set;
}

std::string name_of_signal(std::uint32_t number) {
  switch (number) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "signal " + std::to_string(number);
  }
}

int milliseconds_until(clock::time_point end) {
  if (end == clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

[[noreturn]] void end_process(const std::string& stuck) {
  log::error("shutdown", "stuck: the process ends without it", {{"stuck", stuck}});
  std::_Exit(1);
}
}  // namespace

std::chrono::nanoseconds patience::left() const {
  if (over()) return {};
  return std::max(std::chrono::nanoseconds{0}, std::chrono::nanoseconds{end_ - clock::now()});
}

struct shutdown::shared {
  shared() : woken(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~shared() { ::close(woken); }
  shared(const shared&) = delete;
  shared& operator=(const shared&) = delete;

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(woken, &one, sizeof one);
  }
  void calm() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(woken, &count, sizeof count);
  }

  const int woken;  // a wish, or a step that is done
  std::atomic<bool> hurry{false};
  std::mutex mutex;
  std::condition_variable changed;
  std::string wish;
  bool over = false;  // main has returned
};

shutdown::shutdown(nanoseconds limit) : limit_(limit), shared_(std::make_shared<shared>()) {
  const auto set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

shutdown::~shutdown() {
  {
    std::lock_guard lock{shared_->mutex};
    shared_->over = true;
  }
  shared_->changed.notify_all();
  ::close(signals_);
}

void shutdown::add(std::string name, nanoseconds limit, step stop) {
  steps_.push_back({std::move(name), limit, std::move(stop)});
}

void shutdown::request(const std::string& why) {
  {
    std::lock_guard lock{shared_->mutex};
    if (shared_->wish.empty()) shared_->wish = why.empty() ? "requested" : why;
  }
  shared_->wake();
}

std::string shutdown::wait() { return *wait_for(nanoseconds::max()); }

std::optional<std::string> shutdown::wait_for(nanoseconds limit) {
  const auto end = limit == nanoseconds::max() ? clock::time_point::max() : clock::now() + limit;
  for (;;) {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) == sizeof info) return name_of_signal(info.ssi_signo);
    {
      std::lock_guard lock{shared_->mutex};
      if (!shared_->wish.empty()) return shared_->wish;
    }
    if (clock::now() >= end) return std::nullopt;
    shared_->calm();
    pollfd fds[]{{signals_, POLLIN, 0}, {shared_->woken, POLLIN, 0}};
    {
      std::lock_guard lock{shared_->mutex};  // a wish between the two looks has been calmed away
      if (!shared_->wish.empty()) return shared_->wish;
    }
    ::poll(fds, 2, milliseconds_until(end));
  }
}

bool shutdown::run() {
  end_ = clock::now() + limit_;
  std::string stuck;
  for (auto at = steps_.rbegin(); at != steps_.rend(); ++at) {
    if (run_step(*at)) continue;
    log::warn("shutdown", "a step did not end in time", {{"step", at->name}});
    stuck += (stuck.empty() ? "" : ", ") + at->name;
  }
  if (!stuck.empty()) end_process(stuck);
  watch_destructors();
  return true;
}

// In a thread of its own, so that one which never returns holds up nobody.
bool shutdown::run_step(const named_step& s) {
  struct answer {
    std::atomic<bool> done{false};
    std::atomic<bool> worked{false};
  };
  const auto given = std::make_shared<answer>();
  const auto end = std::min(end_, clock::now() + s.limit);
  std::thread worker{[given, keep = shared_, stop = s.stop, end] {
    try {
      given->worked = stop(patience{end, &keep->hurry});
    } catch (const std::exception& e) {
      log::error("shutdown", "a step threw an exception", {{"reason", e.what()}});
    }
    given->done = true;
    keep->wake();
  }};
  constexpr auto grace = 250ms;  // for a step that minds its patience to come home
  auto last = end + grace;
  while (!given->done && clock::now() < last) {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) == sizeof info) {
      if (shared_->hurry.exchange(true)) end_process(s.name);
      log::info("shutdown", "hurrying",
                {{"why", name_of_signal(info.ssi_signo)}, {"step", s.name}});
      last = std::min(last, clock::now() + grace);
    }
    shared_->calm();
    if (given->done) break;
    pollfd fds[]{{signals_, POLLIN, 0}, {shared_->woken, POLLIN, 0}};
    ::poll(fds, 2, milliseconds_until(last));
  }
  if (!given->done) {
    worker.detach();
    return false;
  }
  worker.join();
  return given->worked;
}

// ~actor_system waits for ever for an actor that never ends.
void shutdown::watch_destructors() {
  std::thread{[keep = shared_, end = end_] {
    std::unique_lock lock{keep->mutex};
    if (!keep->changed.wait_until(lock, end, [&] { return keep->over; }))
      end_process("a destructor");
  }}.detach();
}

struct watchdog::shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
};

watchdog::watchdog(std::string what, std::chrono::nanoseconds limit)
    : shared_(std::make_shared<shared>()) {
  std::thread{[keep = shared_, what = std::move(what), end = clock::now() + limit] {
    std::unique_lock lock{keep->mutex};
    if (!keep->changed.wait_until(lock, end, [&] { return keep->over; })) end_process(what);
  }}.detach();
}

watchdog::~watchdog() {
  {
    std::lock_guard lock{shared_->mutex};
    shared_->over = true;
  }
  shared_->changed.notify_all();
}

void unblock_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
}

bool stop_actor(caf::actor_system& system, const caf::actor& whom, const patience& p) {
  if (!whom) return true;
  caf::scoped_actor self{system};
  self->monitor(whom);
  caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
  const auto ended_within = [&](caf::timespan time) {
    bool ended = false;
    self->receive([&](const caf::down_msg&) { ended = true; }, caf::after(time) >> [] {});
    return ended;
  };
  while (!p.over())
    if (ended_within(std::min<caf::timespan>(p.left(), 50ms))) return true;
  caf::anon_send_exit(whom, caf::exit_reason::kill);
  return ended_within(100ms);
}

bool await_actors(caf::actor_system& system, const patience& p) {
  while (system.registry().running() > 0) {
    if (p.over()) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}
}  // namespace troupe
