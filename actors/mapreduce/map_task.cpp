#include "actors/mapreduce/map_buffer.hpp"
#include "actors/mapreduce/split_reader.hpp"
#include "actors/mapreduce/tasks.hpp"

#include <charconv>
#include <new>
namespace troupe::mapreduce {
namespace {
std::uint64_t record_max(const job_spec& spec) {
  const auto found = spec.settings.find("troupe.record_bytes_max");
  if (found == spec.settings.end()) return record_max_default;
  std::uint64_t bytes = 0;
  const auto& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc{} || end != text.data() + text.size() || bytes == 0)
    throw task_error{"troupe.record_bytes_max is '" + text +
                     "'; it must be a number of bytes above 0"};
  return bytes;
}

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
                .check = [this](std::uint64_t bytes) { check(bytes); }});
    map_buffer buffer{*at_.job,
                      *code,
                      {.parts = at_.spec->reducers,
                       .cuts = at_.spec->cuts,
                       .memory = at_.spec->memory_bytes,
                       .path = at_.directory + "/map-" + std::to_string(task_.id.task) + "-" +
                               std::to_string(task_.id.attempt),
                       .check = [this] { check(reader_->bytes()); }}};
    in_job_ = true;
    code->map(*reader_, buffer);
    in_job_ = false;
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

  void check(std::uint64_t bytes) {
    if (context_.cancelled()) throw task_cancelled{};
    const auto all = std::max<std::uint64_t>(task_.input.bytes, 1);
    context_.progress(static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes * 1000 / all, 1000)),
                      reader_->count, bytes);
  }

  std::string place() const {
    return reader_ == nullptr || !in_job_
               ? std::string{}
               : " at " + reader_->path() + ", offset " + std::to_string(reader_->at);
  }
  unexpected<task_failed> failed(std::string reason) const {
    return unexpected{task_failed{.id = task_.id, .reason = std::move(reason)}};
  }
  unexpected<task_failed> failed_in_job(const std::string& what) const {
    if (!in_job_) return failed("the job could not be set up: " + what);
    return unexpected{task_failed{.id = task_.id,
                                  .reason = "the job's map failed" + place() + ": " + what,
                                  .bad_record = {{reader_->path(), reader_->at}}}};
  }

  const task_place& at_;
  const map_task& task_;
  attempt_context& context_;
  std::unique_ptr<split_reader> reader_{};
  bool in_job_ = false;
};
}  // namespace

result<map_done, task_failed> run_map(const task_place& at, const map_task& task,
                                      attempt_context& context) {
  return map_attempt{at, task, context}.run();
}
}  // namespace troupe::mapreduce
