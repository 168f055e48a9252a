#include "patterns/link/handshake.hpp"

namespace troupe::link {
std::string_view sentence(refusal reason) {
  switch (reason) {
    case refusal::refused:
      return "the peer refused the connection; its own log says why";
    case refusal::not_a_link:
      return "the peer does not speak the link's protocol";
    case refusal::bad_frame:
      return "the peer sent a frame out of bounds";
    case refusal::out_of_order:
      return "the peer sent a frame that does not belong at this point of the handshake";
    case refusal::version:
      return "the two have no protocol version in common; upgrade the older one";
    case refusal::method:
      return "one side has a cluster secret and the other has none; configure both alike";
    case refusal::bad_proof:
      return "the peer does not know the cluster's secret";
    case refusal::reflected:
      return "the peer sent our own challenge back";
    case refusal::malformed:
      return "the peer's hello cannot be read";
    case refusal::wrong_cluster:
      return "the peer belongs to another cluster; check the cluster's name";
    case refusal::not_the_certificates:
      return "the peer's certificate is made out to another name than the node's";
    case refusal::name_invalid:
      return "the peer has no valid node name";
    case refusal::myself:
      return "the connection leads to the node itself";
    case refusal::same_name:
      return "two nodes have the same name; give each its own";
    case refusal::forbidden:
      return "this incarnation was downed and cannot return; the node has to restart";
    case refusal::capabilities:
      return "the peer lacks a capability that is required here";
    case refusal::stale:
      return "another connection between the two is in use or about to be";
    case refusal::session_unknown:
      return "the session to resume has ended here";
    case refusal::too_many:
      return "too many connections; try again later";
    case refusal::shutting_down:
      return "the node is shutting down";
    case refusal::late:
      return "the handshake took too long";
  }
  return "";
}
}  // namespace troupe::link
