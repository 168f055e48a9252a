#include "actors/mapreduce/tracker.hpp"

#include "actors/mapreduce/job_log.hpp"
#include "actors/mapreduce/tracker_actor.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>
namespace troupe::mapreduce {
namespace {
constexpr std::uint32_t reducers_max = 10'000;
constexpr std::uint32_t library_deaths_max = 2;

std::string hex(std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  return {digits.data(), end};
}

// What is wrong with a submission; empty: nothing.
std::string complaint(const job_spec& job) {
  if (job.name.empty() && job.library.empty())
    return "a submission names its job, for example wordcount, or the library that has it";
  if (job.inputs.empty()) return "a job needs at least one input path";
  if (job.output.empty()) return "a job needs an output directory";
  if (job.reducers > reducers_max)
    return "a job has at most " + std::to_string(reducers_max) + " reducers, not " +
           std::to_string(job.reducers);
  if (job.attempts_max == 0 || job.deaths_max == 0 || job.silence == 0)
    return "attempts_max, deaths_max and silence are at least 1";
  return {};
}
}  // namespace

tracker_actor::tracker_actor(caf::actor_config& config, tracker_settings settings)
    : caf::event_based_actor{config}, s_{std::move(settings)} {
  s_.kept = std::max<std::size_t>(s_.kept, 1);
  prefix_ = s_.id + "-" + hex(s_.epoch & 0xfffff) + "-";
}

instant tracker_actor::now() {
  return std::chrono::duration_cast<instant>(clock().now().time_since_epoch());
}

caf::behavior tracker_actor::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    for (const auto& [id, w] : workers_)
      if (w.handle.address() == down.source) return lose(std::string{id});
    on_clerk_down(down);
  });
  if (s_.log)
    book_ = spawn_job_book(system(), caf::actor_cast<caf::actor>(this),
                           {.node = s_.id,
                            .client = s_.log,
                            .ttl = s_.lease,
                            .margin = s_.lease / 10,
                            .kept = static_cast<std::uint32_t>(s_.kept)});
  caf::message_handler users{
      [this](submit& request) { return on_submit(request.job); },
      [this](const list_jobs& request) { return on_list(request.everywhere); },
      [this](const find_job& request) {
        return at_owner(request,
                        [this](entry& e) -> caf::result<job_status> { return status_of(e); });
      },
      [this](const cancel_job& request) {
        return at_owner(request, [this](entry& e) { return on_cancel(e); });
      },
      [this](const follow_job& request) {
        return at_owner(request, [&](entry& e) -> caf::result<job_status> {
          const auto status = status_of(e);
          if (!mapreduce::over(status.state)) e.followers.push_back(request.follower);
          return status;
        });
      },
  };
  caf::message_handler workers{
      [this](const peer_up& peer) { on_peer_up(peer); },
      [this](const peer_down& peer) { lose(peer.id); },
      [this](const greet_again& who) { greet_worker(who.worker); },
      [this](const slot_offer& made) { on_offer(made); },
      [this](const worker_leaves& who) {
        const auto found = workers_.find(who.worker);
        if (found == workers_.end()) return;
        found->second.leaving = true;
        step_all(worker_leaving{who.worker});
      },
      [this](const map_done& report) { feed(report.id.job, report); },
      [this](const reduce_done& report) { feed(report.id.job, report); },
      [this](const task_failed& report) { feed(report.id.job, report); },
      [this](const task_killed& report) { feed(report.id.job, report); },
      [this](const task_progress& report) { feed(report.id.job, report); },
      [this](const shuffle_done& report) { feed(report.id.job, report); },
      [this](const fetch_failed& report) { feed(report.id.job, report); },
  };
  caf::message_handler own{
      [this](planned& plan) { on_planned(plan); },
      [this](const committed& c) {
        feed(c.job, part_committed{c.partition, c.error});
      },
      [this](const finished& f) { feed(f.job, job_finished{f.error}); },
      [this](const tracker_tick&) { on_tick(); },
      [this](const match_offers&) { match(); },
  };
  return users.or_else(workers).or_else(own).or_else(from_book());
}

void tracker_actor::on_exit() {
  for (auto& [id, e] : jobs_) {
    e.cancelled->store(true);
    if (e.clerk) send(e.clerk, remove_parts{e.spec.fence == 0});
  }
  if (book_) send_exit(book_, caf::exit_reason::user_shutdown);
  book_ = s_.log = nullptr;
  jobs_.clear();
  workers_.clear();
}

// ---- users

caf::result<job_status> tracker_actor::on_submit(job_spec& wanted) {
  if (auto wrong = complaint(wanted); !wrong.empty())
    return make_error(errc::invalid_argument, std::move(wrong));
  wanted.id = prefix_ + std::to_string(++numbers_);
  wanted.weight = std::max(wanted.weight, 1u);
  // code that nobody has tried yet runs in the nodes' processes: a crash of it costs two of them
  if (!wanted.library.empty()) wanted.deaths_max = std::min(wanted.deaths_max, library_deaths_max);
  if (wanted.reducers == 0)
    wanted.reducers = std::clamp(slots(task_kind::reduce), 1u, reducers_max);
  auto promise = make_response_promise<job_status>();
  if (!book_) {
    accept(std::move(wanted), promise);
    return promise;
  }
  wanted.token = s_.code->draw_token();
  request(book_, caf::infinite, open_job{wanted})
      .then(
          [this, promise, wanted](const opened& by) mutable {
            wanted.fence = by.fence;
            accept(std::move(wanted), promise);
          },
          [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
  return promise;
}

void tracker_actor::accept(job_spec spec, caf::typed_response_promise<job_status> promise) {
  auto& e = jobs_[spec.id];
  e.spec = std::move(spec);
  begin(e, clerk_begins::preparing);
  write_submitted(s_.events, e.spec);
  promise.deliver(status_of(e));
}

void tracker_actor::begin(entry& e, clerk_begins with) {
  e.submitted = now();
  e.status.id = e.spec.id;
  e.status.name =
      e.spec.name.empty() ? std::filesystem::path{e.spec.library}.filename().string() : e.spec.name;
  e.status.output = e.spec.output;
  e.status.master = s_.id;
  e.clerk = spawn_clerk(system(), caf::actor_cast<caf::actor>(this), s_.code, e.spec,
                        std::max(slots(task_kind::map), 1u), e.cancelled, with);
  monitor(e.clerk);
  arm();
}

caf::result<job_list> tracker_actor::on_list(bool everywhere) {
  struct gathering {
    job_list all;
    std::size_t missing = 0;
    caf::typed_response_promise<job_list> promise;
  };
  auto g = std::make_shared<gathering>();
  for (const auto& [id, e] : jobs_) g->all.jobs.push_back(status_of(e));
  std::map<std::string, caf::actor> others;
  for (const auto& [id, w] : workers_) {
    if (!everywhere || id == s_.id) continue;
    if (w.tracker)
      others[id] = w.tracker;
    else
      g->all.silent.push_back(id);  // it has not answered our greeting
  }
  const bool recorded = everywhere && book_;
  if (others.empty() && !recorded) return std::move(g->all);
  g->missing = others.size() + (recorded ? 1 : 0);
  g->promise = make_response_promise<job_list>();
  const auto arrived = [g] {
    if (--g->missing > 0) return;
    auto& jobs = g->all.jobs;  // one may be told by its master and by the log
    std::stable_sort(jobs.begin(), jobs.end(),
                     [](const auto& a, const auto& b) { return a.id < b.id; });
    jobs.erase(std::unique(jobs.begin(), jobs.end(),
                           [](const auto& a, const auto& b) { return a.id == b.id; }),
               jobs.end());
    g->promise.deliver(std::move(g->all));
  };
  if (recorded)
    request(book_, std::chrono::seconds{2}, list_recorded{})
        .then(
            [g, arrived](recorded_jobs& list) {
              std::move(list.jobs.begin(), list.jobs.end(), std::back_inserter(g->all.jobs));
              arrived();
            },
            [arrived](const caf::error&) { arrived(); });
  for (const auto& [id, other] : others)
    request(other, std::chrono::seconds{2}, list_jobs{false})
        .then(
            [g, arrived](job_list& list) {
              std::move(list.jobs.begin(), list.jobs.end(), std::back_inserter(g->all.jobs));
              arrived();
            },
            [g, arrived, id = id](const caf::error&) {
              g->all.silent.push_back(id);
              arrived();
            });
  return g->promise;
}

caf::result<job_status> tracker_actor::on_cancel(entry& e) {
  if (e.ending) {
    // below
  } else if (e.core) {
    step(e, cancel{});
    if (e.ending && e.ending->last.state == job_state::cancelled) {
      e.cancellers.push_back(make_response_promise<job_status>());
      return e.cancellers.back();
    }
    const auto status = status_of(e);
    if (status.state == job_state::cancelled) return status;
  } else if (e.status.state == job_state::preparing) {
    e.cancelled->store(true);  // its plan, when it comes, is thrown away, and what it made with it
    auto last = status_of(e);
    last.state = job_state::cancelled;
    last.error = "it was cancelled";
    over(e, std::move(last), true);
    if (!e.ending) return e.status;
    e.cancellers.push_back(make_response_promise<job_status>());
    return e.cancellers.back();
  }
  return make_error(errc::refused, "job " + e.spec.id + " is " + to_string(status_of(e).state) +
                                       ": it is too late to cancel it");
}

template <class Request, class Local>
caf::result<job_status> tracker_actor::at_owner(const Request& request, Local local) {
  if (auto* e = find(request.job)) return local(*e);
  if (book_) return elsewhere(request);
  const auto node = master_of(request.job);
  if (node.empty() || node == s_.id)
    return make_error(errc::not_found,
                      "there is no job " + request.job + ": `troupe jobs` lists what there is");
  const auto found = workers_.find(node);
  if (found == workers_.end() || !found->second.tracker)
    return make_error(errc::unreachable, "job " + request.job + " belongs to node " + node +
                                             ", which cannot be reached from " + s_.id);
  delegate(found->second.tracker, request);
  return caf::delegated<job_status>{};
}

// ---- jobs

tracker_actor::entry* tracker_actor::find(const std::string& id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

job_status tracker_actor::status_of(const entry& e) {
  auto status = e.core ? e.core->status(now()) : e.status;
  status.master = s_.id;
  status.masters = e.spec.fence == 0 ? 0 : e.masters + 1;
  if (e.ending) {  // it has not ended before the log says so
    status = e.ending->last;
    status.state = job_state::finishing;
    status.error.clear();
  }
  if (!mapreduce::over(status.state))
    status.elapsed_ms = static_cast<std::uint64_t>((now() - e.submitted).count());
  return status;
}

void tracker_actor::on_planned(planned& plan) {
  auto* e = find(plan.job);
  if (!e || e->core || mapreduce::over(e->status.state)) return;
  if (!plan.error.empty()) {
    auto last = status_of(*e);
    last.state = job_state::failed;
    last.error = plan.error;
    return over(*e, std::move(last), true);
  }
  if (!plan.plan.name.empty()) e->spec.name = plan.plan.name;
  e->spec.cuts = plan.plan.cuts;
  e->spec.token = plan.plan.token;
  e->spec.library_sum = plan.plan.library_sum;
  e->spec.skip_bad_records = e->spec.skip_bad_records || plan.plan.skip_bad_records;
  write_planned(s_.events, e->spec, plan.plan.splits.size());
  make_core(*e, std::move(plan.plan));
}

void tracker_actor::crew_up(entry& e) {
  std::vector<std::pair<std::string, caf::actor>> crew;
  for (const auto& [id, w] : workers_)
    if (w.ready) crew.emplace_back(id, w.handle);
  for (const auto& [id, handle] : crew) join(e, id, handle);
}

void tracker_actor::join(entry& e, const std::string& worker, const caf::actor& handle) {
  if (e.masters > 0 && !e.ending) return claim_from(e, worker, handle);
  step(e, worker_up{worker});
  const auto found = workers_.find(worker);
  if (found != workers_.end() && found->second.leaving) step(e, worker_leaving{worker});
}

void tracker_actor::feed(const std::string& id, const input& in) {
  auto* e = find(id);
  if (!e || !e->core) return;
  step(*e, in);
  announce(false);
}

void tracker_actor::step(entry& e, const input& in) {
  output out;
  e.core->step(in, now(), out);
  carry_out(e, out);
}

void tracker_actor::step_all(const input& in) {
  for (auto& [id, e] : jobs_)
    if (e.core) step(e, in);
  announce(false);
}

// What offers got is sent by match(), which knows their numbers.
void tracker_actor::carry_out(entry& e, output& out) {
  for (const auto& k : out.kills)
    if (auto handle = handle_of(k.worker)) send(handle, kill_attempt{k.id, e.spec.fence});
  for (const auto& news : out.locations) send_location(news);
  if (e.spec.fence != 0) put_down(e, out);
  for (auto& c : out.commits) send(e.clerk, std::move(c));
  for (auto& event : out.events) {
    write_event(s_.events, event);
    if (!e.followers.empty() && e.news.size() < 1000) e.news.push_back(std::move(event));
  }
  if (out.finish) send(e.clerk, finish_parts{});
  if (mapreduce::over(e.core->state()) && !e.ending) over(e, status_of(e), out.abort);
}

void tracker_actor::over(entry& e, job_status last, bool remove) {
  if (e.spec.fence != 0) return end_recorded(e, std::move(last), remove);
  send(e.clerk, remove_parts{remove});
  conclude(e, std::move(last));
}

void tracker_actor::conclude(entry& e, job_status last) {
  e.status = std::move(last);
  e.core.reset();
  e.clerk = nullptr;
  for (const auto& [id, w] : workers_) send(w.handle, close_job{e.spec.id, e.spec.fence});
  for (auto& turn : turns_) turn.forget(e.spec.id);
  write_over(s_.events, e.status);
  tell(e);
  e.followers.clear();
  e.news.clear();
  ended_.push_back(e.spec.id);
  if (ended_.size() > s_.kept) {
    jobs_.erase(ended_.front());  // an older one than this
    ended_.pop_front();
  }
}

void tracker_actor::tell(entry& e) {
  if (e.followers.empty()) return;
  auto status = status_of(e);
  auto same = status;
  same.elapsed_ms = e.told.elapsed_ms;
  if (e.news.empty() && same == e.told) return;
  for (const auto& follower : e.followers) send(follower, job_news{status, e.news});
  e.news.clear();
  e.told = std::move(status);
}

// It ends by itself only when it is told to; what it left in the output nobody can take away.
void tracker_actor::on_clerk_down(const caf::down_msg& down) {
  for (auto& [id, e] : jobs_) {
    if (!e.clerk || e.clerk.address() != down.source) continue;
    if (e.ending) {  // it has taken away what it should
      e.clerk = nullptr;
      send(book_, end_job{id, e.spec.fence, e.ending->last});
      return;
    }
    const auto why = "its master's file system work ended: " + sentence_of(down.reason) +
                     "; remove " + e.spec.output + " before it runs again";
    if (e.core) return step(e, host_failed{why});
    auto last = status_of(e);
    last.state = job_state::failed;
    last.error = why;
    return over(e, std::move(last), true);
  }
}

void tracker_actor::arm() {
  if (std::exchange(armed_, true)) return;
  delayed_send(this, s_.tick_every, tracker_tick{});
}

void tracker_actor::on_tick() {
  armed_ = false;
  bool busy = false;
  std::vector<std::string> ids;
  for (const auto& [id, e] : jobs_)
    if (e.clerk && !e.ending) ids.push_back(id);
  for (const auto& id : ids) {
    auto* e = find(id);
    if (!e) continue;
    if (e->core) step(*e, tick{});
    if (!e->clerk) continue;
    tell(*e);
    busy = true;
  }
  share_reduces();
  announce(true);
  if (busy) arm();
}

std::string master_of(const std::string& job) {
  const auto number = job.rfind('-');
  if (number == std::string::npos || number == 0) return {};
  const auto epoch = job.rfind('-', number - 1);
  return epoch == std::string::npos ? std::string{} : job.substr(0, epoch);
}

caf::actor spawn_tracker(caf::actor_system& system, tracker_settings settings) {
  return system.spawn<tracker_actor>(std::move(settings));
}
}  // namespace troupe::mapreduce
