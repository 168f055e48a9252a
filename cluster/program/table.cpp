#include "cluster/program/table.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::program {
namespace {
bool controls(unsigned char byte, unsigned char before) {
  return byte < 0x20 || byte == 0x7f || (before == 0xc2 && byte >= 0x80 && byte < 0xa0);
}

std::string printable(const std::string& word) {
  std::string all;
  unsigned char before = 0;
  for (const unsigned char byte : word) {
    if (controls(byte, before)) {
      char text[8];
      std::snprintf(text, sizeof text, "\\x%02x", byte);
      if (byte >= 0x80) all.pop_back();
      all += text;
    } else {
      all += static_cast<char>(byte);
    }
    before = byte;
  }
  return all;
}
}  // namespace

void table::add(std::vector<std::string> row) {
  for (auto& word : row) word = printable(word);
  rows_.push_back(std::move(row));
}

std::string table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string all;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      all += row[i];
      if (i + 1 < row.size()) all.append(widths[i] - row[i].size() + 2, ' ');
    }
    all += '\n';
  }
  return all;
}

std::string bytes_text(double bytes) {
  static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) {
    bytes /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, bytes < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
                units[unit]);
  return text;
}

std::string time_text(std::uint64_t milliseconds) {
  char text[48];
  if (milliseconds < 1000)
    std::snprintf(text, sizeof text, "%u ms", static_cast<unsigned>(milliseconds));
  else if (milliseconds < 60'000)
    std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(milliseconds) / 1000);
  else
    std::snprintf(text, sizeof text, "%u min %u s", static_cast<unsigned>(milliseconds / 60'000),
                  static_cast<unsigned>(milliseconds / 1000 % 60));
  return text;
}
}  // namespace troupe::program
