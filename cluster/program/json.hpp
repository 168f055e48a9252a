// How the program prints JSON.
#pragma once
#include <string>

#include <nlohmann/json.hpp>
namespace troupe::program {
// In one line, whatever bytes its texts hold: paths and what jobs throw need not be UTF-8, and what
// is not becomes U+FFFD.
inline std::string one_line(const nlohmann::ordered_json& what) {
  return what.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}
}  // namespace troupe::program
