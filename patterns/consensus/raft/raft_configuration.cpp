// Changes of who decides, by joint consensus: section 6; learners: dissertation, 4.2.1.
#include "patterns/consensus/raft/quorum.hpp"
#include "patterns/consensus/raft/raft.hpp"

#include <algorithm>
namespace troupe::raft {
void replica::on(change& in, instant now, output& out) {
  const auto no = [&](refusal why) { out.turned_away.push_back({in.cookie, why, leader_}); };
  if (role_ != role::leader) return no(refusal::not_leader);
  if (transferring_to_ != 0) return no(refusal::transferring);
  if (configs_.index() > commit_ || joint(config())) return no(refusal::change_in_flight);
  if (commit_ < first_of_term_) return no(refusal::too_early);
  auto wanted =
      normal({.voters = std::move(in.voters), .outgoing = {}, .learners = std::move(in.learners)});
  std::erase_if(wanted.learners, [&](const peer& p) { return holds(wanted.voters, p.id); });
  if (wanted.voters.empty()) return no(refusal::no_voters);
  if (wanted == config()) return no(refusal::unchanged);
  for (const auto& p : wanted.voters) {
    if (p.id == 0) return no(refusal::no_such_server);
    if (votes(config(), p.id)) continue;
    const auto found = others_.find(p.id);
    if (found == others_.end() || found->second.match() + how_.lag_max < log_.last())
      return no(refusal::not_caught_up);
  }
  if (wanted.voters != config().voters) wanted.outgoing = config().voters;
  const auto index = append({state_.term, entry_kind::configuration, encode(wanted)}, out);
  configs_.push(index, std::move(wanted));
  out.taken.push_back({in.cookie, index, state_.term});
  configured(out);
  spread(now, out);
}

// The one in force is another: whom a leader leads.
void replica::configured(output& out) {
  out.events.push_back(
      {.kind = event_kind::configured, .term = state_.term, .index = configs_.index()});
  if (role_ != role::leader) return;
  const auto all = everybody(config());
  std::erase_if(others_, [&](const auto& o) { return !holds(all, o.first); });
  for (const auto& p : all) {
    if (p.id == self_ || others_.contains(p.id)) continue;
    others_.emplace(p.id, progress{log_.last() + 1}).first->second.heard = led_since_;
  }
}

void replica::on_config_committed(instant now, output& out) {
  if (configs_.index() > commit_) return;
  if (joint(config())) {
    auto final = config();
    final.outgoing.clear();
    const auto index = append({state_.term, entry_kind::configuration, encode(final)}, out);
    configs_.push(index, std::move(final));
    // those that are leaving hear of it before they are forgotten
    for (auto& [id, p] : others_) send_entries(id, p, out);
    configured(out);
    return advance_commit(now, out);
  }
  if (votes(config(), self_)) return;
  // 6, second issue: it has led while it was none of them, and goes once that is committed
  for (const auto& [id, p] : others_)
    out.send_now.push_back(
        {id, heartbeat{state_.term, std::min(commit_, p.match()), rounds_.current()}});
  leader_ = 0;
  follow(state_.term, 0, now, out);
}
}  // namespace troupe::raft
