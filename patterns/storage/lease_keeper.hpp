// Time for the map's leases: on the leader, which ones have run out. The map itself knows no time.
// Source: C. Gray, D. Cheriton, "Leases", SOSP 1989; etcd v3 (server/lease/lessor.go).
//   Promises  no lease is put up for revocation before its full ttl has passed on this clock since it
//             was granted, last kept alive, or this replica became leader; once it was put up, no
//             keepalive is accepted any more, until a leader is made anew
//   Assumes   every replica is told of each grant and revocation as it applies them (all leases on
//             restore), and becomes leader only after applying all entries of earlier terms
//   Assumes   the host takes a keepalive only when a quorum has confirmed its leadership after the
//             request had come (a read index, or the leader's own lease): a deposed leader that does
//             not know it would promise time that its successor does not give
//   Assumes   a revocation is proposed with the leader's term and never passed on to another leader:
//             the map refuses it in an entry of another term (lease_revoke::term)
//   Beware    a new leader gives every lease its full ttl anew, as etcd does: after n changes of
//             leadership a dead client's lease may last up to n + 1 times its ttl
//   Costs     O(log n) an input
//   input        | follower   | leader, running      | leader, proposed
//   keepalive    | not_leader | renewed              | expired
//   tick         |            | proposed, if overdue | proposed again after `again`
//   revoked      | forgotten  | forgotten            | forgotten
//   became_leader: all run for their full ttl;  lost_leadership: no deadlines
#pragma once
#include "patterns/result.hpp"
#include "patterns/storage/map_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>
namespace troupe::storage {
enum class keepalive_refusal : std::uint8_t {
  not_leader,  // certainly not kept alive here: ask the leader
  unknown,     // no such lease
  expired,     // its revocation is under way
};
TROUPE_ENUM(keepalive_refusal, not_leader, unknown, expired)

class lease_keeper {
 public:
  // A proposal that has not come back as `lease_revoked` after `again` is made once more;
  // at most `batch` are made at a time, so that many leases of one dead node do not flood the log.
  explicit lease_keeper(duration again = duration{1000}, std::uint32_t batch = 256)
      : again_{again}, batch_{batch} {}

  // As the map applied them. A grant counts from now, and the client counts from before it asked.
  void lease_granted(const granted& lease, instant now);
  void lease_revoked(lease_id id);
  void restored(const std::vector<granted>& all, instant now);  // by a snapshot: these and no other

  void became_leader(instant now);
  void lost_leadership();
  bool leading() const { return leading_; }

  // The ttl it has anew.
  result<duration, keepalive_refusal> keepalive(lease_id id, instant now);
  // Those to propose a revocation of.
  std::vector<lease_id> tick(instant now);
  std::optional<instant> due() const;  // when the next tick has something to do

  // Zero when its revocation is under way; nothing when it is unknown or this is no leader.
  std::optional<duration> remaining(lease_id id, instant now) const;
  std::size_t size() const { return leases_.size(); }

 private:
  struct lease {
    duration ttl{};
    instant until{};  // proposed: when to propose again
    bool proposed = false;
  };
  void run(lease_id id, lease& l, instant until);

  duration again_;
  std::uint32_t batch_;
  bool leading_ = false;
  std::map<lease_id, lease> leases_;
  std::set<std::pair<instant, lease_id>> deadlines_;  // empty unless leading
};
}  // namespace troupe::storage
