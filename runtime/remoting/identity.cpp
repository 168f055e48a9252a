#include "runtime/remoting/identity.hpp"

#include "runtime/remoting/remoting.hpp"

namespace troupe::remoting {
namespace {
const caf::node_id::default_data* data_of(const caf::node_id& node) {
  return dynamic_cast<const caf::node_id::default_data*>(node.operator->());
}
}  // namespace

caf::node_id node_of(const link::incarnation& incarnation, std::uint32_t session) {
  return incarnation ? caf::make_node_id(session, incarnation.bytes) : caf::node_id{};
}

link::incarnation link_incarnation(const caf::node_id& node) {
  const auto* data = data_of(node);
  return data != nullptr ? link::incarnation{data->host_id()} : link::incarnation{};
}

std::uint32_t session_of(const caf::node_id& node) {
  const auto* data = data_of(node);
  return data != nullptr ? data->process_id() : 0;
}

caf::node_id incarnation_of(const caf::node_id& node) { return node_of(link_incarnation(node)); }

caf::node_id incarnation_of(const caf::actor& handle) {
  return handle ? incarnation_of(handle.node()) : caf::node_id{};
}

std::string incarnation_text(const caf::node_id& node) { return to_string(link_incarnation(node)); }
}  // namespace troupe::remoting
