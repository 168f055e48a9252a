#include "patterns/link/session_settings.hpp"

namespace troupe::link {
std::optional<std::string> validate(const session_settings& s) {
  const auto least = [](const std::string& name, auto value) {
    return name + " is too small: it has to be at least " + std::to_string(value);
  };
  const auto milliseconds = [](session_settings::duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  };
  if (s.chunk == 0) return least("chunk", 1);
  if (s.chunk > (1u << 30))
    return "chunk is too large: it can be at most " + std::to_string(1u << 30);
  if (s.frame_max < s.chunk + 8) return least("frame_max", s.chunk + 8);
  if (s.message_max < s.chunk) return least("message_max", s.chunk);
  if (s.control_message_max == 0) return least("control_message_max", 1);
  if (s.control_burst < s.chunk) return least("control_burst", s.chunk);
  if (s.control_burst < s.control_message_max) return least("control_burst", s.control_message_max);
  if (s.control_rate < 1000) return least("control_rate", 1000);
  if (s.socket_max == 0) return least("socket_max", 1);
  if (s.unacknowledged_max < 2 * s.chunk) return least("unacknowledged_max", 2 * s.chunk);
  if (s.queue_max == 0) return least("queue_max", 1);
  for (std::size_t i = 1; i < s.window.size(); ++i)
    if (s.window[i] < 2 * s.chunk) return least("window", 2 * s.chunk);
  if (s.ack_bytes == 0) return least("ack_bytes", 1);
  if (s.urgent_share == 0 || s.normal_share == 0 || s.bulk_share == 0)
    return least("urgent_share, normal_share or bulk_share", 1);
  if (s.ack_delay <= s.ack_delay.zero()) return least("ack_delay, in milliseconds,", 1);
  if (s.heartbeat <= s.heartbeat.zero()) return least("heartbeat, in milliseconds,", 1);
  if (s.silence < 4 * s.heartbeat)
    return least("silence, in milliseconds,", milliseconds(4 * s.heartbeat));
  if (s.resume_window < s.resume_window.zero()) return least("resume_window", 0);
  if (s.faults_max == 0) return least("faults_max", 1);
  return std::nullopt;
}
}  // namespace troupe::link
