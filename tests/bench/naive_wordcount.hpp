// What word count is measured against, and a large input for both.
#pragma once
#include "actors/mapreduce/job_input.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <unistd.h>
namespace troupe::bench {
// What one would write in ten minutes: every file read with large reads, one map.
inline std::uint64_t naive(const std::vector<mapreduce::input_file>& files) {
  std::unordered_map<std::string, long> counts;
  std::vector<char> buffer(1 << 20);
  std::string word;
  for (const auto& file : files) {
    const int fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    for (ssize_t got; (got = ::read(fd, buffer.data(), buffer.size())) > 0;) {
      for (ssize_t i = 0; i < got; ++i) {
        const char c = buffer[static_cast<std::size_t>(i)];
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') {
          word.push_back(c);
        } else if (c >= 'A' && c <= 'Z') {
          word.push_back(static_cast<char>(c | 0x20));
        } else if (!word.empty()) {
          ++counts[word];
          word.clear();
        }
      }
    }
    if (!word.empty()) ++counts[word];
    word.clear();
    ::close(fd);
  }
  return counts.size();
}

// A file of so many bytes, made of the Boost headers.
inline void make_large(const std::filesystem::path& to, std::uint64_t bytes) {
  std::atomic<bool> never{false};
  std::ofstream out{to, std::ios::binary};
  std::uint64_t written = 0;
  while (written < bytes)
    for (const auto& f : mapreduce::list_inputs({"/usr/include/boost"}, never)) {
      if (written >= bytes) break;
      out << std::ifstream{f.path, std::ios::binary}.rdbuf() << '\n';
      written += f.size;
    }
}
}  // namespace troupe::bench
