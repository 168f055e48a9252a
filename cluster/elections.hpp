// Elections by algorithm on the nodes of a cluster: who of its members leads, for processes that contend at them.
//   troupe elect billing --algorithm raft -- ./bill     (cluster/program/elect_members.cpp is the client)
//   Founded   once, by whoever asks first: its algorithm and its members stand in the map below elections_prefix, and never
//             change; removed by erasing the key. Each node that is named there hosts an elector for it while it runs
//             (actors/election/elector_actor.hpp), and a line of contenders (patterns/election/contenders.hpp)
//   Who leads A node leads, and the first in line of its contenders acts. So that somebody acts wherever a contender is,
//             nodes with contenders are eager, and others are not. With raft and zab those still vote, since a majority is
//             needed, and lead only where no eager one can; then they give way as soon as there is one. With bully, where no
//             voice is needed, they rest. The other way, in which whoever leads lends its term to a contender elsewhere,
//             would need a lease from node to node beside the election, and a second number in the fence
//   Promises  raft, zab: at most one contender is chosen in a term, in the whole cluster; `fence` rises with the terms, and
//             from an election to the next one that is founded under its name. bully: the algorithm's, and fence is 0
//             a contender that is not heard for the election's patience is given up, with the term that it had
//   Assumes   contenders stop by themselves when they have not heard `still` for the patience
//   Beware    a leader that is cut off is told after the patience, when another may lead already: what contenders act on
//             must refuse older fences. Where nothing can, use the map's own election (log), whose lease ends before
//   Beware    a node that restarts reads the map before it takes part: that needs the log's majority once
//             a node whose data directory is gone must not come back under its name to an election of raft or zab
//             an election that was removed leaves some bytes in its members' journals
#pragma once
#include "patterns/message.hpp"
#include "runtime/event_log.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe {
inline constexpr const char* elections_prefix = "/troupe/elections/";
// As groups' (groups.hpp). What is wrong; empty: nothing.
std::string election_name_problem(const std::string& name);

struct election_charter {            // in the map
  std::string algorithm;             // patterns/election/elector.hpp; "log" has no members
  std::vector<std::string> members;  // nodes with a voice, in order: the last is bully's elder
  std::vector<std::string> observers;
  std::uint32_t patience_ms = 1'000;
  bool keep_incumbent = false;
};
TROUPE_MESSAGE(election_charter, algorithm, members, observers, patience_ms, keep_incumbent)
// `founded`: the revision of the charter.
std::uint64_t election_fence(std::uint64_t founded, std::uint64_t term);

struct election_keeper_settings {
  std::string node;
  caf::actor client;  // of the map
  caf::actor log;     // its keeper, which has the node's store
  event_log_ptr events = event_log::none();
};
// peer_up and peer_down name the election keepers of other nodes; link_shaken.
caf::actor spawn_election_keeper(caf::actor_system& system, election_keeper_settings settings);

// ---- a client to its node's gateway
struct elections_query {
  std::uint32_t version = 1;
};
TROUPE_MESSAGE(elections_query, version)
struct elections_reply {
  std::string node;
  caf::actor keeper;
};
TROUPE_MESSAGE(elections_reply, node, keeper)

// ---- a client to its node's keeper
struct election_enter {  // answered with nothing once the election is known here
  std::string election;
  caf::actor who;  // is told election_chosen, _still, _dethroned; ends, or withdraws
};
TROUPE_MESSAGE(election_enter, election, who)
struct election_withdraw {
  std::string election;
  caf::actor who;
};
TROUPE_MESSAGE(election_withdraw, election, who)
struct election_here {  // to each election_still
  std::string election;
  caf::actor who;
};
TROUPE_MESSAGE(election_here, election, who)
struct
    election_follow {  // answered with election_view; with `whom`, that is told each new one, too
  std::string election;
  caf::actor whom;
};
TROUPE_MESSAGE(election_follow, election, whom)

// ---- and back
struct election_chosen {
  std::string election;
  std::uint64_t term = 0;
  std::uint64_t fence = 0;  // 0: none
};
TROUPE_MESSAGE(election_chosen, election, term, fence)
struct election_still {
  std::string election;
  std::uint64_t term = 0;
};
TROUPE_MESSAGE(election_still, election, term)
struct election_dethroned {
  std::string election;
  std::uint64_t term = 0;
  std::string why;
};
TROUPE_MESSAGE(election_dethroned, election, term, why)
struct election_seat {
  std::string node;
  std::string as;  // looking, following, leading, observing, resting; absent: not heard of
  std::string leader;
  std::uint64_t term = 0;
  std::uint32_t contenders = 0;
};
TROUPE_MESSAGE(election_seat, node, as, leader, term, contenders)
struct election_view {  // as that node sees it
  std::string node;
  std::string election;
  std::string algorithm;
  std::string leader;  // empty: nobody leads
  std::uint64_t term = 0;
  std::uint64_t fence = 0;
  std::vector<election_seat> seats;
};
TROUPE_MESSAGE(election_view, node, election, algorithm, leader, term, fence, seats)

// ---- keeper to keeper
struct election_row {
  std::string election;
  std::uint64_t founded = 0;
  caf::actor elector;  // null: none yet
  election_seat seat;
};
TROUPE_MESSAGE(election_row, election, founded, elector, seat)
struct election_presence {
  std::string node;
  bool asks = false;  // for the other's
  std::vector<election_row> rows;
};
TROUPE_MESSAGE(election_presence, node, asks, rows)
void register_election_keeper_types(caf::actor_system_config& config);
}  // namespace troupe
