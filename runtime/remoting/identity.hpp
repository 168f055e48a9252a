// Node ids as remoting uses them: 20 random bytes (the incarnation) and, in CAF's field for the process id, the number
// of the session a handle came by. One stands for the incarnation itself, which is what system().node() holds (zero would be
// no valid id to CAF, and would not travel).
//   Promises  two sessions with one incarnation have unequal node ids, so a dead handle never equals a fresh one
#pragma once
#include "patterns/link/identity.hpp"

#include <cstdint>

#include <caf/node_id.hpp>

namespace troupe::remoting {
constexpr std::uint32_t own_process = 1;
caf::node_id node_of(const link::incarnation&, std::uint32_t session = own_process);
// None (all zero) for an id that is not of this form.
link::incarnation link_incarnation(const caf::node_id&);
std::uint32_t session_of(const caf::node_id&);
}  // namespace troupe::remoting
