// Failpoints: the named places where a crash would hurt, before and after what is persisted or sent.
// Compiled in, off unless switched on by `troupe node --failpoint NAME=ACTION` or by a test.
// Sources: FreeBSD's fail(9); TiKV's fail-rs. All of them, by name, stand in failpoint.cpp.
//   if (reached(failpoint::commit_rename)) throw file_error{"...", EIO};
//   ACTION  crash  the process dies at once, as by kill -9      pause:TIME  the thread sleeps
//           error  `reached` is true: fail as the system might   off
//           and then, optional, @N: the N-th time alone, or %P: with a chance of P in a hundred
//   Environment  TROUPE_FAILPOINTS=NAME=ACTION,...  TROUPE_FAILPOINTS_HIT=FILE: each place that is
//                reached is appended to it once, a line
//   Promises  callable from any thread; a place without a meaning for `error` refuses that action
//   Costs     one relaxed load while nothing is switched on and no hits are kept
#pragma once
#include "patterns/result.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
namespace troupe {
enum class failpoint : std::uint8_t {
  data_taken,
  data_members_write,
  data_members_rename,
  data_members_renamed,
  node_address_rename,
  events_write,
  events_written,
  output_token,
  output_prepared,
  commit_rename,
  commit_renamed,
  commit_synced,
  finish_success,
  finish_marked,
  finish_done,
  spill_write,
  map_output_create,
  map_output_written,
  reduce_part_sync,
  reduce_part_synced,
  task_report,
  link_handshake_send,
  link_agreed,
  link_session_send,
  link_session_sent,
  membership_send,
  membership_leave,
  membership_left,
  supervisor_launch,
  supervisor_launched,
  journal_write,
  journal_sync,
  journal_synced,
};

namespace failpoints {
struct place {
  failpoint where{};
  std::string_view name{};
  std::string_view meaning{};
  std::string_view error{};  // what the action of that name does there; empty: nothing it could
};
const std::vector<place>& all();
// NAME=ACTION; what is wrong with it, as a sentence that names the nearest.
result<void, std::string> switch_on(std::string_view text);
// TROUPE_FAILPOINTS, which is read when the first place is reached at the latest.
result<void, std::string> read_environment();
void all_off();

namespace detail {
extern std::atomic<bool> watched;
bool act(failpoint where);
}  // namespace detail
}  // namespace failpoints

// True: what follows is to fail.
inline bool reached(failpoint where) {
  return failpoints::detail::watched.load(std::memory_order_relaxed) &&
         failpoints::detail::act(where);
}
}  // namespace troupe
