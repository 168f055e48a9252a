#include "actors/mapreduce/data_executor.hpp"

#include "actors/mapreduce/job_input.hpp"
#include "actors/mapreduce/job_library.hpp"
#include "actors/mapreduce/output_directory.hpp"
#include "actors/mapreduce/tasks.hpp"
#include "patterns/mapreduce/partition.hpp"
#include "patterns/mapreduce/splits.hpp"
#include "patterns/simulation/random.hpp"

#include <algorithm>
#include <mutex>
#include <random>
namespace troupe::mapreduce {
namespace {
class tokens {  // of 128 bits
 public:
  explicit tokens(std::optional<std::uint64_t> seed) : seed_{seed} {}
  std::string fresh() {
    const std::lock_guard guard{mutex_};
    std::random_device entropy;
    std::string token;
    for (std::uint64_t i = 0; i < 32; ++i) {
      const auto drawn = seed_ ? simulation::derived(*seed_, ++given_) >> 32 : entropy();
      token += "0123456789abcdef"[drawn % 16];
    }
    return token;
  }

 private:
  const std::optional<std::uint64_t> seed_;
  std::mutex mutex_;
  std::uint64_t given_ = 0;
};

// What fails below says so with an exception; above it is a sentence.
template <class Call>
auto said(Call&& call) -> result<decltype(call()), std::string> {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return {};
    } else {
      return call();
    }
  } catch (const std::exception& e) {
    return unexpected{std::string{e.what()}};
  } catch (...) {
    return unexpected{std::string{"the job threw something that is no std::exception"}};
  }
}

job_ptr job_of(const job_spec& spec) {
  auto found = job_named(spec.name, spec.library);
  if (!found) throw task_error{found.error()};
  return *found;
}

class data_runner final : public job_runner {
 public:
  data_runner(job_ptr job, job_spec spec, std::string directory)
      : job_{std::move(job)},
        spec_{std::move(spec)},
        at_{job_.get(), &spec_, std::move(directory)} {}
  result<map_done, task_failed> map(const map_task& task, attempt_context& context) override {
    return run_map(at_, task, context);
  }
  result<reduce_done, task_failed> reduce(const reduce_task& task, shuffle& input,
                                          attempt_context& context) override {
    return run_reduce(at_, task, input, context);
  }

 private:
  job_ptr job_;
  job_spec spec_;
  task_place at_;
};

class data_executor final : public executor {
 public:
  explicit data_executor(std::optional<std::uint64_t> seed) : tokens_{seed} {}
  result<job_plan, std::string> prepare(const job_spec& spec, std::uint32_t slots,
                                        const std::atomic<bool>& cancelled) override {
    return said([&] {
      return plan(spec, slots, cancelled, spec.token.empty() ? tokens_.fresh() : spec.token);
    });
  }
  std::string draw_token() override { return tokens_.fresh(); }
  result<void, std::string> resume(const job_spec& spec) override {
    return said([&] { take_output(spec.output, spec.token, spec.fence); });
  }
  result<void, std::string> commit(const job_spec& spec, std::uint32_t partition,
                                   const std::string& file) override {
    return said([&] { 
      commit_part(spec.output, spec.token, partition,
                  attempt_file(spec.output, spec.token, file, spec.fence));
    });
  }
  result<void, std::string> finish(const job_spec& spec) override {
    return said([&] { finish_output(spec.output, spec.token, spec.reducers); });
  }
  void abort(const job_spec& spec) override {
    abort_output(spec.output, spec.token, spec.reducers);
  }
  result<std::shared_ptr<job_runner>, std::string> open(const job_spec& spec,
                                                        const std::string& directory) override {
    return said([&]() -> std::shared_ptr<job_runner> {
      auto job = job_of(spec);
      if (job->library_sum != spec.library_sum)
        throw task_error{"the library " + spec.library +
                         " changed since the job was submitted, or is another on this node: submit "
                         "the job again, with a library that all nodes see"};
      find_output(spec.output, spec.token);
      return std::make_shared<data_runner>(std::move(job), spec, directory);
    });
  }

 private:
  tokens tokens_;

  static job_plan plan(const job_spec& spec, std::uint32_t slots,
                       const std::atomic<bool>& cancelled, std::string token) {
    const auto job = job_of(spec);
    if (auto good = check_settings(*job, spec.settings); !good) throw task_error{good.error()};
    const auto files = list_inputs(spec.inputs, cancelled);
    job_plan made;
    made.token = std::move(token);
    made.name = job->name;
    made.library_sum = job->library_sum;
    made.skip_bad_records = job->skip_bad_records;
    std::uint64_t bytes = 0;
    for (const auto& f : files) bytes += f.size;
    made.splits =
        plan_splits(files, spec.split_bytes != 0 ? spec.split_bytes : split_target(bytes, slots));
    if (job->parts == partitioning::range && spec.reducers > 1)
      made.cuts = cut_points(sample_keys(*job, spec, files, cancelled), spec.reducers);
    // last, so that a job that is refused leaves nothing
    prepare_output(spec.output, made.token, spec.fence);
    return made;
  }
};
}  // namespace

std::unique_ptr<executor> make_data_executor(std::optional<std::uint64_t> seed) {
  return std::make_unique<data_executor>(seed);
}
}  // namespace troupe::mapreduce
