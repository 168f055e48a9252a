#include "runtime/codec/failure.hpp"

#include "runtime/error.hpp"

namespace troupe::codec {
std::string_view to_string(failure f) {
  switch (f) {
    case failure::none:
      return "no failure";
    case failure::truncated:
      return "the bytes end before the value does";
    case failure::trailing:
      return "bytes are left after the value";
    case failure::too_deep:
      return "the value is nested too deeply";
    case failure::too_many:
      return "the message has too many elements";
    case failure::too_large:
      return "the value would hold too much memory";
    case failure::bad_value:
      return "a value is out of its range";
    case failure::unknown_type:
      return "the type is not registered here: register it in every node";
    case failure::refused_type:
      return "the type may not travel in a message";
    case failure::bad_handle:
      return "an actor handle cannot be resolved";
    case failure::foreign:
      return "an inspect function failed";
  }
  return "not a known failure";
}

caf::error to_error(failure f, std::string_view detail) {
  if (f == failure::none) return caf::none;
  std::string sentence{to_string(f)};
  if (!detail.empty()) sentence.append(" (").append(detail).append(")");
  switch (f) {
    case failure::unknown_type:
      return make_error(errc::unsupported, std::move(sentence));
    case failure::refused_type:
    case failure::too_deep:
    case failure::too_many:
    case failure::too_large:
      return make_error(errc::refused, std::move(sentence));
    default:
      return make_error(errc::corrupted, std::move(sentence));
  }
}
}  // namespace troupe::codec
