// A coordination tree under a test's hand: entries with rising zxids, and replies taken apart.
#pragma once
#include "patterns/tree/tree.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
namespace troupe::test {
using namespace troupe::tree;
using namespace std::chrono_literals;

inline const std::string secret(16, 's');

template <class T>
T as(const reply& r) {
  CAPTURE(text_of(r));
  REQUIRE(std::holds_alternative<T>(r.what));
  return std::get<T>(r.what);
}
inline std::optional<refusal> why(const reply& r) {
  const auto* no = std::get_if<refused>(&r.what);
  return no == nullptr ? std::nullopt : std::optional{no->why};
}

struct tree_bench {
  data_tree tree;
  std::vector<event> events{};  // of the last entry
  explicit tree_bench(tree_settings bounds = {}) : tree{bounds} {}

  reply apply(command what, session_id session = 0, instant time = {}, std::uint64_t term = 1) {
    auto done = tree.apply({tree.at() + 1, term}, {std::move(what), session, secret, time});
    events = std::move(done.events);
    return done.answer;
  }
  session_id open(duration timeout = 10s) {
    return as<session_opened>(apply(open_session{timeout, secret})).id;
  }
  std::string made(std::string path, mode kind = mode::persistent, session_id session = 0) {
    return as<created>(apply(create{std::move(path), "", kind}, session)).path;
  }
  bool there(const std::string& path) const { return tree.look(path) != nullptr; }
  stat is(const std::string& path) const { return as<got>(tree.query(get{path})).is; }
  std::vector<std::string> children_of(const std::string& path) const {
    return as<names>(tree.query(children{path})).all;
  }
};
}  // namespace troupe::test
