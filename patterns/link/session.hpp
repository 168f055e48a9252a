// A session between two incarnations over connections that come and go.
// Source: sliding window with cumulative acknowledgement (Tanenbaum, Computer Networks, §3.4);
//         credit as an absolute limit (QUIC, RFC 9000 §4.1); lanes and resumption are our own.
//   Promises  each batch is delivered exactly once, whole, and in order within its lane, over any
//             number of connections each cut at any byte, or the session ends on this side.
//             Control overtakes urgent overtakes normal and bulk, at a chunk's border, and none
//             starves. Memory: at most unacknowledged_max of sent bytes; of received ones the
//             granted windows, and one unfinished batch that is larger than its lane's. The sender
//             never passes the limit that its peer has told it.
//   Under     cut, delayed, resumed connections; a peer that sends anything (its connection is
//             broken, after faults_max of that the session ends); a stuck reader (its lane waits)
//   Assumes   a connection neither loses nor reorders bytes while it lasts (TCP); no two sessions
//             of the pair are live at once (meeting.hpp)
//   Beware    received by the peer's session is not yet handled by its actors; what is queued or
//             not acknowledged when a session ends is lost, and who sent it is not told which
//   Costs     14 bytes a chunk of 64 KiB; an acknowledgement each ack_bytes or ack_delay; two
//             allocations a batch each way; nothing a record
//   state    | attach     | detach, fault, silence | end, bye | tick after resume_window
//   fresh    | attached   | -                      | ended    | ended
//   attached | attached * | broken                 | ended    | -
//   broken   | attached   | -                      | ended    | ended
//   ended    | -          | -                      | -        | -
//   (* the new connection replaces the old)
//
// The host drives it: bytes were read: receive(); fewer than socket_max bytes are with the socket:
// write(); at next_tick(): tick(). After each call look at `out` and at wants_write().
#pragma once
#include "patterns/link/frame.hpp"
#include "patterns/link/session_settings.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::link {
using instant = std::chrono::nanoseconds;  // since any fixed origin

enum class fault : std::uint8_t {  // why a connection was broken
  closed,                          // the host saw it end
  silence,                         // nothing came for too long
  replaced,                        // by a newer one
  bad_frame,                       // length, kind or flags out of bounds
  malformed,                       // a body of the wrong size
  sequence,                        // a gap or a repeat within one connection
  credit,                          // more than was granted
  batch_too_large,                 // beyond message_max
  control_flood,                   // the control lane beyond its rate
  acknowledgement,                 // of what was never sent
  unexpected_frame,                // of the handshake
};
std::string_view sentence(fault);

enum class ending : std::uint8_t {  // why a session is over for good
  resume_window = 1,                // no connection returned in time
  closed_here,                      // end() was called
  closed_by_peer,                   // its bye
  faults,                           // too many broken by the peer's errors
  lost,                             // the peer has received what was never sent
  superseded,                       // the peer has begun a new session
  downed,                           // the peer's or our incarnation was downed
  shutting_down,
  last = shutting_down,
};
std::string_view sentence(ending);

enum class enqueued : std::uint8_t { accepted, overloaded, too_large, empty, ended };

struct batch {
  lane on{};
  buffer bytes{};
  std::vector<buffer> rest{};  // of one beyond whole_max: what follows, in order
  bool whole() const { return rest.empty(); }
  std::size_t size() const;
};
// Up to here a batch that came in chunks is put together; larger ones are not, since that alone takes milliseconds.
inline constexpr std::size_t whole_max = 1u << 20;
buffer join(batch&& b);

class session {
 public:
  enum class state : std::uint8_t { fresh, attached, broken, ended };
  struct output {
    std::vector<batch> batches{};   // whole, in order within each lane
    std::optional<fault> broken{};  // close the connection; it may be resumed
    std::optional<ending> ended{};  // for good; close the connection after what write() still gives
    std::optional<ending> theirs{};  // beside closed_by_peer: the reason in its bye
    std::string text{};              // and its words, for the log
  };

  explicit session(session_settings settings, instant now);

  // A connection is there: `told` is what the handshake told the peer as received (0 if fresh), and
  // `peer_received` what it told us. False: the two do not fit, the session has ended as lost.
  // A connection that was in use until now is to be closed: it is not listened to any more.
  bool attach(instant now, std::uint64_t told, std::uint64_t peer_received, output& out);
  void detach(instant now, fault why, output& out);  // the connection is gone
  void end(ending why, std::string_view text, output& out);
  void tick(instant now, output& out);
  instant next_tick() const;  // the latest moment for the next tick

  // A batch to send; moved from only if accepted. `must_pass` ignores the high mark (exits, downs).
  enqueued enqueue(lane on, buffer&& bytes, bool must_pass = false);
  // Appends frames to `out` until `with_socket` plus what was appended reaches socket_max.
  // (by less than a chunk beyond it). Returns the number of bytes appended.
  std::size_t write(instant now, std::size_t with_socket, buffer& out);
  bool wants_write() const;
  void receive(instant now, view bytes, output& out);

  // What the host holds of a lane, in decoded bytes: `delivered` when a batch was decoded (between
  // receive and the next write), `consumed` when its receivers are done with it. The difference
  // shrinks what the peer may send.
  void delivered(lane on, std::uint64_t decoded);
  void consumed(lane on, std::uint64_t decoded);

  state standing() const { return state_; }
  bool live() const { return state_ != state::ended; }
  std::uint64_t received() const { return received_; }  // for the handshake's standing and choice
  bool blocked(lane on) const;        // has something to send and no credit for it
  bool overloaded(lane on) const;     // at its high mark: refuse new messages
  std::size_t queued(lane on) const;  // bytes not yet transmitted
  std::size_t queued_batches(lane on) const;
  std::size_t unacknowledged() const { return kept_bytes_; }  // with 64 bytes a frame
  bool drained() const;                     // all that was enqueued has been acknowledged
  std::uint64_t held(lane on) const;        // as told by delivered() and consumed()
  std::size_t reassembling(lane on) const;  // bytes of an unfinished batch
  std::uint64_t granted(lane on) const;     // cumulative: what the peer was told it may send
  std::uint64_t sent(lane on) const;        // cumulative, first transmissions
  std::uint64_t limit(lane on) const;       // cumulative: what the peer has told us
  std::uint64_t arrived(lane on) const;     // cumulative
  const session_settings& settings() const { return settings_; }

 private:
  using shared = std::shared_ptr<const buffer>;
  struct piece {  // one transmitted data frame, kept until acknowledged
    shared bytes;
    std::size_t offset = 0, size = 0;
    std::uint8_t flags = 0;
  };
  struct outlet {  // one lane, sending
    std::deque<shared> queue;
    std::size_t offset = 0;  // within the first: what was already cut off
    std::size_t bytes = 0;   // in the queue, without that
    std::uint64_t sent = 0, limit = 0;
    std::uint64_t turn = 0;  // bytes left in this round of sharing
  };
  struct inlet {                 // one lane, receiving
    std::vector<buffer> pieces;  // of the unfinished batch
    std::size_t unfinished = 0;  // bytes in them
    std::uint64_t arrived = 0, granted = 0, held = 0;
  };
  class bucket {  // of the control lane's rate
   public:
    bool has(instant now, std::uint64_t size, std::uint64_t rate, std::uint64_t most);
    void take(std::uint64_t size) { level_ -= size; }

   private:
    std::optional<instant> filled_;
    std::uint64_t level_ = 0;
  };

  void on_frame(const frame& f, instant now, output& out);
  void on_data(const frame& f, instant now, output& out);
  void on_ack(const frame& f, instant now, output& out);
  void on_credit(const frame& f, instant now, output& out);
  void on_bye(const frame& f, output& out);
  void err(fault why, instant now, output& out);
  void finish(ending why, output& out);
  bool sequence_fits(std::uint64_t number) const;
  std::optional<fault> excess(lane on, std::size_t size, instant now);

  std::uint64_t grantable(lane on) const;
  void choose_growing();
  bool grant_due(lane on) const;
  void write_acknowledgement(buffer& out);
  void write_credits(buffer& out);
  void write_piece(const piece& p, std::uint64_t number, buffer& out) const;
  std::size_t next_size(lane on) const;
  bool may_send(lane on) const;
  bool control_may_send(instant now);
  std::optional<lane> pick(instant now);
  void transmit(lane on, buffer& out);
  void forget(std::uint64_t upto);

  outlet& outlet_of(lane on) { return outlets_[static_cast<std::size_t>(on)]; }
  const outlet& outlet_of(lane on) const { return outlets_[static_cast<std::size_t>(on)]; }
  inlet& inlet_of(lane on) { return inlets_[static_cast<std::size_t>(on)]; }
  const inlet& inlet_of(lane on) const { return inlets_[static_cast<std::size_t>(on)]; }
  std::uint64_t window_of(lane on) const { return settings_.window[static_cast<std::size_t>(on)]; }
  std::uint64_t transmitted() const { return acknowledged_ + kept_.size(); }

  session_settings settings_;
  state state_ = state::fresh;
  frame_reader reader_;
  std::array<outlet, lane_count> outlets_;
  std::array<inlet, lane_count> inlets_;
  // sending
  std::deque<piece> kept_;          // transmitted, not acknowledged: from acknowledged_ + 1 on
  std::size_t kept_bytes_ = 0;      // with what an entry costs
  std::size_t control_kept_ = 0;    // of the control lane alone
  std::size_t again_ = 0;           // how many of kept_ this connection has carried
  std::uint64_t acknowledged_ = 0;  // by the peer
  bucket control_out_;
  std::optional<instant> dry_;  // when it had too little for what waits
  // receiving
  std::uint64_t received_ = 0;   // from the peer, in order
  std::uint64_t carried_ = 0;    // last number that this connection has carried, or was told
  std::uint64_t told_ = 0;       // last acknowledged to the peer
  std::size_t since_told_ = 0;   // bytes received since
  instant told_late_{};          // when the first of them came
  std::optional<lane> growing_;  // whose unfinished batch may go beyond its window
  bool ack_due_ = false;
  bool credits_due_ = false;
  bucket control_in_;
  // the connection
  instant last_heard_{}, last_wrote_{}, last_tick_{}, broken_at_{};
  unsigned faults_ = 0;
  buffer bye_;  // the frame still to write
};
}  // namespace troupe::link
