#include "patterns/tree/path.hpp"
namespace troupe::tree {
std::size_t character(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const auto first = at(0);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  std::uint32_t code = first & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
    code = (code << 6) | (at(i) & 0x3f);
  }
  constexpr std::uint32_t lowest[] = {0, 0, 0xa0, 0x800, 0x10000};  // below 0xa0: controls
  if (code < lowest[size] || code > 0x10ffff) return 0;
  return code >= 0xd800 && code <= 0xdfff ? 0 : size;  // halves of a pair are no characters
}

result<void, refusal> check_path(std::string_view path, const path_bounds& within) {
  if (!path.starts_with('/')) return unexpected{refusal::path_relative};
  if (path.size() > within.bytes_max) return unexpected{refusal::path_too_long};
  if (path == "/") return {};
  if (path.ends_with('/')) return unexpected{refusal::path_trailing_slash};
  std::uint32_t depth = 0;
  for (auto rest = path; !rest.empty();) {
    rest.remove_prefix(1);  // the slash
    const auto part = rest.substr(0, rest.find('/'));
    if (part.empty()) return unexpected{refusal::path_empty_part};
    if (part == "." || part == "..") return unexpected{refusal::path_dot_part};
    for (auto text = part; !text.empty();) {
      const auto size = character(text);
      if (size == 0) return unexpected{refusal::path_character};
      text.remove_prefix(size);
    }
    if (++depth > within.depth_max) return unexpected{refusal::path_too_deep};
    rest.remove_prefix(part.size());
  }
  return {};
}
}  // namespace troupe::tree
