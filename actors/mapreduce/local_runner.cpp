#include "actors/mapreduce/local_runner.hpp"

#include "actors/mapreduce/data_executor.hpp"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <unistd.h>
namespace troupe::mapreduce {
namespace {
namespace fs = std::filesystem;
class local_context final : public attempt_context {
 public:
  explicit local_context(const std::atomic<bool>& stop) : stop_{stop} {}
  bool cancelled() const override { return stop_; }
  void progress(std::uint32_t, std::uint64_t, std::uint64_t) override {}

 private:
  const std::atomic<bool>& stop_;
};

// All maps ran here: their outputs are read where they lie.
class local_shuffle final : public shuffle {
 public:
  local_shuffle(const std::vector<map_output>& maps, std::uint32_t partition)
      : maps_{maps}, partition_{partition} {}
  shuffle_event next() override {
    while (map_ < maps_.size() && maps_[map_].segments[partition_].bytes == 0) ++map_;
    if (map_ == maps_.size()) return {.what = shuffle_event::kind::finished};
    const auto map = map_++;
    return {.what = shuffle_event::kind::local,
            .map = static_cast<std::uint32_t>(map),
            .attempt = 1,
            .part = maps_[map].segments[partition_],
            .file = maps_[map].file};
  }
  void unreadable(std::uint32_t map, std::uint32_t) override { damaged = map; }
  std::optional<std::uint32_t> damaged{};

 private:
  const std::vector<map_output>& maps_;
  std::uint32_t partition_;
  std::size_t map_ = 0;
};

class local_run {
 public:
  local_run(job_spec spec, const local_options& options, std::string directory)
      : spec_{std::move(spec)}, options_{options}, directory_{std::move(directory)} {}

  result<counters_map, std::string> run() {
    spec_.reducers = std::max(spec_.reducers, 1u);
    auto plan = executor_->prepare(spec_, std::max(options_.threads, 1u), stop());
    if (!plan) return unexpected{plan.error()};
    spec_.token = plan->token;
    spec_.cuts = plan->cuts;
    spec_.library_sum = plan->library_sum;
    auto opened = executor_->open(spec_, directory_);
    if (!opened) return give_up(opened.error());
    runner_ = *opened;
    maps_.resize(plan->splits.size());
    each(maps_.size(), [&](std::uint32_t task) { return map(task, plan->splits[task]); });
    if (!error_) each(spec_.reducers, [&](std::uint32_t task) { return reduce(task); });
    if (error_) return give_up(*error_);
    if (auto finished = executor_->finish(spec_); !finished) return give_up(finished.error());
    return counters_;
  }

 private:
  using failure = std::optional<std::string>;

  const std::atomic<bool>& stop() const {
    return options_.cancel != nullptr ? *options_.cancel : never_;
  }

  unexpected<std::string> give_up(std::string reason) {
    executor_->abort(spec_);
    return unexpected{std::move(reason)};
  }

  template <class Task>
  void each(std::size_t tasks, Task&& task) {
    std::atomic<std::uint32_t> next{0};
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < std::max(options_.threads, 1u); ++t)
      threads.emplace_back([&] {
        for (auto i = next++; i < tasks && !failed(); i = next++)
          if (auto reason = task(i)) fail(*reason);
      });
    for (auto& t : threads) t.join();
  }
  bool failed() {
    const std::lock_guard lock{guard_};
    return error_.has_value();
  }
  void fail(const std::string& reason) {
    const std::lock_guard lock{guard_};
    if (!error_) error_ = reason;
  }
  void count(const counters_map& by) {
    const std::lock_guard lock{guard_};
    for (const auto& [name, n] : by) counters_[name] += n;
  }

  failure map(std::uint32_t number, const split& input) {
    map_task task{.id = {spec_.id, task_kind::map, number, 0}, .input = input, .skip = {}};
    std::vector<record_position> crashed;
    local_context context{stop()};
    std::string reason;
    for (std::uint32_t failures = 0; failures < spec_.attempts_max;) {
      ++task.id.attempt;
      auto done = runner_->map(task, context);
      if (done) {
        count(done->counters);
        maps_[number] = std::move(done->output);
        return {};
      }
      reason = done.error().reason;
      if (stop()) return reason;
      const auto& bad = done.error().bad_record;
      const bool twice =
          !bad.empty() && std::count(crashed.begin(), crashed.end(), bad.front()) == 1;
      if (twice && spec_.skip_bad_records && task.skip.size() < spec_.skipped_max) {
        task.skip.push_back(bad.front());
        failures = 0;
      } else {
        ++failures;
        if (!bad.empty()) crashed.push_back(bad.front());
      }
    }
    return "map " + std::to_string(number) + " failed " + std::to_string(spec_.attempts_max) +
           " times: " + reason;
  }

  failure reduce(std::uint32_t number) {
    local_context context{stop()};
    std::string reason;
    for (std::uint32_t attempt = 1; attempt <= spec_.attempts_max; ++attempt) {
      local_shuffle input{maps_, number};
      reduce_task task{.id = {spec_.id, task_kind::reduce, number, attempt},
                       .maps = static_cast<std::uint32_t>(maps_.size())};
      auto done = runner_->reduce(task, input, context);
      if (input.damaged)
        return "the output of map " + std::to_string(*input.damaged) + " is damaged";
      if (done) {
        count(done->counters);
        auto committed = executor_->commit(spec_, number, done->file);
        return committed ? failure{} : failure{committed.error()};
      }
      reason = done.error().reason;
      if (stop()) return reason;
    }
    return "reduce " + std::to_string(number) + " failed " + std::to_string(spec_.attempts_max) +
           " times: " + reason;
  }

  job_spec spec_;
  const local_options& options_;
  std::string directory_;
  std::unique_ptr<executor> executor_ = make_data_executor();
  std::shared_ptr<job_runner> runner_{};
  std::vector<map_output> maps_{};
  std::mutex guard_{};
  counters_map counters_{};
  failure error_{};
  std::atomic<bool> never_{false};
};
}  // namespace

result<counters_map, std::string> run_local(job_spec spec, const local_options& options) {
  auto name = (options.directory.empty() ? fs::temp_directory_path().string() : options.directory) +
              "/troupe-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr)
    return unexpected{"cannot create a directory for the job's local files like " + name};
  auto done = local_run{std::move(spec), options, name}.run();
  std::error_code ignored;
  fs::remove_all(name, ignored);
  return done;
}
}  // namespace troupe::mapreduce
