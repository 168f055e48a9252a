#include "patterns/tree/messages.hpp"
namespace troupe::tree {
std::string explain(refusal why) {
  switch (why) {
    case refusal::malformed:
      return "the request's bytes are none that this version knows: is the client newer?";
    case refusal::replayed:
      return "the log's entry was applied before: it is not applied again";
    case refusal::path_relative:
      return "a path begins with a slash";
    case refusal::path_trailing_slash:
      return "a path does not end in a slash, but for the root and the names of sequential nodes";
    case refusal::path_empty_part:
      return "a path has no empty part: write one slash, not two";
    case refusal::path_dot_part:
      return "a path has no part \".\" or \"..\": write it in full";
    case refusal::path_character:
      return "a path is UTF-8 without control characters";
    case refusal::path_too_long:
      return "the path is longer than the tree allows: shorten its names";
    case refusal::path_too_deep:
      return "the path has more parts than the tree allows: put the node higher";
    case refusal::root:
      return "the root is always there: it is neither created nor removed";
    case refusal::no_node:
      return "there is no such node";
    case refusal::no_parent:
      return "the node's parent is not there: create it first";
    case refusal::node_exists:
      return "a node of this path exists";
    case refusal::not_empty:
      return "the node has children: remove them first";
    case refusal::bad_version:
      return "the node has another version: read it again and decide anew";
    case refusal::ephemeral_parent:
      return "an ephemeral node has no children: put them elsewhere";
    case refusal::data_too_large:
      return "the data is larger than the tree allows: store it elsewhere and put its place here";
    case refusal::too_many_children:
      return "the parent has as many children as the tree allows: spread them over several";
    case refusal::sequence_exhausted:
      return "the parent has used all numbers of ten digits: use another parent";
    case refusal::no_space:
      return "the tree holds as many bytes as it is allowed to: remove nodes, or shorten their "
             "data";
    case refusal::multi_too_large:
      return "there are more operations in one multi than the tree allows: split it";
    case refusal::session_unknown:
      return "there is no such session: it was closed or has expired, and its ephemeral nodes are "
             "gone; open another";
    case refusal::session_needed:
      return "an ephemeral node belongs to a session, and a session is closed from within: name it";
    case refusal::bad_secret:
      return "this is not the session's secret: only who opened a session may use it";
    case refusal::secret_size:
      return "a session's secret is shorter or longer than the tree allows: draw 16 bytes by "
             "chance";
    case refusal::too_many_sessions:
      return "there are as many sessions as the tree allows: let clients share one, or close some";
    case refusal::too_many_ephemerals:
      return "the session has as many ephemeral nodes as the tree allows: open another";
    case refusal::stale_term:
      return "this expiry was another leader's: the present one counts anew";
    case refusal::not_a_container:
      return "only containers are reaped: remove the node instead";
    case refusal::container_in_use:
      return "the container has children, or has not had its first: it stays";
    case refusal::rolled_back:
      return "a later operation of the same multi was refused: this one was undone";
    case refusal::not_tried:
      return "an earlier operation of the same multi was refused: this one was not tried";
    case refusal::too_many_watches:
      return "there are as many watches as the replica allows: watch a parent, or fewer nodes";
    case refusal::no_watch:
      return "there is no such watch: it has fired, or was never set";
    case refusal::behind:
      return "the client has seen more than this replica has: ask another, or wait";
    case refusal::leaders_only:
      return "only the tree's leader expires sessions and reaps containers: close the session from "
             "within, or remove the node";
  }
  return "refused";
}
}  // namespace troupe::tree
