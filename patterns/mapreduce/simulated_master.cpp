// The master of the simulated cluster: what actors/mapreduce/tracker.hpp and clerk.hpp do, and the
// claims that can be judged where it stands.
#include "patterns/mapreduce/simulated.hpp"

#include <algorithm>
namespace troupe::mapreduce::simulated {
using namespace std::chrono_literals;
namespace {
constexpr duration silent_for = 2s, tick_every = 500ms;
constexpr instant core_time(time now) { return std::chrono::duration_cast<instant>(now); }
std::string text(const attempt_id& id) {
  return to_string(id.kind) + ' ' + std::to_string(id.task) + '.' + std::to_string(id.attempt);
}
}  // namespace

master::master(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members,
               time until)
    : chance_{simulation::derived(of.seed, 1)},
      scene_{std::move(all)},
      until_{until},
      crew_(members),
      tick_at_{of.now} {}

void master::begin(time now, output& out) {
  auto made = draw_job(scene_->seed, ++number_);
  made.spec.id = "job" + std::to_string(number_);
  setup_ = &scene_->jobs.emplace(made.spec.id, std::move(made)).first->second;
  given_.clear();
  live_.clear();
  outputs_.clear();
  failed_.clear();
  deaths_.clear();
  unfetched_.clear();
  skipped_.clear();
  core_.emplace(setup_->spec, setup_->splits, core_time(now));
  out.events.push_back({.job = setup_->spec.id,
                        .what = job_event_kind::job_started,
                        .reason = std::string{to_string(setup_->kind)}});
  for (member m = 0; m < crew_.size(); ++m)
    if (crew_[m].up) step(worker_up{std::to_string(m)}, now, out);
}

// ---- who is there

void master::on(member from, const beat& in, time now, output& out) {
  auto& c = crew_.at(from);
  if (in.life < c.life) return;
  if (in.life > c.life || (c.up && in.session != c.session)) down(from, now, out);
  c.life = in.life;
  c.heard = now;
  if (c.session == 0) {
    c.session = ++sessions_;
    c.link.open(c.session);
  }
  if (in.session != c.session) {
    out.send.push_back({from, greet{c.life, c.session}});
  } else if (!c.up) {
    c.up = true;
    step(worker_up{std::to_string(from)}, now, out);
  }
}

void master::lost(member whom, std::uint32_t life, time now, output& out) {
  if (crew_.at(whom).life == life) down(whom, now, out);
}

void master::down(member whom, time now, output& out) {
  auto& c = crew_[whom];
  c.session = 0;
  c.link.open(0);
  if (!std::exchange(c.up, false)) return;
  const auto name = std::to_string(whom);
  for (const auto& [id, on] : live_)
    if (on == name) deaths_[{id.kind, id.task}].insert(id.attempt);
  std::erase_if(live_, [&](const auto& a) { return a.second == name; });
  step(worker_down{name}, now, out);
  for (const auto kind : {task_kind::map, task_kind::reduce})  // that was under way
    step(offer{name, kind}, now, out);
}

master::crew* master::named(const std::string& worker) {
  auto& c = crew_.at(std::stoul(worker));
  return c.up ? &c : nullptr;
}

// ---- what comes in

void master::on(member from, to_master in, time now, output& out) {
  auto& c = crew_.at(from);
  if (c.up && in.what.session == c.session) c.heard = now;
  for (auto& i : c.link.receive(std::move(in.what)))
    std::visit([&](const auto& what) { obey(from, what, now, out); }, i);
}

void master::obey(member from, const slot_offer& in, time now, output& out) {
  const bool placed = core_ && crew_[from].up && core_->wants(in.kind, core_time(now)) &&
                      step(offer{std::to_string(from), in.kind}, now, out, in.number);
  if (!placed) crew_[from].link.post(decline{in.number});
}

void master::obey(member from, const report& in, time now, output& out) {
  crew_[from].link.post(taken{in.number});
  if (!core_) return;
  if (const auto* done = std::get_if<map_done>(&in.what);
      done != nullptr && live_.contains(done->id))
    outputs_[{done->id.task, done->id.attempt}] = {live_.at(done->id),
                                                   crew_[std::stoul(live_.at(done->id))].session};
  if (const auto* f = std::get_if<fetch_failed>(&in.what)) unfetched_[f->map].insert(f->attempt);
  step(in.what, now, out);
}

void master::tick(time now, output& out) {
  clerk(now, out);
  if (now < tick_at_) return;
  tick_at_ = now + tick_every;
  for (member m = 0; m < crew_.size(); ++m)
    if (crew_[m].session != 0 && now - crew_[m].heard >= silent_for) down(m, now, out);
  if (!core_ && now < until_) begin(now, out);
  step(mapreduce::tick{}, now, out);
}

// The clerk's work on files, in order.
void master::clerk(time now, output& out) {
  while (!commits_.empty() && now >= commits_.front().second) {
    const auto order = std::move(commits_.front().first);
    commits_.pop_front();
    if (setup_->kind == nature::flaky && chance_.below(8) == 0) {
      scene_->injected.insert(order.id);
      step(part_committed{order.partition, "the disk is full"}, now, out);
      continue;
    }
    const auto to = setup_->spec.id + "/part." + std::to_string(order.partition);
    if (scene_->files.contains(to))
      scene_->complain(claim::once, text(order.id) + " commits again");
    const auto& part = scene_->files[to] = scene_->files[order.file];
    if (part != setup_->answer.at(order.partition))
      scene_->complain(claim::whole, text(order.id) + " has\n" + part + "and not\n" +
                                         setup_->answer[order.partition]);
    step(part_committed{order.partition, {}}, now, out);
  }
  if (finish_at_ && now >= *finish_at_) {
    finish_at_.reset();
    scene_->files[setup_->spec.id + "/success"];
    step(job_finished{}, now, out);
  }
}

// ---- what goes out

// True: something was assigned.
bool master::step(const input& in, time now, output& out, std::uint64_t offer) {
  if (!core_) return false;
  mapreduce::output did;
  core_->step(in, core_time(now), did);
  const bool gave = !did.maps.empty() || !did.reduces.empty();
  carry_out(did, now, out, offer);
  if (over(core_->state())) ended();
  return gave;
}

void master::carry_out(mapreduce::output& did, time now, output& out, std::uint64_t offer) {
  for (auto& e : did.events) {
    heed(e);
    out.events.push_back(std::move(e));
  }
  for (auto& k : did.kills) {
    live_.erase(k.id);
    if (auto* c = named(k.worker)) c->link.post(std::move(k));
  }
  for (auto& a : did.maps) {
    assigned(a.task.id, a.worker);
    if (auto* c = named(a.worker)) c->link.post(map_order{offer, std::move(a.task)});
  }
  for (auto& a : did.reduces) {
    assigned(a.task.id, a.worker);
    for (const auto& where : a.outputs) told_of(where);
    if (auto* c = named(a.worker))
      c->link.post(reduce_order{offer, std::move(a.task), std::move(a.outputs)});
  }
  for (auto& news : did.locations) {
    told_of(news.where);
    if (auto* c = named(news.worker)) c->link.post(std::move(news));
  }
  for (auto& order : did.commits) {
    for (const auto& other : commits_)
      if (other.first.partition == order.partition)
        scene_->complain(claim::once, text(order.id) + " and " + text(other.first.id));
    if (scene_->files.contains(setup_->spec.id + "/part." + std::to_string(order.partition)))
      scene_->complain(claim::once, text(order.id) + " is told to commit, and another has");
    commits_.emplace_back(std::move(order), now + chance_.between(1ms, 100ms));
  }
  if (did.finish) finish_at_ = now + chance_.between(1ms, 100ms);
}

void master::assigned(const attempt_id& id, const std::string& to) {
  if (named(to) == nullptr) scene_->complain(claim::known, text(id) + " is given to " + to);
  if (!given_.insert(id).second) scene_->complain(claim::numbers, text(id));
  const auto same = [&](const auto& a) {
    return a.first.kind == id.kind && a.first.task == id.task;
  };
  if (std::count_if(live_.begin(), live_.end(), same) > 1 ||
      std::any_of(live_.begin(), live_.end(),
                  [&](const auto& a) { return same(a) && a.second == to; }))
    scene_->complain(claim::backups, text(id) + " on " + to);
  live_[id] = to;
}

void master::told_of(const output_location& where) {
  const auto o = outputs_.find({where.map, where.attempt});
  const auto* c = named(where.worker);
  if (o == outputs_.end() || c == nullptr || o->second != std::pair{where.worker, c->session})
    scene_->complain(claim::live_outputs, "map " + std::to_string(where.map) + '.' +
                                              std::to_string(where.attempt) + " on " +
                                              where.worker);
}

void master::heed(const job_event& e) {
  const attempt_id id{e.job, e.kind, e.task, e.attempt};
  if (e.what == job_event_kind::attempt_done || e.what == job_event_kind::attempt_failed ||
      e.what == job_event_kind::attempt_killed)
    live_.erase(id);
  if (e.what == job_event_kind::map_lost) {
    const auto o = outputs_.find({e.task, e.attempt});
    const auto* c = named(e.worker);
    if (o != outputs_.end() && c != nullptr && o->second.second == c->session &&
        !unfetched_[e.task].contains(e.attempt))
      scene_->complain(claim::needed, "map " + std::to_string(e.task) + " on " + e.worker);
  }
  if (e.what == job_event_kind::record_skipped) {
    auto& last = skipped_[e.task];
    for (const auto& given : given_)
      if (given.kind == task_kind::map && given.task == e.task) last = given.attempt;
  }
  if (e.what != job_event_kind::attempt_failed) return;
  const auto since = skipped_.find(e.task);
  if (e.kind == task_kind::map && since != skipped_.end() && e.attempt > since->second &&
      scene_->injected.contains(id))
    scene_->complain(claim::skipped, text(id));
  failed_[{e.kind, e.task}].insert(e.attempt);
  const bool of_its_own = e.reason.starts_with("it reported no progress") ||
                          e.reason.ends_with("from worker " + e.worker) ||
                          e.reason.find("could not fetch map outputs") != std::string::npos;
  if (!scene_->injected.contains(id) && !of_its_own)
    scene_->complain(claim::earned, text(id) + " did not fail, but: " + e.reason);
}

void master::ended() {
  const auto status = core_->status(instant{});
  const auto& id = setup_->spec.id;
  scene_->over.insert(id);
  for (const auto& [attempt, on] : live_)
    scene_->complain(claim::stopped, text(attempt) + " runs on, on " + on);
  for (auto& c : crew_)
    if (c.up) c.link.post(close_job{id});
  commits_.clear();
  finish_at_.reset();
  std::erase_if(scene_->files, [&](const auto& f) {
    const bool succeeded = status.state == job_state::succeeded;
    return f.first.starts_with(succeeded ? id + "/temporary." : id + '/');
  });
  if (status.state == job_state::succeeded) {
    const auto parts = setup_->answer.size();
    for (std::size_t p = 0; p < parts; ++p)
      if (!scene_->files.contains(id + "/part." + std::to_string(p)))
        scene_->complain(claim::whole, "part " + std::to_string(p) + " is missing");
    const counters_map right{{"maps", static_cast<std::int64_t>(setup_->splits.size())},
                             {"reduces", static_cast<std::int64_t>(parts)}};
    if (status.counters != right) scene_->complain(claim::counted, to_string(status));
    if (setup_->kind == nature::hopeless) scene_->complain(claim::earned, "it succeeded");
  } else if (!has_earned(status.error)) {
    scene_->complain(claim::earned, status.error);
  }
  core_.reset();
}

// Whatever the core counted, so many different attempts did fail, die with their worker, or leave an
// output that could not be had.
bool master::has_earned(const std::string& error) const {
  const auto most = [](const auto& of) {
    std::size_t n = 0;
    for (const auto& [task, attempts] : of) n = std::max(n, attempts.size());
    return n;
  };
  const auto& spec = setup_->spec;
  const auto says = [&](const char* part) { return error.find(part) != std::string::npos; };
  if (says("when they died")) return most(deaths_) >= spec.deaths_max;
  if (says("could not be fetched")) return most(unfetched_) >= 2 * spec.attempts_max;
  if (!says(" times, the last time on worker ")) return false;
  if (setup_->kind == nature::plain && scene_->faultless) return false;
  return most(failed_) >= spec.attempts_max;
}

void master::flush(time now, output& out) {
  for (member m = 0; m < crew_.size(); ++m)
    crew_[m].link.write(now, [&](auto p) { out.send.push_back({m, to_worker{std::move(p)}}); });
}

time master::due() const {
  auto next = tick_at_;
  for (const auto& c : crew_)
    if (c.session != 0) next = std::min(next, c.link.due());
  if (!commits_.empty()) next = std::min(next, commits_.front().second);
  if (finish_at_) next = std::min(next, *finish_at_);
  return next;
}
}  // namespace troupe::mapreduce::simulated
