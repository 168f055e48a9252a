#include "actors/lock/redis_link.hpp"

#include <charconv>
namespace troupe::lock {
namespace {
constexpr std::string_view form = "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?replicas=N]";

template <class Number>
bool read(std::string_view text, Number& into) {
  const auto* const end = text.data() + text.size();
  const auto [at, wrong] = std::from_chars(text.data(), end, into);
  return wrong == std::errc{} && at == end;
}

// What stands behind the last such mark, taken off the text.
std::optional<std::string_view> cut(std::string_view& text, std::size_t at) {
  if (at == std::string_view::npos) return std::nullopt;
  const auto behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

// %40 is @
std::string plain(std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char code = 0;
    const auto* const from = text.data() + i + 1;
    const bool coded = text[i] == '%' && i + 2 < text.size() &&
                       std::from_chars(from, from + 2, code, 16).ptr == from + 2;
    all += coded ? static_cast<char>(code) : text[i];
    if (coded) i += 2;
  }
  return all;
}
}  // namespace

result<redis_address, std::string> redis_address_of(std::string_view text) {
  const auto no = [](const std::string& what) {
    return unexpected{what + ": a Redis store is " + std::string{form}};
  };
  constexpr std::string_view scheme = "redis://";
  if (!text.starts_with(scheme)) return no("this is no Redis store");
  text.remove_prefix(scheme.size());
  redis_address to;
  if (const auto query = cut(text, text.rfind('?'))) {
    constexpr std::string_view replicas = "replicas=";
    if (!query->starts_with(replicas) || !read(query->substr(replicas.size()), to.replicas))
      return no("behind ? stands replicas=N and nothing else");
  }
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    auto who = text.substr(0, at);
    text.remove_prefix(at + 1);
    const auto password = cut(who, who.find(':'));
    if (!password || password->empty()) return no("before @ stands a password behind a colon");
    to.user = plain(who);
    to.password = plain(*password);
  }
  if (const auto database = cut(text, text.find('/')))
    if (!database->empty() && !read(*database, to.database)) return no("a database is a number");
  if (text.starts_with('[')) {  // an address of IPv6
    const auto end = text.find(']');
    if (end == std::string_view::npos) return no("a bracket is open");
    to.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && (text.front() != ':' || !read(text.substr(1), to.port)))
      return no("a port is a number up to 65535");
  } else {
    const auto port = cut(text, text.find(':'));
    if (port && !read(*port, to.port)) return no("a port is a number up to 65535");
    to.host = text;
  }
  if (to.host.empty()) return no("the host is missing");
  if (to.port == 0) return no("port 0 is nobody's");
  return to;
}
}  // namespace troupe::lock
