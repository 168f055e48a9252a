// One attempt on a worker: what its thread and its worker share, and the thread itself.
#pragma once
#include "actors/mapreduce/fetcher.hpp"
#include "actors/mapreduce/outputs.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
struct attempt_run : attempt_context {
  attempt_id id{};
  std::string tracker{};
  job_place_ptr place{};
  std::shared_ptr<shuffle_queue> queue{};  // of reduce attempts
  bool killed = false;                     // the worker's, as are the next two
  std::chrono::milliseconds killed_at{};
  task_progress reported{};

  std::atomic<bool> cancel = false;
  std::atomic<std::uint32_t> done = 0;
  std::atomic<std::uint64_t> records = 0;
  std::atomic<std::uint64_t> bytes = 0;

  bool cancelled() const override { return cancel.load(std::memory_order_relaxed); }
  void progress(std::uint32_t thousandths, std::uint64_t r, std::uint64_t b) override {
    done.store(thousandths, std::memory_order_relaxed);
    records.store(r, std::memory_order_relaxed);
    bytes.store(b, std::memory_order_relaxed);
  }
};
using attempt_ptr = std::shared_ptr<attempt_run>;

// From the thread to the worker: one of them.
struct attempt_ended {
  attempt_id id;
  std::vector<map_done> mapped;
  std::vector<reduce_done> reduced;
  std::vector<task_failed> failed;
};
TROUPE_MESSAGE(attempt_ended, id, mapped, reduced, failed)

// Run the attempt in a thread of its own, which tells `worker` when it has ended.
void run_map(caf::actor_system& system, caf::actor worker, attempt_ptr attempt, map_task task);
void run_reduce(caf::actor_system& system, caf::actor worker, attempt_ptr attempt,
                reduce_task task);
}  // namespace troupe::mapreduce
