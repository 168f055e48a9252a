// Delivery accounts: what was sent against what was delivered, message by message.
//   send     value (the message's id, once a key)   ok: accepted; info: unknown; fail: certainly not
//   deliver  the result is the id                   ok alone counts
// The key is the channel. What each promise says of a message whose send was
//               ok           unknown      failed       never asked for
//   exactly_once   1            0 or 1       0            0
//   at_least_once  1 or more    any          0            0
//   at_most_once   0 or 1       0 or 1       0            0
//   Always    nothing is delivered before it was asked to be sent
//   Assumes   the history goes on until what was to be delivered was: "at least once" is a promise
//             about the end
#pragma once
#include "patterns/checking/report.hpp"
namespace troupe::checking {
enum class delivery : std::uint8_t { exactly_once, at_least_once, at_most_once };
std::string_view to_string(delivery d);  // exactly-once, ...

std::string delivery_refusal(const operation& op);
report check_delivery(const operations& ops, delivery promised);
}  // namespace troupe::checking
