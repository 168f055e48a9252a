// Founding a cluster's log: which nodes are its first voters, decided once.
// Beyond the papers, which begin with a configuration; Consul's bootstrap-expect has each server decide
// by itself, and may found two.
//   Promises  a node is among the first voters of one log at most, whatever it forgets meanwhile: its
//             promise is durable, it holds one at a time, and a log begins only when all of its voters
//             have promised
//             all voters of a log begin with the same configuration
//             of founders that are in each other's way all but the first by name withdraw
//   Under     loss, repetition, reordering, crashes, views of members that differ
//   Assumes   `persist` is durable before `send` of the same step leaves; one directory is one node's;
//             an id is never given twice
//   Why       only a founder begins its charter, and one that it has withdrawn, durably, it never does:
//             so a promise may be given up once the founder says that it has withdrawn
//   Beware    a founder that never comes back after some have promised leaves these waiting: whoever
//             starts their data directories anew frees them (no log has begun, or a voter would say so)
//             two sets of nodes without a common one, each of which expects as many, found two logs
//   Costs     3 messages a voter
//   state    | enough are seen, first by name | asked                | all promised  | a log has begun
//   open     | promises, asks all             | promises             | -             | knows it
//   promised | the founder asks again         | the same: again      | begins, tells | its own: begins; other: asks
//            |                                | another: asks its own founder        |   its founder, withdraws
//   begun    | -                              | declines             | -             | -
#pragma once
#include "patterns/consensus/raft/types.hpp"
#include "patterns/message.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>
namespace troupe::founding {
using raft::instant, raft::duration;

struct charter {        // of a log that is to begin, or has
  std::string cluster;  // its id
  std::string founder;
  std::vector<raft::peer> voters;
};
TROUPE_MESSAGE(charter, cluster, founder, voters)
struct presence {  // what nodes tell each other when they meet, and whenever it changes
  std::string node;
  raft::server life = 0;      // of its journal; 0: it has none
  std::uint32_t expects = 0;  // so many first voters; 0: it waits to be told
  std::string cluster;        // whose log it knows to have begun
};
TROUPE_MESSAGE(presence, node, life, expects, cluster)
struct ask {
  charter what;
};
TROUPE_MESSAGE(ask, what)
struct promised {
  std::string cluster;
};
TROUPE_MESSAGE(promised, cluster)
struct declined {
  std::string cluster;
  std::string
      founder;         // of what it has promised itself to; empty: it is not the one that was meant
  bool begun = false;  // or belongs to
};
TROUPE_MESSAGE(declined, cluster, founder, begun)
struct stands {  // to its founder: is it still to be?
  std::string cluster;
};
TROUPE_MESSAGE(stands, cluster)
struct withdrawn {  // it never will
  std::string cluster;
};
TROUPE_MESSAGE(withdrawn, cluster)
struct begun {
  charter what;
};
TROUPE_MESSAGE(begun, what)
using message = std::variant<presence, ask, promised, declined, stands, withdrawn, begun>;

struct met {
  std::string from;
  message what{};
};
struct parted {
  std::string node;
};
struct tick {};
using input = std::variant<met, parted, tick>;

struct letter {
  std::string to;
  message what{};
  bool operator==(const letter&) const = default;
};
struct output {
  std::optional<charter> persist{};      // the promise, before anything below
  std::optional<charter> begin{};        // as one of its voters
  std::optional<std::string> learned{};  // the cluster whose log has begun
  std::vector<letter> send{};
  std::optional<std::string> conflict{};  // a log that is not ours has begun here as well
};

class founder {
 public:
  // `own` is what was promised before, by this directory (without an id: nothing); `id` is for the cluster, if this node founds it.
  founder(presence self, std::optional<charter> own, std::string id);
  void step(const input& in, instant now, output& out);
  const presence& self() const { return self_; }
  void lives(raft::server life) { self_.life = life; }
  bool waits() const { return self_.cluster.empty() && (promise_ || self_.expects > 0); }
  // How many of those expected are here.
  std::size_t here() const;
  const std::optional<charter>& promise() const { return promise_; }

 private:
  void on(const met& m, instant now, output& out);
  void on(const parted& p, instant now, output& out);
  void on(const tick& t, instant now, output& out);
  void take(const std::string& from, const presence& m, instant now, output& out);
  void take(const std::string& from, const ask& m, instant now, output& out);
  void take(const std::string& from, const promised& m, instant now, output& out);
  void take(const std::string& from, const declined& m, instant now, output& out);
  void take(const std::string& from, const stands& m, instant now, output& out);
  void take(const std::string& from, const withdrawn& m, instant now, output& out);
  void take(const std::string& from, const begun& m, instant now, output& out);
  void consider(instant now, output& out);
  void ask_all(instant now, output& out);
  void begin(output& out);
  void learn(const std::string& cluster, output& out);
  void give_up(output& out);
  bool founds() const;
  bool voter() const;

  presence self_;
  std::optional<charter> promise_;
  std::string id_;
  std::uint32_t charters_ = 0;
  std::map<std::string, presence> others_;
  std::set<std::string> agreed_;
  instant asked_{};
};
}  // namespace troupe::founding
