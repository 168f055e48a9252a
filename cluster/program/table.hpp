// Rows of words in aligned columns. What a word would do to a terminal is written out: \x1b.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
namespace troupe::program {
class table {
 public:
  explicit table(std::vector<std::string> head) { add(std::move(head)); }
  void add(std::vector<std::string> row);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string bytes_text(double bytes);               // 130 MB
std::string time_text(std::uint64_t milliseconds);  // 850 ms, 12.3 s, 3 min 20 s
}  // namespace troupe::program
