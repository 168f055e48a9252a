// A job of one's own, as a shared library: the longest lines of all files, and where they stand.
//   cmake --build --preset release --target longest_lines
//   troupe submit build/release/lib/liblongest_lines.so --input /usr/include/boost --output /tmp/longest --set top=10
//   sort -rn /tmp/longest/part-* | head
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <troupe/actors/mapreduce/job.hpp>

namespace {
namespace mapreduce = troupe::mapreduce;

// The key is a line's length turned round, so that the longest lines come first; the value, where the line stands.
struct longest_lines : mapreduce::job_of<std::uint64_t, std::string> {
  static constexpr mapreduce::job_setting settings[] = {
      {"top", "how many lines of each part (10)"}};

  void setup() {
    const auto text = setting("top", "10");
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos ||
        text.size() > 6)
      throw mapreduce::task_error{"top takes a number, and not '" + text + "'"};
    top_ = std::stoul(text);
  }

  void map(const mapreduce::record& line, auto& emit) {
    if (line.text.size() < shortest_) return;  // this task has enough longer ones already
    kept_.push_back(line.text.size());
    std::push_heap(kept_.begin(), kept_.end(), std::greater<>{});
    if (kept_.size() > top_) {
      std::pop_heap(kept_.begin(), kept_.end(), std::greater<>{});
      kept_.pop_back();
      shortest_ = kept_.front();
    }
    where_ = std::string{line.file} + " at byte " + std::to_string(line.offset);
    emit(~std::uint64_t{line.text.size()}, where_);
  }

  void reduce(std::uint64_t turned, auto& places, auto& output) {
    for (const auto& place : places) {
      if (written_++ >= top_) return;
      output(~turned, place);
    }
  }

 private:
  std::size_t top_ = 10, shortest_ = 0, written_ = 0;
  std::vector<std::size_t> kept_;
  std::string where_;
};
TROUPE_JOB(longest_lines, "longest-lines", "the longest lines, and where they stand")
}  // namespace
