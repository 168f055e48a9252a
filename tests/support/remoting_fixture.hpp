// Actor systems of one test process, linked over real loopback; waiting is for conditions, never for time.
#pragma once
#include "runtime/remoting/remoting.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <caf/all.hpp>

namespace troupe::test {
using namespace std::chrono_literals;

inline bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit = 20s) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// What an observer has been told.
class witness {
 public:
  void note(const std::string& what, const remoting::peer& who) {
    std::lock_guard guard{mutex_};
    told_.push_back(what + " " + who.name);
  }
  void up(const remoting::link_up& event) {
    std::lock_guard guard{mutex_};
    told_.push_back("up " + event.who.name);
    last_up_ = event;
  }
  void refused(const remoting::link_refused& event) {
    std::lock_guard guard{mutex_};
    told_.push_back("refused");
    last_refused_ = event;
  }
  std::size_t count(const std::string& what) const {
    std::lock_guard guard{mutex_};
    return static_cast<std::size_t>(std::count(told_.begin(), told_.end(), what));
  }
  remoting::link_up last_up() const {
    std::lock_guard guard{mutex_};
    return last_up_;
  }
  remoting::link_refused last_refused() const {
    std::lock_guard guard{mutex_};
    return last_refused_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> told_;
  remoting::link_up last_up_;
  remoting::link_refused last_refused_;
};

inline remoting::settings local(const std::string& name) {
  remoting::settings config;
  config.cluster = "test";
  config.node = name;
  config.listen = {"127.0.0.1", 0};
  return config;
}

// One node: a system, its remoting, and a gateway that the test gives.
class linked_system {
 public:
  using setup = std::function<void(caf::actor_system_config&)>;
  explicit linked_system(remoting::settings config, const setup& more = {}) {
    remoting::service::load(config_, std::move(config));
    config_.set("scheduler.max-threads", std::size_t{2});
    if (more) more(config_);
    system_ = std::make_unique<caf::actor_system>(config_);
    seen = std::make_shared<witness>();
    observer_ = system_->spawn([seen = seen](caf::event_based_actor*) -> caf::behavior {
      return {
          [seen](const remoting::link_up& e) { seen->up(e); },
          [seen](const remoting::link_found& e) { seen->note("found", e.who); },
          [seen](const remoting::link_broken& e) { seen->note("broken", e.who); },
          [seen](const remoting::link_resumed& e) { seen->note("resumed", e.who); },
          [seen](const remoting::link_down& e) { seen->note("down", e.who); },
          [seen](const remoting::link_refused& e) { seen->refused(e); },
      };
    });
    links().observe(observer_);
  }
  ~linked_system() { end(); }
  // As a process that dies in order: actors are killed, links are ended.
  void end() {
    if (!system_) return;
    links().stop();
    for (auto& a : actors_) caf::anon_send_exit(a, caf::exit_reason::kill);
    caf::anon_send_exit(observer_, caf::exit_reason::kill);
    actors_.clear();
    observer_ = nullptr;
    system_.reset();
  }
  caf::actor_system& system() { return *system_; }
  remoting::service& links() { return remoting::service::of(*system_); }
  remoting::endpoint address() { return *links().listening(); }
  template <class... Ts>
  caf::actor spawn(Ts&&... xs) {
    actors_.push_back(system_->spawn(std::forward<Ts>(xs)...));
    return actors_.back();
  }
  template <class... Ts>
  void offer(Ts&&... xs) {
    links().gateway(spawn(std::forward<Ts>(xs)...));
  }
  // The peer's gateway, once the link is up.
  caf::actor meet(linked_system& other) { return meet(other.address()); }
  caf::actor meet(const remoting::endpoint& where) {
    const auto before = ups();
    links().connect(where);
    if (!eventually([&] { return ups() > before; })) return nullptr;
    return seen->last_up().gateway;
  }

  std::shared_ptr<witness> seen;

 private:
  std::size_t ups() const {
    std::size_t sum = 0;
    for (const char* name : {"up a", "up b", "up c"}) sum += seen->count(name);
    return sum;
  }
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::actor observer_;
  std::vector<caf::actor> actors_;
};
}  // namespace troupe::test
