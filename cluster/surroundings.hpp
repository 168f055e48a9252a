// What a life of a node takes from the world, in one place: what is not set is the real thing, and the simulator sets all
// of it (cluster/simulator.hpp).
#pragma once
#include "actors/mapreduce/executor.hpp"
#include "runtime/event_log.hpp"
#include "runtime/journal/journal.hpp"
#include "runtime/log.hpp"
#include "runtime/remoting/environment.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
namespace troupe {
struct surroundings {
  std::shared_ptr<remoting::environment> links{};  // sockets, entropy, time
  bool scheduler_threads = true;                   // false: CAF's test coordinator, which somebody drives
  std::optional<std::uint64_t> seed{};             // of the actors' chance (runtime/chance.hpp)
  event_log_ptr events{};                          // in place of the settings' file
  std::shared_ptr<mapreduce::executor> code{};     // of MapReduce jobs
  std::function<result<journal::store_ptr, journal::failure>()> journal{};  // opens the node's
  bool has_journal = false;  // there is one from an earlier life
  std::function<result<void, std::string>(const log::settings&)> log = log::start;  // when it is set for the cluster
  std::function<std::chrono::milliseconds()> wall{};  // the time since 1970
  std::string work{};  // the name of the worker's directory; empty: it has the process's number in it
};
}  // namespace troupe
