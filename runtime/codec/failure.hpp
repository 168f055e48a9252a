// Why bytes could not be made, or not be read: what codecs refuse with, and its error.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <caf/error.hpp>
namespace troupe::codec {
enum class failure : std::uint8_t {
  none,
  truncated,     // the bytes end before the value does, or a count is larger than what could follow
  trailing,      // bytes are left after the value
  too_deep,      // more nesting than limits.depth
  too_many,      // more elements in a message than limits.elements
  too_large,     // what was decoded would hold more memory than limits.memory
  bad_value,     // a number out of range, an enumerator that is not on its list, a wrong kind
  unknown_type,  // a type that this process has not registered: the sender should be told
  refused_type,  // one of CAF's internal messages, which no peer may hand us
  bad_handle,    // an actor handle that cannot be resolved
  foreign,       // an inspect function of the user's returned an error
};
std::string_view to_string(failure f);

// `detail` names the type or field, where one is known.
caf::error to_error(failure f, std::string_view detail = {});

struct limits {
  std::uint32_t depth = 32;
  std::uint32_t elements = 256;                   // of one message
  std::uint64_t memory = std::uint64_t{1} << 28;  // of everything one reader decodes, estimated
};
}  // namespace troupe::codec
