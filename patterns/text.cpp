#include "patterns/text.hpp"

#include <charconv>

namespace troupe {
namespace {
template <class T>
void append_chars(std::string& out, T x) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, x).ptr;
  out.append(buffer, end);
}
}  // namespace

void append_number(std::string& out, std::int64_t x) { append_chars(out, x); }
void append_number(std::string& out, std::uint64_t x) { append_chars(out, x); }
void append_number(std::string& out, double x) { append_chars(out, x); }

void append_quoted(std::string& out, std::string_view x) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : x.substr(0, text_bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
  if (x.size() > text_bytes_max) append_more(out, x.size());
}

void append_duration(std::string& out, std::int64_t count, std::intmax_t num, std::intmax_t den) {
  append_number(out, count);
  if (num == 1 && den == 1'000'000'000) {
    out += "ns";
  } else if (num == 1 && den == 1'000'000) {
    out += "us";
  } else if (num == 1 && den == 1000) {
    out += "ms";
  } else if (num == 1 && den == 1) {
    out += 's';
  } else if (num == 60 && den == 1) {
    out += "min";
  } else if (num == 3600 && den == 1) {
    out += 'h';
  } else {
    out += '*';
    append_number(out, static_cast<std::int64_t>(num));
    out += '/';
    append_number(out, static_cast<std::int64_t>(den));
    out += 's';
  }
}

void append_more(std::string& out, std::size_t size) {
  out += "...(";
  append_number(out, static_cast<std::uint64_t>(size));
  out += ')';
}
}  // namespace troupe
