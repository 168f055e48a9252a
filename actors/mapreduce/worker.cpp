#include "actors/mapreduce/worker_actor.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace troupe::mapreduce {
namespace {
struct beat {};
TROUPE_MESSAGE(beat)
struct again {  // a report that did not get through
  std::uint64_t number = 0;
};
TROUPE_MESSAGE(again, number)
struct give_back {};
TROUPE_MESSAGE(give_back)

constexpr milliseconds repeat_after{300};
constexpr milliseconds offer_patience{5'000};
}  // namespace

bool plain(const std::string& name) {
  return !name.empty() && name.size() <= 200 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

worker_actor::worker_actor(caf::actor_config& config, worker_settings settings)
    : caf::event_based_actor{config},
      s_{std::move(settings)},
      directory_{std::make_shared<local_directory>(s_.directory, s_.directory_name)} {
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  slots_ = {s_.map_slots ? s_.map_slots : cores, s_.reduce_slots ? s_.reduce_slots : cores};
}

caf::behavior worker_actor::make_behavior() {
  server_ = spawn_output_server(system(), shelf_, directory_);
  set_down_handler([this](const caf::down_msg& down) {
    for (const auto& [id, t] : trackers_) {
      if (t.handle.address() != down.source) continue;
      log::info("mapreduce", "a tracker is gone", {{"tracker", id}});
      forget(std::string{id}, false);
      return;
    }
  });
  return {
      [this](const greet& hello) -> caf::result<greeted> { return on_greet(hello); },
      [this](const demand& wanted) { on_demand(wanted); },
      [this](const decline& refused) { on_decline(refused); },
      [this](map_order& order) -> caf::result<void> { return on_map(order); },
      [this](reduce_order& order) -> caf::result<void> { return on_reduce(order); },
      [this](const located& news) {
        const auto found = fetchers_.find(news.reducer);
        if (found != fetchers_.end()) send(found->second, news.output);
      },
      [this](const kill_attempt& order) {
        if (!outdated(order.id.job, order.fence)) kill(order.id);
      },
      [this](const close_job& order) {
        if (!outdated(order.job, order.fence)) close(order.job);
      },
      [this](const claim_job& order) -> caf::result<held_job> { return on_claim(order); },
      [this](attempt_ended& ended) { on_ended(ended); },
      [this](const shuffle_done& done) { relay(done.id, done); },
      [this](const fetch_failed& failed) { relay(failed.id, failed); },
      [this](const leave_work& order) { return on_leave(milliseconds{order.within_ms}); },
      [this](const give_back&) { on_give_back(); },
      [this](const again& which) {
        auto node = repeats_.extract(which.number);
        if (node) node.mapped()();
      },
      [this](const beat&) { on_beat(); },
  };
}

void worker_actor::on_exit() {
  for (auto& [id, a] : attempts_) cancel(*a);
  for (auto& [id, job] : jobs_) shelf_->close(id);
  send(server_, sweep_outputs{});
  send_exit(server_, caf::exit_reason::user_shutdown);
  attempts_.clear();
  jobs_.clear();
  fetchers_.clear();
  trackers_.clear();
  repeats_.clear();
  s_.tracker = nullptr;
  directory_.reset();
  server_ = nullptr;
}

// The attempt takes over the slot of the offer; none if the order is not in order.
caf::expected<attempt_ptr> worker_actor::admit(std::uint64_t number, job_spec& job,
                                               const attempt_id& id) {
  auto node = offers_.extract(number);
  if (!node) return make_error(errc::not_found, "that offer is no longer open");
  const auto from = node.mapped();
  const bool sound = plain(job.id) && id.job == job.id && id.kind == from.kind &&
                     job.reducers > 0 && !attempts_.contains(id);
  const auto known = jobs_.find(job.id);
  const bool hosted = known != jobs_.end();
  if (hosted && known->second.fence > job.fence) {
    release(from.tracker, from.kind);
    return make_error(errc::refused, "job " + job.id + " has another master by now");
  }
  if (!sound || (hosted && known->second.tracker != from.tracker)) {
    release(from.tracker, from.kind);
    return make_error(errc::invalid_argument, "an order that makes no sense");
  }
  auto attempt = std::make_shared<attempt_run>();
  auto& of = jobs_[id.job];
  if (!hosted) of = {from.tracker, trackers_.at(from.tracker).handle.address(), {}, job.fence, {}};
  if (!of.place) of.place = std::make_shared<job_place>(s_.code, std::move(job), directory_);
  attempt->place = of.place;
  attempt->id = id;
  attempt->tracker = from.tracker;
  attempts_[id] = attempt;
  arm();
  running_metric(id.kind).add(1);
  return attempt;
}

caf::result<void> worker_actor::on_map(map_order& order) {
  auto attempt = admit(order.offer, order.job, order.task.id);
  if (!attempt) return std::move(attempt.error());
  run_map(system(), caf::actor_cast<caf::actor>(this), *attempt, std::move(order.task));
  return caf::unit;
}

caf::result<void> worker_actor::on_reduce(reduce_order& order) {
  auto attempt = admit(order.offer, order.job, order.task.id);
  if (!attempt) return std::move(attempt.error());
  auto& a = **attempt;
  a.queue = std::make_shared<shuffle_queue>();
  auto fetcher = spawn_fetcher(system(), {.task = order.task,
                                          .worker = s_.id,
                                          .report = caf::actor_cast<caf::actor>(this),
                                          .queue = a.queue});
  for (auto& output : order.outputs) send(fetcher, std::move(output));
  fetchers_[a.id] = std::move(fetcher);
  run_reduce(system(), caf::actor_cast<caf::actor>(this), *attempt, std::move(order.task));
  return caf::unit;
}

void worker_actor::cancel(attempt_run& a) {
  a.cancel = true;
  if (a.queue) a.queue->end();
}

void worker_actor::kill(const attempt_id& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || std::exchange(found->second->killed, true)) return;
  found->second->killed_at = now();
  cancel(*found->second);
  fetchers_.erase(id);
}

void worker_actor::on_ended(attempt_ended& ended) {
  auto node = attempts_.extract(ended.id);
  if (!node) return;  // its slot was given back before
  const auto a = node.mapped();
  release(a->tracker, ended.id.kind);
  running_metric(ended.id.kind).add(-1);
  fetchers_.erase(ended.id);
  if (a->queue) a->queue->end();
  const auto outcome = a->killed ? "killed" : ended.failed.empty() ? "done" : "failed";
  metrics::counter("troupe_mapreduce_attempts_total", "Attempts that ended on this node.",
                   {{"kind", to_string(ended.id.kind)}, {"outcome", outcome}})
      .add();
  if (!a->killed) {
    for (auto& m : ended.mapped) {
      shelf_->put(a->place, m);
      report(a->tracker, std::move(m));
    }
    for (auto& r : ended.reduced) report(a->tracker, std::move(r));
    for (auto& f : ended.failed) report(a->tracker, std::move(f));
  }
  node.mapped().reset();
  sweep_later(a->place);
  make_offers();
  check_left();
}

// The last holder of a job's place removes a directory: that is work for the server's thread.
void worker_actor::sweep_later(job_place_ptr& place) {
  const auto hosted = jobs_.find(place->job().id);
  if (hosted != jobs_.end() && hosted->second.place == place) return;
  shelf_->retire(std::move(place));
  send(server_, sweep_outputs{});
}

void worker_actor::close(const std::string& job) {
  for (const auto& [id, a] : attempts_)
    if (id.job == job) kill(id);
  auto node = jobs_.extract(job);
  if (!node) return;
  if (node.mapped().place) shelf_->retire(std::move(node.mapped().place));
  drop_outputs(job);
  check_left();
}

template <class Message>
void worker_actor::relay(const attempt_id& id, const Message& message) {
  const auto found = attempts_.find(id);
  if (found != attempts_.end() && !found->second->killed) report(found->second->tracker, message);
}

template <class Message>
void worker_actor::report(const std::string& id, Message message) {
  const auto found = trackers_.find(id);
  if (found == trackers_.end()) return;
  report_to(id, found->second.handle, std::move(message));
}

template <class Message>
void worker_actor::report_to(const std::string& id, const caf::actor& handle, Message message) {
  request(handle, report_patience, message)
      .then([] {},
            [this, id, handle, message](const caf::error&) {
              const auto number = ++reports_;
              repeats_[number] = [this, id, handle, message] {
                const auto found = trackers_.find(id);
                if (found != trackers_.end() && found->second.handle == handle)
                  report_to(id, handle, message);
              };
              delayed_send(this, repeat_after, again{number});
            });
}

void worker_actor::arm() {
  if (std::exchange(armed_, true)) return;
  delayed_send(this, s_.report_every, beat{});
}

void worker_actor::on_beat() {
  armed_ = false;
  std::vector<attempt_id> abandoned;
  for (auto& [id, a] : attempts_) {
    if (a->killed) {
      if (now() - a->killed_at >= s_.patience) abandoned.push_back(id);
      continue;
    }
    const task_progress progress{id, a->done, a->records, a->bytes};
    if (progress == a->reported) continue;
    a->reported = progress;
    const auto found = trackers_.find(a->tracker);
    if (found != trackers_.end()) send(found->second.handle, progress);
  }
  for (const auto& id : abandoned) {
    log::warn("mapreduce", "an attempt does not end, its thread is abandoned",
              {{"job", id.job}, {"kind", id.kind}, {"task", id.task}, {"attempt", id.attempt}});
    metrics::counter("troupe_mapreduce_abandoned_total",
                     "Threads of attempts that did not end when they were told to.")
        .add();
    release(attempts_.at(id)->tracker, id.kind);
    running_metric(id.kind).add(-1);
    attempts_.erase(id);
  }
  std::vector<std::uint64_t> stale;
  for (const auto& [number, o] : offers_)
    if (now() - o.made >= offer_patience) stale.push_back(number);
  for (auto number : stale) on_decline({number});
  std::vector<std::string> orphans;
  bool orphaned = false;
  for (const auto& [job, hosted] : jobs_) {
    if (!hosted.tracker.empty()) continue;
    orphaned = true;
    if (now() - hosted.orphaned >= s_.orphans_kept) orphans.push_back(job);
  }
  for (const auto& job : orphans) close(job);
  if (!abandoned.empty()) make_offers();
  check_left();
  if (!attempts_.empty() || !offers_.empty() || orphaned) arm();
}

caf::result<worker_leaves> worker_actor::on_leave(milliseconds within) {
  auto promise = make_response_promise<worker_leaves>();
  leavers_.push_back(promise);
  if (!std::exchange(leaving_, true)) {
    for (const auto& [id, t] : trackers_) report(id, worker_leaves{s_.id});
    delayed_send(this, (within.count() > 0 ? within : s_.leave_within) / 2, give_back{});
  }
  check_left();
  return promise;
}

// They run again elsewhere, at once, and their ends are no deaths under a task.
void worker_actor::on_give_back() {
  std::vector<attempt_ptr> running;
  for (const auto& [id, a] : attempts_)
    if (!a->killed) running.push_back(a);
  for (const auto& a : running) {
    kill(a->id);
    report(a->tracker, task_killed{a->id});
  }
}

void worker_actor::check_left() {
  if (!leaving_ || leavers_.empty() || !attempts_.empty() || !shelf_->empty()) return;
  for (auto& promise : leavers_) promise.deliver(worker_leaves{s_.id});
  leavers_.clear();
}

metrics::gauge_handle& worker_actor::running_metric(task_kind kind) {
  static auto& maps = metrics::gauge("troupe_mapreduce_running", "Attempts that run on this node.",
                                     {{"kind", "map"}});
  static auto& reduces = metrics::gauge("troupe_mapreduce_running",
                                        "Attempts that run on this node.", {{"kind", "reduce"}});
  return kind == task_kind::map ? maps : reduces;
}

caf::actor spawn_worker(caf::actor_system& system, worker_settings settings) {
  return system.spawn<worker_actor>(std::move(settings));
}
}  // namespace troupe::mapreduce
