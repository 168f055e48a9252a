#include "runtime/config/file.hpp"

#include "runtime/config/value.hpp"

#include <algorithm>

namespace troupe::config {
namespace {
// One line, read from its front.
class reader {
 public:
  explicit reader(std::string_view line) : rest_(line) {}

  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  bool at_end() {
    skip_blanks();
    return rest_.empty() || rest_.front() == '#';
  }
  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  // up to one of `stops`, or to a comment, which begins with a blank before its #
  std::string_view take_bare(std::string_view stops) {
    std::size_t end = 0;
    while (end < rest_.size() && stops.find(rest_[end]) == stops.npos) {
      const bool comment =
          rest_[end] == '#' && (end == 0 || rest_[end - 1] == ' ' || rest_[end - 1] == '\t');
      if (comment) break;
      ++end;
    }
    const auto bare = trimmed(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return bare;
  }
  // after the opening quote
  result<std::string, std::string> take_quoted() {
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (rest_.empty()) break;
      const char escaped = rest_.front();
      rest_.remove_prefix(1);
      switch (escaped) {
        case '"':
        case '\\':
          text += escaped;
          break;
        case 'n':
          text += '\n';
          break;
        case 't':
          text += '\t';
          break;
        default:
          return unexpected{std::string{"there is no escape \\"} + escaped +
                            ": it can be \\\" \\\\ \\n or \\t"};
      }
    }
    return unexpected{"the closing \" is missing"};
  }

 private:
  std::string_view rest_;
};

using value = result<entry, std::string>;

value take_item(reader& line, std::string_view stops) {
  entry one;
  if (line.take('"')) {
    auto text = line.take_quoted();
    if (!text) return unexpected{std::move(text).error()};
    one.items.push_back(std::move(*text));
  } else {
    one.items.emplace_back(line.take_bare(stops));
  }
  return one;
}

value take_list(reader& line) {
  entry all{.list = true};
  while (!line.take(']')) {
    if (line.at_end()) return unexpected{"the closing ] is missing: a list stands on one line"};
    const bool quoted = line.next_is('"');
    auto item = take_item(line, ",]");
    if (!item) return item;
    if (!quoted && item->items.front().empty())
      return unexpected{"an element of the list is missing"};
    all.items.push_back(std::move(item->items.front()));
    if (!line.take(',') && !line.next_is(']'))
      return unexpected{"a comma or ] is missing in the list"};
  }
  return all;
}

value take_value(reader& line) {
  line.skip_blanks();
  const bool quoted = line.next_is('"');
  auto taken = line.take('[') ? take_list(line) : take_item(line, {});
  if (!taken) return taken;
  if (!taken->list && !quoted && taken->items.front().empty())
    return unexpected{"the value is missing: write \"\" for an empty one"};
  if (!line.at_end()) return unexpected{"there is more after the value"};
  return taken;
}

bool control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  out += '"';
}

class parser {
 public:
  // An empty string, or what is wrong with the line.
  std::string read_line(std::string_view text, std::size_t number) {
    if (std::any_of(text.begin(), text.end(), control)) return "the line holds a control character";
    reader line{text};
    if (line.at_end()) return {};
    if (line.take('[')) return read_section(line);
    const std::string key{line.take_bare("=")};
    if (!line.take('=')) return "'" + key + "' has no value: write KEY = VALUE";
    if (!valid_key(key)) return "'" + key + "' is not a key: they are like probe-interval";
    auto taken = take_value(line);
    if (!taken) return "'" + key + "': " + taken.error();
    taken->key = section_.empty() ? key : section_ + "." + key;
    taken->line = number;
    entries.push_back(std::move(*taken));
    return {};
  }
  std::vector<entry> entries;

 private:
  std::string read_section(reader& line) {
    line.skip_blanks();
    const std::string name{line.take_bare("]")};
    if (!line.take(']') || !line.at_end()) return "a section is written like [membership]";
    if (!valid_key(name)) return "'" + name + "' is not a section: they are like membership";
    section_ = name;
    return {};
  }
  std::string section_;
};
}  // namespace

bool valid_key(std::string_view key) {
  bool part_begins = true;
  for (const char c : key) {
    if (c == '.') {
      if (part_begins) return false;
      part_begins = true;
      continue;
    }
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!allowed) return false;
    part_begins = false;
  }
  return !part_begins;
}

result<std::vector<entry>, syntax_error> parse_file(std::string_view text) {
  if (text.size() > file_size_max)
    return unexpected{syntax_error{0, "the file is larger than 1 MiB"}};
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  parser lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    auto wrong = lines.read_line(line, number);
    if (!wrong.empty()) return unexpected{syntax_error{number, std::move(wrong)}};
  }
  return std::move(lines.entries);
}

std::string write_file(const std::vector<entry>& entries) {
  std::string out;
  for (const auto& e : entries) {
    out += e.key + " = ";
    if (e.list) out += '[';
    for (std::size_t i = 0; i < e.items.size(); ++i) {
      if (i > 0) out += ", ";
      append_quoted(out, e.items[i]);
    }
    out += e.list ? "]\n" : "\n";
  }
  return out;
}
}  // namespace troupe::config
