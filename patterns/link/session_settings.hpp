// Every limit of a session, in one place.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
namespace troupe::link {
struct session_settings {
  using duration = std::chrono::nanoseconds;
  // sizes in bytes
  std::size_t chunk = 64 * 1024;         // of a batch in one frame; larger ones are cut
  std::size_t frame_max = 1024 * 1024;   // body of a frame from the peer; at least chunk + 8
  std::size_t message_max = 128u << 20;  // one batch, either way; the whole cluster's is alike
  std::size_t control_message_max = 1u << 20;
  std::size_t socket_max = 256 * 1024;  // with the socket; more would only delay what is urgent
  std::size_t unacknowledged_max = 8u << 20;  // kept to be sent again
  std::size_t queue_max = 16u << 20;          // high mark of a lane's queue
  std::array<std::uint64_t, 4> window = {0, 4u << 20, 8u << 20,
                                         8u << 20};  // credit; control has none
  std::uint64_t control_rate = 8u << 20;             // a second; a peer is broken off at twice that
  std::uint64_t control_burst = 2u << 20;            // at once, and unacknowledged
  std::size_t ack_bytes = 256 * 1024;                // received before an acknowledgement leaves
  // chunks a round, while several lanes have something to send
  std::uint32_t urgent_share = 16, normal_share = 4, bulk_share = 1;
  // times
  duration ack_delay = std::chrono::milliseconds{20};
  duration heartbeat = std::chrono::milliseconds{500};
  duration silence = std::chrono::seconds{5};
  duration resume_window = std::chrono::seconds{2};
  unsigned faults_max = 3;  // connections broken by the peer's errors before the end
};
// Nothing, or a sentence naming the setting that is wrong, and the nearest right value.
std::optional<std::string> validate(const session_settings&);
}  // namespace troupe::link
