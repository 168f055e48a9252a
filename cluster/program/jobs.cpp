// troupe jobs: all jobs that the members know. troupe job ID: one of them. troupe cancel ID: end one.
#include "cluster/program/client.hpp"
#include "cluster/program/json.hpp"
#include "cluster/program/progress.hpp"
#include "cluster/program/table.hpp"

#include <iostream>

namespace troupe::program {
namespace {
struct options {
  target to;
  std::string id;
  bool as_json = false;
};

exit_code jobs(const options& given) {
  return with_client(given.to, [&](client& with) {
    const auto got = with.jobs();
    if (!got) return fail(got.error());
    if (given.as_json) {
      auto all = nlohmann::ordered_json::array();
      for (const auto& job : got->jobs) all.push_back(as_json(job));
      std::cout << one_line({{"jobs", all}, {"silent", got->silent}}) << '\n';
      return exit_code::done;
    }
    table rows{{"JOB", "NAME", "STATE", "MAPS", "REDUCES", "TIME", "MASTER"}};
    for (const auto& [master, s] : got->jobs)
      rows.add({s.id, s.name, to_string(s.state),
                std::to_string(s.maps.done) + "/" + std::to_string(s.maps.total),
                std::to_string(s.reduces.done) + "/" + std::to_string(s.reduces.total),
                time_text(s.elapsed_ms), master});
    std::cout << rows.text();
    for (const auto& name : got->silent)
      std::cerr << "troupe: node " << name << " did not answer: its jobs are missing above\n";
    return exit_code::done;
  });
}

exit_code job(const options& given) {
  return with_client(given.to, [&](client& with) {
    const auto got = with.job(given.id);
    if (!got) return fail(got.error());
    std::cout << (given.as_json ? one_line(as_json(*got)) + "\n" : details(*got));
    return exit_code::done;
  });
}

exit_code cancel(const options& given) {
  return with_client(given.to, [&](client& with) {
    const auto got = with.cancel(given.id);
    if (!got) return fail(got.error());
    std::cout << got->what << '\n';
    return exit_code::done;
  });
}

void declare(verbs& all, const char* name, const char* help, exit_code (*run)(const options&),
             bool one, bool has_json) {
  CLI::App* verb = nullptr;
  auto given = add_verb<options>(all, name, help, run, verb);
  if (one) verb->add_option("ID", given->id, "the job's id, as `troupe jobs` shows it")->required();
  if (has_json) verb->add_flag("--json", given->as_json, "one JSON object");
  add_target(*verb, given->to);
}
}  // namespace

void add_jobs(verbs& all) { declare(all, "jobs", "List the cluster's jobs", &jobs, false, true); }
void add_job(verbs& all) { declare(all, "job", "Show one job in full", &job, true, true); }
void add_cancel(verbs& all) { declare(all, "cancel", "Cancel a job", &cancel, true, false); }
}  // namespace troupe::program
