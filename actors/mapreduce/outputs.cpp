#include "actors/mapreduce/outputs.hpp"

#include "actors/mapreduce/protocol.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <caf/all.hpp>
#include <fcntl.h>
#include <unistd.h>
namespace troupe::mapreduce {
job_place::job_place(std::shared_ptr<executor> code, job_spec job,
                     std::shared_ptr<local_directory> below)
    : code_{std::move(code)},
      job_{std::move(job)},
      below_{std::move(below)},
      directory_{below_->next(job_.id)} {}

job_place::~job_place() {
  runner_.reset();
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
  if (error)
    log::warn("mapreduce", "cannot remove a job's local files",
              {{"job", job_.id}, {"directory", directory_}, {"reason", error.message()}});
}

result<std::shared_ptr<job_runner>, std::string> job_place::runner() {
  const std::lock_guard lock{mutex_};
  if (runner_) return runner_;
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error)
    return unexpected{"cannot make the directory " + directory_ +
                      " for local files: " + error.message()};
  auto opened = code_->open(job_, directory_);
  if (opened) runner_ = *opened;
  return opened;
}

void output_shelf::put(const attempt_id& map, job_place_ptr place, map_output output) {
  const std::lock_guard lock{mutex_};
  entries_[{map.job, map.task, map.attempt}] = {std::move(place), std::move(output)};
}

bool output_shelf::find(const fetch& wanted, std::string& file, segment& part) const {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find({wanted.job, wanted.map, wanted.attempt});
  if (found == entries_.end() || wanted.partition >= found->second.output.segments.size())
    return false;
  file = found->second.output.file;
  part = found->second.output.segments[wanted.partition];
  return true;
}

void output_shelf::close(const std::string& job) {
  const std::lock_guard lock{mutex_};
  auto at = entries_.lower_bound({job, 0, 0});
  while (at != entries_.end() && std::get<0>(at->first) == job) {
    closed_.push_back(std::move(at->second));
    at = entries_.erase(at);
  }
}

void output_shelf::retire(job_place_ptr place) {
  const std::lock_guard lock{mutex_};
  closed_.push_back({std::move(place), {}});
}

void output_shelf::sweep() {
  std::vector<entry> closed;
  {
    const std::lock_guard lock{mutex_};
    closed.swap(closed_);
  }
}

bool output_shelf::empty() const {
  const std::lock_guard lock{mutex_};
  return entries_.empty();
}

namespace {
caf::error unreadable(const std::string& file, const std::string& why) {
  return make_error(errc::failed, "cannot read map output " + file + ": " + why);
}

caf::result<chunk> read_chunk(const output_shelf& shelf, const fetch& wanted) {
  std::string file;
  segment part;
  if (!shelf.find(wanted, file, part))
    return make_error(errc::not_found, "this worker has no output of attempt " +
                                           std::to_string(wanted.attempt) + " of map task " +
                                           std::to_string(wanted.map) + " of job " + wanted.job);
  if (wanted.offset >= part.bytes)
    return make_error(errc::invalid_argument, "the segment ends before the wanted offset");
  chunk answer{wanted.offset, {}};
  answer.data.resize(static_cast<std::size_t>(std::min<std::uint64_t>(
      std::min(std::max(wanted.bytes, 1u), chunk_max), part.bytes - wanted.offset)));
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return unreadable(file, std::strerror(errno));
  std::size_t got = 0;
  while (got < answer.data.size()) {
    const auto at = static_cast<off_t>(part.offset + wanted.offset + got);
    const auto n = ::pread(descriptor, answer.data.data() + got, answer.data.size() - got, at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string why = n < 0 ? std::strerror(errno) : "it is too short";
      ::close(descriptor);
      return unreadable(file, why);
    }
    got += static_cast<std::size_t>(n);
  }
  ::close(descriptor);
  static auto& served = metrics::counter("troupe_mapreduce_served_bytes_total",
                                         "Map output sent to reducers of other nodes.");
  served.add(static_cast<double>(got));
  return answer;
}
}  // namespace

caf::actor spawn_output_server(caf::actor_system& system, std::shared_ptr<output_shelf> shelf,
                               std::shared_ptr<local_directory> directory) {
  return system.spawn<caf::detached>([shelf, directory](caf::event_based_actor*) -> caf::behavior {
    directory->sweep();
    return {
        [shelf](const fetch& wanted) { return read_chunk(*shelf, wanted); },
        [shelf](const sweep_outputs&) { shelf->sweep(); },
    };
  });
}
}  // namespace troupe::mapreduce
