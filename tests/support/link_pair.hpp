// Both ends of one link handshake in memory, for tests: a dialer, an acceptor, and the bytes between.
#pragma once
#include "patterns/link/handshake.hpp"

#include <string>
#include <utility>
namespace troupe::test {
// stands in for HMAC-SHA-256: keyed and depending on each byte, which is all that a test needs
inline link::mac_function toy_mac(std::string secret) {
  return [secret = std::move(secret)](link::view bytes) {
    link::mac out{};
    for (std::size_t part = 0; part < 4; ++part) {
      std::uint64_t h = 14695981039346656037u + part * 0x9e3779b97f4a7c15u;
      const auto mix = [&](char c) {
        h ^= static_cast<unsigned char>(c);
        h *= 1099511628211u;
        h ^= h >> 29;
      };
      for (const char c : secret) mix(c);
      mix(0);
      for (const char c : bytes) mix(c);
      for (std::size_t i = 0; i < 8; ++i) out[part * 8 + i] = static_cast<std::uint8_t>(h >> 8 * i);
    }
    return out;
  };
}

inline link::incarnation life(std::uint8_t n) {
  link::incarnation of;
  of.bytes.fill(n);
  return of;
}
inline link::nonce fresh_nonce(std::uint64_t n) {
  link::nonce of{};
  for (std::size_t i = 0; i < 8; ++i) of[i] = static_cast<std::uint8_t>(n >> 8 * i);
  of[31] = 1;
  return of;
}
inline link::identity member(std::uint8_t n) {
  return {"test", "node-" + std::to_string(n), life(n), "127.0.0.1:" + std::to_string(7000 + n), 3,
          false};
}
}  // namespace troupe::test
