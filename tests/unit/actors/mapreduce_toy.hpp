// A small executor on real files for tests of the actors: it counts words, and lets a test hold
// attempts or make them fail. Map outputs and parts are lines WORD<TAB>COUNT.
#pragma once
#include "actors/mapreduce/executor.hpp"
#include "patterns/mapreduce/checksum.hpp"
#include "patterns/mapreduce/partition.hpp"
#include "patterns/mapreduce/splits.hpp"
#include "temp_directory.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>
namespace mapreduce_toy {
using namespace troupe::mapreduce;
using troupe::result;
using troupe::unexpected;
namespace fs = std::filesystem;
using counts = std::map<std::string, std::int64_t>;

inline void count_words(std::string_view text, counts& into) {
  std::istringstream in{std::string{text}};
  for (std::string word; in >> word;) ++into[word];
}
inline void add_lines(const std::string& lines, counts& into) {
  std::istringstream in{lines};
  std::string word;
  for (std::int64_t n = 0; in >> word >> n;) into[word] += n;
}

// What a test sees and steers; shared by the executors of all nodes.
struct stage {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<std::string(const attempt_id&, const std::string& worker)> fault;
  std::set<attempt_id> held;  // entered hold and wait
  std::function<bool(const attempt_id&, const std::string& worker)> hold;
  bool open = false;  // lets all that are held go
  std::vector<attempt_id> begun;
  std::map<std::pair<std::string, std::uint32_t>, int> commits;  // by job and partition
  bool aborted = false;
  std::string slow_prepare_until_cancelled;

  void release() {
    const std::lock_guard lock{mutex};
    open = true;
    changed.notify_all();
  }
  void wait_until_open() {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return open; });
  }
  // Empty, or the error that the attempt ends with.
  std::string enter(const attempt_id& id, const std::string& worker, attempt_context& context) {
    std::unique_lock lock{mutex};
    begun.push_back(id);
    if (hold && hold(id, worker) && !open) {
      held.insert(id);
      changed.notify_all();
      while (!open && !context.cancelled()) changed.wait_for(lock, std::chrono::milliseconds{5});
    }
    if (context.cancelled()) return "cancelled";
    return fault ? fault(id, worker) : "";
  }
  std::size_t count(task_kind kind) {
    const std::lock_guard lock{mutex};
    std::size_t n = 0;
    for (const auto& id : begun) n += id.kind == kind ? 1 : 0;
    return n;
  }
  std::set<attempt_id> held_now() {
    const std::lock_guard lock{mutex};
    return held;
  }
};

class runner : public job_runner {
 public:
  runner(job_spec job, std::string directory, std::string worker, std::shared_ptr<stage> on)
      : job_{std::move(job)},
        directory_{std::move(directory)},
        worker_{std::move(worker)},
        stage_{std::move(on)} {}

  result<map_done, task_failed> map(const map_task& task, attempt_context& context) override {
    if (auto fault = stage_->enter(task.id, worker_, context); !fault.empty())
      return unexpected{task_failed{task.id, fault, {}}};
    std::vector<counts> parts(job_.reducers);
    std::int64_t records = 0;
    for (const auto& p : task.input.pieces) {
      const auto text = troupe::test::read_file(p.path);
      counts words;
      const auto mine = records_in(text, p.offset, p.length);
      for (char c : mine) records += c == '\n' ? 1 : 0;
      count_words(mine, words);
      for (const auto& [word, n] : words) parts[hash_partition(word, job_.reducers)][word] += n;
    }
    map_done done;
    done.output.file =
        directory_ + "/m" + std::to_string(task.id.task) + "-" + std::to_string(task.id.attempt);
    std::string all;
    for (const auto& part : parts) {
      std::string lines;
      for (const auto& [word, n] : part) lines += word + "\t" + std::to_string(n) + "\n";
      done.output.segments.push_back({all.size(), lines.size(), part.size(), checksum_of(lines)});
      all += lines;
    }
    troupe::test::write_file(done.output.file, all);
    done.counters["lines"] = records;
    context.progress(1000, static_cast<std::uint64_t>(records), all.size());
    return done;
  }

  result<reduce_done, task_failed> reduce(const reduce_task& task, shuffle& input,
                                          attempt_context& context) override {
    if (auto fault = stage_->enter(task.id, worker_, context); !fault.empty())
      return unexpected{task_failed{task.id, fault, {}}};
    std::map<std::uint32_t, std::string> segments;
    for (;;) {
      auto event = input.next();
      if (event.what == shuffle_event::kind::ended)
        return unexpected{task_failed{task.id, "ended", {}}};
      if (event.what == shuffle_event::kind::finished) break;
      if (event.what == shuffle_event::kind::dropped) segments.erase(event.map);
      if (event.what == shuffle_event::kind::data) segments[event.map] += event.data;
      if (event.what == shuffle_event::kind::local) {
        const auto bytes = troupe::test::read_file(event.file);
        if (bytes.size() < event.part.offset + event.part.bytes ||
            checksum_of(bytes.substr(event.part.offset, event.part.bytes)) != event.part.checksum) {
          input.unreadable(event.map, event.attempt);
          continue;
        }
        segments[event.map] = bytes.substr(event.part.offset, event.part.bytes);
      }
    }
    counts sum;
    for (const auto& [map, lines] : segments) add_lines(lines, sum);
    std::string lines;
    for (const auto& [word, n] : sum) lines += word + "\t" + std::to_string(n) + "\n";
    reduce_done done;
    done.file = job_.output + "/_temporary/" + std::to_string(task.id.task) + "-" +
                std::to_string(task.id.attempt);
    done.records = sum.size();
    done.bytes = lines.size();
    done.counters["words"] = static_cast<std::int64_t>(sum.size());
    troupe::test::write_file(done.file, lines);
    context.progress(1000, sum.size(), lines.size());
    return done;
  }

 private:
  job_spec job_;
  std::string directory_;
  std::string worker_;
  std::shared_ptr<stage> stage_;
};

class toy_executor : public executor {
 public:
  toy_executor(std::string worker, std::shared_ptr<stage> on)
      : worker_{std::move(worker)}, stage_{std::move(on)} {}

  result<job_plan, std::string> prepare(const job_spec& job, std::uint32_t,
                                        const std::atomic<bool>&) override {
    if (job.name == "nobody") return unexpected{std::string{"there is no job named nobody"}};
    if (job.name == "throws") throw 7;
    if (job.name == "endless")  // whatever it is told
      stage_->wait_until_open();
    std::vector<input_file> files;
    for (const auto& path : job.inputs)
      for (const auto& entry : fs::directory_iterator(path))
        files.push_back({entry.path().string(), entry.file_size()});
    fs::create_directories(job.output + "/_temporary");
    troupe::test::write_file(job.output + "/_temporary/token", "42");
    job_plan plan;
    plan.splits = plan_splits(files, job.split_bytes);
    plan.token = "42";
    return plan;
  }
  result<void, std::string> commit(const job_spec& job, std::uint32_t partition,
                                   const std::string& file) override {
    {
      const std::lock_guard lock{stage_->mutex};
      ++stage_->commits[{job.id, partition}];
    }
    std::error_code error;
    fs::rename(file, job.output + "/part-" + std::to_string(partition), error);
    if (error) return unexpected{error.message()};
    return {};
  }
  result<void, std::string> finish(const job_spec& job) override {
    fs::remove_all(job.output + "/_temporary");
    troupe::test::write_file(job.output + "/_SUCCESS", "");
    return {};
  }
  void abort(const job_spec& job) override {
    fs::remove_all(job.output);
    const std::lock_guard lock{stage_->mutex};
    stage_->aborted = true;
    stage_->changed.notify_all();
  }
  result<std::shared_ptr<job_runner>, std::string> open(const job_spec& job,
                                                        const std::string& directory) override {
    if (troupe::test::read_file(job.output + "/_temporary/token") != job.token)
      return unexpected{"node " + worker_ + " does not see " + job.output};
    return std::shared_ptr<job_runner>{std::make_shared<runner>(job, directory, worker_, stage_)};
  }

 private:
  std::string worker_;
  std::shared_ptr<stage> stage_;
};
}  // namespace mapreduce_toy
