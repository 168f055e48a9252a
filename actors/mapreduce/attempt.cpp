#include "actors/mapreduce/attempt.hpp"

#include "runtime/blocking.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/failpoint.hpp"

#include <exception>
#include <utility>

#include <caf/all.hpp>
namespace troupe::mapreduce {
namespace {
// The user's code may throw whatever it likes; its own library may be at fault too.
template <class Run>
auto guarded(const attempt_id& id, Run&& run) -> decltype(run()) {
  try {
    return run();
  } catch (const std::exception& e) {
    return unexpected{task_failed{id, e.what()}};
  } catch (...) {
    return unexpected{task_failed{id, "the job threw something that is no std::exception"}};
  }
}

template <class Done, class Run>
void in_thread(caf::actor_system& system, caf::actor worker, attempt_ptr attempt,
               std::vector<Done> attempt_ended::*where, Run run) {
  // shared, since a std::function wants to be copied
  auto keep = std::make_shared<std::pair<caf::actor, attempt_ptr>>(std::move(worker), std::move(attempt));
  run_blocking(system, [keep, where, run = std::move(run)] {
    auto worker = std::move(keep->first);
    auto attempt = std::move(keep->second);
    attempt_ended ended;
    ended.id = attempt->id;
    auto outcome = guarded(attempt->id, [&]() -> result<Done, task_failed> {
      auto runner = attempt->place->runner();
      if (!runner) return unexpected{task_failed{attempt->id, runner.error()}};
      return run(**runner);
    });
    if (outcome) {
      outcome->id = attempt->id;
      (ended.*where).push_back(std::move(*outcome));
    } else {
      outcome.error().id = attempt->id;
      ended.failed.push_back(std::move(outcome.error()));
    }
    reached(failpoint::task_report);
    attempt.reset();  // before the worker hears of it, so that it holds the last reference
    caf::anon_send(std::exchange(worker, nullptr), std::move(ended));
  });
}
}  // namespace

void run_map(caf::actor_system& system, caf::actor worker, attempt_ptr attempt, map_task task) {
  auto& context = *attempt;
  in_thread(system, std::move(worker), std::move(attempt), &attempt_ended::mapped,
            [&context, task = std::move(task)](job_runner& job) { return job.map(task, context); });
}

void run_reduce(caf::actor_system& system, caf::actor worker, attempt_ptr attempt,
                reduce_task task) {
  auto& context = *attempt;
  in_thread(system, std::move(worker), std::move(attempt), &attempt_ended::reduced,
            [&context, task = std::move(task)](job_runner& job) {
              return job.reduce(task, *context.queue, context);
            });
}
}  // namespace troupe::mapreduce
