// One master and a toy cluster whose workers die, freeze, are taken for dead and come back, lose
// outputs, fail, and report late. After each step: no partition is committed twice, and no second
// attempt told so; nothing is assigned to a worker that the master does not know. In the end, since
// the faults stop: each partition committed once and made of each map once, counters those of one
// attempt a task, nothing left running; or a failure that was deserved.
#include "patterns/mapreduce/job.hpp"
#include "seeds.hpp"

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe::mapreduce;

struct toy_attempt {
  attempt_id id;
  std::uint32_t maps = 0;
  std::vector<record_position> skip;
  std::map<std::uint32_t, output_location> located;
  std::map<std::uint32_t, std::uint32_t> fetched;  // map -> its attempt
  bool told = false;                               // that it has all
};
struct toy_worker {
  bool alive = true;
  bool known = false;  // the master was told, or will be
  bool frozen = false;
  std::uint32_t life = 0;  // of the process
  std::vector<toy_attempt> running;
  std::set<std::pair<std::uint32_t, std::uint32_t>> outputs;
  std::deque<input> to_master;
};
struct settings {
  bool failures = false;  // attempts fail by themselves, outputs get lost
  bool bad_record = false;
  bool allow_skip = false;
  bool always_fails = false;
};

class cluster {
 public:
  cluster(std::uint64_t seed, settings how)
      : chance_{seed},
        how_{how},
        maps_{1 + below(12)},
        reducers_{1 + below(4)},
        core_{spec(), std::vector<split>(maps_, split{{{"f", 0, 1}}, 1}), now_} {
    for (std::uint32_t i = 0; i < 2 + below(4); ++i) workers_["w" + std::to_string(i)] = {};
    for (auto& [name, w] : workers_) greet(name, w);
  }

  void run() {
    for (int i = 0; i < 1500 && !core_over(); ++i) {
      if (below(12) == 0) fault();
      turn();
    }
    for (auto& [name, w] : workers_) {  // the faults stop, and everybody comes back
      if (!w.alive) restart(name, w);
      w.frozen = false;
      if (!w.known) greet(name, w);
    }
    quiet_ = true;
    int left = 60'000;
    while (!core_over() && left-- > 0) turn();
    REQUIRE_MESSAGE(core_over(), "the job never ends");
    for (int i = 0; i < 5000; ++i) turn();
    check_end();
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(chance_() % n); }
  job_spec spec() {
    job_spec s;
    s.id = "j";
    s.reducers = reducers_;
    s.skip_bad_records = how_.allow_skip;
    s.deaths_max = 1'000'000;
    s.attempts_max = how_.failures && !how_.always_fails ? 40 : 4;
    s.silence = 60'000;
    s.slow_start = below(1001);
    return s;
  }
  bool core_over() const { return over(core_.state()); }

  void greet(const std::string& name, toy_worker& w) {
    w.known = true;
    w.to_master.push_back(worker_up{name});
  }
  void restart(const std::string& name, toy_worker& w) {
    w.alive = true;
    ++w.life;
    greet(name, w);
  }

  void fault() {
    auto it = workers_.begin();
    std::advance(it, below(static_cast<std::uint32_t>(workers_.size())));
    auto& [name, w] = *it;
    switch (below(4)) {
      case 0:  // killed: what it had not sent yet may be lost, then the master hears of it
        if (!w.alive) return restart(name, w);
        w.alive = w.frozen = false;
        w.running.clear();
        w.outputs.clear();
        w.to_master.resize(below(static_cast<std::uint32_t>(w.to_master.size()) + 1));
        if (std::exchange(w.known, false)) w.to_master.push_back(worker_down{name});
        return;
      case 1:  // taken for dead, though it lives and works on; some of its reports come late
        if (!w.alive) return;
        if (w.known)
          w.to_master.push_back(worker_down{name});
        else
          w.to_master.push_back(worker_up{name});
        w.known = !w.known;
        return;
      case 2:
        w.frozen = !w.frozen;
        return;
      case 3:
        if (how_.failures && !w.outputs.empty()) w.outputs.erase(w.outputs.begin());
        return;
    }
  }

  void deliver(toy_worker& w) {
    const auto next = std::exchange(w.to_master.front(), input{});
    w.to_master.pop_front();
    step(next);
  }
  void turn() {
    auto it = workers_.begin();
    std::advance(it, below(static_cast<std::uint32_t>(workers_.size())));
    auto& [name, w] = *it;
    // more is not on its way at once: a worker's reports of progress do not pile up
    if (w.to_master.size() >= 16) return deliver(w);
    switch (below(8)) {
      case 0:
        now_ += instant{below(400)};
        return step(tick{});
      case 1:
      case 2:
        if (!w.to_master.empty()) deliver(w);
        return;
      case 3:
        return host();
      case 4: {
        const auto kind = below(2) ? task_kind::map : task_kind::reduce;
        std::size_t used = 0;
        for (const auto& a : w.running) used += a.id.kind == kind ? 1 : 0;
        if (w.alive && !w.frozen && used < 2) w.to_master.push_back(offer{name, kind});
        return;
      }
      default:
        if (w.alive && !w.frozen && !w.running.empty())
          work(name, w, below(static_cast<std::uint32_t>(w.running.size())));
    }
  }

  void work(const std::string& name, toy_worker& w, std::size_t which) {
    auto& a = w.running[which];
    const auto end = [&](const input& report) {
      w.to_master.push_back(report);
      w.running.erase(w.running.begin() + static_cast<std::ptrdiff_t>(which));
    };
    const bool chaos = how_.failures && !quiet_ && below(10) == 0;
    if (chaos || (how_.always_fails && a.id.kind == task_kind::map && a.id.task == 0)) {
      ++injected_[{a.id.kind, a.id.task}];
      return end(task_failed{a.id, "chance", {}});
    }
    if (below(3) == 0) {
      w.to_master.push_back(task_progress{a.id, below(1000), chance_(), 0});
      return;
    }
    if (a.id.kind == task_kind::map) {
      const record_position bad{"f", a.id.task};
      if (how_.bad_record && a.id.task % 3 == 0 && (a.skip.empty() || !(a.skip[0] == bad))) {
        ++injected_[{a.id.kind, a.id.task}];
        return end(task_failed{a.id, "bad record", {bad}});
      }
      w.outputs.emplace(a.id.task, a.id.attempt);
      return end(map_done{a.id,
                          {name, std::vector<segment>(reducers_, segment{w.life, 1, 1, 1})},
                          {{"in", 1 + a.id.task}, {"task", 1}}});
    }
    for (const auto& [map, where] : a.located) {
      if (a.fetched.contains(map)) continue;
      const auto& from = workers_.at(where.worker);
      if (from.alive && !from.frozen && from.outputs.contains({map, where.attempt})) {
        a.fetched[map] = where.attempt;
      } else {
        w.to_master.push_back(
            fetch_failed{a.id, map, where.attempt, where.worker, from.alive && !from.frozen});
      }
      return;
    }
    if (a.fetched.size() < a.maps) return;
    if (!std::exchange(a.told, true)) {
      w.to_master.push_back(shuffle_done{a.id});
      return;
    }
    const auto file = std::to_string(a.id.task) + "." + std::to_string(a.id.attempt);
    files_[file] = a.fetched;
    end(reduce_done{a.id, file, 1, 1, {{"out", 1}, {"task", 1}}});
  }

  void host() {  // the master's own file system work, in order
    if (!orders_.empty()) {
      const auto order = orders_.front();
      orders_.pop_front();
      auto& file = files_[order.file];
      if (how_.failures && !quiet_ && below(8) == 0) {
        ++injected_[{task_kind::reduce, order.partition}];
        return step(part_committed{order.partition, "the disk is full"});
      }
      REQUIRE_MESSAGE(!committed_.contains(order.partition), "a partition is committed twice");
      committed_[order.partition] = file;
      return step(part_committed{order.partition, ""});
    }
    if (std::exchange(finish_, false)) step(job_finished{""});
  }

  void step(const input& in) {
    if (const auto* up = std::get_if<worker_up>(&in)) {
      master_view_.insert(up->worker);
      std::erase_if(workers_.at(up->worker).running,  // the host tells it to start afresh
                    [&](const auto& a) { return forgotten_.contains(a.id); });
    }
    if (const auto* down = std::get_if<worker_down>(&in)) {
      master_view_.erase(down->worker);
      for (const auto& a : workers_.at(down->worker).running) forgotten_.insert(a.id);
    }
    output out;
    core_.step(in, now_, out);
    for (const auto& e : out.events) {
      if (e.what != job_event_kind::attempt_failed) continue;
      ++failed_[{e.kind, e.task}];
      if (e.reason.starts_with("worker ") || e.reason.starts_with("it reported no progress"))
        ++unreached_[{e.kind, e.task}];
    }
    if (const auto* gone = std::get_if<fetch_failed>(&in)) ++lost_[gone->map];
    for (const auto& m : out.maps) {
      REQUIRE(master_view_.contains(m.worker));
      assign(m.worker,
             {.id = m.task.id, .maps = 0, .skip = m.task.skip, .located = {}, .fetched = {}});
    }
    for (const auto& r : out.reduces) {
      REQUIRE(master_view_.contains(r.worker));
      toy_attempt a{.id = r.task.id, .maps = r.task.maps, .skip = {}, .located = {}, .fetched = {}};
      for (const auto& where : r.outputs) a.located[where.map] = where;
      assign(r.worker, a);
    }
    for (const auto& news : out.locations)
      for (auto& a : workers_.at(news.worker).running)
        if (a.id == news.reducer) a.located[news.where.map] = news.where;
    for (const auto& k : out.kills) {
      std::erase_if(workers_.at(k.worker).running, [&](const auto& a) { return a.id == k.id; });
    }
    if (core_.state() != job_state::running)
      for (const auto& [name, w] : workers_)
        for (const auto& a : w.running)
          REQUIRE_MESSAGE(forgotten_.contains(a.id), "an attempt is left running");
    for (const auto& order : out.commits) {
      for (const auto& other : orders_)
        REQUIRE_MESSAGE(other.partition != order.partition, "two attempts are told to commit");
      REQUIRE_MESSAGE(!committed_.contains(order.partition), "a second commit of one partition");
      orders_.push_back(order);
    }
    if (out.finish) {
      REQUIRE_FALSE(finished_);
      finished_ = finish_ = true;
    }
  }
  void assign(const std::string& name, toy_attempt a) {
    REQUIRE_MESSAGE(given_.insert(a.id).second, "an attempt number is given twice");
    auto& w = workers_.at(name);
    if (w.alive) w.running.push_back(std::move(a));
  }

  // A task failed as often as is allowed, of which the sim made all but the silences and the
  // reducers that reached nobody; or an output got lost as often.
  bool deserved() const {
    const auto limit = core_.spec().attempts_max;
    for (const auto& [task, times] : failed_) {
      const auto made = injected_.find(task);
      const auto others = unreached_.find(task);
      if (times >= limit && (made == injected_.end() ? 0 : made->second) +
                                    (others == unreached_.end() ? 0 : others->second) >=
                                times)
        return true;
    }
    for (const auto& [map, times] : lost_)
      if (times >= 2 * limit) return true;
    return false;
  }

  void check_end() {
    const auto status = core_.status(now_);
    const bool faultless = injected_.empty() && !how_.failures;
    if (status.state == job_state::failed) {
      CHECK_FALSE(status.error.empty());
      CHECK_MESSAGE(!faultless, status.error);
      CHECK_FALSE((how_.bad_record && how_.allow_skip && !how_.failures));
      CHECK_MESSAGE(deserved(), status.error);
      return;
    }
    CHECK(status.state == job_state::succeeded);
    CHECK_FALSE(how_.always_fails);
    CHECK_FALSE((how_.bad_record && !how_.allow_skip && !how_.failures));
    CHECK(committed_.size() == reducers_);
    for (const auto& [partition, contents] : committed_) CHECK(contents.size() == maps_);
    CHECK(status.maps.total == maps_);
    CHECK(status.counters.at("in") == maps_ * (maps_ + 1) / 2);
    CHECK(status.counters.at("out") == reducers_);
    CHECK(status.counters.at("task") == maps_ + reducers_);
  }

  std::mt19937_64 chance_;
  settings how_;
  instant now_{1};
  std::uint32_t maps_, reducers_;
  job core_;
  std::map<std::string, toy_worker> workers_;
  std::set<std::string> master_view_;
  std::set<attempt_id> given_;
  std::map<std::string, std::map<std::uint32_t, std::uint32_t>> files_;
  std::map<std::uint32_t, std::map<std::uint32_t, std::uint32_t>> committed_;
  std::deque<commit_order> orders_;
  using tally = std::map<std::pair<task_kind, std::uint32_t>, std::uint32_t>;
  tally injected_;                               // failures that the sim made
  tally failed_;                                 // that the master counted,
  tally unreached_;                              // and those of them that it found itself
  std::map<std::uint32_t, std::uint32_t> lost_;  // by map: reports of reducers
  bool finish_ = false, finished_ = false, quiet_ = false;
  std::set<attempt_id> forgotten_;  // ran when the master was told that their worker is gone
};

void run_all(settings how) {
  for (auto seed : troupe::test::seeds()) {
    for (std::uint64_t i = 0; i < 25; ++i) {
      CAPTURE(seed);
      CAPTURE(i);
      cluster{seed * 1000 + i, how}.run();
    }
  }
}
}  // namespace

TEST_CASE("mapreduce sim: workers die, freeze and are taken for dead") { run_all({}); }
TEST_CASE("mapreduce sim: attempts fail and outputs get lost as well") {
  run_all({.failures = true});
}
TEST_CASE("mapreduce sim: records that crash their mapper are skipped where it is allowed") {
  run_all({.bad_record = true, .allow_skip = true});
  run_all({.failures = true, .bad_record = true, .allow_skip = true});
}
TEST_CASE("mapreduce sim: a task that always fails ends the job") {
  run_all({.failures = true, .always_fails = true});
  run_all({.bad_record = true});
}
