// A job whose masters die, one after the other: the core of each goes on from what its predecessor
// had in the log, while workers come and go. All that is shared, log, workers and the output
// directory, is here, and does not die with a master.
#include "patterns/mapreduce/job.hpp"
#include "patterns/simulation/random.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;
using namespace troupe::mapreduce;
using namespace std::chrono_literals;

struct worker {
  bool up = true;
  std::map<std::uint32_t, std::set<std::uint32_t>> outputs{};  // map: attempts
  struct attempt {
    attempt_id id{};
    std::map<std::uint32_t, output_location> known{};  // of a reducer
  };
  std::vector<attempt> running{};
};

class play {
 public:
  explicit play(std::uint64_t seed) : chance_{seed} {
    spec_.id = "j";
    spec_.reducers = 1 + below(4);
    spec_.slow_start = below(1001);
    spec_.deaths_max = spec_.attempts_max = 10'000;
    splits_.resize(below(13));
    masters_die_ = below(job::masters_max);
    workers_.resize(1 + below(5));
    succeed_nobody();
  }

  // Empty: every claim held.
  std::string run() {
    for (std::uint32_t step = 0; step < 20'000 && wrong_.empty(); ++step) {
      const bool calm = step > 3'000;
      if (calm)
        for (auto& w : workers_) w.up = true;
      now_ += std::chrono::milliseconds{below(calm ? 2'000 : 300)};
      happen(calm);
      if (over(core_->state())) return wrong_.empty() ? judge() : wrong_;
    }
    return wrong_.empty() ? "it does not end: " + to_string(core_->status(now_)) : wrong_;
  }
  std::uint32_t masters() const { return masters_; }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(chance_.below(n)); }
  static std::string name(std::size_t w) { return std::to_string(w); }
  worker& at(const std::string& name) { return workers_.at(std::stoul(name)); }

  void happen(bool calm) {
    const auto w = below(static_cast<std::uint32_t>(workers_.size()));
    switch (below(calm ? 8 : 10)) {
      case 0:
      case 1:
        if (joined_.contains(w)) tell(offer{name(w), task_kind::map});
        return;
      case 2:
        if (joined_.contains(w)) tell(offer{name(w), task_kind::reduce});
        return;
      case 3:
      case 4:
        return work(w);
      case 5:
        return write();
      case 6:
        return commit();
      case 7:
        tell(tick{});
        return join(w);
      case 8:
        if (below(4) == 0) come_and_go(w);
        return;
      default:
        if (masters_die_ > 0 && below(20) == 0) replace_master();
    }
  }

  // ---- masters and the log
  void succeed_nobody() {
    core_.emplace(spec_, splits_, now_);
    for (std::size_t w = 0; w < workers_.size(); ++w) join(w);
  }
  void replace_master() {
    --masters_die_;
    job_record before{++masters_, {}};
    for (const auto& [key, f] : log_) before.facts.push_back(f);
    pending_.clear();
    commits_.clear();
    finish_ = false;
    joined_.clear();
    core_.emplace(spec_, splits_, now_);
    output out;
    core_->restore(before, now_, out);
    carry_out(out);
  }
  // In time, or what it holds is given up, rightly.
  void join(std::size_t w) {
    if (!workers_[w].up || joined_.contains(w)) return;
    joined_.insert(w);
    tell(worker_up{name(w)});
    if (masters_ == 0) return;
    held has{name(w), {}, {}};
    for (const auto& [map, attempts] : workers_[w].outputs)
      for (auto a : attempts) has.maps.push_back(done_of({"j", task_kind::map, map, a}));
    for (const auto& a : workers_[w].running) has.running.push_back(a.id);
    tell(has);
  }
  void write() {  // some of what is on its way into the log
    for (auto n = 1 + below(4); n > 0 && !pending_.empty(); --n) {
      log_.insert_or_assign(key_of(pending_.front()), pending_.front());
      pending_.pop_front();
      ++written_;
    }
  }
  void commit() {
    if (!commits_.empty() && commits_.front().first <= written_) {
      const auto order = commits_.front().second;
      commits_.pop_front();
      const auto found = parts_.find(order.partition);
      if (found == parts_.end() && below(10) == 0)
        return tell(part_committed{order.partition, "the disk is full"});
      if (found != parts_.end() && found->second != order.id.attempt)
        wrong_ = "part " + std::to_string(order.partition) + " is named by another attempt";
      if (found == parts_.end() && !files_.contains(order.id)) wrong_ = "a part without a file";
      parts_[order.partition] = order.id.attempt;
      return tell(part_committed{order.partition, {}});
    }
    if (!finish_ || pending_.size() > 0) return;
    finish_ = false;
    tell(job_finished{});
  }

  // ---- workers
  void come_and_go(std::size_t w) {
    auto& who = workers_[w];
    if (who.up) {
      who = {.up = false};
      if (joined_.erase(w) > 0) tell(worker_down{name(w)});
    } else {
      who.up = true;
    }
  }
  map_done done_of(const attempt_id& id) const {
    return {id, {"out", std::vector<segment>(spec_.reducers, segment{0, 1, 1, 1})}, {{"maps", 1}}};
  }
  void work(std::size_t w) {
    auto& who = workers_[w];
    if (!who.up || who.running.empty()) return;
    const auto which = below(static_cast<std::uint32_t>(who.running.size()));
    const auto a = who.running[which];
    if (a.id.kind == task_kind::reduce) {
      for (const auto& [map, where] : a.known) {
        const auto& of = at(where.worker).outputs;
        const auto found = of.find(map);
        if (found == of.end() || !found->second.contains(where.attempt))
          return report(w, fetch_failed{a.id, map, where.attempt, where.worker, true});
      }
      if (a.known.size() < splits_.size()) return;
    }
    who.running.erase(who.running.begin() + which);
    if (below(12) == 0) return report(w, task_failed{a.id, "it broke", {}});
    if (a.id.kind == task_kind::map) {
      who.outputs[a.id.task].insert(a.id.attempt);
      return report(w, done_of(a.id));
    }
    files_.insert(a.id);
    report(w, reduce_done{a.id, "file", 1, 1, {{"reduces", 1}}});
  }
  void report(std::size_t w, const input& what) {
    if (joined_.contains(w)) tell(what);
  }

  // ---- the master's orders
  void tell(const input& in) {
    output out;
    core_->step(in, now_, out);
    carry_out(out);
  }
  void carry_out(const output& out) {
    for (const auto& k : out.kills)
      std::erase_if(at(k.worker).running, [&](const auto& a) { return a.id == k.id; });
    for (const auto& m : out.maps) {
      look(m);
      at(m.worker).running.push_back({m.task.id, {}});
    }
    for (const auto& r : out.reduces) {
      worker::attempt a{r.task.id, {}};
      for (const auto& where : r.outputs) a.known[where.map] = where;
      at(r.worker).running.push_back(std::move(a));
    }
    for (const auto& news : out.locations)
      for (auto& a : at(news.worker).running)
        if (a.id == news.reducer) a.known[news.where.map] = news.where;
    for (const auto& f : out.facts) pending_.push_back(f);
    for (const auto& c : out.commits) commits_.emplace_back(written_ + pending_.size(), c);
    finish_ = finish_ || out.finish;
  }
  // A map is begun: not one that is recorded, and whose output is where the log has it.
  void look(const map_assignment& m) {
    if (!given_.insert(m.task.id).second) wrong_ = "an attempt's number is given twice";
    const auto found = log_.find(key_of(map_finished{m.task.id.task, 0, {}, {}}));
    if (found == log_.end()) return;
    const auto& f = std::get<map_finished>(found->second);
    const auto holder = static_cast<std::size_t>(std::stoul(f.worker));
    const auto has = workers_[holder].outputs.find(f.map);
    if (joined_.contains(holder) && has != workers_[holder].outputs.end() &&
        has->second.contains(f.attempt))
      wrong_ = "map " + std::to_string(f.map) + " runs again, and worker " + f.worker + " has it";
  }
  std::string judge() const {
    const auto last = core_->status(now_);
    if (last.state != job_state::succeeded) return "it " + to_string(last.state) + ": " + last.error;
    if (parts_.size() != spec_.reducers) return "a part is missing";
    counters_map right{{"reduces", static_cast<std::int64_t>(spec_.reducers)}};
    if (!splits_.empty()) right["maps"] = static_cast<std::int64_t>(splits_.size());
    return last.counters == right ? "" : "its counters are wrong: " + to_string(last);
  }

  simulation::generator chance_;
  job_spec spec_{};
  std::vector<split> splits_{};
  instant now_{};
  std::uint32_t masters_ = 0, masters_die_ = 0;
  std::optional<job> core_{};
  std::map<std::string, fact> log_{};
  std::deque<fact> pending_{};
  std::uint64_t written_ = 0;
  std::deque<std::pair<std::uint64_t, commit_order>> commits_{};
  bool finish_ = false;
  std::vector<worker> workers_{};
  std::set<std::size_t> joined_{};
  std::map<std::uint32_t, std::uint32_t> parts_{};
  std::set<attempt_id> files_{}, given_{};
  std::string wrong_{};
};
}  // namespace

TEST_CASE("mapreduce masters: whoever goes on, parts are named once, and what is held is not redone") {
  std::uint32_t replaced = 0;
  for (const auto seed : test::seeds()) {
    CAPTURE(seed);
    for (std::uint64_t one = 0; one < 20; ++one) {
      CAPTURE(one);
      play p{simulation::derived(seed, one)};
      CHECK(p.run() == "");
      replaced += p.masters();
    }
  }
  CHECK(replaced > 0);
}
