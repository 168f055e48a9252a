#include "actors/mapreduce/map_buffer.hpp"
#include "actors/mapreduce/split_reader.hpp"
#include "actors/mapreduce/tasks.hpp"

#include <new>
namespace troupe::mapreduce {
namespace {
class map_attempt {
 public:
  map_attempt(const task_place& at, const map_task& task, attempt_context& context)
      : at_{at}, task_{task}, context_{context} {}

  result<map_done, task_failed> run() {
    try {
      return attempt();
    } catch (const task_error& e) {
      return failed(e.what());
    } catch (const std::bad_alloc&) {
      return failed("the job's map ran out of memory" + place());
    } catch (const std::exception& e) {
      return failed_in_job(e.what());
    } catch (...) {
      return failed_in_job("it threw what is no std::exception");
    }
  }

 private:
  map_done attempt() {
    const auto code = at_.job->make(at_.spec->settings);
    const bool skipping = at_.spec->skip_bad_records || at_.job->skip_bad_records;
    reader_ = std::make_unique<split_reader>(
        *at_.job, *code,
        reading{.input = task_.input,
                .skip = task_.skip,
                .single_records =
                    skipping && at_.job->format == records::blocks && task_.id.attempt > 1,
                .record_max = record_max(*at_.spec),
                .check = [this](std::uint64_t bytes) { check(bytes, 0); }});
    map_buffer buffer{*at_.job,
                      *code,
                      {.parts = at_.spec->reducers,
                       .cuts = at_.spec->cuts,
                       .memory = at_.spec->memory_bytes,
                       .path = at_.directory + "/map-" + std::to_string(task_.id.task) + "-" +
                               std::to_string(task_.id.attempt),
                       .check = [this](std::uint64_t sorted) { check(mapped_, sorted); }}};
    now_ = phase::map;
    code->map(*reader_, buffer);
    now_ = phase::sort;
    map_done done{.id = task_.id, .output = buffer.finish(), .counters = code->counters()};
    count(done, buffer);
    return done;
  }

  void count(map_done& done, const map_buffer& buffer) const {
    std::uint64_t bytes = 0, left = 0;
    for (const auto& s : done.output.segments) {
      bytes += s.bytes;
      left += s.records;
    }
    const auto put = [&](const char* name, std::uint64_t n) {
      done.counters[name] = static_cast<std::int64_t>(n);
    };
    put(map_input_records, reader_->count);
    put(map_input_bytes, reader_->bytes());
    put(map_output_records, buffer.emitted);
    put(map_output_bytes, bytes);
    if (at_.job->combines) put(combine_output_records, left);
    put(spilled_records, buffer.spilled_records());
    if (reader_->skipped() > 0) put(skipped_records, reader_->skipped());
  }

  // `sorted` bytes say that it works while it spills and merges, and no record is mapped.
  void check(std::uint64_t mapped, std::uint64_t sorted) {
    if (context_.cancelled()) throw task_cancelled{};
    mapped_ = mapped;
    sorted_ = std::max(sorted_, sorted);
    const auto all = std::max<std::uint64_t>(task_.input.bytes, 1);
    context_.progress(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(mapped * 1000 / all, 1000)),
        reader_->count, mapped + sorted_);
  }

  std::string place() const {
    return now_ == phase::map ? " at " + reader_->path() + ", offset " + std::to_string(reader_->at)
                              : std::string{};
  }
  unexpected<task_failed> failed(std::string reason) const {
    return unexpected{task_failed{.id = task_.id, .reason = std::move(reason)}};
  }
  unexpected<task_failed> failed_in_job(const std::string& what) const {
    if (now_ == phase::setup) return failed("the job could not be set up: " + what);
    if (now_ == phase::sort) return failed("the job's map output could not be sorted: " + what);
    return unexpected{task_failed{.id = task_.id,
                                  .reason = "the job's map failed" + place() + ": " + what,
                                  .bad_record = {{reader_->path(), reader_->at}}}};
  }

  const task_place& at_;
  const map_task& task_;
  attempt_context& context_;
  std::unique_ptr<split_reader> reader_{};
  enum class phase { setup, map, sort } now_ = phase::setup;
  std::uint64_t mapped_ = 0;
  std::uint64_t sorted_ = 0;
};
}  // namespace

result<map_done, task_failed> run_map(const task_place& at, const map_task& task,
                                      attempt_context& context) {
  return map_attempt{at, task, context}.run();
}
}  // namespace troupe::mapreduce
