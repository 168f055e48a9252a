// What an operator sees of a replica; whom it tells who leads.
#include "actors/consensus/zab_replica.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <caf/all.hpp>
namespace troupe::consensus {
void zab_replica::on_event(const zab::event& e) {
  using kind = zab::event_kind;
  switch (e.kind) {
    case kind::entered:
      if (e.where == zab::phase::broadcast && e.leader != s_.self)
        log::info("zab", "follows",
                  {{"group", s_.group}, {"epoch", e.epoch}, {"leader", name_of(e.leader)}});
      break;
    case kind::established:
      s_.events->write(events::leader{s_.group, e.epoch});
      metrics::counter("troupe_zab_elections_won_total",
                       "Epochs that this node has been established to lead.")
          .add();
      log::info("zab", "leads", {{"group", s_.group}, {"epoch", e.epoch}});
      break;
    case kind::restored:
      s_.events->write(events::restored{s_.group, index_of(e.at)});
      break;
    case kind::committed:
      break;
  }
}

// An established leader has applied all of earlier epochs: it commits its initial history in that step.
void zab_replica::on_role() {
  const bool leads = core_.established();
  const auto whom = leader_name();
  // Who looks for a leader may have accepted an epoch that never comes to be.
  if (whom != known_.node || (in_touch() && core_.state().accepted != known_.term)) {
    tell_all({whom, in_touch() ? core_.state().accepted : known_.term});
    metrics::gauge("troupe_zab_epoch", "The epoch of a group, as this node knows it.",
                   {{"group", s_.group}})
        .set(static_cast<double>(known_.term));
  }
  if (leads != leading_) {
    leading_ = leads;
    led(leads);
  }
  if (leads) return;
  unsure();
  turn_readers_away();
}

group_status zab_replica::status() {
  const auto& log = core_.log();
  const bool votes = s_.of.votes(s_.self);
  group_status s{.group = s_.group,
                 .node = s_.node,
                 .id = s_.self,
                 .role = !in_touch()           ? "looking"
                         : core_.established() ? "leader"
                         : votes               ? "follower"
                                               : "observer",
                 .leader = leader_name(),
                 .term = core_.state().accepted,
                 .last = index_of(log.last()),
                 .commit = index_of(core_.committed()),
                 .applied = index_of(applied_),
                 .first = index_of(log.size() > 0 ? log[0].at : log.base()),
                 .config = {},
                 .followers = {}};
  const auto add = [&](zab::server id, std::vector<raft::peer>& to) {
    to.push_back({id, name_of(id)});
    const auto f = core_.established() ? core_.follower_at(id) : std::nullopt;
    if (!f) return;
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(now() - f->heard);
    s.followers.push_back(
        {id, name_of(id), index_of(f->acked), static_cast<std::uint64_t>(ago.count())});
  };
  for (const auto id : s_.of.voters) add(id, s.config.voters);
  for (const auto id : s_.of.observers) add(id, s.config.learners);
  return s;
}

caf::result<answered> zab_replica::fixed() const {
  return make_error(errc::refused, "the ensemble of group " + s_.group +
                                       " is fixed and chooses its leader by itself: nothing was "
                                       "changed; stop the leader's node to make another lead");
}

std::string zab_replica::leader_name() const {
  return in_touch() ? name_of(core_.leader()) : std::string{};
}
}  // namespace troupe::consensus
