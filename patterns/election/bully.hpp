// The bully election, one member's part: of the members that can talk, the one with the highest number
// leads.
// Source: H. Garcia-Molina, "Elections in a Distributed Computing System", IEEE Transactions on
//   Computers C-31(1), 1982: the bully algorithm.
// Beyond the paper: every election has a number that only rises, so that a late word of an election
//   that is over, or of a life that is over, does nothing; beats, so that a leader's silence is noticed
//   without a detector's help; `keep_incumbent`, so that an elder that comes back follows who leads.
//   Promises  who leads has said so itself, in this very life; each member's leaders have rising
//             numbers, and it knows no two of one number
//             without keep_incumbent nobody follows a member below itself
//             where all can talk, two time-outs and some delays after the last failure all follow one
//             leader, the highest: `silence` or `victory` (the longer), and `answer`. keep_incumbent:
//             silence, victory and answer; the one that led already, if it lives
//   Under     lost, repeated, reordered, late messages; crashes, a new life with a number above the
//             former's; pauses; a detector that errs, and says so
//   Assumes   agreed members, 0 to n - 1; `silence` > two beats; `victory` > `answer` + two delays
//             who says lost{} of a life that goes on says back{} of it once it is heard again
//   Beware    a partition has a leader on each side, at once, by design: what must be unique needs a
//             majority (patterns/consensus/raft), and what guards it a fencing number
//             a member that hears nobody, and is heard, makes elections for as long; with
//             keep_incumbent the leader outlives them, under a new number, if it is asked
//   Costs     an election that the lowest of n begins: at most n(n-1)/2 elections, as many alives, and
//             n-1 victories; one that the second highest begins after the highest has died: 1 election
//             and n-2 victories. keep_incumbent asks all: n-1 elections of each who looks, n-1 victories
//             leading: n-1 beats
//   role      | election, later than what it follows    | victory, beat: of a number not below its own
//   listening | alive; stands, if from below            | follows; from below: stands
//   following | the same; keep_incumbent: alive         | follows; from below: keeps its leader
//   asking    | alive, if from below                    | follows; from below: will win above it
//   waiting   | the same                                | the same
//   leading   | leads on, under the election's number   | follows; from below: leads on, above it
//             an election that is over gets alive, from who leads a victory; an announcement that is
//             behind gets outdated, or a victory; with keep_incumbent nobody is below
//   role      | its time is over | lost{}
//   listening | stands           | -
//   following | stands           | stands, if it was the leader
//   asking    | leads            | leads, if it was the last one asked
//   waiting   | stands anew      | stands anew, if it was the last that had answered
//   leading   | beats            | -
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>
namespace troupe::bully {
using instant = std::chrono::nanoseconds;  // since any fixed origin, of a clock that never steps
using duration = std::chrono::nanoseconds;
using server = std::uint32_t;

struct options {
  duration answer = std::chrono::milliseconds{500};    // in which who lives says `alive`
  duration victory = std::chrono::milliseconds{1500};  // from an alive to a leader
  duration silence = std::chrono::milliseconds{1000};  // of a leader, until it is given up
  duration beat = std::chrono::milliseconds{200};
  bool keep_incumbent = false;
};

// One leadership: which election's, and whose.
struct term {
  std::uint64_t number = 0;  // of the election; 0: none
  server leader = 0;
  std::uint64_t life = 0;  // of the leader's process
};
TROUPE_MESSAGE(term, number, leader, life)
inline bool operator<(const term& a, const term& b) {
  return std::tie(a.number, a.leader, a.life) < std::tie(b.number, b.leader, b.life);
}
constexpr std::uint64_t number_max = std::uint64_t{1} << 62;  // what is above is no number

struct election {  // who is there?
  std::uint64_t number = 0;
  std::uint64_t life = 0;  // of the sender
};
TROUPE_MESSAGE(election, number, life)
struct alive {                    // I am: do not lead
  std::uint64_t asked = 0;        // the election's number
  std::uint64_t asking_life = 0;  // of who asked
  std::uint64_t life = 0;
  std::uint64_t number = 0;  // the highest that the sender knows
};
TROUPE_MESSAGE(alive, asked, asking_life, life, number)
struct victory {
  term of{};
};
TROUPE_MESSAGE(victory, of)
struct beat {
  term of{};
};
TROUPE_MESSAGE(beat, of)
struct outdated {            // a victory, or a beat, is behind what the sender knows
  term of{};                 // the announcement
  std::uint64_t number = 0;  // the highest that the sender knows
  term follows{};            // number 0: it looks for a leader
  std::uint64_t life = 0;
};
TROUPE_MESSAGE(outdated, of, number, follows, life)
using message = std::variant<election, alive, victory, beat, outdated>;

struct start {};  // of this life
struct received {
  server from = 0;
  message what{};
};
struct lost {  // a detector's word: that life is over
  server peer = 0;
  std::uint64_t life = 0;
};
struct back {  // it was not, or this one has begun
  server peer = 0;
  std::uint64_t life = 0;
};
struct tick {};
using input = std::variant<start, received, lost, back, tick>;

struct letter {
  server to = 0;
  message what{};
};
struct looking {};  // no leader is known any more
TROUPE_MESSAGE(looking)
struct leads {
  server leader = 0;
  term since{};
};
TROUPE_MESSAGE(leads, leader, since)
using event = std::variant<looking, leads>;
struct output {
  std::vector<letter> send{};
  std::vector<event> events{};
};

struct counts {  // of messages sent
  std::uint64_t election = 0, alive = 0, victory = 0, beat = 0, outdated = 0;
};
TROUPE_MESSAGE(counts, election, alive, victory, beat, outdated)

enum class role : std::uint8_t { listening, following, asking, waiting, leading };
TROUPE_ENUM(role, listening, following, asking, waiting, leading)

class elector {
 public:
  // `life` is above that of every former life of this member. `known`: the highest number that one of
  // them is remembered to have known; without it the others tell, which costs 2(n-1) messages.
  elector(const options& how, server self, server members, std::uint64_t life,
          std::uint64_t known = 0);
  void step(const input& in, instant now, output& out);
  instant due() const { return deadline_; }

  role as() const { return role_; }
  const term* leader() const {  // none: nullptr
    return role_ == role::following || role_ == role::leading ? &accepted_ : nullptr;
  }
  std::uint64_t number() const { return number_; }
  const counts& sent() const { return sent_; }
  std::string digest() const;  // all that it is, but for its counts

 private:
  struct peer {
    std::uint64_t life = 0;                // the latest known
    bool gone = false;                     // and that it is over
    bool asked = false, answered = false;  // in the election under way
  };
  void on(const start&, instant now, output& out);
  void on(const received& in, instant now, output& out);
  void on(const lost& in, instant now, output& out);
  void on(const back& in, instant now, output& out);
  void on(const tick&, instant now, output& out);
  void hear(server from, const election& in, instant now, output& out);
  void hear(server from, const alive& in, instant now, output& out);
  void hear(server from, const victory& in, instant now, output& out);
  void hear(server from, const beat& in, instant now, output& out);
  void hear(server from, const outdated& in, instant now, output& out);
  void announced(server from, const term& of, instant now, output& out);
  void announced_from_below(server from, const term& of, instant now, output& out);
  void contradict(server from, const term& of, instant now, output& out);
  bool outlived(server from, std::uint64_t life, instant now, output& out);
  void stand(std::uint64_t number, instant now, output& out);
  void lead(bool tell_all, instant now, output& out);
  void lead_on(std::uint64_t number, instant now, output& out);
  void follow(const term& of, instant now, output& out);
  void listen(instant now, output& out);
  bool any(bool peer::*what) const;
  bool above(server other) const { return other > self_; }
  void raise(std::uint64_t number);
  void leaderless(output& out);
  template <class Message>
  void send(server to, Message what, std::uint64_t counts::*counted, output& out);

  options how_;
  server self_;
  std::uint64_t life_;
  std::vector<peer> peers_;
  role role_ = role::listening;
  instant deadline_ = instant::max();  // until the start
  std::uint64_t number_;               // the highest known
  std::uint64_t asked_ = 0;            // the number of its own election
  term accepted_{};                    // the last leader's, maybe its own
  counts sent_{};
};
}  // namespace troupe::bully
