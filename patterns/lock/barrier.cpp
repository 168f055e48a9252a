#include "patterns/lock/barrier.hpp"

#include "patterns/lock/kinds.hpp"

#include <algorithm>
#include <set>
#include <utility>
namespace troupe::lock {
namespace {
const std::string gate_id = "gate";

std::string out_of(std::uint64_t ticket) { return "out-" + std::to_string(ticket); }
std::string go_of(const std::vector<std::uint64_t>& members) {
  std::string id = "go";
  for (const auto t : members) id += "-" + std::to_string(t);
  return id;
}
std::vector<std::uint64_t> members_in(const std::string& go) {
  std::vector<std::uint64_t> those;
  for (auto at = go.find('-'); at != go.npos; at = go.find('-', at + 1))
    those.push_back(std::strtoull(go.c_str() + at + 1, nullptr, 10));
  return those;
}
bool has(const line& all, const std::string& id) {
  return std::any_of(all.begin(), all.end(), [&](const place& p) { return p.id == id; });
}
bool is_member(const place& p) { return p.id.starts_with("in-"); }

// What finished rounds have left: what is void by one goes before it, so that it never comes to be valid; marks go after it,
// so that whoever looks late and sees the round sees all of its marks.
std::deque<std::string> leftovers(const line& all) {
  std::deque<std::string> ids;
  for (const auto& r : rounds_of(all)) {
    const auto here = [&](std::uint64_t t) { return find(all, t) != nullptr; };
    if (std::any_of(r.members.begin(), r.members.end(), here)) continue;
    const std::set<std::uint64_t> its(r.members.begin(), r.members.end());
    for (const auto& p : all) {
      if (!p.id.starts_with("go-") || p.id == r.id) continue;
      const auto those = members_in(p.id);
      if (std::any_of(those.begin(), those.end(), [&](auto t) { return its.contains(t); }))
        ids.push_back(p.id);
    }
    ids.push_back(r.id);
    for (const auto t : r.members)
      if (has(all, out_of(t))) ids.push_back(out_of(t));
  }
  std::set<std::string> known;  // marks without a round: whoever swept has died
  for (const auto& r : rounds_of(all))
    for (const auto t : r.members) known.insert(out_of(t));
  for (const auto& p : all)
    if (p.id.starts_with("out-") && !known.contains(p.id)) ids.push_back(p.id);
  return ids;
}
}  // namespace

std::vector<round> rounds_of(const line& all) {
  std::vector<round> valid;
  std::set<std::uint64_t> taken;
  for (const auto& p : all) {
    if (!p.id.starts_with("go-")) continue;
    const auto those = members_in(p.id);
    if (std::any_of(those.begin(), those.end(), [&](auto t) { return taken.contains(t); }))
      continue;
    taken.insert(those.begin(), those.end());
    valid.push_back({p.ticket, p.id, those});
  }
  return valid;
}

std::vector<party> parties_of(const line& all) {
  std::vector<party> those;
  const auto rounds = rounds_of(all);
  for (const auto& p : all) {
    if (!is_member(p)) continue;
    auto& it = those.emplace_back(party{p.ticket, p.owner, p.capacity});
    for (const auto& r : rounds)
      if (std::find(r.members.begin(), r.members.end(), p.ticket) != r.members.end())
        it.round = r.number;
  }
  return those;
}

barrier::barrier(barrier_settings how, std::string life)
    : how_{std::move(how)},
      life_{std::move(life)},
      line_{line_of({line_kind::barrier, how_.name})} {}

void barrier::step(const barrier_input& in, instant now, barrier_output& out) {
  std::visit([&](const auto& x) { on(x, now, out); }, in);
}

void barrier::on(const barrier_enter& in, instant now, barrier_output& out) {
  if (!may_enter())
    return refuse(barrier_refusal::refused, "it is in the barrier, or on its way: leave first",
                  out);
  if (how_.name.empty() || how_.parties == 0)
    return refuse(barrier_refusal::refused, "a barrier needs a name, and one member at least", out);
  wants_ = true;
  until_ = in.wait > instant::max() - now ? instant::max() : now + in.wait;
  if (!session_.empty()) on(session_is{session_}, now, out);
}

void barrier::on(const barrier_abandon&, instant, barrier_output& out) {
  until_ = instant::max();
  finish(out);
}

void barrier::on(const session_is& in, instant, barrier_output& out) {
  session_ = in.id;
  if (!wants_ || at_ != stage::out) return;
  id_ = "in-" + life_ + "-" + std::to_string(++wishes_);
  stand_as(stage::standing, session_, id_, out);
}

void barrier::on(const session_gone& in, instant, barrier_output& out) {
  session_.clear();
  if (at_ == stage::out) return;
  if (entered_ && !leaving_)
    out.events.emplace_back(barrier_broken{"its session has ended: " + in.why});
  if (leaving_) refuse(barrier_refusal::broken, "its session has ended: " + in.why, out);
  doubts_ = false;  // nothing can stand under it any more
  const bool waits = wants_;
  finish(out);
  wants_ = waits;  // and stands anew under the next one
}

void barrier::on(const barrier_leave&, instant, barrier_output& out) {
  if (at_ == stage::out || !entered_ || leaving_)
    return refuse(barrier_refusal::refused, "it is not inside", out);
  leaving_ = true;
  stand_as(stage::marking, {}, out_of(ticket_), out);
}

void barrier::on(const tick&, instant now, barrier_output& out) {
  if (now >= until_) {
    until_ = instant::max();
    wants_ = false;
    refuse(barrier_refusal::timed_out, "'" + how_.name + "' was not complete within the time given",
           out);
    if (at_ == stage::out) return;
    doubts_ = doubts_ || at_ == stage::standing;
    return leave_place(stage::withdrawing, id_, out);
  }
  if (now < again_) return;
  again_ = instant::max();
  if (!std::holds_alternative<await>(asked_)) return put(out);
  ask_for(at_ == stage::waiting ? stage::looking : at_, look{line_}, out);
}

void barrier::on(const answered& in, instant now, barrier_output& out) {
  if (in.number == 0 || in.number != awaited_) return;
  awaited_ = 0;
  if (std::holds_alternative<unanswered>(in.what)) {
    again_ = now + how_.retry;
    doubts_ = doubts_ || at_ == stage::standing;
  } else if (std::holds_alternative<no_session>(in.what)) {
    on(session_gone{"the store has ended it"}, now, out);
  } else if (const auto* no = std::get_if<refused>(&in.what)) {
    give_up(no->why, out);
  } else if (const auto* s = std::get_if<stood>(&in.what)) {
    if (at_ == stage::standing) ticket_ = s->ticket;
    judge(s->all, s->at, now, out);
  } else if (const auto* there = std::get_if<seen>(&in.what)) {
    judge(there->all, there->at, now, out);
  } else if (at_ == stage::withdrawing) {
    const bool again = wants_;
    finish(out);
    wants_ = again;
    if (!session_.empty()) on(session_is{session_}, now, out);
  } else if (at_ == stage::opening) {
    enter_round(out);
  } else if (at_ == stage::sweeping) {
    sweep_next(out);
  } else {  // it has gone, or what it waited for has
    ask_for(at_ == stage::inside || at_ == stage::going || at_ == stage::emptying ? at_
                                                                                  : stage::looking,
            look{line_}, out);
  }
}

void barrier::judge(const line& all, std::uint64_t at, instant now, barrier_output& out) {
  if (at_ == stage::inside) return judge_inside(all, at, out);
  if (at_ == stage::marking) return leave_place(stage::going, id_, out);
  if (at_ == stage::going || at_ == stage::emptying) return judge_leaving(all, at, out);
  judge_waiting(all, at, now, out);
}

void barrier::judge_waiting(const line& all, std::uint64_t at, instant now, barrier_output& out) {
  if (find(all, ticket_) == nullptr) {  // taken away by somebody
    finish(out);
    wants_ = true;
    return on(session_is{session_}, now, out);
  }
  std::vector<std::uint64_t> waiting;
  std::uint32_t parties = 0;  // as many as the first says
  for (const auto& p : all) {
    if (!is_member(p)) continue;
    if (parties == 0) parties = p.capacity;
    if (parties != how_.parties) {
      return give_up("'" + how_.name + "' is for " + std::to_string(parties) + ", not for " +
                         std::to_string(how_.parties),
                     out);
    }
    if (p.capacity == parties) waiting.push_back(p.ticket);
  }
  std::set<std::uint64_t> taken;
  bool voided = !go_.empty() && has(all, go_);
  for (const auto& r : rounds_of(all)) {
    taken.insert(r.members.begin(), r.members.end());
    voided = voided && r.id != go_;
    if (std::find(r.members.begin(), r.members.end(), ticket_) == r.members.end()) continue;
    round_ = r;
  }
  if (voided) return leave_place(stage::voiding, std::exchange(go_, {}), out);
  if (round_.number != 0) {
    if (has(all, gate_id)) return leave_place(stage::opening, gate_id, out);
    return enter_round(out);
  }
  std::erase_if(waiting, [&](std::uint64_t t) { return taken.contains(t); });
  if (waiting.size() >= how_.parties) {
    waiting.resize(how_.parties);
    go_ = go_of(waiting);
    return stand_as(stage::making, {}, go_, out);
  }
  const auto gate =
      std::find_if(all.begin(), all.end(), [](const place& p) { return p.id == gate_id; });
  if (gate == all.end()) return stand_as(stage::gating, {}, gate_id, out);
  ask_for(stage::waiting, await{line_, {*gate}, at}, out);
  again_ = now + how_.recheck;
}

void barrier::enter_round(barrier_output& out) {
  wants_ = false;
  entered_ = true;
  until_ = instant::max();
  const auto own = std::find(round_.members.begin(), round_.members.end(), ticket_);
  out.events.emplace_back(
      barrier_entered{round_.number, static_cast<std::uint32_t>(own - round_.members.begin())});
  ask_for(stage::inside, look{line_}, out);
}

void barrier::judge_inside(const line& all, std::uint64_t at, barrier_output& out) {
  line others;
  if (find(all, ticket_) == nullptr && broken_.empty()) broken_ = "its own place was taken away";
  for (const auto t : round_.members) {
    if (t == ticket_) continue;
    if (const auto* p = find(all, t))
      others.push_back(*p);
    else if (!has(all, out_of(t)) && broken_.empty())
      broken_ =
          "member " + std::to_string(t) + " of round " + std::to_string(round_.number) + " is gone";
  }
  if (!broken_.empty()) {
    out.events.emplace_back(barrier_broken{broken_});
    return;
  }
  if (!others.empty()) ask_for(stage::inside, await{line_, others, at}, out);
}

void barrier::judge_leaving(const line& all, std::uint64_t at, barrier_output& out) {
  bool last = true;
  const auto mark_of = [&](std::uint64_t t) {
    return std::find_if(all.begin(), all.end(), [&](const place& p) { return p.id == out_of(t); });
  };
  const auto own = mark_of(ticket_);
  for (const auto t : round_.members) {
    if (const auto* p = find(all, t)) return ask_for(stage::emptying, await{line_, {*p}, at}, out);
    const auto mark = mark_of(t);
    // Without a round the last one has swept, and all had left.
    if (mark == all.end() && has(all, round_.id) && broken_.empty())
      broken_ =
          "member " + std::to_string(t) + " of round " + std::to_string(round_.number) + " is gone";
    if (mark != all.end() && own != all.end() && mark->ticket > own->ticket) last = false;
  }
  to_sweep_.clear();
  if (last && broken_.empty()) to_sweep_ = leftovers(all);  // others want to see that it was broken
  sweep_next(out);
}

void barrier::sweep_next(barrier_output& out) {
  if (!to_sweep_.empty()) {
    auto id = std::move(to_sweep_.front());
    to_sweep_.pop_front();
    return leave_place(stage::sweeping, std::move(id), out);
  }
  if (broken_.empty())
    out.events.emplace_back(barrier_left{});
  else
    refuse(barrier_refusal::broken, broken_, out);
  finish(out);
}

void barrier::give_up(std::string why, barrier_output& out) {
  refuse(barrier_refusal::refused, std::move(why), out);
  wants_ = false;
  until_ = instant::max();
  leave_place(stage::withdrawing, id_, out);
}

void barrier::finish(barrier_output& out) {
  out.spoiled = out.spoiled || std::exchange(doubts_, false);
  at_ = stage::out;
  wants_ = entered_ = leaving_ = false;
  awaited_ = ticket_ = 0;
  round_ = {};
  go_.clear();
  broken_.clear();
  to_sweep_.clear();
  again_ = instant::max();
}

void barrier::refuse(barrier_refusal why, std::string sentence, barrier_output& out) {
  out.events.emplace_back(barrier_refused{why, std::move(sentence)});
}

void barrier::stand_as(stage what, const std::string& session, std::string id,
                       barrier_output& out) {
  ask_for(what,
          stand{session, line_, {0, how_.owner, mode::shared, 1, how_.parties, std::move(id)}},
          out);
}

void barrier::leave_place(stage what, std::string id, barrier_output& out) {
  ask_for(what, leave_line{{}, line_, std::move(id)}, out);
}

void barrier::ask_for(stage what, wish w, barrier_output& out) {
  at_ = what;
  again_ = instant::max();
  asked_ = std::move(w);
  put(out);
}

void barrier::put(barrier_output& out) {
  awaited_ = ++numbers_;
  out.asks.push_back({awaited_, asked_});
}
}  // namespace troupe::lock
