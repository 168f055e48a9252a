// What Zab's parts speak of: servers, transactions, votes.
// Sources: F. Junqueira, B. Reed, M. Serafini, "Zab: High-performance broadcast for primary-backup
//   systems", DSN 2011; A. Medeiros, "ZooKeeper's atomic broadcast protocol: Theory and practice",
//   2012.
#pragma once
#include "patterns/message.hpp"

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>
namespace troupe::zab {
using instant = std::chrono::nanoseconds;  // since any fixed origin, of a clock that never steps
using duration = std::chrono::nanoseconds;
using server = std::uint64_t;  // 0: nobody

struct zxid {  // counters start at 1; {}: before everything
  std::uint32_t epoch = 0;
  std::uint32_t counter = 0;
  constexpr std::strong_ordering operator<=>(const zxid& o) const {
    return std::tie(epoch, counter) <=> std::tie(o.epoch, o.counter);
  }
};
TROUPE_MESSAGE(zxid, epoch, counter)

struct transaction {
  zxid at{};
  std::string bytes{};  // the host's
};
TROUPE_MESSAGE(transaction, at, bytes)

// Who should lead, and why: what it has. The greater is the better.
struct vote {
  std::uint32_t epoch = 0;  // the last whose initial history it has acknowledged
  zxid last{};              // of its history
  server leader = 0;
  constexpr std::strong_ordering operator<=>(const vote& o) const {
    return std::tie(epoch, last, leader) <=> std::tie(o.epoch, o.last, o.leader);
  }
};
TROUPE_MESSAGE(vote, epoch, last, leader)

// Who is there. Observers hear everything, and never count.
struct ensemble {
  std::vector<server> voters{};
  std::vector<server> observers{};
  bool votes(server s) const { return std::find(voters.begin(), voters.end(), s) != voters.end(); }
  bool holds(server s) const {
    return votes(s) || std::find(observers.begin(), observers.end(), s) != observers.end();
  }
  std::size_t quorum() const { return voters.size() / 2 + 1; }
  // Whether as many voters as decide are among those for whom `says` is true.
  template <class Says>
  bool quorum_says(Says&& says) const {
    return !voters.empty() &&
           static_cast<std::size_t>(std::count_if(voters.begin(), voters.end(), says)) >= quorum();
  }
};
TROUPE_MESSAGE(ensemble, voters, observers)
}  // namespace troupe::zab
