// A name as one part of a key: without slashes, and read back as it was.
#pragma once
#include <string>
#include <string_view>
namespace troupe::storage {
std::string key_part(std::string_view name);
std::string name_of_part(std::string_view part);
}  // namespace troupe::storage
