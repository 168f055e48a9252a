#include "actors/mapreduce/clerk.hpp"

#include "runtime/blocking.hpp"
#include "runtime/codec/inspect.hpp"

#include <exception>
#include <utility>

#include <caf/all.hpp>
namespace troupe::mapreduce {
namespace {
struct begin {};
TROUPE_MESSAGE(begin)
struct resume {};
TROUPE_MESSAGE(resume)

struct clerk_state {
  caf::actor tracker;
  std::shared_ptr<executor> code;
  job_spec job;
  static inline const char* name = "mapreduce-clerk";
};

// What it threw, as a sentence; empty when all went well.
template <class Work>
std::string sentence(Work&& work) {
  try {
    if (auto done = work(); !done) return done.error();
    return {};
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "the job threw something that is no std::exception";
  }
}

caf::behavior clerk(caf::stateful_actor<clerk_state>* self, caf::actor tracker,
                    std::shared_ptr<executor> code, job_spec job, std::uint32_t slots,
                    std::shared_ptr<std::atomic<bool>> cancelled, clerk_begins with) {
  self->state = {std::move(tracker), std::move(code), std::move(job)};
  if (with == clerk_begins::preparing) self->send(self, begin{});
  if (with == clerk_begins::resuming) self->send(self, resume{});
  return {
      [=](const resume&) {
        auto& s = self->state;
        self->send(s.tracker, resumed{s.job.id, sentence([&] { return s.code->resume(s.job); })});
      },
      [=](const begin&) {
        auto& s = self->state;
        planned answer{s.job.id, {}, {}};
        answer.error = sentence([&]() -> result<void, std::string> {
          auto plan = s.code->prepare(s.job, slots, *cancelled);
          if (!plan) return unexpected{plan.error()};
          answer.plan = std::move(*plan);
          return {};
        });
        if (!answer.plan.token.empty()) s.job.token = answer.plan.token;
        s.job.cuts = answer.plan.cuts;
        if (!answer.plan.name.empty()) s.job.name = answer.plan.name;
        self->send(s.tracker, std::move(answer));
      },
      [=](const commit_order& order) {
        auto& s = self->state;
        self->send(s.tracker, committed{s.job.id, order.partition, sentence([&] {
                                          return s.code->commit(s.job, order.partition, order.file);
                                        })});
      },
      [=](const finish_parts&) {
        auto& s = self->state;
        self->send(s.tracker, finished{s.job.id, sentence([&] { return s.code->finish(s.job); })});
      },
      [=](const remove_parts& order) {
        auto& s = self->state;
        if (order.remove)
          sentence([&]() -> result<void, std::string> {
            return (s.code->abort(s.job), result<void, std::string>{});
          });
        self->quit();
      },
  };
}
}  // namespace

caf::actor spawn_clerk(caf::actor_system& system, caf::actor tracker,
                       std::shared_ptr<executor> code, job_spec job, std::uint32_t slots,
                       std::shared_ptr<std::atomic<bool>> cancelled, clerk_begins with) {
  return spawn_blocking_function(system, clerk, std::move(tracker), std::move(code), std::move(job),
                                 slots, std::move(cancelled), with);
}
}  // namespace troupe::mapreduce
