// Locks on a Redis server in memory: cycles of take and put_back a second, each client its own lock, through the store
// (actors/lock/redis_store.hpp) and by bare hiredis: SET NX PX, and a script that compares and deletes. Then hand-offs of one
// lock among eight that want it. `kept`: the process keeps its locks for as long as nobody else wants them.
//   redis-lock-bench [--seconds S] [--clients N,N,...] [--server HOST:PORT] (3, 1,64)
//                    [--only bare|locks|kept|processes|hand_offs]
// Without --server it starts redis-server itself, which must be installed, without persistence.
#include "actors/lock/locks.hpp"
#include "actors/lock/redis_store.hpp"
#include "patterns/hex.hpp"
#include "program_bench.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include <caf/all.hpp>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <sys/wait.h>
#include <unistd.h>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::take)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::taken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::put_back)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::returned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::retire)
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace troupe;
using bench::fail, bench::print;
using clock_type = std::chrono::steady_clock;

class server {
 public:
  explicit server(std::string given) : at_{std::move(given)} {
    if (!at_.empty()) return;
    directory_ = (fs::temp_directory_path() / "troupe-bench-XXXXXX").string();
    if (::mkdtemp(directory_.data()) == nullptr) fail("no directory");
    const int port = 20'000 + static_cast<int>(::getpid()) % 20'000;
    at_ = "127.0.0.1:" + std::to_string(port);
    own_ = ::fork();
    if (own_ == 0) {
      const int silent = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      ::dup2(silent, 1);
      ::dup2(silent, 2);
      ::execlp("redis-server", "redis-server", "--port", std::to_string(port).c_str(), "--bind",
               "127.0.0.1", "--dir", directory_.c_str(), "--save", "", "--appendonly", "no",
               nullptr);
      ::_exit(127);
    }
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() {
    if (own_ <= 0) return;
    ::kill(own_, SIGKILL);
    ::waitpid(own_, nullptr, 0);
    fs::remove_all(directory_);
  }
  std::string store() const { return "redis://" + at_; }
  redisContext* connect() const {
    const auto to = *lock::redis_address_of(store());
    for (int tries = 0; tries < 100; ++tries) {
      auto* const c = redisConnect(to.host.c_str(), to.port);
      if (c != nullptr && c->err == 0) return c;
      redisFree(c);
      std::this_thread::sleep_for(50ms);
    }
    fail("no Redis server answers at " + at_ + ": is redis-server installed?");
  }

 private:
  std::string at_, directory_;
  ::pid_t own_ = 0;
};

struct tally {
  std::vector<std::uint32_t> micros{};
  std::uint64_t failed = 0;
};
double cpu_seconds() {  // of this process
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}
class stopwatch {
 public:
  double wall() const { return std::chrono::duration<double>(clock_type::now() - began_).count(); }
  double cpu() const { return cpu_seconds() - cpu_; }

 private:
  clock_type::time_point began_ = clock_type::now();
  double cpu_ = cpu_seconds();
};
void report(const std::string& name, std::vector<tally>& all, const stopwatch& took) {
  std::vector<std::uint32_t> micros;
  std::uint64_t failed = 0;
  for (auto& t : all) {
    micros.insert(micros.end(), t.micros.begin(), t.micros.end());
    failed += t.failed;
  }
  print(name, static_cast<double>(micros.size()) / took.wall(), "cycles/s");
  if (failed > 0) print(name + "_failed", static_cast<double>(failed), "cycles");
  if (micros.empty()) return;
  print(name + "_cpu", took.cpu() / static_cast<double>(micros.size()) * 1e6, "us/cycle");
  std::sort(micros.begin(), micros.end());
  print(name + "_p50", micros[micros.size() / 2], "us");
  print(name + "_p99", micros[micros.size() * 99 / 100], "us");
}
std::uint32_t since(clock_type::time_point began) {
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_type::now() - began);
  return static_cast<std::uint32_t>(took.count());
}
std::string name_of(const std::string& how, std::size_t clients) {
  return how + "_" + std::to_string(clients) + (clients == 1 ? "_client" : "_clients");
}

// ---- bare
void bare_client(const server& at, std::size_t number, const std::atomic<bool>& stop, tally& into) {
  constexpr const char* compare_and_delete =
      "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";
  auto* const c = at.connect();
  auto* loaded = static_cast<redisReply*>(redisCommand(c, "SCRIPT LOAD %s", compare_and_delete));
  const std::string script{loaded->str, loaded->len};
  freeReplyObject(loaded);
  const auto key = "bare-" + std::to_string(number);
  while (!stop) {
    const auto began = clock_type::now();
    auto* set =
        static_cast<redisReply*>(redisCommand(c, "SET %s %s NX PX 10000", key.c_str(), "me"));
    auto* gone = static_cast<redisReply*>(
        redisCommand(c, "EVALSHA %s 1 %s %s", script.c_str(), key.c_str(), "me"));
    if (set == nullptr || gone == nullptr) fail("the server does not answer");
    if (set->type == REDIS_REPLY_STATUS && gone->integer == 1)
      into.micros.push_back(since(began));
    else
      ++into.failed;
    freeReplyObject(set);
    freeReplyObject(gone);
  }
  redisFree(c);
}
void measure_bare(const server& at, std::size_t clients, std::chrono::milliseconds time) {
  std::atomic<bool> stop = false;
  std::vector<tally> all(clients);
  std::vector<std::thread> threads;
  const stopwatch took;
  for (std::size_t i = 0; i < clients; ++i)
    threads.emplace_back([&, i] { bare_client(at, i, stop, all[i]); });
  std::this_thread::sleep_for(time);
  stop = true;
  for (auto& t : threads) t.join();
  report(name_of("bare", clients), all, took);
}

// ---- through the store
struct config : caf::actor_system_config {
  config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};
class client : public caf::event_based_actor {
 public:
  client(caf::actor_config& c, caf::actor locks, std::string name, const std::atomic<bool>& stop,
         tally& into)
      : caf::event_based_actor{c},
        locks_{std::move(locks)},
        lock_{std::move(name)},
        stop_{stop},
        into_{into} {}
  caf::behavior make_behavior() override {
    next();
    return {[](const lock::lock_lost&) {}};
  }

 private:
  void next() {
    if (stop_) return quit();
    began_ = clock_type::now();
    const auto failed = [this](const caf::error&) {
      ++into_.failed;
      next();
    };
    request(locks_, caf::infinite, lock::take{.name = lock_})
        .then(
            [this, failed](const lock::taken&) {
              request(locks_, caf::infinite, lock::put_back{lock_})
                  .then(
                      [this](const lock::returned&) {
                        into_.micros.push_back(since(began_));
                        next();
                      },
                      failed);
            },
            failed);
  }
  caf::actor locks_;
  std::string lock_;
  const std::atomic<bool>& stop_;
  tally& into_;
  clock_type::time_point began_{};
};
// `processes`: each with a store and a session of its own, as many clients in each
void measure_locks(const server& at, const std::string& name, std::size_t processes,
                   std::size_t clients, bool one_lock, std::chrono::milliseconds time,
                   std::chrono::milliseconds keeps = {}) {
  config settings;
  caf::actor_system system{settings};
  std::atomic<bool> stop = false;
  std::vector<tally> all(processes * clients);
  {
    caf::scoped_actor self{system};
    std::vector<caf::actor> locks, actors;
    for (std::size_t i = 0; i < processes; ++i) {
      auto store = lock::spawn_redis_store(system, at.store());
      if (!store) fail(store.error());
      locks.push_back(
          lock::spawn_locks(system, *store, {.owner = "p" + std::to_string(i), .keeps = keeps}));
    }
    const stopwatch took;
    for (std::size_t i = 0; i < all.size(); ++i)
      actors.push_back(system.spawn<client>(
          locks[i % processes], one_lock ? "one" : "lock-" + std::to_string(i), stop, all[i]));
    std::this_thread::sleep_for(time);
    stop = true;
    self->wait_for(actors);
    report(name, all, took);
    for (const auto& l : locks) self->send(l, lock::retire{});
    self->wait_for(locks);
  }
}
}  // namespace

int main(int argc, char** argv) {
  double seconds = 3;
  std::string given, only;
  std::vector<std::size_t> counts{1, 64};
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (i + 1 >= argc) fail(option + " needs a value");
    if (option == "--seconds")
      seconds = std::stod(argv[++i]);
    else if (option == "--only")
      only = argv[++i];
    else if (option == "--server")
      given = argv[++i];
    else if (option == "--clients") {
      counts.clear();
      std::istringstream all{argv[++i]};
      for (std::string one; std::getline(all, one, ',');) counts.push_back(std::stoul(one));
    } else
      fail("unknown option " + option);
  }
  (void)log::start({.levels = "warn"});
  const server at{given};
  redisFree(at.connect());
  const auto time = std::chrono::milliseconds{static_cast<int>(seconds * 1000)};
  const auto wanted = [&](const std::string& part) { return only.empty() || only == part; };
  for (const auto n : counts)
    if (wanted("bare")) measure_bare(at, n, time);
  for (const auto n : counts)
    if (wanted("locks")) measure_locks(at, name_of("locks", n), 1, n, false, time);
  for (const auto n : counts)
    if (wanted("kept")) measure_locks(at, name_of("locks", n) + "_kept", 1, n, false, time, 500ms);
  for (const auto n : counts)
    if (n > 1 && wanted("processes"))
      measure_locks(at, name_of("locks", n) + "_of_as_many_processes", n, 1, false, time);
  if (wanted("hand_offs")) measure_locks(at, "hand_offs_among_8", 8, 1, true, time);
}
