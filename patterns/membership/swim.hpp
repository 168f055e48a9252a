// A member of a cluster: who else is there, who answers, who must go.
// Sources: A. Das, I. Gupta, A. Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process
//   Group Membership Protocol", DSN 2002; A. Dadgar, J. Phillips, J. Currey, "Lifeguard", 2018;
//   member states and downing strategies are Akka's.
// Beyond the papers: members are lives of processes, so that a restart is another member; a verdict
//   heard is a suspicion, unless one is under way here and two have witnessed it; whoever is
//   unreachable stays a member, is asked now and then, and comes back by itself unless it was
//   downed; views are compared by digest and exchanged where they stay different.
//   Promises (S1, S2, S3, S5 and L2 are claims of simulated.hpp under these names, S6 one of worlds with a lease, S4 and L1 tests)
//             S1 states and generations of one incarnation never go back, in any view; one that was
//                replaced is not present beside its successor
//             S2 an incarnation that is down in a view never has a voice there again; it is told so,
//                and whoever speaks to a former life is told that it is gone, with the first message
//             S3 nobody is called unreachable or down who answers within a probe's time-out; nor
//                sooner than `suspicion_min` after somebody first doubted it; and on the word of others
//                only where two have witnessed it. Nobody is doubted for a pause of one's own
//             S4 under a symmetric partition exactly the side lives that the strategy says, at most
//                one (downing.hpp)
//             S6 under lease-majority no two members live that have given each other up, under anything
//             S5 views with one digest are one view
//             L1 a member that has died is unreachable for all within probing and suspicion (about
//                2 s for 5 members) plus the spread of news, log2(n) rounds of gossip
//             L2 members that can talk to each other have one view soon after faults stop
//   Under     lost, repeated, delayed, reordered messages; partitions, also one-way; processes that
//             freeze, crash, restart; peers that repeat the past
//   Assumes   `step` with a tick at the latest when `due` says. A late step is a pause of one's
//             own: all deadlines move by it, and one's health is worse, not that of others
//   Beware    views differ for moments: what must be unique needs the replicated log
//   Costs     messages a member and second do not grow with the cluster: 2 probes, their answers,
//             and gossip while there is news; a step is O(log n) in time, O(n) where the view has
//             changed
#pragma once
#include "patterns/membership/bootstrap.hpp"
#include "patterns/membership/detector.hpp"
#include "patterns/membership/directory.hpp"
#include "patterns/membership/dissemination.hpp"
#include "patterns/membership/events.hpp"
#include "patterns/membership/lifeguard.hpp"
#include "patterns/membership/messages.hpp"
#include "patterns/membership/options.hpp"
#include "patterns/membership/prober.hpp"

#include <optional>
#include <random>
#include <variant>
namespace troupe::membership {
struct tick {};
struct leave {  // gracefully; of another member too
  std::string name{};
};
struct down {  // by an operator: final
  std::string name{};
};
struct link_hint {  // the network has lost, or has, its connection to this incarnation
  std::string incarnation{};
  bool connected = false;
};
struct disowned {  // the network was told that this incarnation is down and may not return
  std::string by{};
};
struct also_known {  // whoever is dialed at `text` calls itself `address`
  std::string text{};
  std::string address{};
};
struct own_address {  // what is dialed at `text` is this node itself
  std::string text{};
};
using input = std::variant<tick, message, leave, down, link_hint, disowned, also_known, own_address,
                           lease_answer>;
enum class refusal : std::uint8_t {
  not_found,  // no present member has this name
  not_joined,
  over,  // this member is no longer one
};
TROUPE_ENUM(refusal, not_found, not_joined, over)

struct outgoing {
  std::string address{};
  std::string incarnation{};  // empty: whoever is there
  message what{};
};
using lease_order = std::variant<lease_claim, lease_return>;
struct output {
  std::vector<outgoing> send{};
  std::vector<event> events{};
  std::vector<refusal> refused{};
  std::vector<lease_order> lease{};  // to the lease's keeper, in this order
};

enum class standing : std::uint8_t { looking, member, over };
TROUPE_ENUM(standing, looking, member, over)

class swim {
 public:
  // `known`: addresses of the cluster that this process was in before its node was rebuilt.
  swim(options how, record self, std::vector<std::string> seeds, std::vector<std::string> known,
       std::uint64_t seed, instant now);
  void step(const input& in, instant now, output& out);
  instant due() const;  // when the next tick is wanted

  standing where() const;
  const member_id& id() const { return directory_.self().id; }
  std::uint64_t cluster() const { return cluster_; }
  const view& members() const { return directory_.members(); }
  std::uint64_t version() const { return directory_.version(); }  // of that view
  std::uint64_t digest() const { return directory_.digest(); }    // likewise
  double suspicion(const member_id& of, instant now) const;       // the detector's level
  unsigned health() const { return health_.score(); }
  // Addresses at which the cluster may be found again by the node that takes this one's place.
  std::vector<std::string> known_addresses() const;
  // Those of the present members beside this one: what a process that comes back should ask.
  std::vector<std::string> present_addresses() const;

 private:
  struct work;  // what one step has brought so far
  void on(const tick&, work& w);
  void on(const message& m, work& w);
  void on(const leave& l, work& w);
  void on(const down& d, work& w);
  void on(const link_hint& h, work& w);
  void on(const disowned& d, work& w);
  void on(const also_known& a, work& w);
  void on(const own_address& o, work& w);
  void on(const lease_answer& a, work& w);
  void on(const ping& m, work& w);
  void on(const ping_request& m, work& w);
  void on(const ack& m, work& w);
  void on(const nack& m, work& w);
  void on(const gossip& m, work& w);
  void on(const sync& m, work& w);
  void on(const join& m, work& w);
  void on(const welcome& m, work& w);
  void on(const turned_away& m, work& w);
  bool from_member(const message& m, work& w);
  void bury_namesakes(record& joiner, work& w);

  instant own_time(instant now, work& w);
  void settle(work& w);
  void finish(work& w);
  void duties(work& w);
  void lead(work& w);
  void orphaned(work& w);
  instant next_move(instant now) const;
  void resolve(work& w);
  void carry_out(const decision& d, work& w);
  void order_lease(work& w);
  void look(work& w);
  void spread(work& w);
  void call_out(work& w);
  void watch(work& w);
  void compare(const header& with, work& w);
  void apply(const std::vector<record>& heard, std::size_t count_max, work& w);

  void send(const record& to, message what, work& w);
  void ask_to_join(const header& whom, work& w);
  void report(const header& by, std::string reason, work& w);
  void turn_away_from(const header& who, turn_away why, const std::string& meant, work& w);
  void farewell(work& w);
  header head(const std::string& incarnation) const;
  std::vector<record> news(const member_id& receiver);
  std::vector<record> whole() const;

  const options how_;
  directory directory_;
  prober prober_;
  dissemination news_;
  local_health health_;
  bootstrap bootstrap_;
  resolver resolver_;
  std::mt19937_64 chance_;
  std::map<member_id, std::unique_ptr<detector>> detectors_;
  std::set<std::pair<instant, member_id>>
      silences_;                     // when to look at whom, or sooner than need be
  std::set<std::string> elsewhere_;  // addresses outside the view where a cluster was, or is
  std::uint64_t cluster_ = 0;
  std::map<std::string, std::pair<std::string, instant>> reported_;  // refusals by address
  bool alone_ = true;  // has never had another member beside it
  bool over_ = false;
  bool exiting_ = false;
  bool resolve_ = true;  // the view has changed since the strategy looked at it
  instant paused_{};     // the time that this process was not running, in all
  instant due_;
  instant quiet_since_, next_gossip_, next_sync_, next_duties_, next_resolve_, next_move_;
  std::uint64_t moved_at_ = 0;  // the view's version, when duties last looked
};
}  // namespace troupe::membership
