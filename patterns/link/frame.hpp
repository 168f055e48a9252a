// The link's frames: what stands between raw bytes and the handshake or the session.
//   Promises  a length is checked against its bound before anything is kept or allocated; memory
//             grows only with bytes that came; whole frames are handed on without a copy
//   Under     any bytes, cut anywhere
//   Costs     one copy of frames that lie across two reads, none of others
//
//   offset  size  field
//   0       4     length of what follows (2 + body), little-endian as everything on the link
//   4       1     kind
//   5       1     flags, 0 but for data (bits 0-1 lane, bit 2: more of this batch follows)
//                 and credit (bits 0-1 lane)
//   6       n     body
//
//   kind       code  body                                    when
//   challenge  1     see handshake.hpp                       handshake
//   hello      2     see handshake.hpp                       handshake
//   go         3     see handshake.hpp                       handshake
//   welcome    4     see handshake.hpp                       handshake
//   refuse     5     see handshake.hpp                       handshake
//   data       16    u64 sequence number, bytes of a batch   session
//   ack        17    u64 last sequence number received       session; also the heartbeat
//   credit     18    u64 cumulative limit in batch bytes     session
//   bye        19    u8 ending, u8 length, text              session: it is over for good
#pragma once
#include "patterns/link/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
namespace troupe::link {
enum class lane : std::uint8_t { control, urgent, normal, bulk };  // in order of priority
inline constexpr std::size_t lane_count = 4;

enum class frame_kind : std::uint8_t {
  challenge = 1,
  hello = 2,
  go = 3,
  welcome = 4,
  refuse = 5,
  data = 16,
  ack = 17,
  credit = 18,
  bye = 19,
};

inline constexpr std::size_t frame_header = 6;
inline constexpr std::uint8_t lane_bits = 3, more_bit = 4;

struct frame {
  frame_kind kind{};
  std::uint8_t flags = 0;
  view body{};  // valid until the next call of the reader
};

enum class frame_problem : std::uint8_t { too_short, too_long, unknown_kind, unknown_flags };
std::string_view sentence(frame_problem);

class frame_reader {
 public:
  explicit frame_reader(std::size_t body_max) : body_max_{body_max} {}

  // Takes `bytes` as the input of next(); they must stay where they are until next() gives nothing.
  void feed(view bytes) { input_ = bytes; }
  // The next whole frame, or nothing: more bytes are needed, or there is a problem.
  std::optional<frame> next();
  std::optional<frame_problem> problem() const { return problem_; }
  // What was fed and not yet read; between two frames this is all there is, for who reads on.
  view rest() const { return input_; }
  std::size_t pending() const { return partial_.size(); }  // bytes kept of an unfinished frame
  void reset();                                            // for a new connection

 private:
  bool fill(std::size_t size);
  std::optional<std::size_t> check(const char* header);

  std::size_t body_max_;
  view input_{};
  buffer partial_;  // of a frame across reads; cleared at the call after it was given out
  bool given_out_ = false;
  std::optional<frame_problem> problem_;
};

void put_frame(buffer& out, frame_kind kind, std::uint8_t flags, view body);
// the header alone, for who writes the body himself
void put_header(buffer& out, frame_kind kind, std::uint8_t flags, std::size_t body_size);
}  // namespace troupe::link
