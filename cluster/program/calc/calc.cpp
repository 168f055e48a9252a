#include "cluster/program/calc/calc.hpp"

#include "runtime/config/nearest.hpp"
#include "runtime/config/value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace troupe::program::calc {
namespace {
constexpr std::uint64_t count_max = std::uint64_t{1} << 53;
using refused = std::optional<std::string>;

refused check_object(const std::vector<field>& takes, const std::string& path, json& in);

bool is_count(const json& x) {
  if (x.is_number_unsigned()) return x.get<std::uint64_t>() <= count_max;
  return x.is_number_integer() && x.get<std::int64_t>() >= 0;
}
bool is_number(const json& x) { return x.is_number() && std::isfinite(x.get<double>()); }
bool is_hex(const json& x) {
  if (!x.is_string()) return false;
  const auto text = x.get<std::string>();
  return text.size() % 2 == 0 && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

// A time becomes whole nanoseconds.
bool take_time(json& x) {
  if (x.is_string()) {
    const auto read = config::read_duration(x.get<std::string>());
    if (!read) return false;
    x = read->count();
    return true;
  }
  if (!is_number(x) || std::abs(x.get<double>()) > 9e12) return false;
  x = std::llround(x.get<double>() * 1e6);
  return true;
}

template <class Each>
bool all_of(json& list, Each each) {
  return list.is_array() && std::all_of(list.begin(), list.end(), each);
}

std::string_view wanted(type t) {
  switch (t) {
    case type::number:
      return "a number";
    case type::count:
      return "a whole number, not below 0";
    case type::truth:
      return "true or false";
    case type::text:
      return "a text";
    case type::time:
      return "a time: milliseconds, or a text such as \"1.5s\"";
    case type::hex:
      return "bytes as a text of hexadecimal digits, two each";
    case type::numbers:
      return "a list of numbers";
    case type::times:
      return "a list of times: milliseconds, or texts such as \"1.5s\"";
    case type::texts:
      return "a list of texts";
    case type::object:
      return "an object";
    case type::objects:
      return "a list of objects";
  }
  return {};
}

bool fits(type t, json& x) {
  const auto is_text = [](const json& one) { return one.is_string(); };
  switch (t) {
    case type::number:
      return is_number(x);
    case type::count:
      return is_count(x);
    case type::truth:
      return x.is_boolean();
    case type::text:
      return x.is_string();
    case type::time:
      return take_time(x);
    case type::hex:
      return is_hex(x);
    case type::numbers:
      return all_of(x, is_number);
    case type::times:
      return all_of(x, take_time);
    case type::texts:
      return all_of(x, is_text);
    case type::object:
      return x.is_object();
    case type::objects:
      return all_of(x, [](const json& one) { return one.is_object(); });
  }
  return false;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

refused check_field(const field& f, const std::string& path, json& x) {
  const auto name = "'" + path + f.name + "'";
  if (!fits(f.what, x)) return name + " must be " + std::string{wanted(f.what)};
  if (!f.values.empty() &&
      std::find(f.values.begin(), f.values.end(), x.get<std::string>()) == f.values.end()) {
    const auto meant = config::nearest(x.get<std::string>(), f.values);
    return name + " cannot be '" + x.get<std::string>() + "'" +
           (meant.empty() ? "" : "; did you mean '" + meant + "'?") + " There is " +
           joined(f.values);
  }
  if (f.of.empty()) return {};
  if (f.what == type::object) return check_object(f.of, path + f.name + ".", x);
  std::size_t place = 0;
  for (auto& one : x) {
    const auto within = path + f.name + "[" + std::to_string(place++) + "].";
    if (auto wrong = check_object(f.of, within, one)) return wrong;
  }
  return {};
}

refused check_object(const std::vector<field>& takes, const std::string& path, json& in) {
  std::vector<std::string> known;
  for (const auto& f : takes) known.push_back(f.name);
  for (const auto& [name, value] : in.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = config::nearest(name, known);
    return "there is no field '" + path + name + "'" +
           (meant.empty() ? "; there is " + joined(known)
                          : "; did you mean '" + path + meant + "'?");
  }
  for (const auto& f : takes) {
    if (!in.contains(f.name)) {
      if (f.usual.is_null()) return "the field '" + path + f.name + "' is missing";
      in[f.name] = f.usual;
    }
    if (auto wrong = check_field(f, path, in[f.name])) return wrong;
  }
  return {};
}
}  // namespace

const std::vector<calculation>& all() {
  static const auto everything = [] {
    std::vector<calculation> list;
    for (auto part : {of_membership(), of_supervision(), of_mapreduce(), of_link(), of_checking()})
      std::move(part.begin(), part.end(), std::back_inserter(list));
    return list;
  }();
  return everything;
}

const calculation* named(std::string_view name) {
  for (const auto& c : all())
    if (c.name == name) return &c;
  return nullptr;
}

answer calculate(const calculation& what, std::string_view input) {
  auto in = json::parse(input.begin(), input.end(), nullptr, false);
  if (in.is_discarded()) return unexpected{std::string{"the input is no JSON"}};
  if (!in.is_object())
    return unexpected{std::string{"the input is no JSON object, such as "} + what.example};
  if (auto wrong = check_object(what.takes, "", in)) return unexpected{*wrong};
  return what.run(in);
}

std::chrono::nanoseconds time_of(const json& in, const char* name) {
  return std::chrono::nanoseconds{in.at(name).get<std::int64_t>()};
}

std::uint32_t small(const json& in, const char* name) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(in.at(name).get<std::uint64_t>(), most));
}

json milliseconds_of(std::chrono::nanoseconds d) {
  if (d.count() % 1'000'000 == 0) return d.count() / 1'000'000;
  return static_cast<double>(d.count()) / 1e6;
}

std::string bytes_of_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return bytes;
}

std::string hex_of_bytes(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += hex_of_number(static_cast<unsigned char>(c), 2);
  return hex;
}

std::string hex_of_number(std::uint64_t x, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, x >>= 4) *at = "0123456789abcdef"[x & 15];
  return text;
}
}  // namespace troupe::program::calc
