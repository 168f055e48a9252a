// grep: the lines that match an extended regular expression (POSIX, as grep -E has it, byte by byte),
// as file:number:line, sorted by file and number within a part; or how many there are in each file, as
// file:count.
// A map knows the number of a line only from its piece's begin. So each piece also says how many lines
// it has, and the reducer, to whom a file's pieces come in their order, adds them up.
#include "actors/mapreduce/job.hpp"
#include "patterns/mapreduce/partition.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include <regex.h>
namespace troupe::mapreduce {
namespace {
// A pattern without special characters is looked for as it is, which is many times faster.
class matcher {
 public:
  matcher(const std::string& pattern, bool fixed, bool ignore_case) : literal_{pattern} {
    if (pattern.find('\n') != std::string::npos)
      throw std::invalid_argument{"the pattern must not contain a newline"};
    is_literal_ =
        !ignore_case && (fixed || pattern.find_first_of("\\^$.[]|()*+?{}") == std::string::npos);
    if (is_literal_) return;
    const auto text = fixed ? escaped(pattern) : pattern;
    const int error =
        ::regcomp(&regex_, text.c_str(), REG_EXTENDED | REG_NOSUB | (ignore_case ? REG_ICASE : 0));
    compiled_ = error == 0;
    if (compiled_) return;
    char why[256];
    ::regerror(error, &regex_, why, sizeof why);
    throw std::invalid_argument{"the pattern '" + pattern + "' is no regular expression: " + why};
  }
  ~matcher() {
    if (compiled_) ::regfree(&regex_);
  }
  matcher(const matcher&) = delete;
  matcher& operator=(const matcher&) = delete;

  // The begin of the first line from `from` on that matches; nullptr: none does.
  const char* next_line(const char* from, const char* end) const {
    if (is_literal_) {
      const auto* hit = static_cast<const char*>(
          ::memmem(from, static_cast<std::size_t>(end - from), literal_.data(), literal_.size()));
      if (hit == nullptr) return nullptr;
      const auto* before =
          static_cast<const char*>(::memrchr(from, '\n', static_cast<std::size_t>(hit - from)));
      return before == nullptr ? from : before + 1;
    }
    while (from < end) {
      const auto* stop = line_end(from, end);
      if (matches(from, stop)) return from;
      from = stop + 1;
    }
    return nullptr;
  }
  static const char* line_end(const char* from, const char* end) {
    const auto* found =
        static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
    return found == nullptr ? end : found;
  }

 private:
  static std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (std::string_view{"\\^$.[]|()*+?{}"}.find(c) != std::string_view::npos)
        out.push_back('\\');
      out.push_back(c);
    }
    return out;
  }
  bool matches(const char* from, const char* end) const {
    ::regmatch_t range{};
    range.rm_eo = static_cast<::regoff_t>(end - from);
    return ::regexec(&regex_, from, 1, &range, REG_STARTEND) == 0;
  }
  std::string literal_;
  bool is_literal_ = false;
  bool compiled_ = false;
  ::regex_t regex_{};
};

constexpr auto whole_piece = std::numeric_limits<std::uint64_t>::max();

// file, offset of the piece, line in the piece or whole_piece -> the line, or the piece's number of lines
struct grep : job_of<std::tuple<std::string, std::uint64_t, std::uint64_t>, std::string> {
  static constexpr auto input_format = records::blocks;
  static constexpr job_setting settings[] = {
      {"pattern", "an extended regular expression, as grep -E has it", true},
      {"output", "lines (file:number:line) or counts (file:count); default lines"},
      {"fixed", "yes: the pattern is just text"},
      {"ignore-case", "yes: letters match in either case"},
  };

  void setup() {
    const auto yes = [&](const char* name) {
      const auto text = setting(name, "no");
      if (text != "yes" && text != "no")
        throw std::invalid_argument{std::string{name} + " is '" + text + "'; it can be yes or no"};
      return text == "yes";
    };
    const auto output = setting("output", "lines");
    if (output != "lines" && output != "counts")
      throw std::invalid_argument{"output is '" + output + "'; it can be lines or counts"};
    counts_ = output == "counts";
    matcher_ = std::make_unique<matcher>(setting("pattern"), yes("fixed"), yes("ignore-case"));
  }

  void map(const record& text, auto& emit) {
    if (text.file != file_ || text.offset != end_) {
      finish_map(emit);
      file_.assign(text.file);
      piece_ = text.offset;
      lines_ = 0;
    }
    end_ = text.offset + text.text.size();
    const char* at = text.text.data();
    const char* const end = at + text.text.size();
    while (at < end) {
      const auto* line = matcher_->next_line(at, end);
      if (line == nullptr || line == end) break;
      const auto* stop = matcher::line_end(line, end);
      lines_ += newlines(at, line);
      emit({std::string_view{file_}, piece_, lines_},
           std::string_view{line, static_cast<std::size_t>(stop - line)});
      ++lines_;
      at = stop == end ? end : stop + 1;
    }
    lines_ += newlines(at, end);
  }
  void finish_map(auto& emit) {
    if (!file_.empty())
      emit({std::string_view{file_}, piece_, whole_piece}, std::to_string(lines_));
  }
  // all of a file to one reducer
  std::uint32_t partition(const key_type& key, std::uint32_t parts) {
    return hash_partition(std::get<0>(key), parts);
  }

  void reduce(const key_type& key, auto& values, auto& output) {
    const auto& [file, piece, line] = key;
    if (file != file_) {
      finish_reduce(output);
      file_ = file;
      before_ = matches_ = 0;
    }
    for (const auto text : values) {
      if (line == whole_piece) {
        before_ += std::stoull(std::string{text});
      } else {
        ++matches_;
        if (!counts_)
          output.line(file + ":" + std::to_string(before_ + line + 1) + ":" + std::string{text});
      }
    }
  }
  void finish_reduce(auto& output) {
    if (counts_ && matches_ > 0) output.line(file_ + ":" + std::to_string(matches_));
    matches_ = 0;
  }

 private:
  static std::uint64_t newlines(const char* from, const char* end) {
    return static_cast<std::uint64_t>(std::count(from, end, '\n'));
  }
  std::unique_ptr<matcher> matcher_{};
  bool counts_ = false;
  std::string file_{};
  std::uint64_t piece_ = 0, end_ = 0, lines_ = 0;  // of the map
  std::uint64_t before_ = 0, matches_ = 0;         // of the reduce
};
TROUPE_JOB(grep, "grep", "the lines that match a pattern, file:number:line")
}  // namespace
}  // namespace troupe::mapreduce
