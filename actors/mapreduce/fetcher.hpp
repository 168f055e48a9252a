// Brings one reduce attempt its partition of all map outputs: an actor asks the workers that have
// them to send each segment by a channel, and a queue hands what came to the attempt's thread.
//   Promises  each map's segment whole and once, its checksum proven; what was begun and broke off
//             is dropped and begun again, from wherever the master says; what cannot be fetched is
//             reported, and tried again after a while
//   Bounds    some window bytes on their way or not yet taken by the reducer; segments_max at a time
#pragma once
#include "actors/mapreduce/executor.hpp"
#include "actors/mapreduce/protocol.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
// To the fetcher: the reducer has taken some of what came, and has read a local segment or not.
struct taken {
  std::uint64_t channel = 0;
  std::uint64_t bytes = 0;
};
TROUPE_MESSAGE(taken, channel, bytes)
struct local_read {
  std::uint32_t map = 0;
  std::uint32_t attempt = 0;
  bool well = true;
};
TROUPE_MESSAGE(local_read, map, attempt, well)

// Between two threads: the fetcher's pushes, the reducer's takes.
class shuffle_queue : public shuffle {
 public:
  // The reducer's side.
  shuffle_event next() override;
  void unreadable(std::uint32_t map, std::uint32_t attempt) override;

  // The fetcher's side.
  void push(shuffle_event event, std::uint64_t channel = 0);  // by which its data came
  std::uint64_t held() const;                                 // bytes that were not taken yet
  void attach(caf::actor fetcher);
  void end();  // cancelled: the reducer is told, and the fetcher let go

 private:
  mutable std::mutex mutex_;
  std::condition_variable some_;
  struct waiting {
    shuffle_event event;
    std::uint64_t channel = 0;
  };
  std::deque<waiting> events_;
  std::uint64_t held_ = 0;
  bool ended_ = false;
  std::optional<local_read> reading_;  // handed out by the last next()
  caf::actor fetcher_;
};

struct fetcher_settings {
  reduce_task task{};
  std::string worker{};  // ours
  caf::actor report{};   // gets fetch_failed and shuffle_done
  std::shared_ptr<shuffle_queue> queue{};
  std::uint64_t window = 4 << 20;
  std::uint32_t segments_max = 4;
  std::chrono::milliseconds patience{10'000};  // until a worker answers
  std::chrono::milliseconds retry_after{500};  // doubled with each try, at most `patience`
};
// Accepts located_output, again and again; ends with the queue's end().
caf::actor spawn_fetcher(caf::actor_system& system, fetcher_settings settings);
}  // namespace troupe::mapreduce
