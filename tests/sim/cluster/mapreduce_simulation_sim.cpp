// Word count on five simulated nodes, with all that a process has, while nodes are killed, frozen and cut off: every job
// ends with the answer of a single process, or with a sentence, and no partial output is ever visible.
#include "actors/mapreduce/data_executor.hpp"
#include "cluster/management.hpp"
#include "cluster/simulation_campaign.hpp"
#include "cluster/simulator_probe.hpp"
#include "runtime/blocking.hpp"
#include "runtime/codec/inspect.hpp"
#include "seeds.hpp"
#include "temp_directory.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <sstream>

#include <doctest/doctest.h>
namespace {
namespace fs = std::filesystem;
namespace mr = troupe::mapreduce;
using namespace troupe::laboratory;
using namespace std::chrono_literals;
using counts = std::map<std::string, std::int64_t>;

// In virtual time a task takes none, so that these take some.
class slow_runner : public mr::job_runner {
 public:
  slow_runner(std::shared_ptr<mr::job_runner> real, std::uint64_t seed) : real_{std::move(real)}, chance_{seed} {}
  troupe::result<mr::map_done, mr::task_failed> map(const mr::map_task& task, mr::attempt_context& to) override {
    work(to);
    return real_->map(task, to);
  }
  troupe::result<mr::reduce_done, mr::task_failed> reduce(const mr::reduce_task& task, mr::shuffle& input,
                                                          mr::attempt_context& to) override {
    work(to);
    return real_->reduce(task, input, to);
  }

 private:
  void work(mr::attempt_context& to) {
    const auto turns = 100 + chance_.below(1200);  // of 5 ms
    for (std::uint64_t i = 0; i < turns && !to.cancelled(); ++i) {
      to.progress(static_cast<std::uint32_t>(i * 1000 / turns), i, i);
      troupe::lockstep::current()->pause();
    }
  }
  std::shared_ptr<mr::job_runner> real_;
  troupe::simulation::generator chance_;
};

class slow_executor : public mr::executor {
 public:
  explicit slow_executor(std::uint64_t seed) : real_{mr::make_data_executor(seed)}, seed_{seed} {}
  troupe::result<mr::job_plan, std::string> prepare(const mr::job_spec& job, std::uint32_t slots,
                                                    const std::atomic<bool>& cancelled) override {
    return real_->prepare(job, slots, cancelled);
  }
  troupe::result<void, std::string> commit(const mr::job_spec& job, std::uint32_t partition,
                                           const std::string& file) override {
    return real_->commit(job, partition, file);
  }
  troupe::result<void, std::string> finish(const mr::job_spec& job) override { return real_->finish(job); }
  void abort(const mr::job_spec& job) override { real_->abort(job); }
  troupe::result<std::shared_ptr<mr::job_runner>, std::string> open(const mr::job_spec& job,
                                                                    const std::string& directory) override {
    auto real = real_->open(job, directory);
    if (!real) return real;
    return std::shared_ptr<mr::job_runner>{std::make_shared<slow_runner>(*real, ++seed_)};
  }

 private:
  std::unique_ptr<mr::executor> real_;
  std::uint64_t seed_;
};

std::uint64_t number_of(const std::string& name) { return troupe::simulation::digest_of(name); }

counts write_input(const fs::path& to, std::uint64_t seed) {
  troupe::simulation::generator chance{seed};
  fs::create_directories(to);
  counts expected;
  for (int file = 0; file < 8; ++file) {
    std::string text;
    for (int i = 0; i < 120; ++i) {
      const auto word = "w" + std::to_string(chance.below(40));
      ++expected[word];
      text += word + (i % 9 == 8 ? '\n' : ' ');
    }
    const auto path = to / ("f" + std::to_string(file));
    troupe::test::write_file(path, text);
    fs::last_write_time(path, fs::file_time_type{});  // it stands in messages
  }
  return expected;
}

counts read_output(const fs::path& from) {
  counts sum;
  for (const auto& entry : fs::directory_iterator{from}) {
    if (entry.path().filename().string().rfind("part-", 0) != 0) continue;
    std::istringstream in{troupe::test::read_file(entry.path())};
    std::string word;
    for (std::int64_t n = 0; in >> word >> n;) sum[word] += n;
  }
  return sum;
}

void count_words(simulation& sim, const plan& faults) {
  const auto expected = write_input(sim.files() / "in", faults.seed);
  const auto out = sim.files() / "out";
  sim.start(faults.members);
  if (!sim.run_until_up(faults.members, 20s)) return sim.complain("a cluster forms", "it did not");
  mr::job_spec job;
  job.name = "wordcount";
  job.inputs = {(sim.files() / "in").string()};
  job.output = out.string();
  job.reducers = 3;
  auto& first = sim[0];
  const auto given = ask<troupe::management::submit_reply>(sim, first, first.gateway(), 5s,
                                                           troupe::management::submit_order{job});
  if (!given) return sim.complain("a job is taken", troupe::sentence_of(given.error()));
  bool judged = false;
  sim.always("no partial output is visible", [&]() -> std::string {
    if (judged || !fs::exists(out / "_SUCCESS")) return {};
    judged = true;
    return read_output(out) == expected ? "" : "_SUCCESS stands, and the counts are others";
  });
  sim.run(faults);
  if (sim.broken() || sim[0].lives() != 1) return;  // a job's master takes it along
  const auto seen = ask<troupe::management::job_reply>(sim, first, first.gateway(), 5s,
                                                       troupe::management::job_query{given->id});
  if (!seen) return sim.complain("its master knows the job", troupe::sentence_of(seen.error()));
  const auto& now = seen->status;
  if (!mr::over(now.state)) return sim.complain("every job ends", "it is " + to_string(now.state));
  if (now.state != mr::job_state::succeeded)
    return sim.complain("every job succeeds", "it has " + to_string(now.state) + ": " + now.error);
  if (!judged) sim.complain("a job that succeeded has its output", "_SUCCESS is missing");
}

campaign_options options(std::uint64_t seeds) {
  campaign_options how;
  how.seeds = seeds;
  how.length = 20s;
  how.calm = 60s;
  how.how.node.map_slots = how.how.node.reduce_slots = 1;  // a job takes as long as its faults
  how.how.code = [](const std::string& name) { return std::make_shared<slow_executor>(number_of(name)); };
  return how;
}
}  // namespace

TEST_CASE("mapreduce, simulated: any faults, and every job ends with the right answer") {
  const auto found = campaign(options(troupe::test::seeds().size()), count_words);
  CHECK_MESSAGE(!found, "after " << found.seeds << " seeds, " << found.story);
  MESSAGE(found.seeds << " seeds, " << found.steps << " steps");
}
