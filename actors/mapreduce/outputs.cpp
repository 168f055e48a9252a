#include "actors/mapreduce/outputs.hpp"

#include "actors/mapreduce/file.hpp"
#include "actors/mapreduce/protocol.hpp"
#include "runtime/blocking.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <caf/all.hpp>
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

void output_shelf::put(job_place_ptr place, map_done done) {
  const std::lock_guard lock{mutex_};
  const auto& map = done.id;
  key where{map.job, map.task, map.attempt};
  entries_[std::move(where)] = {std::move(place), std::move(done)};
}

std::vector<map_done> output_shelf::of(const std::string& job, std::size_t after,
                                       std::size_t segments) const {
  const std::lock_guard lock{mutex_};
  std::vector<map_done> some;
  std::size_t told = 0;
  auto at = entries_.lower_bound({job, 0, 0});
  for (; at != entries_.end() && std::get<0>(at->first) == job; ++at) {
    if (after > 0) {
      --after;
      continue;
    }
    if (told >= segments) break;
    some.push_back(at->second.done);
    told += at->second.done.output.segments.size();
  }
  return some;
}

bool output_shelf::find(const fetch& wanted, std::string& file, segment& part) const {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find({wanted.job, wanted.map, wanted.attempt});
  if (found == entries_.end() || wanted.partition >= found->second.done.output.segments.size())
    return false;
  file = found->second.done.output.file;
  part = found->second.done.output.segments[wanted.partition];
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
// One event-based actor in a thread of its own: it blocks on the disk, and on nothing else.
class output_server : public caf::event_based_actor {
 public:
  output_server(caf::actor_config& config, std::shared_ptr<output_shelf> shelf,
                std::shared_ptr<local_directory> directory)
      : caf::event_based_actor{config},
        shelf_{std::move(shelf)},
        directory_{std::move(directory)},
        bulk_{this} {}

  caf::behavior make_behavior() override {
    directory_->sweep();
    set_down_handler([this](const caf::down_msg& gone) { bulk_.down(gone); });
    return caf::message_handler{
        [this](const fetch& wanted) { return serve(wanted); },
        [this](const sweep_outputs&) { shelf_->sweep(); },
    }
        .or_else(bulk_.handlers());
  }
  const char* name() const override { return "outputs"; }
  void on_exit() override { bulk_.close("the worker ends"); }

 private:
  struct reading {
    file from{};
    std::uint64_t offset = 0, left = 0;
  };

  caf::result<void> serve(const fetch& wanted) {
    std::string path;
    segment part;
    if (!shelf_->find(wanted, path, part))
      return make_error(errc::not_found, "this worker has no output of attempt " +
                                             std::to_string(wanted.attempt) + " of map task " +
                                             std::to_string(wanted.map) + " of job " + wanted.job);
    reading now{{}, part.offset, part.bytes};
    try {
      now.from = file::open(path);
    } catch (const task_error& error) {
      return make_error(errc::failed, std::string{"map output: "} + error.what());
    }
    const auto id = wanted.channel;
    readings_[id] = std::move(now);
    bulk_.open_source(id, caf::actor_cast<caf::actor>(current_sender()),
                      {.space = [this, id] { read_on(id); },
                       .over = [this, id](const caf::error&) { readings_.erase(id); },
                       .progress = {}},
                      shuffle_channel());
    read_on(id);
    return caf::unit;
  }

  // As much as the channel takes now.
  void read_on(channel::id id) {
    static auto& served = metrics::counter("troupe_mapreduce_served_bytes_total",
                                           "Map output sent to reducers of other nodes.");
    for (;;) {
      const auto found = readings_.find(id);
      auto* const out = bulk_.find_source(id);
      if (found == readings_.end() || out == nullptr) return;
      auto& now = found->second;
      if (now.left == 0) return out->finish();
      if (!out->accepts()) return;
      std::string bytes(std::min<std::uint64_t>(now.left, channel::chunk_max), '\0');
      try {
        now.from.read(bytes.data(), bytes.size(), now.offset);
      } catch (const task_error& error) {
        return out->abort(std::string{"map output: "} + error.what());
      }
      now.offset += bytes.size();
      now.left -= bytes.size();
      served.add(static_cast<double>(bytes.size()));
      out->write(std::move(bytes));
    }
  }

  std::shared_ptr<output_shelf> shelf_;
  std::shared_ptr<local_directory> directory_;
  std::map<channel::id, reading> readings_;
  channel::channels bulk_;
};
}  // namespace

channel::settings shuffle_channel(std::uint64_t window) {
  channel::settings s;
  s.window = std::max<std::size_t>(window, channel::chunk_max);
  s.buffer = 4 * channel::chunk_max;
  s.resume = std::chrono::seconds{3};  // a worker that is away for longer is mostly gone
  return s;
}

caf::actor spawn_output_server(caf::actor_system& system, std::shared_ptr<output_shelf> shelf,
                               std::shared_ptr<local_directory> directory) {
  return spawn_blocking<output_server>(system, std::move(shelf), std::move(directory));
}
}  // namespace troupe::mapreduce
