// Jobs that outlive their masters: what is written into the log, and those of others that are taken
// over. What the core wants renamed waits until the log knows of it; so does a job's end.
#include "actors/mapreduce/job_log.hpp"
#include "actors/mapreduce/tracker_actor.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <utility>
namespace troupe::mapreduce {
caf::message_handler tracker_actor::from_book() {
  return {
      [this](const written& upto) { on_written(upto); },
      [this](const closed& which) { on_closed(which); },
      [this](taken_over& what) { on_taken_over(what); },
      [this](const deposed& which) { on_deposed(which.job); },
      [this](const mastered& by) {
        if (by.node.empty())
          mastered_.erase(by.job);
        else
          mastered_[by.job] = by.node;
      },
      [this](const resumed& ready) { on_resumed(ready); },
      [this](const claim_again& what) {
        auto* e = find(what.job);
        const auto handle = handle_of(what.worker);
        if (e && e->core && handle) claim_from(*e, what.worker, handle);
      },
  };
}

// ---- writing

template <class Entries>
void tracker_actor::put_down(entry& e, Entries what) {
  send(book_, write_down{e.spec.id, e.spec.fence, ++e.lines, std::move(what)});
}

void tracker_actor::put_down(entry& e, output& out) {
  std::vector<book::entry> what;
  for (const auto& f : out.facts) what.push_back(book::recorded(e.spec.id, f));
  out.facts.clear();
  if (!what.empty()) put_down(e, std::move(what));
  if (out.commits.empty() && !out.finish) return;
  if (e.lines == 0) return;  // nothing of ours is on its way: it is known already
  auto& held = e.held[e.lines];
  std::move(out.commits.begin(), out.commits.end(), std::back_inserter(held.commits));
  held.finish = held.finish || out.finish;
  out.commits.clear();
  out.finish = false;
}

void tracker_actor::on_written(const written& upto) {
  auto* e = find(upto.job);
  if (!e || e->spec.fence != upto.fence) return;
  while (e->clerk && !e->held.empty() && e->held.begin()->first <= upto.number) {
    auto held = std::move(e->held.begin()->second);
    e->held.erase(e->held.begin());
    for (auto& c : held.commits) send(e->clerk, std::move(c));
    if (held.finish) send(e->clerk, finish_parts{});
  }
  if (e->ending && e->clerk && upto.number >= e->lines)
    send(e->clerk, remove_parts{e->ending->remove});
}

// First how it is to end, then what it made goes, then its pages do: whoever takes it over in between
// ends it likewise.
void tracker_actor::end_recorded(entry& e, job_status last, bool remove) {
  last.master = s_.id;
  last.masters = e.masters + 1;
  e.ending = book::ending{std::move(last), remove};
  e.held.clear();
  put_down(e, std::vector{book::end(e.spec.id, *e.ending)});
  tell(e);
}

void tracker_actor::on_closed(const closed& which) {
  auto* e = find(which.job);
  if (!e || e->spec.fence != which.fence || !e->ending) return;
  auto last = std::move(e->ending->last);
  e->ending.reset();
  for (auto& promise : e->cancellers) promise.deliver(last);
  e->cancellers.clear();
  conclude(*e, std::move(last));
}

// ---- taking over

void tracker_actor::on_taken_over(taken_over& what) {
  const auto id = what.file.spec.id;
  jobs_.erase(id);
  auto& e = jobs_[id];
  e.spec = what.file.spec;
  e.spec.fence = what.fence;
  e.masters = what.file.record.masters;
  if (what.file.plan) {
    const auto& p = *what.file.plan;
    if (!p.name.empty()) e.spec.name = p.name;
    e.spec.cuts = p.cuts;
    if (!p.token.empty()) e.spec.token = p.token;
    e.spec.library_sum = p.library_sum;
    e.spec.skip_bad_records = e.spec.skip_bad_records || p.skip_bad_records;
  }
  log::info("mapreduce", "the job of another master goes on here",
            {{"job", id}, {"masters", e.masters + 1}, {"facts", what.file.record.facts.size()}});
  s_.events->write(events::job_taken_over{id, e.masters + 1, what.file.record.facts.size()});
  if (what.file.end) {
    begin(e, clerk_begins::idle);
    e.ending = std::move(what.file.end);
    send(e.clerk, remove_parts{e.ending->remove});
    return;
  }
  const bool planned = what.file.plan.has_value();
  e.file = std::move(what.file);
  begin(e, planned ? clerk_begins::resuming : clerk_begins::preparing);
}

void tracker_actor::on_resumed(const resumed& ready) {
  auto* e = find(ready.job);
  if (!e || e->core || e->ending || !e->file || !e->file->plan) return;
  if (!ready.error.empty()) {
    auto last = status_of(*e);
    last.state = job_state::failed;
    last.error = ready.error;
    return over(*e, std::move(last), true);
  }
  make_core(*e, std::move(*e->file->plan));
}

// From the plan that the clerk has just made, or the one that an earlier master had put down.
void tracker_actor::make_core(entry& e, job_plan plan) {
  const auto file = std::exchange(e.file, std::nullopt);
  const bool known = file && file->plan;
  if (e.spec.fence != 0 && !known) put_down(e, book::plan(e.spec.id, plan));
  auto spec = e.spec;
  e.spec.inputs.clear();  // workers get the job without them
  e.core = std::make_unique<job>(std::move(spec), std::move(plan.splits), now());
  e.news.push_back({.job = e.spec.id, .what = job_event_kind::job_started});
  e.keeps = known;
  if (e.masters > 0) {
    output out;
    e.core->restore({e.masters, known ? file->record.facts : std::vector<fact>{}}, now(), out);
    carry_out(e, out);
    if (e.ending) return;
  }
  crew_up(e);
  if (known) miss_gone(e, file->record);
  announce(false);
}

// Outputs of workers that we have seen go need not be waited for.
void tracker_actor::miss_gone(entry& e, const job_record& before) {
  std::set<std::string> gone;
  for (const auto& f : before.facts)
    if (const auto* m = std::get_if<map_finished>(&f); m && gone_.contains(m->worker))
      gone.insert(m->worker);
  for (const auto& worker : gone) {
    if (!e.core || e.ending) return;
    step(e, worker_up{worker});
    step(e, worker_down{worker});
  }
}

// A worker has to say what it holds before it is given anything.
void tracker_actor::claim_from(entry& e, const std::string& worker, const caf::actor& handle) {
  const auto id = e.spec.id;
  const auto fence = e.spec.fence;
  const auto told = static_cast<std::uint32_t>(e.claims[worker].maps.size());
  request(handle, order_patience, claim_job{s_.id, id, fence, e.keeps, told})
      .then(
          [this, id, fence, worker, handle](held_job& some) {
            auto* e = find(id);
            if (!e || e->spec.fence != fence || !e->core || handle_of(worker) != handle) return;
            auto& all = e->claims[worker];
            std::move(some.maps.begin(), some.maps.end(), std::back_inserter(all.maps));
            all.running = std::move(some.running);
            if (some.more) return claim_from(*e, worker, handle);
            held has{worker, std::move(all.maps), std::move(all.running)};
            e->claims.erase(worker);
            step(*e, worker_up{worker});
            if (e->core && !e->ending) step(*e, has);
            if (workers_.at(worker).leaving && e->core) step(*e, worker_leaving{worker});
            announce(false);
          },
          [this, id, worker](const caf::error& why) {
            log::debug("mapreduce", "a worker does not say what it holds",
                       {{"job", id}, {"worker", worker}, {"reason", sentence_of(why)}});
            if (auto* e = find(id)) e->claims.erase(worker);
            delayed_send(this, std::chrono::seconds{1}, claim_again{id, worker});
          });
}

// Another master goes on: what it is to find stays as it is.
void tracker_actor::on_deposed(const std::string& job) {
  auto* e = find(job);
  if (!e || e->spec.fence == 0 || (!e->clerk && !e->ending)) return;
  log::warn("mapreduce", "this node is the master of a job no more", {{"job", job}});
  e->cancelled->store(true);
  if (e->clerk) send(e->clerk, remove_parts{false});
  for (auto& promise : e->cancellers)
    promise.deliver(
        make_error(errc::not_ready, "job " + job + " goes to another master: try again"));
  for (auto& turn : turns_) turn.forget(job);
  jobs_.erase(job);
  announce(false);
}

// ---- users of jobs that are not ours

template <class Request>
caf::result<job_status> tracker_actor::elsewhere(const Request& request) {
  constexpr bool cancels = std::is_same_v<Request, cancel_job>;
  if (request.forwarded)  // what two nodes know of masters may differ for a moment
    return make_error(mapreduce::master_of(request.job) == s_.id && !mastered_.contains(request.job)
                          ? errc::not_found
                          : errc::not_ready,
                      "node " + s_.id + " is not the master of job " + request.job +
                          ": `troupe jobs` lists what there is");
  auto promise = make_response_promise<job_status>();
  if (const auto known = mastered_.find(request.job); known != mastered_.end()) {
    ask_node(known->second, request, promise, errc::not_ready);
    return promise;
  }
  this->request(book_, caf::infinite, find_recorded{request.job})
      .then(
          [promise](job_status& s) mutable {
            if constexpr (cancels)
              promise.deliver(make_error(
                  errc::refused,
                  "job " + s.id + " is " + to_string(s.state) + ": it is too late to cancel it"));
            else
              promise.deliver(std::move(s));
          },
          [this, promise, request](caf::error& why) mutable {
            const auto node = mapreduce::master_of(request.job);
            if (why != errc::not_found || node.empty() || node == s_.id)
              promise.deliver(std::move(why));
            else
              ask_node(node, request, promise, errc::unreachable);  // it took it without a log
          });
  return promise;
}

template <class Request>
void tracker_actor::ask_node(const std::string& node, Request what,
                             caf::typed_response_promise<job_status> promise, errc unreached) {
  if (node == s_.id && unreached == errc::not_ready) {  // deposed, and the log has not said by whom
    promise.deliver(make_error(unreached, "job " + what.job +
                                              " has no master at the moment: node " + node +
                                              " has lost the replicated log, and another " +
                                              "goes on once a majority of its voters answers"));
    return;
  }
  const auto found = workers_.find(node);
  if (node == s_.id || found == workers_.end() || !found->second.tracker) {
    promise.deliver(make_error(unreached, "job " + what.job + " belongs to node " + node +
                                              ", which cannot be reached from " + s_.id));
    return;
  }
  what.forwarded = true;
  const bool again = unreached == errc::not_ready && !std::is_same_v<Request, cancel_job>;
  request(found->second.tracker, master_patience, what)
      .then([promise](job_status& s) mutable { promise.deliver(std::move(s)); },
            [promise, job = what.job, node, again](caf::error& why) mutable {
              if (again && outcome_of(why) == outcome::unknown)
                why = make_error(errc::not_ready, "node " + node + ", the master of job " + job +
                                                      ", does not answer at the moment: try again");
              promise.deliver(std::move(why));
            });
}
template caf::result<job_status> tracker_actor::elsewhere(const find_job&);
template caf::result<job_status> tracker_actor::elsewhere(const cancel_job&);
template caf::result<job_status> tracker_actor::elsewhere(const follow_job&);
}  // namespace troupe::mapreduce
