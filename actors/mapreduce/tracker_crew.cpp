// Workers that come and go, and the slots that they offer.
#include "actors/mapreduce/tracker_actor.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <utility>
namespace troupe::mapreduce {
void tracker_actor::on_peer_up(const peer_up& peer) {
  if (!peer.handle) return;
  if (const auto known = workers_.find(peer.id); known != workers_.end()) {
    if (known->second.handle == peer.handle) return;
    lose(peer.id);
  }
  gone_.erase(peer.id);
  workers_[peer.id].handle = peer.handle;
  monitor(peer.handle);
  greet_worker(peer.id);
}

void tracker_actor::greet_worker(const std::string& id) {
  const auto found = workers_.find(id);
  if (found == workers_.end() || found->second.ready) return;
  const auto handle = found->second.handle;
  request(handle, order_patience, greet{s_.id, caf::actor_cast<caf::actor>(this)})
      .then([this, id, handle](const greeted& answer) { on_greeted(id, handle, answer); },
            [this, id](const caf::error& error) {
              log::debug("mapreduce", "a worker does not answer",
                         {{"worker", id}, {"reason", sentence_of(error)}});
              delayed_send(this, std::chrono::seconds{1}, greet_again{id});
            });
}

void tracker_actor::on_greeted(const std::string& id, const caf::actor& handle,
                               const greeted& answer) {
  const auto found = workers_.find(id);
  if (found == workers_.end() || found->second.handle != handle || found->second.ready) return;
  auto& w = found->second;
  w.ready = true;
  w.slots = {answer.map_slots, answer.reduce_slots};
  w.outputs = answer.outputs;
  w.tracker = answer.tracker;
  announced_ = {};  // it has heard of no demand yet
  std::vector<std::string> jobs;
  for (const auto& [job, e] : jobs_)
    if (e.core) jobs.push_back(job);
  for (const auto& job : jobs)
    if (auto* e = find(job); e && e->core) join(*e, id, handle);
  announce(false);
}

void tracker_actor::lose(const std::string& id) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  demonitor(found->second.handle);
  workers_.erase(found);
  gone_.insert(id);
  for (auto& offers : offers_)
    std::erase_if(offers, [&](const auto& offer) { return offer.worker == id; });
  for (auto& [job, e] : jobs_) e.claims.erase(id);
  step_all(worker_down{id});
}

void tracker_actor::on_offer(const slot_offer& made) {
  const auto found = workers_.find(made.worker);
  if (found == workers_.end() || !found->second.ready) return;  // the offer runs out by itself
  offers_[slot_index(made.kind)].push_back({made.worker, made.number});
  if (std::exchange(matching_, true)) return;
  delayed_send(this, s_.gather, match_offers{});
}

// Tells the workers what we could use: when that changes, and now and then as long as we want any.
void tracker_actor::announce(bool anyway) {
  std::array<std::uint32_t, 2> wanted{};
  for (const auto& [id, e] : jobs_)
    for (auto kind : {task_kind::map, task_kind::reduce})
      if (e.core && e.core->wants(kind, now())) wanted[slot_index(kind)] += e.spec.weight;
  const bool any = wanted[0] + wanted[1] > 0;
  if (wanted == announced_ && !(anyway && any)) return;
  announced_ = wanted;
  for (const auto& [id, w] : workers_)
    if (w.ready) send(w.handle, demand{s_.id, wanted[0], wanted[1]});
}

// Each offer in turn, those of the workers with most free slots first, so that few tasks spread out.
void tracker_actor::match() {
  matching_ = false;
  for (auto kind : {task_kind::map, task_kind::reduce}) {
    auto& offers = offers_[slot_index(kind)];
    while (!offers.empty()) {
      const auto best = best_offer(offers);
      const auto offer = offers[best];
      offers.erase(offers.begin() + static_cast<std::ptrdiff_t>(best));
      if (place(kind, offer)) continue;
      if (auto handle = handle_of(offer.worker)) send(handle, decline{offer.number});
    }
  }
  announce(false);
}

// A job whose reduces came first would keep all slots for as long as its maps run.
void tracker_actor::share_reduces() {
  constexpr auto reduce = task_kind::reduce;
  std::vector<std::string> ids;
  std::vector<fair::need> needs;
  bool lacks = false;
  for (auto& [id, e] : jobs_) {
    if (!e.core) continue;
    const bool wants = e.core->wants(reduce, now()) && e.core->waiting(reduce) > 0;
    if (!wants)
      e.lacking = {};
    else if (e.lacking == instant{})
      e.lacking = now();
    const bool long_enough = wants && now() - e.lacking >= share_patience;
    lacks = lacks || long_enough;
    ids.push_back(id);
    needs.push_back(
        {e.spec.weight, e.core->running(reduce), long_enough ? e.core->waiting(reduce) : 0});
  }
  if (!lacks || ids.size() < 2) return;
  const auto excess = fair::excess(needs, slots(reduce));
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (auto* e = find(ids[i]); excess[i] > 0 && e && e->core) step(*e, yield_reducers{excess[i]});
}

std::size_t tracker_actor::best_offer(const std::deque<open_offer>& offers) const {
  std::map<std::string, std::size_t> free;
  for (const auto& offer : offers) ++free[offer.worker];
  const auto best = std::max_element(
      offers.begin(), offers.end(),
      [&](const auto& a, const auto& b) { return free.at(a.worker) < free.at(b.worker); });
  return static_cast<std::size_t>(best - offers.begin());
}

bool tracker_actor::place(task_kind kind, const open_offer& offer) {
  std::vector<fair::claim> claims;
  for (const auto& [id, e] : jobs_)
    if (e.core && e.core->wants(kind, now()))
      claims.push_back({id, e.spec.weight, e.core->running(kind)});
  while (!claims.empty()) {
    const auto next = turns_[slot_index(kind)].pick(claims);
    auto& e = jobs_.at(claims[next].id);
    output out;
    e.core->step(mapreduce::offer{offer.worker, kind}, now(), out);
    const bool taken = !out.maps.empty() || !out.reduces.empty();
    send_orders(e, out, offer.number);
    carry_out(e, out);
    if (taken) return true;
    claims.erase(claims.begin() + static_cast<std::ptrdiff_t>(next));
  }
  return false;
}

void tracker_actor::send_orders(entry& e, output& out, std::uint64_t offer) {
  for (auto& a : out.maps) order(a.worker, a.task.id, map_order{offer, e.spec, std::move(a.task)});
  for (auto& a : out.reduces) {
    reduce_order with{offer, e.spec, std::move(a.task), {}};
    for (const auto& where : a.outputs) with.outputs.push_back(with_handle(where));
    order(a.worker, with.task.id, with);
  }
}

void tracker_actor::send_location(const location_news& news) {
  order(news.worker, news.reducer, located{news.reducer, with_handle(news.where)});
}

// What does not arrive makes the attempt void: it starts again somewhere.
template <class Order>
void tracker_actor::order(const std::string& worker, const attempt_id& id, const Order& order) {
  const auto handle = handle_of(worker);
  if (!handle) return;  // it is gone, and the job was told so
  request(handle, order_patience, order)
      .then([] {}, [this, id, worker](const caf::error& why) { refused(id, worker, why); });
}

void tracker_actor::refused(const attempt_id& id, const std::string& worker,
                            const caf::error& why) {
  log::debug("mapreduce", "an order did not arrive",
             {{"job", id.job}, {"worker", worker}, {"reason", sentence_of(why)}});
  if (auto handle = handle_of(worker)) send(handle, kill_attempt{id, fence_of(id.job)});
  if (why == errc::invalid_argument)
    feed(id.job, task_failed{id, "worker " + worker + ": " + sentence_of(why), {}});
  else
    feed(id.job, task_killed{id});
}

std::uint64_t tracker_actor::fence_of(const std::string& job) {
  const auto* e = find(job);
  return e ? e->spec.fence : 0;
}

caf::actor tracker_actor::handle_of(const std::string& worker) const {
  const auto found = workers_.find(worker);
  return found == workers_.end() ? caf::actor{} : found->second.handle;
}

located_output tracker_actor::with_handle(const output_location& where) const {
  const auto found = workers_.find(where.worker);
  return {where, found == workers_.end() ? caf::actor{} : found->second.outputs};
}

std::uint32_t tracker_actor::slots(task_kind kind) const {
  std::uint32_t sum = 0;
  for (const auto& [id, w] : workers_) sum += w.slots[slot_index(kind)];
  return sum;
}
}  // namespace troupe::mapreduce
