// SHA-256 (FIPS 180-4), by OpenSSL: for names that are too long, and must not be taken for each other's.
#pragma once
#include <string>
#include <string_view>
namespace troupe {
std::string sha256(std::string_view bytes);  // 64 hexadecimal digits
}  // namespace troupe
