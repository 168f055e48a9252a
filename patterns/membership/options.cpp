#include "patterns/membership/options.hpp"

#include "patterns/membership/messages.hpp"
namespace troupe::membership {
std::string complaint(const options& o) {
  const auto zero = duration::zero();
  if (o.cluster_name.empty()) return "the cluster's name must not be empty";
  if (o.probe_timeout <= zero || o.gossip_interval <= zero || o.join_interval <= zero) {
    return "the probe time-out, the gossip and the join interval must be longer than nothing";
  }
  if (o.probe_interval < 2 * o.probe_timeout) {
    return "the probe interval must be at least twice the probe time-out, since a probe has two "
           "halves";
  }
  if (o.suspicion_min < 2 * o.probe_timeout) {
    return "the shortest suspicion must be at least twice the probe time-out, or nobody could "
           "refute it";
  }
  if (o.suspicion_max < o.suspicion_min) {
    return "the longest suspicion must not be shorter than the shortest";
  }
  if (o.gossip_fanout == 0 || o.gossip_factor == 0 || o.gossip_batch == 0) {
    return "gossip needs a fan-out, a factor and a batch of at least one";
  }
  if (o.gossip_batch > gossip_max) return "at most 64 news fit in one message";
  if (o.tombstone_for <= o.pause_max) {
    return "tombstones must be kept for longer than the longest pause, or a frozen node could "
           "rejoin";
  }
  if (o.resolving.how.kind == downing::static_quorum && o.resolving.how.quorum == 0) {
    return "static-quorum needs the size of the quorum";
  }
  if (o.resolving.acquire_within <= zero || o.lease_held_for < o.resolving.acquire_within) {
    return "a lease must be held for longer than it may take to get it, and that for longer than nothing";
  }
  if (!(o.phi_threshold > 0) || o.deadline_rounds == 0) {
    return "the detector needs a threshold above nothing, and a round at least";
  }
  return {};
}
}  // namespace troupe::membership
