// A worker of the simulated cluster: what actors/mapreduce/worker.hpp does, without threads and disks.
#include "patterns/mapreduce/checksum.hpp"
#include "patterns/mapreduce/simulated.hpp"

#include <algorithm>
namespace troupe::mapreduce::simulated {
using namespace std::chrono_literals;
namespace {
constexpr duration beat_every = 400ms, offer_lasts = 5s, offer_after = 500ms, repeat_after = 2s,
                   answer_within = 1s, retry_after = 500ms;
constexpr std::size_t index(task_kind kind) { return kind == task_kind::map ? 0 : 1; }
}  // namespace

worker::worker(const simulation::life& of, std::shared_ptr<scene> all)
    : life_{of.number},
      chance_{of.seed},
      scene_{std::move(all)},
      numbers_{std::uint64_t{of.number} << 32},
      beat_at_{of.now} {
  for (auto& slots : slots_) slots = 1 + static_cast<std::uint32_t>(chance_.below(2));
}

void worker::on(const greet& in, time now, output& out) {
  if (in.life != life_ || in.session < link_.session()) return;
  if (in.session > link_.session()) {
    link_.open(in.session);
    attempts_.clear();
    offers_.clear();
    outputs_.clear();
    offer_at_ = {now, now};
  }
  out.send.push_back({0, beat{life_, link_.session()}});
}

void worker::on(to_worker in, time now) {
  for (auto& i : link_.receive(std::move(in.what)))
    std::visit([&](auto& what) { obey(std::move(what), now); }, i);
}

bool worker::mishap(const std::string& job, std::uint64_t one_in) {
  return scene_->jobs.at(job).kind == nature::flaky && chance_.below(one_in) == 0;
}

// Some are stragglers.
duration worker::pace_of(const attempt_id& id) {
  if (mishap(id.job, 40)) return 1h;
  return chance_.between(50ms, 600ms) * (chance_.below(8) == 0 ? 10 : 1);
}

void worker::obey(map_order in, time now) {
  if (offers_.erase(in.offer) == 0) return tell(task_killed{in.task.id}, now);
  attempt a{.id = in.task.id, .map = std::move(in.task)};
  a.steps = 1 + static_cast<std::uint32_t>(chance_.below(6));
  a.pace = pace_of(a.id);
  a.at = now + a.pace;
  attempts_.emplace(a.id, std::move(a));
}

void worker::obey(reduce_order in, time now) {
  if (offers_.erase(in.offer) == 0) return tell(task_killed{in.task.id}, now);
  attempt a{.id = in.task.id, .maps = in.task.maps};
  a.steps = 1 + static_cast<std::uint32_t>(chance_.below(4));
  a.pace = pace_of(a.id);
  a.at = now;
  for (const auto& where : in.outputs) locate(a, where, now);
  attempts_.emplace(a.id, std::move(a));
}

void worker::obey(const location_news& in, time now) {
  if (const auto a = attempts_.find(in.reducer); a != attempts_.end())
    locate(a->second, in.where, now);
}

void worker::locate(attempt& a, const output_location& where, time now) {
  auto& s = a.sources[where.map];
  if (s.data) return;
  s = {.where = where, .ask_at = now};
  if (where.part.bytes == 0) s.data.emplace();
  a.at = std::min(a.at, now);
}

void worker::obey(const decline& in, time now) {
  const auto node = offers_.extract(in.offer);
  if (node) offer_at_[index(node.mapped().first)] = now + offer_after;
}

void worker::obey(const close_job& in, time) {
  std::erase_if(attempts_, [&](const auto& a) { return a.first.job == in.job; });
  std::erase_if(outputs_, [&](const auto& o) { return o.first.job == in.job; });
}

void worker::tell(input what, time now) {
  const auto number = ++numbers_;
  link_.post(report{number, what});
  if (!std::holds_alternative<task_progress>(what))
    reports_[number] = {std::move(what), now + repeat_after};
}

void worker::on(member from, const fetch& in, output& out) {
  fetched answer{in};
  const attempt_id id{in.job, task_kind::map, in.map, in.attempt};
  if (mishap(in.job, 50)) outputs_.erase(id);
  if (const auto o = outputs_.find(id); o != outputs_.end()) {
    answer.found = true;
    answer.data = o->second.at(in.partition);
    if (!answer.data.empty() && mishap(in.job, 50)) answer.data.back() ^= 1;
  }
  out.send.push_back({from, std::move(answer)});
}

void worker::on(const fetched& in, time now) {
  for (auto& [id, a] : attempts_) {
    if (id.kind != task_kind::reduce || id.job != in.what.job || id.task != in.what.partition)
      continue;
    const auto found = a.sources.find(in.what.map);
    if (found == a.sources.end() || found->second.where.attempt != in.what.attempt) continue;
    auto& s = found->second;
    if (s.data || s.gone) continue;
    if (in.found && checksum_of(in.data) == s.where.part.checksum) {
      s.data = in.data;
    } else {
      s.gone = true;  // the master will say where it is to be had
      tell(fetch_failed{id, in.what.map, in.what.attempt, s.where.worker, true}, now);
    }
    a.at = std::min(a.at, now);
  }
}

void worker::tick(time now, output& out) {
  if (now >= beat_at_) {
    beat_at_ = now + beat_every;
    out.send.push_back({0, beat{life_, link_.session()}});
  }
  for (auto& [number, r] : reports_) {
    if (now < r.second) continue;
    r.second = now + repeat_after;
    link_.post(report{number, r.first});
  }
  std::erase_if(offers_, [&](const auto& o) { return now >= o.second.second; });
  for (auto a = attempts_.begin(); a != attempts_.end();)
    a = now >= a->second.at && work(a->second, now, out) ? attempts_.erase(a) : std::next(a);
  make_offers(now);
}

void worker::make_offers(time now) {
  if (link_.session() == 0) return;
  for (const auto kind : {task_kind::map, task_kind::reduce}) {
    const auto k = index(kind);
    if (now < offer_at_[k]) continue;
    const auto of_kind = [&](const auto& a) { return a.first.kind == kind; };
    const auto offered = [&](const auto& o) { return o.second.first == kind; };
    auto used = std::count_if(attempts_.begin(), attempts_.end(), of_kind) +
                std::count_if(offers_.begin(), offers_.end(), offered);
    for (; used < slots_[k]; ++used) {
      offers_[++numbers_] = {kind, now + offer_lasts};
      link_.post(slot_offer{numbers_, kind});
    }
    offer_at_[k] = now + offer_after;
  }
}

bool worker::work(attempt& a, time now, output& out) {
  if (a.id.kind == task_kind::reduce && !a.shuffled) {
    gather(a, now, out);
    return false;
  }
  a.at = now + a.pace;
  if (++a.step < a.steps) {
    tell(task_progress{a.id, a.step * 1000 / a.steps, a.step, a.step}, now);
    return a.id.kind == task_kind::reduce && write_part(a, now);
  }
  if (crashes(a)) {
    tell(task_failed{a.id, "the user's code threw", {}}, now);
    return true;
  }
  return a.id.kind == task_kind::map ? finish_map(a, now) : write_part(a, now);
}

bool worker::crashes(const attempt& a) {
  const bool does = mishap(a.id.job, 10);
  if (does) scene_->injected.insert(a.id);
  return does;
}

bool worker::finish_map(attempt& a, time now) {
  const auto& job = scene_->jobs.at(a.id.job);
  auto words = map_words(job, a.map.input, a.map.skip);
  if (!words) {
    scene_->injected.insert(a.id);
    tell(task_failed{a.id, "the user's code threw", {{"in", job.bad}}}, now);
    return true;
  }
  map_done done{a.id, {"out", {}}, {{"maps", 1}}};
  for (const auto& part : *words)
    done.output.segments.push_back({0, part.size(), 1, checksum_of(part)});
  outputs_[a.id] = std::move(*words);
  tell(std::move(done), now);
  return true;
}

void worker::gather(attempt& a, time now, output& out) {
  std::uint32_t have = 0;
  a.at = time::max();
  for (auto& [map, s] : a.sources) {
    if (s.data) {
      ++have;
      continue;
    }
    if (s.gone) continue;
    if (s.answer_by != time{} && now >= s.answer_by) {
      tell(fetch_failed{a.id, map, s.where.attempt, s.where.worker, false}, now);
      s.answer_by = {};
      s.ask_at = now + retry_after * (1 << std::min(s.tries++, 4u));
    }
    if (s.answer_by == time{} && now >= s.ask_at) {
      s.answer_by = now + answer_within;
      const auto whom = static_cast<member>(std::stoul(s.where.worker));
      out.send.push_back({whom, fetch{a.id.job, map, s.where.attempt, a.id.task, 0}});
    }
    a.at = std::min(a.at, s.answer_by == time{} ? s.ask_at : s.answer_by);
  }
  if (have < a.maps) return;
  a.shuffled = true;
  a.at = now + a.pace;
  tell(shuffle_done{a.id}, now);
}

// A part grows step by step: whoever looks too early sees a half.
bool worker::write_part(attempt& a, time now) {
  const auto file =
      a.id.job + "/temporary." + std::to_string(a.id.task) + "." + std::to_string(a.id.attempt);
  if (scene_->over.contains(a.id.job)) {
    tell(task_failed{a.id, "its directory is gone", {}}, now);
    scene_->injected.insert(a.id);
    return true;
  }
  std::vector<std::string> segments;
  for (const auto& [map, s] : a.sources) segments.push_back(*s.data);
  const auto part = reduce_words(segments);
  const bool last = a.step >= a.steps;
  scene_->files[file] = last ? part : part.substr(0, part.size() * a.step / a.steps);
  if (last) tell(reduce_done{a.id, file, part.size(), 1, {{"reduces", 1}}}, now);
  return last;
}

void worker::flush(time now, output& out) {
  link_.write(now, [&](auto p) { out.send.push_back({0, to_master{std::move(p)}}); });
}

time worker::due() const {
  auto next = std::min(beat_at_, link_.due());
  for (const auto& [id, a] : attempts_) next = std::min(next, a.at);
  for (const auto& [number, r] : reports_) next = std::min(next, r.second);
  if (link_.session() != 0) next = std::min({next, offer_at_[0], offer_at_[1]});
  return next;
}
}  // namespace troupe::mapreduce::simulated
