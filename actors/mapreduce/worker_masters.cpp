#include "actors/mapreduce/worker_actor.hpp"
#include "runtime/log.hpp"

#include <utility>

namespace troupe::mapreduce {
namespace {
constexpr std::size_t segments_told = 4096;  // in one message
}  // namespace

caf::result<greeted> worker_actor::on_greet(const greet& hello) {
  if (!hello.handle) return make_error(errc::invalid_argument, "a greeting without a handle");
  forget(hello.tracker, true);
  std::vector<std::string> jobs;  // it takes us for a new one, without any outputs
  for (const auto& [job, hosted] : jobs_)
    if (hosted.master == hello.handle.address()) jobs.push_back(job);
  for (const auto& job : jobs) close(job);
  trackers_[hello.tracker].handle = hello.handle;
  monitor(hello.handle);
  return greeted{s_.id, slots_[0], slots_[1], server_, s_.tracker};
}

void worker_actor::forget(const std::string& id, bool quietly) {
  const auto found = trackers_.find(id);
  if (found == trackers_.end()) return;
  std::vector<std::string> jobs;
  for (const auto& [job, hosted] : jobs_)
    if (hosted.tracker == id) jobs.push_back(job);
  for (const auto& job : jobs) {
    if (jobs_.at(job).fence == 0) {
      if (!quietly) log::info("mapreduce", "its attempts end", {{"job", job}});
      close(job);
    } else {
      orphan(job);
    }
  }
  std::erase_if(offers_, [&](const auto& entry) {
    if (entry.second.tracker != id) return false;
    --used_[index(entry.second.kind)];
    return true;
  });
  demonitor(found->second.handle);
  trackers_.erase(found);
  for (auto& turn : turns_) turn.forget(id);
  make_offers();
}

bool worker_actor::outdated(const std::string& job, std::uint64_t fence) const {
  const auto found = jobs_.find(job);
  return found != jobs_.end() && found->second.fence > fence;
}

// Reducers wait for news of a master that is no more; what maps have to say, another will ask for.
void worker_actor::orphan(const std::string& job) {
  auto& hosted = jobs_.at(job);
  hosted.tracker.clear();
  hosted.orphaned = now();
  log::info("mapreduce", "a job has no master, its outputs are kept", {{"job", job}});
  for (const auto& [id, a] : attempts_)
    if (id.job == job && id.kind == task_kind::reduce) kill(id);
  arm();
}

caf::result<held_job> worker_actor::on_claim(const claim_job& order) {
  const auto tracker = trackers_.find(order.tracker);
  if (tracker == trackers_.end())
    return make_error(errc::not_ready, "that tracker has not greeted this worker");
  if (!plain(order.job) || order.fence == 0 || outdated(order.job, order.fence))
    return make_error(errc::refused, "job " + order.job + " has another master by now");
  auto& hosted = jobs_[order.job];
  const bool first = hosted.fence < order.fence;
  if (first) {
    hosted.tracker = order.tracker;
    hosted.master = tracker->second.handle.address();
    hosted.fence = order.fence;
    if (hosted.place) {
      shelf_->retire(std::exchange(hosted.place, nullptr));
      send(server_, sweep_outputs{});
    }
    if (!order.keep) drop_outputs(order.job);
  }
  held_job all{shelf_->of(order.job, order.after, segments_told), {}, false};
  const auto told = order.after + all.maps.size();
  all.more = !shelf_->of(order.job, told, 1).empty();
  for (const auto& [id, a] : attempts_) {
    if (id.job != order.job || a->killed || a->place->job().fence == order.fence) continue;
    if (!order.keep || id.kind == task_kind::reduce) {
      kill(id);
    } else {
      if (first) hand_over(*a, order.tracker);
      all.running.push_back(id);
    }
  }
  return all;
}

void worker_actor::hand_over(attempt_run& a, const std::string& to) {
  const auto k = index(a.id.kind);
  const auto from = trackers_.find(a.tracker);
  if (from != trackers_.end() && from->second.holds[k] > 0) --from->second.holds[k];
  a.tracker = to;
  ++trackers_.at(to).holds[k];
}

void worker_actor::drop_outputs(const std::string& job) {
  shelf_->close(job);
  send(server_, sweep_outputs{});
}

void worker_actor::on_demand(const demand& wanted) {
  const auto found = trackers_.find(wanted.tracker);
  if (found == trackers_.end()) return;
  found->second.wants = {wanted.maps, wanted.reduces};
  make_offers();
}

void worker_actor::make_offers() {
  if (leaving_) return;
  for (auto kind : {task_kind::map, task_kind::reduce}) {
    const auto k = index(kind);
    while (used_[k] < slots_[k]) {
      std::vector<fair::claim> claims;
      for (const auto& [id, t] : trackers_)
        if (t.wants[k] > 0) claims.push_back({id, t.wants[k], t.holds[k]});
      if (claims.empty()) break;
      offer_to(claims[turns_[k].pick(claims)].id, kind);
    }
  }
}

void worker_actor::offer_to(const std::string& id, task_kind kind) {
  auto& t = trackers_.at(id);
  const auto number = ++offers_made_;
  offers_[number] = {id, kind, now()};
  arm();
  ++used_[index(kind)];
  ++t.holds[index(kind)];
  request(t.handle, report_patience, slot_offer{s_.id, kind, number})
      .then([] {}, [this, number](const caf::error&) { on_decline({number}); });
}

void worker_actor::on_decline(const decline& refused) {
  auto node = offers_.extract(refused.number);
  if (!node) return;
  const auto k = index(node.mapped().kind);
  release(node.mapped().tracker, node.mapped().kind);
  const auto found = trackers_.find(node.mapped().tracker);
  if (found != trackers_.end()) found->second.wants[k] = 0;  // until it demands again
  make_offers();
}

void worker_actor::release(const std::string& id, task_kind kind) {
  --used_[index(kind)];
  const auto found = trackers_.find(id);
  if (found != trackers_.end() && found->second.holds[index(kind)] > 0)
    --found->second.holds[index(kind)];
}
}  // namespace troupe::mapreduce
