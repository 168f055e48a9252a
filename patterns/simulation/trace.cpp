#include "patterns/simulation/trace.hpp"
namespace troupe::simulation {
void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_field(std::string& out, std::string_view name, std::string_view text) {
  if (!out.empty()) out += ',';
  append_json(out, name);
  out += ':';
  append_json(out, text);
}

void append_field(std::string& out, std::string_view name, std::int64_t number) {
  if (!out.empty()) out += ',';
  append_json(out, name);
  out += ':';
  out += std::to_string(number);
}

void trace::line(instant at, std::string_view node, std::string_view fields) {
  text_ += "{\"time\":";
  text_ += std::to_string(at.count());
  text_ += ",\"node\":";
  append_json(text_, node);
  text_ += ',';
  text_ += fields;
  text_ += "}\n";
}

void trace::append(std::string_view whole) {
  mix(digest_of(whole));
  if (kept_) text_ += whole;
}
}  // namespace troupe::simulation
