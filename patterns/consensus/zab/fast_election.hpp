// Fast leader election, one server's part: votes spread until a quorum has the same one, for whoever
// has the most recent history.
// Source: A. Medeiros, "ZooKeeper's atomic broadcast protocol: Theory and practice", 2012, section
//   4.2 (algorithm 2), after B. Reed, F. Junqueira, LADIS 2008.
// Beyond the paper: who has decided joins the leader, and decides once a round, which is durable; a
//   leader is established by a quorum that joined. A server's word is numbered by its life and
//   within it, so that an older one is not obeyed. Who restarts never leads a former life's round.
//   Promises  at most one leader is established a round; its round is a fencing number
//             a decided leader had a quorum's votes, each for a history no better than its own
//             observers' words are never counted
//             with a quorum that hears each other, a leader within a few times `settle` and `again`
//   Under     loss, repetition, reordering; crashes, if `settled` is what was last persisted and
//             `life` rises
//   Assumes   `persist` is durable before `send` and `events` of the same and of later steps leave
//   Beware    two may be `decided` in one round: votes change after they were counted. Go by
//             `established`, or let a quorum confirm, as Zab's discovery does
//             a leader that is cut off believes in itself for `silence`
//   Costs     n that start together: n(n-1) votes, n-1 more for each better vote that one hears (so
//             (n-1)(2n-1) if the best is heard first, (n-1)n(n+1)/2 if last), n-1 joins, and an
//             answer to each vote that comes once its receiver has decided; then 2 messages a
//             follower and beat
//   state     | vote, newer round | same round, better | quorum has it | leader of a quorum | silence
//   looking   | vote anew, there  | vote anew          | following or  | following          | vote again
//             |                   |                    | leading       |                    |
//   following | answer            | answer             | -             | -                  | looking
//   leading   | answer            | answer             | -             | -                  | looking
//   observing | -                 | -                  | -             | -                  | looking
#pragma once
#include "patterns/consensus/zab/types.hpp"

#include <map>
#include <optional>
#include <variant>
namespace troupe::zab {
enum class standing : std::uint8_t { looking, following, leading, observing };
TROUPE_ENUM(standing, looking, following, leading, observing)

struct notification {
  vote choice{};
  standing as{};
  std::uint64_t round = 0;
  std::uint64_t life = 0;    // of the sender's process
  std::uint64_t number = 0;  // rises with each in a life
};
TROUPE_MESSAGE(notification, choice, as, round, life, number)

namespace election {
struct options {
  duration again = std::chrono::milliseconds{100};      // between votes, doubled each time
  duration again_max = std::chrono::milliseconds{800};  // up to here
  duration settle = std::chrono::milliseconds{50};      // for a better vote than a quorum's
  duration beat = std::chrono::milliseconds{50};        // 0: the host watches over the leader
  duration silence = std::chrono::milliseconds{300};    // then it is gone
  bool once = true;  // a word a round, durably; false: who leads is confirmed otherwise
};

// ---- inputs
struct look {  // there is no leader; `own` speaks of this server, which an observer's never does
  vote own{};
};
struct weigh {  // what this server stands with from the next round on
  vote own{};
};
struct heard {
  server from = 0;
  notification what{};
};
struct lost {  // it is gone, or seems to be
  server peer = 0;
};
struct tick {};
using input = std::variant<look, weigh, heard, lost, tick>;

// ---- outputs
struct settled {  // this server's word is given, for this round and all before
  std::uint64_t round = 0;
  server leader = 0;
};
TROUPE_MESSAGE(settled, round, leader)
struct letter {
  server to = 0;
  notification what{};
};
enum class event_kind : std::uint8_t { looking, decided, established };
TROUPE_ENUM(event_kind, looking, decided, established)
struct event {
  event_kind kind{};
  std::uint64_t round = 0;
  server leader = 0;
};
TROUPE_MESSAGE(event, kind, round, leader)
struct output {
  std::optional<settled> persist{};
  std::vector<letter> send{};
  std::vector<event> events{};
  void clear() { *this = output{}; }
};
struct tally {  // of messages sent
  std::uint64_t votes = 0, answers = 0, joins = 0, beats = 0;
  std::uint64_t all() const { return votes + answers + joins + beats; }
};
TROUPE_MESSAGE(tally, votes, answers, joins, beats)
}  // namespace election

class fast_election {
 public:
  fast_election(server self, ensemble of, const election::options& how, election::settled before,
                std::uint64_t life);
  void step(const election::input& in, instant now, election::output& out);
  instant due() const;  // when it wants the next tick

  standing as() const { return as_; }
  server leader() const { return leader_; }  // decided; 0: none
  bool established() const { return established_; }
  std::uint64_t round() const { return round_; }
  const vote& choice() const { return choice_; }
  const election::settled& word() const { return settled_; }
  const election::tally& sent() const { return sent_; }
  // All that it goes by, for searches.
  std::string digest() const;

 private:
  using output = election::output;
  void on(const election::look& in, instant now, output& out);
  void on(const election::weigh& in, instant now, output& out);
  void on(const election::heard& in, instant now, output& out);
  void on(const election::lost& in, instant now, output& out);
  void on(const election::tick& in, instant now, output& out);
  void look_anew(instant now, output& out);
  void take_vote(server from, const notification& n, instant now, output& out);
  void take_word(server from, const notification& n, instant now, output& out);
  bool stale(server from, const notification& n);
  void choose(const vote& v, instant now, output& out);
  void count(instant now, output& out);
  void settle(server leader, std::uint64_t round, instant now, output& out);
  void establish(output& out);
  void tell(server to, std::uint64_t& kind, output& out);
  void tell_voters(output& out);
  bool voter() const { return of_.votes(self_); }
  instant silent_at() const;

  server self_;
  ensemble of_;
  election::options how_;
  election::settled settled_;  // durable
  std::uint64_t life_;
  std::uint64_t number_ = 0;
  election::tally sent_;

  standing as_ = standing::looking;
  bool begun_ = false;
  vote own_{}, choice_{};
  std::uint64_t round_ = 0;
  std::uint64_t newest_ = 0;  // of all rounds heard of
  server leader_ = 0;
  bool established_ = false;
  std::map<server, std::pair<std::uint64_t, std::uint64_t>> words_;  // the last of each
  std::map<server, vote> votes_;                                     // of this round
  std::map<server, notification> outside_;                           // who is looking no more
  std::map<server, instant> joined_;                                 // a leader's; when last heard
  instant heard_{};                                                  // the leader
  instant again_at_{}, beat_at_{};
  duration again_{};
  std::optional<instant> settle_at_;  // a quorum has our vote
};
}  // namespace troupe::zab
