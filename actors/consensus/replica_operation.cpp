// What an operator sees of a replica and asks of it; whom it tells who leads.
#include "actors/consensus/replica.hpp"
#include "patterns/consensus/raft/quorum.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <algorithm>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::give_up_hand_over)

namespace troupe::consensus {
namespace {
void merge(std::vector<raft::peer>& into, const std::vector<raft::peer>& more) {
  for (const auto& p : more) {
    std::erase_if(into, [&](const raft::peer& q) { return q.id == p.id || q.name == p.name; });
    into.push_back(p);
  }
}
bool named(const std::vector<std::string>& names, const raft::peer& p) {
  return std::find(names.begin(), names.end(), p.name) != names.end();
}
}  // namespace

caf::error to_error(raft::refusal why) {
  const auto later = errc::not_ready;  // the same, asked again in a moment, may be done
  switch (why) {
    case raft::refusal::not_leader:
      return make_error(later, "another replica leads");
    case raft::refusal::transferring:
      return make_error(later, "leadership is being handed over: try again");
    case raft::refusal::change_in_flight:
      return make_error(later, "another change of members is under way: try again when it is done");
    case raft::refusal::too_early:
      return make_error(later, "the leader is new and has committed nothing yet: try again");
    case raft::refusal::not_caught_up:
      return make_error(
          later, "it lacks too much of the log to vote: add it as a learner, wait, and try again");
    case raft::refusal::no_such_server:
      return make_error(errc::not_found,
                        "no such member of the group: `troupe log status` lists them");
    case raft::refusal::no_voters:
      return make_error(errc::invalid_argument, "a group needs at least one voter");
    case raft::refusal::unchanged:
      return make_error(errc::already_exists, "the group is like that already");
    case raft::refusal::overloaded:
      return make_error(errc::overloaded, "too much waits to be committed: try again later");
  }
  return make_error(errc::refused);
}

void replica_actor::on_event(const raft::event& e) {
  using kind = raft::event_kind;
  switch (e.kind) {
    case kind::became:
      if (e.as == raft::role::leader) {
        s_.events->write(events::leader{s_.group, e.term});
        metrics::counter("troupe_log_elections_won_total", "Elections that this node has won.")
            .add();
        log::info("log", "leads", {{"group", s_.group}, {"term", e.term}});
      }
      break;
    case kind::leader_is:
      if (e.whom != s_.id)
        log::info("log", "follows",
                  {{"group", s_.group}, {"term", e.term}, {"leader", name_of(e.whom)}});
      break;
    case kind::voted:
      s_.events->write(events::voted{s_.group, e.term, e.whom});
      break;
    case kind::configured: {
      const auto& c = core_.config();
      for (const auto& p : raft::everybody(c)) names_[p.id] = p.name;
      s_.events->write(events::configured{s_.group, e.index, c.voters.size(), c.outgoing.size(),
                                          c.learners.size()});
      break;
    }
    case kind::restored:
      s_.events->write(events::restored{s_.group, e.index});
      break;
    case kind::committed:
      break;
  }
}

void replica_actor::on_role() {
  const bool leads = core_.as() == raft::role::leader;
  const auto whom = leader_name();
  if (whom != known_.node || (core_.term() != known_.term && !whom.empty())) {
    tell_all({whom, core_.term()});
    metrics::gauge("troupe_log_term", "The term of a group, as this node knows it.",
                   {{"group", s_.group}})
        .set(static_cast<double>(core_.term()));
  }
  // A new leader is one once it has applied something of its own term: then it knows all that was committed.
  const bool ready = leads && core_.entries().term(applied_) == core_.term();
  if (ready != leading_ && (ready || !leads)) {
    leading_ = ready;
    led(ready);
  }
  if (leads) return;
  unsure();
  for (auto& whom_waits : changing_) whom_waits.deliver(not_leading(verdict::unsure));
  changing_.clear();
  if (handing_over_.pending()) handing_over_.deliver(answered{verdict::done, {}, whom});
}

group_status replica_actor::status() {
  group_status s{.group = s_.group,
                 .node = s_.node,
                 .id = s_.id,
                 .role = to_string(core_.as()),
                 .leader = leader_name(),
                 .term = core_.term(),
                 .last = core_.entries().last(),
                 .commit = core_.commit(),
                 .applied = applied_,
                 .first = core_.entries().first(),
                 .config = core_.config(),
                 .followers = {}};
  for (const auto& p : raft::everybody(core_.config())) {
    const auto* f = core_.follower(p.id);
    if (!f) continue;
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(now() - f->heard);
    s.followers.push_back({p.id, p.name, f->match(), static_cast<std::uint64_t>(ago.count())});
  }
  return s;
}

caf::result<answered> replica_actor::on_change(change_members& wanted) {
  if (core_.as() != raft::role::leader) return not_leading(verdict::not_leader);
  auto config = core_.config();
  merge(config.voters, wanted.add_voters);
  merge(config.learners, wanted.add_learners);
  std::erase_if(config.voters, [&](const raft::peer& p) {
    return named(wanted.remove, p) || raft::holds(wanted.add_learners, p.id);
  });
  std::erase_if(config.learners, [&](const raft::peer& p) {
    return named(wanted.remove, p) || raft::holds(config.voters, p.id);
  });
  for (const auto& p : wanted.add_voters) names_[p.id] = p.name;
  for (const auto& p : wanted.add_learners) names_[p.id] = p.name;
  auto promise = make_response_promise<answered>();
  out_.clear();
  core_.step(raft::change{0, config.voters, config.learners}, now(), out_);
  if (!out_.turned_away.empty()) {
    const auto why = out_.turned_away.front().why;
    carry_out();
    promise.deliver(to_error(why));
    return promise;
  }
  if (!out_.taken.empty())
    waiting_.emplace(out_.taken.front().index, waiting{out_.taken.front().term, promise, true});
  carry_out();
  arm();
  return promise;
}

// A change is done when what follows from it is committed too: the one that is no longer joint.
void replica_actor::settle_changes() {
  if (changing_.empty() || core_.config().voters.empty() || !core_.config().outgoing.empty() ||
      core_.config_index() > core_.commit())
    return;
  for (auto& whom : changing_) whom.deliver(answered{verdict::done, {}, known_.node});
  changing_.clear();
}

caf::result<answered> replica_actor::on_hand_over(const hand_over& wanted) {
  if (core_.as() != raft::role::leader) return not_leading(verdict::not_leader);
  raft::server to = 0;
  std::uint64_t most = 0;
  for (const auto& p : core_.config().voters) {
    const auto* f = core_.follower(p.id);
    if (!f || (!wanted.to.empty() && p.name != wanted.to)) continue;
    if (to == 0 || f->match() > most) {
      to = p.id;
      most = f->match();
    }
  }
  if (to == 0)
    return make_error(errc::invalid_argument, wanted.to == s_.node
                                                  ? s_.node + " leads already"
                                                  : "no voter is named '" + wanted.to +
                                                        "': `troupe log status` lists them");
  if (handing_over_.pending()) return to_error(raft::refusal::transferring);
  handing_over_ = make_response_promise<answered>();
  delayed_send(this, s_.how.election * 2, give_up_hand_over{core_.term()});
  const auto promise = handing_over_;
  feed(raft::transfer{0, to});
  return promise;
}

void replica_actor::on_give_up(std::uint64_t term) {
  if (!handing_over_.pending() || core_.term() != term) return;
  handing_over_.deliver(make_error(errc::failed, "nobody took over in time: " + s_.node +
                                                     " still leads; is the other one alive?"));
}
}  // namespace troupe::consensus
