// Whole files for verbs that read them.
#pragma once
#include <optional>
#include <string>
#include <string_view>
namespace troupe::program {
// "-" is standard input. None: it cannot be read, as a directory cannot.
std::optional<std::string> bytes_of(const std::string& file);
bool write_file(const std::string& file, std::string_view bytes);
}  // namespace troupe::program
