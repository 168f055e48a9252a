// troupe submit: gives a job to the cluster and follows it to its end.
#include "cluster/program/client.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/progress.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace troupe::program {
namespace {
namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;
using management::job_reply;

struct options {
  target to;
  std::string job;
  std::string of_library;
  std::vector<std::string> inputs;
  std::string output;
  std::vector<std::string> settings;
  std::uint32_t reducers = 0;
  std::uint32_t weight = 1;
  std::uint64_t memory = 64ULL << 20U;
  bool skip_bad_records = false;
  bool detach = false;
  bool as_json = false;
};

bool is_library(const std::string& job) {
  return job.find('/') != std::string::npos || fs::path{job}.extension() == ".so";
}

std::string absolute(const std::string& path) {
  return path.empty() ? path : fs::absolute(path).lexically_normal().string();
}

answer<mapreduce::job_spec> spec_of(const options& given) {
  mapreduce::job_spec spec;
  const auto no = [](std::string why) {
    return unexpected{problem{exit_code::usage, "troupe submit: " + std::move(why)}};
  };
  if (is_library(given.job)) {
    spec.library = absolute(given.job);
    spec.name = given.of_library;
    if (!fs::exists(spec.library))
      return unexpected{problem{exit_code::not_done, "there is no library " + spec.library}};
  } else {
    spec.name = given.job;
    if (!given.of_library.empty()) return no("--job is for the jobs of a LIBRARY.so");
  }
  for (const auto& input : given.inputs) spec.inputs.push_back(absolute(input));
  spec.output = absolute(given.output);
  for (const auto& setting : given.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
      return no("--set takes KEY=VALUE, and '" + setting + "' is not of that form");
    spec.settings[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  spec.reducers = given.reducers;
  spec.weight = given.weight;
  spec.memory_bytes = given.memory;
  spec.skip_bad_records = given.skip_bad_records;
  return spec;
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Where a job's progress goes: a line that is redrawn, lines now and then, or objects.
class display {
 public:
  explicit display(bool as_json)
      : as_json_{as_json}, terminal_{!as_json && ::isatty(STDOUT_FILENO)} {}

  void submitted(const std::string& id, const std::string& master) {
    if (as_json_) return;
    say("job " + id + " runs; its master is on " + master);
  }
  void show(const job_reply& job) {
    const auto now = clock::now();
    const bool over = mapreduce::over(job.status.state);
    if (as_json_) {
      if (job.status == shown_.status && job.master == shown_.master) return;
      std::cout << one_line(as_json(job)) << std::endl;
    } else {
      const auto new_here = news(shown_.status, job.status);
      if (!new_here.empty()) say(new_here);
      if (terminal_ && !over) {
        draw(progress_bar(job.status, terminal_width()));
      } else if (!over && now - last_ >= pause_) {
        say(progress_line(job.status));
        last_ = now;
        pause_ = std::min(pause_ * 5 / 4, milliseconds{30'000});
      }
    }
    shown_ = job;
  }
  void concluded(const job_reply& job) {
    if (!as_json_ && job.status.state == mapreduce::job_state::succeeded)
      say(conclusion(job.status));
  }
  void say(const std::string& line) {
    if (as_json_) {
      std::cerr << "troupe: " << line << std::endl;
      return;
    }
    clear();
    std::cout << line << std::endl;
  }
  void clear() {
    if (drawn_) std::cout << "\r\x1b[K" << std::flush;
    drawn_ = false;
  }

 private:
  void draw(const std::string& line) {
    std::cout << "\r\x1b[K" << line << std::flush;
    drawn_ = true;
  }
  bool as_json_;
  bool terminal_;
  bool drawn_ = false;
  job_reply shown_{};
  clock::time_point last_ = clock::now();
  milliseconds pause_{1'000};
};

// Follows a job to its end, by way of other nodes where the one we talk to dies.
class follower {
 public:
  // The members are those that were seen before the job was submitted: its master may be gone at once.
  follower(const options& given, std::unique_ptr<client> with, const management::members_reply& seen,
           const management::submit_reply& job, display& shown)
      : given_{given},
        with_{std::move(with)},
        id_{job.id},
        master_{job.master},
        survives_{job.survives},
        shown_{shown} {
    via_ = with_->node();
    note(seen);
  }

  exit_code run() {
    for (;;) {
      if (interruptions() > (cancelled_ ? 1 : 0) && !heed_interrupt()) return exit_code::unknown;
      auto got = with_ ? with_->job(id_) : lost_contact();
      if (got) {
        if (survives_ && got->master != master_) {
          master_ = got->master;
          shown_.say("job " + id_ + " goes on; its master is on " + master_);
        }
        shown_.show(*got);
        if (mapreduce::over(got->status.state)) return end(*got);
        reconnects_ = 0;
        heard_ = clock::now();
      } else if (got.error().code == exit_code::no_node) {
        if (!reconnect()) return lost(got.error());
      } else if (const auto alive = master_lives(); alive && !*alive) {
        return ended_with_master();
      } else if (clock::now() - heard_ > milliseconds{survives_ ? 60'000 : 30'000}) {
        return lost(got.error());
      }
      std::this_thread::sleep_for(milliseconds{100});
    }
  }

 private:
  static answer<job_reply> lost_contact() {
    return unexpected{problem{exit_code::no_node, "no node is connected"}};
  }
  exit_code end(const job_reply& job) {
    shown_.clear();
    shown_.concluded(job);
    if (job.status.state == mapreduce::job_state::succeeded) return exit_code::done;
    return fail(exit_code::not_done, conclusion(job.status));
  }
  std::string success() const { return absolute(given_.output) + "/_SUCCESS"; }
  exit_code ended_with_master() {
    shown_.clear();
    const auto gone = "its master " + master_ + " is gone, and job " + id_ + " ended with it";
    if (fs::exists(success()))  // its last words did not reach us
      return fail(exit_code::unknown, gone + ", but " + success() + " is there: it was complete");
    return fail(exit_code::not_done,
                gone + ": submit it again, to another output directory or with what is left in " +
                    absolute(given_.output) + " removed (only if " + success() +
                    " exists there was it complete)");
  }
  exit_code lost(const problem& why) {
    shown_.clear();
    if (why.code == exit_code::no_node)
      return fail(exit_code::unknown,
                  "no node of the cluster answers any more: job " + id_ + " may still run");
    return fail(exit_code::unknown, "the outcome of job " + id_ + " is unknown: " + why.sentence +
                                        " (" + success() + " exists if it is complete)");
  }

  // The first Ctrl-C cancels the job, the second leaves it alone. False: to be followed no more.
  bool heed_interrupt() {
    if (interruptions() > 1) {
      shown_.say("job " + id_ + " runs on, as far as we know: `troupe job " + id_ + "` shows it");
      return false;
    }
    if (!with_) return true;
    if (!cancelling_) shown_.say("cancelling job " + id_ + "; Ctrl-C once more leaves it alone");
    const auto done = with_->cancel(id_);
    if (!done && !cancelling_) shown_.say(done.error().sentence);
    cancelling_ = true;
    cancelled_ = done.has_value();  // else it is tried again, until the job is over
    return true;
  }

  void learn_members() {
    if (const auto seen = with_->members()) note(*seen);
  }
  void note(const management::members_reply& seen) {
    for (const auto& m : seen.members) {
      if (m.state == "up" && m.reach == "alive") addresses_.insert(m.address);
      if (m.name == master_ && master_life_.empty() && m.state != "removed" && m.state != "down")
        master_life_ = m.incarnation;
    }
  }
  // Nothing: nobody could say. A node that came back under its name has lost its jobs.
  std::optional<bool> master_lives() {
    if (survives_ || master_life_.empty()) return std::nullopt;
    const auto seen = with_->members();
    if (!seen) return std::nullopt;
    return std::any_of(seen->members.begin(), seen->members.end(), [&](const auto& m) {
      return m.name == master_ && m.incarnation == master_life_ && m.state != "down" &&
             m.state != "removed";
    });
  }
  bool reconnect() {
    with_.reset();
    auto to = given_.to;
    to.at.assign(addresses_.begin(), addresses_.end());
    to.timeout = std::min(to.timeout, milliseconds{10'000});
    auto connected = client::connect(to);
    if (!connected || ++reconnects_ > 100) return false;
    with_ = std::move(*connected);
    if (std::exchange(via_, with_->node()) != with_->node())
      shown_.say("now following by way of node " + via_);
    learn_members();
    return true;
  }

  const options& given_;
  std::unique_ptr<client> with_;
  std::string id_;
  std::string master_;
  bool survives_;            // the master's death: another takes the job over
  std::string master_life_;  // its incarnation
  std::string via_;          // the node that we ask
  display& shown_;
  std::set<std::string> addresses_;
  clock::time_point heard_ = clock::now();
  bool cancelling_ = false;
  bool cancelled_ = false;
  int reconnects_ = 0;
};

exit_code submit(const options& given) {
  const auto spec = spec_of(given);
  if (!spec) return fail(spec.error());
  auto connected = client::connect(given.to);
  if (!connected) return fail(connected.error());
  const auto seen = (*connected)->members();
  if (!seen)
    return fail(seen.error().code == exit_code::no_node ? exit_code::no_node : exit_code::not_done,
                "the job was not submitted: " + seen.error().sentence);
  const auto accepted = (*connected)->submit(*spec);
  if (!accepted) return fail(accepted.error());
  if (given.detach) {
    if (given.as_json)
      std::cout << one_line({{"job", accepted->id}, {"master", accepted->master}}) << '\n';
    else
      std::cout << accepted->id << '\n';
    return exit_code::done;
  }
  catch_interrupts();
  display shown{given.as_json};
  shown.submitted(accepted->id, accepted->master);
  return follower{given, std::move(*connected), *seen, *accepted, shown}.run();
}
}  // namespace

void add_submit(verbs& all) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, "submit", "Give a MapReduce job to the cluster and follow it",
                                 &submit, verb);
  verb->footer(
      "Built in: wordcount, grep, inverted-index, sort. Ctrl-C cancels the job, a second one "
      "leaves it alone. Inputs and output "
      "are "
      "paths that all nodes see.\n"
      "  troupe submit wordcount --input books/ --output counts/\n"
      "  troupe submit grep --input logs/ --output hits/ --set pattern=error");
  verb->add_option("JOB", given->job, "name of a job, or path of a library (.so) that holds one")
      ->required()
      ->type_name("JOB|LIBRARY.so");
  verb->add_option("--input,-i", given->inputs,
                   "files, and directories with all that is below them")
      ->type_name("PATH ...");
  verb->add_option("--output,-o", given->output, "a directory that does not exist yet, or is empty")
      ->type_name("DIR");
  verb->add_option("--set", given->settings, "a setting of the job")->type_name("KEY=VALUE");
  verb->add_option("--job", given->of_library, "which job of a library that holds several")
      ->type_name("NAME");
  verb->add_option("--reducers", given->reducers,
                   "parts of the output; without it, the cluster's reduce slots")
      ->type_name("N");
  verb->add_option("--memory", given->memory, "bytes that one task may keep in memory")
      ->type_name("BYTES")
      ->transform(CLI::AsSizeValue{false});
  verb->add_option("--weight", given->weight, "share of the slots beside other jobs")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  verb->add_flag("--skip-bad-records", given->skip_bad_records,
                 "pass over a record that crashes its mapper twice, and count it");
  verb->add_flag("--detach,-d", given->detach, "print the job's id and do not wait");
  verb->add_flag("--json", given->as_json, "one JSON object a line");
  add_target(*verb, given->to);
}
}  // namespace troupe::program
