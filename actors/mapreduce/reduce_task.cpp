#include "actors/mapreduce/output_directory.hpp"
#include "actors/mapreduce/reduce_input.hpp"
#include "actors/mapreduce/tasks.hpp"

#include <new>
namespace troupe::mapreduce {
namespace {
// One attempt's part, under its temporary name until it is whole. The name is this attempt's alone.
class part_file final : public part_sink {
 public:
  part_file(const std::string& path, std::function<void()> check)
      : file_{file::create(path)}, writer_{file_}, check_{std::move(check)} {}
  ~part_file() override {
    if (!finished_) remove_file(file_.path());
  }
  void finish() {
    flush();
    if (failed_) std::rethrow_exception(failed_);
    may_fail(failpoint::reduce_part_sync, file_.path());
    file_.sync();
    reached(failpoint::reduce_part_synced);
    file_.close();
    finished_ = true;
  }
  std::uint64_t bytes() const { return writer_.offset(); }

 private:
  void flush() override {
    if (failed_) std::rethrow_exception(failed_);
    try {
      check_();
      writer_.append(buffer_);
    } catch (...) {
      failed_ = std::current_exception();
      throw;
    }
    buffer_.clear();
  }
  file file_;
  file_writer writer_;
  std::function<void()> check_;
  std::exception_ptr failed_{};  // kept, lest the job's reduce swallows it
  bool finished_ = false;
};

std::string printable(std::string_view key) {
  std::string text;
  for (const char c : key.substr(0, 60)) text.push_back(c >= ' ' && c <= '~' ? c : '.');
  return key.size() > 60 ? text + "..." : text;
}

class reduce_attempt {
 public:
  reduce_attempt(const task_place& at, const reduce_task& task, shuffle& input,
                 attempt_context& context)
      : at_{at}, task_{task}, shuffle_{input}, context_{context} {}

  result<reduce_done, task_failed> run() {
    try {
      return attempt();
    } catch (const task_error& e) {
      return failed(e.what());
    } catch (const std::bad_alloc&) {
      return failed("the job's reduce ran out of memory" + place());
    } catch (const std::exception& e) {
      return failed("the job's reduce failed" + place() + ": " + e.what());
    } catch (...) {
      return failed("the job's reduce failed" + place() + ": it threw what is no std::exception");
    }
  }

 private:
  reduce_done attempt() {
    const auto code = at_.job->make(at_.spec->settings);
    input_ = std::make_unique<reduce_input>(
        reduce_input_settings{.maps = task_.maps,
                              .memory = at_.spec->memory_bytes,
                              .path = at_.directory + "/reduce-" + std::to_string(task_.id.task) +
                                      "-" + std::to_string(task_.id.attempt) + ".spill",
                              .combine = at_.job->combines ? code.get() : nullptr,
                              .check = [this](std::uint32_t thousandths, std::uint64_t bytes) {
                                check(thousandths, bytes);
                              }});
    input_->fetch(shuffle_);
    input_->merge();
    const auto file =
        attempt_file(at_.spec->output, at_.spec->token, task_.id.task, task_.id.attempt,
                     at_.spec->fence);
    part_file part{file, [this] { check(last_, bytes_); }};
    in_job_ = true;
    code->reduce(*input_, part);
    in_job_ = false;
    part.finish();
    reduce_done done{.id = task_.id,
                     .file = file,
                     .bytes = part.bytes(),
                     .records = part.count,
                     .counters = code->counters()};
    const auto put = [&](const char* name, std::uint64_t n) {
      done.counters[name] = static_cast<std::int64_t>(n);
    };
    put(shuffle_bytes, input_->bytes());
    put(reduce_input_groups, input_->groups());
    put(reduce_input_records, input_->records());
    put(reduce_output_records, part.count);
    put(reduce_output_bytes, part.bytes());
    put(spilled_records, input_->spilled_records());
    return done;
  }

  void check(std::uint32_t thousandths, std::uint64_t bytes) {
    if (context_.cancelled()) throw task_cancelled{};
    last_ = thousandths;
    bytes_ = bytes;
    context_.progress(thousandths, input_->groups(), bytes);
  }
  std::string place() const {
    return input_ == nullptr || !in_job_ ? std::string{}
                                         : " at the key " + printable(input_->key());
  }
  unexpected<task_failed> failed(std::string reason) const {
    return unexpected{task_failed{.id = task_.id, .reason = std::move(reason)}};
  }

  const task_place& at_;
  const reduce_task& task_;
  shuffle& shuffle_;
  attempt_context& context_;
  std::unique_ptr<reduce_input> input_{};
  std::uint32_t last_ = 0;   // progress,
  std::uint64_t bytes_ = 0;  // and bytes
  bool in_job_ = false;
};
}  // namespace

result<reduce_done, task_failed> run_reduce(const task_place& at, const reduce_task& task,
                                            shuffle& input, attempt_context& context) {
  return reduce_attempt{at, task, input, context}.run();
}
}  // namespace troupe::mapreduce
