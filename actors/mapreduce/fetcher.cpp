#include "actors/mapreduce/fetcher.hpp"

#include "patterns/mapreduce/checksum.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <caf/all.hpp>
namespace troupe::mapreduce {
shuffle_event shuffle_queue::next() {
  std::unique_lock lock{mutex_};
  // it asks for more and has not complained: what it read was well
  if (reading_ && fetcher_) caf::anon_send(fetcher_, *reading_);
  reading_.reset();
  some_.wait(lock, [&] { return ended_ || !events_.empty(); });
  if (ended_) return {};
  auto event = std::move(events_.front());
  events_.pop_front();
  held_ -= event.data.size();
  if (event.what == shuffle_event::kind::local) reading_ = local_read{event.map, event.attempt};
  if (!event.data.empty() && fetcher_) caf::anon_send(fetcher_, taken{});
  return event;
}

void shuffle_queue::unreadable(std::uint32_t map, std::uint32_t attempt) {
  const std::lock_guard lock{mutex_};
  if (reading_ && reading_->map == map) reading_.reset();
  if (fetcher_) caf::anon_send(fetcher_, local_read{map, attempt, false});
}

void shuffle_queue::push(shuffle_event event) {
  const std::lock_guard lock{mutex_};
  held_ += event.data.size();
  events_.push_back(std::move(event));
  some_.notify_one();
}

std::uint64_t shuffle_queue::held() const {
  const std::lock_guard lock{mutex_};
  return held_;
}

void shuffle_queue::attach(caf::actor fetcher) {
  const std::lock_guard lock{mutex_};
  fetcher_ = std::move(fetcher);
}

void shuffle_queue::end() {
  caf::actor fetcher;
  {
    const std::lock_guard lock{mutex_};
    ended_ = true;
    std::swap(fetcher, fetcher_);
    some_.notify_all();
  }
  if (fetcher) caf::anon_send_exit(fetcher, caf::exit_reason::user_shutdown);
}

namespace {
struct retry {
  std::uint32_t map = 0;
  std::uint64_t turn = 0;
};
TROUPE_MESSAGE(retry, map, turn)

class fetcher : public caf::event_based_actor {
 public:
  fetcher(caf::actor_config& config, fetcher_settings settings)
      : caf::event_based_actor{config}, s_{std::move(settings)} {}

  caf::behavior make_behavior() override {
    if (s_.task.maps == 0) finish();
    return {
        [this](const located_output& output) { locate(output); },
        [this](const taken&) { pump(); },
        [this](const local_read& which) { on_local_read(which); },
        [this](const retry& again) {
          auto& from = sources_[again.map];
          if (from.turn != again.turn || from.now != state::resting) return;
          from.now = state::waiting;
          pump();
        },
    };
  }
  const char* name() const override { return "fetcher"; }

 private:
  enum class state {
    unknown,  // nobody has said yet where it is
    waiting,
    active,  // chunks are on their way
    handed,  // local: the reducer reads it
    resting,
    lost,
    complete
  };
  struct source {
    state now = state::unknown;
    output_location where{};
    caf::actor outputs{};
    std::optional<located_output> newer{};  // came while the reducer was reading
    std::uint64_t turn = 0;                 // answers and timers of earlier turns are stale
    std::uint64_t asked = 0;
    std::uint64_t got = 0;
    std::uint32_t tries = 0;
    checksum sum{};
  };

  void locate(const located_output& output) {
    const auto map = output.where.map;
    if (map >= s_.task.maps) return;
    auto& from = sources_[map];
    if (from.now == state::complete) return;  // it came whole, from an earlier attempt
    if (from.now == state::handed) {
      from.newer = output;
      return;
    }
    if (from.now != state::unknown && from.where.attempt >= output.where.attempt) return;
    drop(from);
    from.where = output.where;
    from.outputs = output.outputs;
    from.tries = 0;
    from.now = state::waiting;
    pump();
  }

  // Begins nothing beyond the window; goes round from our own partition's number on, so that the
  // reducers do not all ask the same worker first.
  void pump() {
    if (finished_) return;
    for (auto& [map, from] : sources_)
      if (from.now == state::active) ask(from);
    const auto first = sources_.lower_bound(s_.task.id.task % std::max(s_.task.maps, 1u));
    for (auto at = first; at != sources_.end(); ++at) begin(at->second);
    for (auto at = sources_.begin(); at != first; ++at) begin(at->second);
    if (complete_ == s_.task.maps) finish();
  }

  void begin(source& from) {
    if (from.now != state::waiting) return;
    if (from.where.part.bytes == 0) return completed(from);
    if (from.where.worker == s_.worker) {
      s_.queue->push({.what = shuffle_event::kind::local,
                      .map = from.where.map,
                      .attempt = from.where.attempt,
                      .part = from.where.part,
                      .file = from.where.file});
      from.now = state::handed;
      return;
    }
    if (active_ >= s_.segments_max) return;
    ++active_;
    from.now = state::active;
    from.asked = from.got = 0;
    from.sum = checksum{};
    ask(from);
  }

  void ask(source& from) {
    while (from.now == state::active && from.asked < from.where.part.bytes &&
           from.asked - from.got + chunk_max <=
               std::max<std::uint64_t>(s_.window / s_.segments_max, chunk_max) &&
           in_flight_ + s_.queue->held() + chunk_max <= s_.window) {
      const auto bytes = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(chunk_max, from.where.part.bytes - from.asked));
      const fetch wanted{s_.task.id.job,  from.where.map, from.where.attempt,
                         s_.task.id.task, from.asked,     bytes};
      from.asked += bytes;
      in_flight_ += bytes;
      request(from.outputs, s_.patience, wanted)
          .then(
              [this, map = from.where.map, turn = from.turn, bytes](chunk& answer) {
                auto& source = sources_[map];
                if (source.turn == turn) received(source, bytes, answer);
                pump();
              },
              [this, map = from.where.map, turn = from.turn](const caf::error& error) {
                auto& source = sources_[map];
                if (source.turn == turn)
                  failed(source, error == errc::not_found || error == errc::failed,
                         sentence_of(error));
                pump();
              });
    }
  }

  void received(source& from, std::uint32_t bytes, chunk& answer) {
    if (answer.offset != from.got || answer.data.size() != bytes)
      return failed(from, true, "a chunk is not what was asked for");
    from.sum.add(answer.data);
    from.got += bytes;
    in_flight_ -= bytes;
    static auto& fetched = metrics::counter("troupe_mapreduce_fetched_bytes_total",
                                            "Map output that reducers got from other workers.");
    fetched.add(bytes);
    const bool last = from.got == from.where.part.bytes;
    if (last && from.sum.value() != from.where.part.checksum)
      return failed(from, true, "the checksum of the segment is wrong");
    s_.queue->push({.what = shuffle_event::kind::data,
                    .map = from.where.map,
                    .attempt = from.where.attempt,
                    .part = from.where.part,
                    .data = std::move(answer.data),
                    .last = last});
    if (!last) return;
    --active_;
    completed(from);
  }

  void on_local_read(const local_read& which) {
    const auto found = sources_.find(which.map);
    if (found == sources_.end()) return;
    auto& from = found->second;
    if (from.where.attempt != which.attempt || from.now != state::handed) return;
    const auto newer = std::exchange(from.newer, std::nullopt);
    if (which.well) {
      completed(from);
      return pump();
    }
    failed(from, true, "the local segment cannot be read");
    if (newer) locate(*newer);
  }

  void completed(source& from) {
    from.now = state::complete;
    ++from.turn;
    ++complete_;
  }

  // What came of it is void.
  void drop(source& from) {
    ++from.turn;
    if (from.now != state::active) return;
    --active_;
    in_flight_ -= from.asked - from.got;  // what still comes is ignored
    if (from.got > 0)
      s_.queue->push({.what = shuffle_event::kind::dropped,
                      .map = from.where.map,
                      .attempt = from.where.attempt});
  }

  void failed(source& from, bool gone, const std::string& why) {
    drop(from);
    log::debug("mapreduce", "cannot fetch a map output",
               {{"job", s_.task.id.job},
                {"map", from.where.map},
                {"attempt", from.where.attempt},
                {"worker", from.where.worker},
                {"reason", why}});
    send(s_.report,
         fetch_failed{s_.task.id, from.where.map, from.where.attempt, from.where.worker, gone});
    from.now = gone ? state::lost : state::resting;
    if (gone) return;  // the master will say where it is to be had
    const auto wait = std::min(s_.retry_after * (1 << std::min(from.tries++, 10u)), s_.patience);
    delayed_send(this, wait, retry{from.where.map, from.turn});
  }

  void finish() {
    finished_ = true;
    s_.queue->push({.what = shuffle_event::kind::finished});
    send(s_.report, shuffle_done{s_.task.id});
  }

  fetcher_settings s_;
  std::map<std::uint32_t, source> sources_;
  std::uint32_t active_ = 0;
  std::uint32_t complete_ = 0;
  std::uint64_t in_flight_ = 0;
  bool finished_ = false;
};
}  // namespace

caf::actor spawn_fetcher(caf::actor_system& system, fetcher_settings settings) {
  auto queue = settings.queue;
  auto handle = system.spawn<fetcher>(std::move(settings));
  queue->attach(handle);
  return handle;
}
}  // namespace troupe::mapreduce
