// Who talks over a link: incarnations, roles, handles.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>
namespace troupe::link {
// One life of one process: 20 random bytes, minted at start, never used again. All zero means none.
struct incarnation {
  std::array<std::uint8_t, 20> bytes{};
  auto operator<=>(const incarnation&) const = default;
  explicit operator bool() const { return *this != incarnation{}; }
};
std::string to_string(const incarnation&);  // 40 hexadecimal digits

// An actor anywhere in the cluster. Sessions are a matter between two nodes and do not travel: who
// receives a third node's handle maps it to its own session with that node.
struct handle {
  incarnation node;
  std::uint64_t actor = 0;
  auto operator<=>(const handle&) const = default;
};

enum class role : std::uint8_t { dialer = 1, acceptor = 2 };

// Crossed dials: of two connections dialed at once by both, the one of the lower incarnation is
// kept.
inline bool dial_wins(const incarnation& dialer, const incarnation& acceptor) {
  return dialer < acceptor;
}
}  // namespace troupe::link
