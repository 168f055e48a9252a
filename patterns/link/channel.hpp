// A flow-controlled channel for bulk data from one sender to one receiver, over messages that may be
// lost, repeated and reordered, and over link sessions that end and come again.
// Source: go-back-N with cumulative acknowledgements (A. Tanenbaum, "Computer Networks", 3.4.2); credit as
//         an absolute limit (H. T. Kung, R. Morris, "Credit-Based Flow Control for ATM Networks", 1995).
// Positions, acknowledgements and limits are byte offsets from the beginning, so that any message may
// come twice or late and do no harm.
//   Promises  every byte in order and exactly once, and the end after them; or both sides are told of a
//             failure, the receiver before any byte that is not the sender's
//             the receiver holds at most `window` bytes that are not consumed; the sender at most `buffer`
//             bytes that are not acknowledged
//             a peer that is away is waited for `resume` long: back in time, the two go on from the last
//             acknowledged chunk; else both fail
//   Under     loss, repetition and reordering of messages; sessions that end; the death or restart of a side
//   Assumes   ids that are new for each channel and each start of a side; ticks every 100 ms or so;
//             changed bits are found by a CRC-32C a chunk
//   Beware    done at the sender says that the receiver has taken the end, not that its user has read it;
//             a sender whose peer dies after the last byte left, and before its acknowledgement came, cannot
//             know (reason::unknown)
//   Costs     one chunk of at most 64 KiB a message, one credit for a quarter of a window
//   sender   | write, finish   | credit                  | failed | detached | attached     | tick
//   away     | queue           | (none comes)            | failed | .        | open, rewind | failed after `resume`
//   open     | queue, send     | forget acknowledged,    | failed | away     | rewind       | ask when nothing moves,
//            |                 | send, done if finished  |        |          |              | moves, failed when silent
//   done     | refused         | closed                  | .      | .        | .            | .
//   failed   | refused         | failed again            | .      | .        | .            | .
//   receiver | chunk                           | consumed | failed, closed  | detached | attached | tick
//   away     | as open                         | credit   | failed          | .        | open, credit | failed after `resume`
//   open     | next: deliver; old: drop; gap:  | credit   | failed          | away     | credit   | credit if it has changed,
//            | ask again; last: ended          |          |                 |          |          | failed when silent
//   ended    | credit                          | .        | released        | .        | .        | released after `resume`
//   failed   | failed again                    | .        | .               | .        | .        | .
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>
namespace troupe::channel {
using instant = std::chrono::milliseconds;  // since any fixed origin
using id = std::uint64_t;
constexpr std::size_t chunk_max = 64 * 1024;

struct settings {
  std::size_t chunk = chunk_max;  // bytes a message; up to chunk_max
  std::size_t window = 1 << 20;   // received and not consumed; at least a chunk
  std::size_t buffer = 1 << 20;   // written and not acknowledged; one write may go beyond
  instant resume{10'000};         // away for longer: failed
  instant silence{15'000};        // open, and nothing heard for so long: failed
  instant retry{1'000};           // nothing acknowledged for so long: ask; doubled each time
  bool operator==(const settings&) const = default;
};

// Messages.
struct chunk {
  id channel = 0;
  id sender = 0;            // which start of the sender
  id receiver = 0;          // which start of the receiver, 0 if none has answered yet
  std::uint32_t round = 0;  // how often it has gone back or asked
  std::uint64_t position = 0;
  std::uint32_t checksum = 0;
  bool last = false;   // nothing comes after position; data is empty
  bool probe = false;  // please answer with credit; data is empty
  std::string data;
};
TROUPE_MESSAGE(chunk, channel, sender, receiver, round, position, checksum, last, probe, data)
struct credit {
  id channel = 0;
  id receiver = 0;             // which start of the receiver
  std::uint32_t round = 0;     // the last one it has seen
  std::uint64_t received = 0;  // all bytes below
  std::uint64_t limit = 0;     // bytes below may be sent
  bool again = false;          // something is missing at `received`
  bool finished = false;       // the end has been taken
  id sender = 0;               // which start of the sender it is for, 0 if none has sent yet
};
TROUPE_MESSAGE(credit, channel, receiver, round, received, limit, again, finished, sender)
struct closed {  // to the receiver: its last credit has arrived
  id channel = 0;
};
TROUPE_MESSAGE(closed, channel)
enum class reason : std::uint8_t {
  aborted,      // by a side's user
  died,         // the peer's actor has ended
  unreachable,  // away for longer than `resume`
  silent,       // no answer for longer than `silence`
  corrupted,    // a checksum was wrong
  violated,     // the peer broke the protocol: a bug, or forged messages
  restarted,    // the peer has forgotten this channel
  unknown,      // the peer ended when all had been sent and not all acknowledged
};
TROUPE_ENUM(reason, aborted, died, unreachable, silent, corrupted, violated, restarted, unknown)
struct failed {  // either way
  id channel = 0;
  reason why = reason::aborted;
  std::string sentence;
};
TROUPE_MESSAGE(failed, channel, why, sentence)

// What a host answers for a channel it does not have.
failed refuse(id channel);
std::uint32_t checksum_of(const chunk& c);

// From the host.
struct write {
  std::string data;
};
struct finish {};  // the end comes after what was written
struct consumed {
  std::size_t bytes = 0;
};
struct abort {
  std::string sentence;
};
struct attached {};   // there is a handle to the peer, or a new one
struct detached {};   // it is gone, and may come again
struct peer_died {};  // it will not
struct tick {};

struct failure {
  reason why = reason::aborted;
  std::string sentence;
  bool operator==(const failure&) const = default;
};

class sender {
 public:
  using input =
      std::variant<write, finish, abort, credit, failed, attached, detached, peer_died, tick>;
  struct output {
    std::vector<std::variant<chunk, closed, failed>> send{};
    bool refused = false;             // a write or finish that came too late
    bool done = false;                // the receiver has taken the end
    std::optional<failure> broken{};  // told once
  };
  sender(id channel, id start, settings s, instant now);
  void step(const input& in, instant now, output& out) {
    std::visit([&](const auto& event) { on(event, now, out); }, in);
  }
  void step(write&& in, instant now, output& out);  // without a copy
  // Below `buffer`, and neither finished nor failed.
  bool accepts() const { return !closing() && held() < settings_.buffer; }
  bool closing() const { return over() || finishing_; }  // no write is taken any more
  std::size_t held() const { return static_cast<std::size_t>(end_ - acknowledged_); }
  std::uint64_t acknowledged() const { return acknowledged_; }
  bool over() const { return state_ == state::done || state_ == state::failed; }

 private:
  enum class state { away, open, done, failed };
  struct piece {
    std::uint64_t position;
    std::string data;
  };
  void on(const write& in, instant now, output& out) { step(write{in.data}, now, out); }
  void on(const finish&, instant now, output& out);
  void on(const abort& in, instant now, output& out);
  void on(const credit& in, instant now, output& out);
  void on(const failed& in, instant now, output& out);
  void on(const attached&, instant now, output& out);
  void on(const detached&, instant now, output& out);
  void on(const peer_died&, instant now, output& out);
  void on(const tick&, instant now, output& out);
  bool acknowledge(std::uint64_t received);
  void pump(instant now, output& out);
  void rewind(instant now, output& out);
  void emit(std::uint64_t position, std::string data, bool last, bool probe, instant now,
            output& out);
  void ask(instant now, output& out);
  void end(reason why, std::string sentence, bool tell, output& out);

  id channel_;
  id start_;
  settings settings_;
  state state_ = state::away;
  std::deque<piece> pieces_{};  // from acknowledged_ to end_
  std::size_t next_ = 0;        // the piece to send next
  std::uint64_t acknowledged_ = 0;
  std::uint64_t sent_ = 0;  // the highest byte that ever left, plus one
  std::uint64_t end_ = 0;
  std::uint64_t limit_ = 0;
  std::uint32_t round_ = 0;
  std::uint32_t rewound_ = 0;  // the round in which it last went back
  bool finishing_ = false;
  bool last_sent_ = false;  // in this round
  bool last_left_ = false;  // in any
  reason why_ = reason::aborted;
  id receiver_ = 0;
  instant away_since_;
  instant heard_{};
  instant moved_{};  // something was acknowledged, or sent when nothing was under way
  instant left_{};   // anything was sent
  instant patience_;
};

class receiver {
 public:
  using input =
      std::variant<chunk, closed, failed, consumed, abort, attached, detached, peer_died, tick>;
  struct output {
    std::vector<std::variant<credit, failed>> send{};
    std::vector<std::string> delivered{};  // in order; give the bytes back with `consumed`
    bool ended = false;                    // after what was delivered
    bool released = false;                 // the host may forget this channel
    std::optional<failure> broken{};       // told once
  };
  receiver(id channel, id start, settings s, instant now);
  void step(const input& in, instant now, output& out) {
    std::visit([&](const auto& event) { on(event, now, out); }, in);
  }
  void step(chunk&& in, instant now, output& out);  // without a copy
  std::uint64_t received() const { return received_; }
  std::size_t held() const { return static_cast<std::size_t>(received_ - consumed_); }
  bool over() const { return state_ == state::ended || state_ == state::failed; }

 private:
  enum class state { away, open, ended, failed };
  void on(const chunk& in, instant now, output& out) { step(chunk{in}, now, out); }
  void on(const closed& in, instant now, output& out);
  void on(const failed& in, instant now, output& out);
  void on(const consumed& in, instant now, output& out);
  void on(const abort& in, instant now, output& out);
  void on(const attached&, instant now, output& out);
  void on(const detached&, instant now, output& out);
  void on(const peer_died&, instant now, output& out);
  void on(const tick&, instant now, output& out);
  std::optional<failure> fault_of(const chunk& in) const;
  void take(chunk&& in, instant now, output& out);
  void tell(bool again, output& out);
  void end(reason why, std::string sentence, bool tell, output& out);

  id channel_;
  id start_;
  settings settings_;
  state state_ = state::away;
  id sender_ = 0;
  std::uint32_t round_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint64_t told_received_ = 0;
  std::uint64_t told_limit_ = 0;
  reason why_ = reason::aborted;
  bool asked_ = false;     // for what is missing, in this round
  bool answered_ = false;  // a repeated chunk, in this round
  instant away_since_;
  instant heard_{};
  instant ended_at_{};
};
}  // namespace troupe::channel
