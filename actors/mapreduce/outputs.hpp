// The map outputs that lie on this worker's disk, and the actor that serves them.
#pragma once
#include "actors/link/channel.hpp"
#include "actors/mapreduce/executor.hpp"
#include "actors/mapreduce/local_directory.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::mapreduce {
// One job on this worker: its runner, opened by whoever needs it first, and its directory, which
// goes with the last holder of the place.
class job_place {
 public:
  job_place(std::shared_ptr<executor> code, job_spec job, std::shared_ptr<local_directory> below);
  ~job_place();
  job_place(const job_place&) = delete;
  job_place& operator=(const job_place&) = delete;

  // Blocks; called in the attempts' threads.
  result<std::shared_ptr<job_runner>, std::string> runner();
  const job_spec& job() const { return job_; }

 private:
  std::shared_ptr<executor> code_;
  job_spec job_;
  std::shared_ptr<local_directory> below_;
  std::string directory_;
  std::mutex mutex_;
  std::shared_ptr<job_runner> runner_;
};
using job_place_ptr = std::shared_ptr<job_place>;

// Filled by the worker, read by the server: from different threads.
class output_shelf {
 public:
  void put(job_place_ptr place, map_done done);
  // Of one job, from the one at `after` on, with at least one and about `segments` segments.
  std::vector<map_done> of(const std::string& job, std::size_t after, std::size_t segments) const;
  // False: there is no such output, and nobody need ask again.
  bool find(const fetch& wanted, std::string& file, segment& part) const;
  void close(const std::string& job);  // its outputs are not found any more
  void retire(job_place_ptr place);    // the last holder removes a directory: let it be sweep
  void sweep();                        // deletes what was closed and retired; blocks
  bool empty() const;

 private:
  struct entry {
    job_place_ptr place;
    map_done done;
  };
  using key = std::tuple<std::string, std::uint32_t, std::uint32_t>;
  mutable std::mutex mutex_;
  std::map<key, entry> entries_;
  std::vector<entry> closed_;
};

// In a thread of its own, since it reads from disk. Answers fetch with nothing, and sends the segment
// by the channel that it names; or with not_found (no such output), or failed (it cannot be read).
// What cannot be read later aborts the channel.
struct sweep_outputs {};
TROUPE_MESSAGE(sweep_outputs)
// How both ends of a segment's way open its channel; `window` is the reducer's.
channel::settings shuffle_channel(std::uint64_t window = 1 << 20);
caf::actor spawn_output_server(caf::actor_system& system, std::shared_ptr<output_shelf> shelf,
                               std::shared_ptr<local_directory> directory);
}  // namespace troupe::mapreduce
