#include "cluster/program/files.hpp"

#include <array>
#include <fstream>
#include <iostream>

namespace troupe::program {
namespace {
// By `read`, which tells of a directory by a flag; stream iterators throw.
std::string all_of(std::istream& in) {
  std::string bytes;
  std::array<char, 65536> part{};
  while (in.read(part.data(), part.size()) || in.gcount() > 0)
    bytes.append(part.data(), static_cast<std::size_t>(in.gcount()));
  return bytes;
}
}  // namespace

std::optional<std::string> bytes_of(const std::string& file) {
  if (file == "-") return all_of(std::cin);
  std::ifstream in{file, std::ios::binary};
  auto bytes = all_of(in);
  if (!in.is_open() || in.bad()) return {};
  return bytes;
}

bool write_file(const std::string& file, std::string_view bytes) {
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  out << bytes;
  return static_cast<bool>(out.flush());
}
}  // namespace troupe::program
