// A double barrier on a store of locks, one member's part: nobody goes in before all have come, nobody out before all are
// done, and again from the beginning.
// Source: Curator's DistributedDoubleBarrier, after ZooKeeper's recipes ("Double Barriers"). Beyond it: rounds, so that it can
// be gone through again and again, and a member that dies inside is told to all others.
// Its line, "barrier:NAME", has places of members, under their sessions, and such as stand until they are left (store.hpp):
//   in-ID   a member that waits or is inside
//   go-T-T  a round, of the members with these tickets: whoever sees enough who wait makes it of the first. Of two that share
//           a member, the later one is void
//   gate    awaited by who waits; taken away by who has made a round
//   out-T   the member of this ticket has left in order: its place may go
//   Promises  all members of a round are told of the same round, of exactly `parties`
//             entered only once all of them have stood; left only once all others are out, or have died
//             a member whose place goes without an out is told to all who are inside and to all who wait to leave: broken
//   Beware    who gives up entering in the very moment in which its round is made breaks it
//   Beware    a member that loses its session is broken for the others, though it may run: it is told first
//   Costs     enter: 3 requests and an await, of one place; a wake-up is one look. Inside: an await of all others. leave: 2, an
//             await and a look for each other at worst; the last one takes away parties + 1 places
//   stage     | goes on with
//   standing  | stood: inside, or making a round, or gating
//   gating    | stood: the same again, or waiting
//   waiting   | the gate is gone: looking, the same again
//   inside    | another's place is gone: looking. leave: marking, going, emptying
//   emptying  | another's place is gone: looking, until none is there: sweeping, if it was the last to mark
#pragma once
#include "patterns/lock/holder.hpp"

#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>
namespace troupe::lock {
struct barrier_settings {
  std::string name{};
  std::uint32_t parties = 2;
  std::string owner{};
  duration retry = std::chrono::milliseconds{200};  // after a store that did not answer
  duration recheck =
      std::chrono::seconds{5};  // by who waits: a member may have died before it could wake it
};

struct round {
  std::uint64_t number = 0;  // its ticket
  std::string id{};
  std::vector<std::uint64_t> members{};
};
// Of a line, in order; void ones are left out.
std::vector<round> rounds_of(const line& all);

struct party {
  std::uint64_t ticket = 0;
  std::string owner{};
  std::uint32_t parties = 0;  // as many must come
  std::uint64_t round = 0;    // that it is in; 0: it waits
};
std::vector<party> parties_of(const line& all);

struct barrier_enter {
  duration wait = for_ever;
};
struct barrier_leave {};
struct barrier_abandon {};  // whoever entered has ended; its session is to be closed
using barrier_input = std::variant<barrier_enter, barrier_leave, barrier_abandon, session_is,
                                   session_gone, answered, tick>;

enum class barrier_refusal : std::uint8_t { timed_out, refused, broken };
TROUPE_ENUM(barrier_refusal, timed_out, refused, broken)
struct barrier_entered {
  std::uint64_t round = 0;  // rises
  std::uint32_t place = 0;  // among its members, from 0
};
struct barrier_left {};
struct barrier_refused {  // of what was asked: to enter or to leave. Broken: it is out all the same
  barrier_refusal why{};
  std::string sentence{};
};
struct barrier_broken {  // to one that is inside; it should leave
  std::string why{};
};
TROUPE_MESSAGE(barrier_broken, why)
using barrier_event = std::variant<barrier_entered, barrier_left, barrier_refused, barrier_broken>;
struct barrier_output {
  std::vector<ask> asks{};
  std::vector<barrier_event> events{};
  bool spoiled = false;  // the session is to be closed: a request to stand under it may come late
};

class barrier {
 public:
  // `life`: drawn for this member, so that nobody's ids are its own.
  barrier(barrier_settings how, std::string life);
  void step(const barrier_input& in, instant now, barrier_output& out);
  instant due() const { return std::min(again_, until_); }
  bool idle() const { return at_ == stage::out && !wants_; }
  bool may_enter() const { return !wants_ && (at_ == stage::out || at_ == stage::withdrawing); }
  bool inside() const { return at_ == stage::inside; }

 private:
  enum class stage {
    out,
    standing,
    making,
    voiding,
    gating,
    waiting,
    looking,
    opening,
    inside,
    marking,
    going,
    emptying,
    sweeping,
    withdrawing
  };
  void on(const barrier_enter& in, instant now, barrier_output& out);
  void on(const barrier_leave& in, instant now, barrier_output& out);
  void on(const barrier_abandon& in, instant now, barrier_output& out);
  void on(const session_is& in, instant now, barrier_output& out);
  void on(const session_gone& in, instant now, barrier_output& out);
  void on(const answered& in, instant now, barrier_output& out);
  void on(const tick& in, instant now, barrier_output& out);

  void judge(const line& all, std::uint64_t at, instant now, barrier_output& out);
  void judge_waiting(const line& all, std::uint64_t at, instant now, barrier_output& out);
  void judge_inside(const line& all, std::uint64_t at, barrier_output& out);
  void judge_leaving(const line& all, std::uint64_t at, barrier_output& out);
  void enter_round(barrier_output& out);
  void sweep_next(barrier_output& out);
  void give_up(std::string why, barrier_output& out);
  void finish(barrier_output& out);
  void refuse(barrier_refusal why, std::string sentence, barrier_output& out);
  void stand_as(stage what, const std::string& session, std::string id, barrier_output& out);
  void leave_place(stage what, std::string id, barrier_output& out);
  void ask_for(stage what, wish w, barrier_output& out);
  void put(barrier_output& out);

  barrier_settings how_;
  std::string life_, line_, session_{}, id_{}, go_{}, broken_{};
  stage at_ = stage::out;
  bool wants_ = false, entered_ = false, leaving_ = false;
  bool doubts_ = false;  // that no request to stand is still under way
  wish asked_{};
  std::uint64_t numbers_ = 0, awaited_ = 0, wishes_ = 0, ticket_ = 0;
  round round_{};
  std::deque<std::string> to_sweep_{};
  instant again_ = instant::max(), until_ = instant::max();
};
}  // namespace troupe::lock
