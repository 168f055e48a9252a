#include "patterns/storage/key_part.hpp"
namespace troupe::storage {
std::string key_part(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '/') {
      out += "%2F";
    } else if (c == '%') {
      out += "%25";
    } else {
      out += c;
    }
  }
  return out;
}

std::string name_of_part(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto code = part.substr(i, 3);
    if (code == "%2F" || code == "%25") {
      out += code == "%2F" ? '/' : '%';
      i += 2;
    } else {
      out += part[i];
    }
  }
  return out;
}
}  // namespace troupe::storage
