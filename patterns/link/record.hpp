// The records inside a batch: one operation each, between two nodes of a session.
//   Promises  a reader never looks past its batch; an unknown operation is skipped by its length; a
//             record that cannot be right is a problem of the batch, found before any allocation
//   Costs     30 bytes a record, 28 for a third node's handle
//
//   offset  size  field
//   0       4     length of what follows (26 + extras + body)
//   4       1     op
//   5       1     flags: bits 0-1 sender, 2-3 kind, bit 4 urgent, bit 5 stages; the others are 0
//   6       8     target: actor id at the receiver
//   14      8     source: actor id, by sender flag
//   22      8     message id (60 bits); release: how many handles it had
//   30      28    the sender's handle, if it is a third node's: 20 bytes incarnation, u64 actor
//   ..      1+28n u8 n, then n stages (handles still to be passed through), if bit 5 is set
//   ..      rest  body: message: content; down, error: what the host serialises; else empty
#pragma once
#include "patterns/link/bytes.hpp"
#include "patterns/link/identity.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
namespace troupe::link {
enum class op : std::uint8_t {
  message = 1,
  monitor = 2,  // source wants to know when target ends
  demonitor = 3,
  down = 4,  // source, an actor of the sender, has ended; body: reason; target: 0, all who watch
  link = 5,
  unlink = 6,
  release = 7,  // the sender has dropped its proxy of target, for which it had `id` handles
  error = 8,    // the message `id` from target could not be read; body: why
};
enum class sender : std::uint8_t {
  none,   // anonymous
  yours,  // an actor of the receiving node
  mine,   // an actor of the sending node
  third,  // `from` names it
};
enum class message_kind : std::uint8_t { asynchronous, request, response };

inline constexpr std::uint64_t message_id_max = (std::uint64_t{1} << 60) - 1;
inline constexpr std::size_t record_header = 30, handle_size = 28, stages_max = 32;

struct record {
  op what = op::message;
  sender by = sender::none;
  message_kind kind = message_kind::asynchronous;
  bool urgent = false;
  std::uint64_t target = 0;
  std::uint64_t source = 0;
  std::uint64_t id = 0;
  handle from{};  // if by == third
  view stages{};  // stages(i) reads them; the last is the next to be visited
  view body{};
  std::size_t stage_count() const { return stages.size() / handle_size; }
  handle stage(std::size_t i) const;
};

// Appends a record in two steps, so that the body can be serialised in place:
//   const auto at = begin_record(out, r); serialise(out); end_record(out, at);
// `r.body` and `r.stages` are written as they are; add more of the body before end_record.
std::size_t begin_record(buffer& out, const record& r);
void put_stages(buffer& packed, const handle& stage);  // to build record::stages
bool end_record(buffer& out, std::size_t at);          // false, and taken back: beyond 4 GiB
void put_record(buffer& out, const record& r);

enum class record_problem : std::uint8_t {
  truncated,  // the batch ends within a record
  too_short,  // a length below the header's
  unknown_flags,
  unknown_kind,
  bad_id,  // beyond 60 bits
  too_many_stages,
};
std::string_view sentence(record_problem);

class record_reader {
 public:
  explicit record_reader(view batch) : rest_{batch} {}
  // The next record, its views into the batch; nothing at the end or upon a problem.
  std::optional<record> next();
  std::optional<record_problem> problem() const { return problem_; }
  std::size_t skipped() const { return skipped_; }  // of unknown operations

 private:
  std::optional<record> fail(record_problem why);
  view rest_;
  std::optional<record_problem> problem_;
  std::size_t skipped_ = 0;
};
}  // namespace troupe::link
