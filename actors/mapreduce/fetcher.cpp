#include "actors/mapreduce/fetcher.hpp"

#include "actors/link/channel.hpp"
#include "actors/mapreduce/outputs.hpp"
#include "patterns/mapreduce/checksum.hpp"
#include "runtime/blocking.hpp"
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
  wait_for_turn(some_, lock, [&] { return ended_ || !events_.empty(); });
  if (ended_) return {};
  auto [event, channel] = std::move(events_.front());
  events_.pop_front();
  held_ -= event.data.size();
  if (event.what == shuffle_event::kind::local) reading_ = local_read{event.map, event.attempt};
  if (!event.data.empty() && fetcher_) caf::anon_send(fetcher_, taken{channel, event.data.size()});
  return event;
}

void shuffle_queue::unreadable(std::uint32_t map, std::uint32_t attempt) {
  const std::lock_guard lock{mutex_};
  if (reading_ && reading_->map == map) reading_.reset();
  if (fetcher_) caf::anon_send(fetcher_, local_read{map, attempt, false});
}

void shuffle_queue::push(shuffle_event event, std::uint64_t channel) {
  const std::lock_guard lock{mutex_};
  held_ += event.data.size();
  events_.push_back({std::move(event), channel});
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
      : caf::event_based_actor{config}, s_{std::move(settings)}, bulk_{this} {}

  caf::behavior make_behavior() override {
    if (s_.task.maps == 0) finish();
    set_down_handler([this](const caf::down_msg& gone) { bulk_.down(gone); });
    return caf::message_handler{
        [this](const located_output& output) { locate(output); },
        [this](const taken& some) {
          if (auto* const in = bulk_.find_sink(some.channel)) in->consumed(some.bytes);
          pump();
        },
        [this](const local_read& which) { on_local_read(which); },
        [this](const retry& again) {
          auto& from = sources_[again.map];
          if (from.turn != again.turn || from.now != state::resting) return;
          from.now = state::waiting;
          pump();
        },
    }
        .or_else(bulk_.handlers());
  }
  const char* name() const override { return "fetcher"; }
  void on_exit() override { bulk_.close("the reducer's attempt is over"); }

 private:
  enum class state {
    unknown,  // nobody has said yet where it is
    waiting,
    active,  // it is on its way
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
    channel::id way = 0;
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
    if (active_ >= s_.segments_max || !has_room()) return;
    ++active_;
    from.now = state::active;
    from.got = 0;
    from.sum = checksum{};
    from.way = channel::fresh_id(system());
    const auto map = from.where.map;
    const auto current = [this, map, turn = from.turn] { return sources_[map].turn == turn; };
    bulk_.open_sink(from.way,
                    {.data =
                         [this, map, current](std::string bytes) {
                           if (current()) received(sources_[map], std::move(bytes));
                           pump();
                         },
                     .over =
                         [this, map, current](const caf::error& why) {
                           if (current())
                             failed(sources_[map], !why || why == errc::cancelled,
                                    why ? sentence_of(why) : "the segment ends too early");
                           pump();
                         }},
                    shuffle_channel(share()));
    request(from.outputs, s_.patience,
            fetch{s_.task.id.job, map, from.where.attempt, s_.task.id.task, from.way})
        .then([] {},
              [this, map, current](const caf::error& why) {
                if (current())
                  failed(sources_[map], why == errc::not_found || why == errc::failed,
                         sentence_of(why));
                pump();
              });
  }

  std::uint64_t share() const {
    return std::max<std::uint64_t>(s_.window / s_.segments_max, channel::chunk_max);
  }
  // For one more segment: what is open may fill its window, and what has come is still held.
  bool has_room() const {
    const auto held = s_.queue->held();
    return active_ == 0 ? held < s_.window : held + (active_ + 1) * share() <= s_.window;
  }

  void received(source& from, std::string bytes) {
    from.sum.add(bytes);
    from.got += bytes.size();
    static auto& fetched = metrics::counter("troupe_mapreduce_fetched_bytes_total",
                                            "Map output that reducers got from other workers.");
    fetched.add(static_cast<double>(bytes.size()));
    const auto& part = from.where.part;
    const bool last = from.got == part.bytes;
    if (from.got > part.bytes) return failed(from, true, "the segment is longer than was said");
    if (last && from.sum.value() != part.checksum)
      return failed(from, true, "the checksum of the segment is wrong");
    s_.queue->push({.what = shuffle_event::kind::data,
                    .map = from.where.map,
                    .attempt = from.where.attempt,
                    .part = part,
                    .data = std::move(bytes),
                    .last = last},
                   from.way);
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
    if (auto* const in = bulk_.find_sink(from.way)) in->abort("it is not wanted any more");
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
  channel::channels bulk_;
  std::map<std::uint32_t, source> sources_;
  std::uint32_t active_ = 0;
  std::uint32_t complete_ = 0;
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
