// Sessions of the coordination tree: who is there, and which ephemeral nodes go with whom.
// Source: P. Hunt et al., "ZooKeeper", USENIX ATC 2010, sections 2.2 and 4.4; for the leader's
//   clock: C. Gray, D. Cheriton, "Leases", SOSP 1989 (patterns/storage/lease_keeper.hpp).
//   Promises  the table follows from the log alone: a session opens, closes and expires at one point
//             of the order, for all replicas; its number is never given again
//   Promises  the clock puts no session up for expiry before its full time-out has passed on the
//             leader's clock since it was opened, last touched, or the leader became one; once it
//             is put up, no touch is accepted any more
//   Assumes   of the clock: see lease_keeper.hpp; above all that a touch is taken only by a leader
//             that a quorum has confirmed after it had come
//   Beware    a touch is not in the log, as in ZooKeeper: a new leader gives each session its full
//             time-out anew, and so a dead client's may last up to n + 1 of them after n changes
//   Beware    the log and snapshots hold the secrets: who can read a replica's disk can be anyone
//   session  | open    | request of its own | touch (leader)    | close, expire
//   none     | opened  | session_unknown    | unknown           | session_unknown
//   open     | another | done               | full time-out     | ended, its nodes with it
//   proposed | another | done               | expired           | ended, its nodes with it
#pragma once
#include "patterns/result.hpp"
#include "patterns/storage/lease_keeper.hpp"
#include "patterns/tree/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::tree {
struct session_settings {
  duration timeout_min{2'000};  // what a client asks for is brought within these
  duration timeout_max{60'000};
  std::uint32_t sessions_max = 100'000;
  std::uint32_t ephemerals_max = 100'000;  // of one session: all go in one entry
  std::uint32_t secret_bytes_min = 16;
  std::uint32_t secret_bytes_max = 64;
};

class session_table {
 public:
  struct session {
    duration timeout{};
    std::string secret{};
    std::set<std::string> nodes{};  // paths
  };
  using store = std::map<session_id, session>;
  explicit session_table(session_settings bounds = {}) : settings_{bounds} {}

  result<session_opened, refusal> open(zxid at, const open_session& x);
  // Is it open, and this its secret? Takes as long for a wrong guess as for a right one.
  result<void, refusal> check(session_id id, std::string_view secret) const;
  const session* find(session_id id) const;
  bool full(session_id id) const;  // has all the nodes it may
  void attach(session_id id, std::string path);
  void detach(session_id id, const std::string& path);
  std::set<std::string> end(session_id id);  // of an open one: the nodes that go with it
  // As a snapshot has it. False: it is there already, or its secret is of no size that was taken.
  bool put_back(session_id id, duration timeout, std::string secret);

  const store& all() const { return all_; }
  std::size_t size() const { return all_.size(); }
  std::uint64_t nodes() const { return nodes_; }

 private:
  session_settings settings_;
  store all_;
  std::uint64_t nodes_ = 0;
};

// Which sessions are silent for too long: on the leader, whose clock decides. In the log stand only
// its decisions.
class session_clock {
 public:
  explicit session_clock(duration again = duration{1000}, std::uint32_t batch = 256)
      : keeper_{again, batch} {}
  // Every replica tells it of each entry's effect, in order, and of each restore.
  void follow(const effect& done, instant now);
  void restored(const session_table& table, instant now);
  void became_leader(std::uint64_t term, instant now);
  void lost_leadership() { keeper_.lost_leadership(); }
  bool leading() const { return keeper_.leading(); }
  // By the client's heartbeats and requests. The time-out that it has anew.
  result<duration, storage::keepalive_refusal> touch(session_id id, instant now) {
    return keeper_.keepalive(id, now);
  }
  std::vector<expire_session> tick(instant now);  // to be proposed, in this term only
  std::optional<instant> due() const { return keeper_.due(); }

 private:
  storage::lease_keeper keeper_;
  std::uint64_t term_ = 0;
};
}  // namespace troupe::tree
