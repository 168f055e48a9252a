#include "patterns/link/session.hpp"

namespace troupe::link {
std::string_view sentence(fault why) {
  switch (why) {
    case fault::closed:
      return "the connection was closed";
    case fault::silence:
      return "nothing came from the peer for too long";
    case fault::replaced:
      return "a newer connection took over";
    case fault::bad_frame:
      return "the peer sent a frame out of bounds";
    case fault::malformed:
      return "the peer sent a frame that cannot be read";
    case fault::sequence:
      return "the peer left out or repeated a frame";
    case fault::credit:
      return "the peer sent more than it was granted";
    case fault::batch_too_large:
      return "the peer sent a message beyond the limit";
    case fault::control_flood:
      return "the peer flooded the control lane";
    case fault::acknowledgement:
      return "the peer acknowledged what was never sent";
    case fault::unexpected_frame:
      return "the peer sent a frame of the handshake within the session";
  }
  return "";
}

std::string_view sentence(ending why) {
  switch (why) {
    case ending::resume_window:
      return "no connection returned within the resume window";
    case ending::closed_here:
      return "the session was closed on this side";
    case ending::closed_by_peer:
      return "the peer closed the session";
    case ending::faults:
      return "the peer broke the protocol too often";
    case ending::lost:
      return "the two sides no longer agree on what was received";
    case ending::superseded:
      return "the peer has begun a new session";
    case ending::downed:
      return "the peer was downed";
    case ending::shutting_down:
      return "the node is shutting down";
  }
  return "";
}
}  // namespace troupe::link
