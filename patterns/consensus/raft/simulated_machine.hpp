// What the simulated replicas agree on: a few registers, written once for each request of a client,
// however often it was sent (dissertation, 6.3).
//   Promises  the same commands in the same order give the same state, digest included; a snapshot
//             carries all of it
#pragma once
#include "patterns/simulation/random.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
namespace troupe::raft::simulated {
inline constexpr std::uint32_t clients = 4, keys = 3;

enum class act : std::uint8_t { write, compare_and_set, read };
struct request {
  std::uint32_t client = 0;
  std::uint32_t sequence = 0;  // of the client, from 1; the same for all attempts at one request
  act what = act::read;
  std::uint8_t key = 0;
  std::uint32_t value = 0;     // no two requests write the same
  std::uint32_t expected = 0;  // of a compare_and_set
  bool operator==(const request&) const = default;
};
std::string encode(const request& r);
std::optional<request> decode_request(std::string_view bytes);

struct effect {
  bool anew = false;  // it was not known before
  bool done = false;  // false: a compare_and_set found another value
};

class machine {
 public:
  effect apply(const request& r);
  // Something that is no request: it counts for the digest.
  void pass(std::uint64_t what) { digest_ = simulation::derived(digest_, what); }
  std::uint32_t value(std::uint8_t key) const { return values_[key]; }
  std::uint32_t sequence(std::uint32_t client) const { return sessions_[client].sequence; }
  std::uint64_t digest() const { return digest_; }  // of all effects so far
  std::string encoded() const;
  static std::optional<machine> decoded(std::string_view bytes);
  bool operator==(const machine&) const = default;

 private:
  struct session {
    std::uint32_t sequence = 0;
    bool done = false;
    bool operator==(const session&) const = default;
  };
  std::array<session, clients> sessions_{};
  std::array<std::uint32_t, keys> values_{};
  std::uint64_t digest_ = 0;
};
}  // namespace troupe::raft::simulated
