// A node under attack, and an honest one that must be served meanwhile.
#pragma once
#include "remoting_fixture.hpp"
#include "remoting_rogue.hpp"
#include "runtime/error.hpp"

#include <fstream>
#include <string>

#include <doctest/doctest.h>

namespace troupe::test {
inline const std::string secret = "the cluster's secret";

inline caf::behavior answering(caf::event_based_actor*) {
  return {[](int x) { return x + 1; }};
}
inline remoting::settings guarded(const std::string& name) {
  auto config = local(name);
  config.credentials.secret = secret;
  return config;
}
// A node under attack, and an honest one that is served meanwhile.
struct scene {
  linked_system node{guarded("a")}, honest{guarded("b")};
  caf::actor there;
  std::size_t before = 0;
  scene() {
    node.offer(answering);
    honest.links().gateway(nullptr);
    there = honest.meet(node);
    REQUIRE(there);
    before = resident();
  }
  void still_served() {
    caf::scoped_actor self{honest.system()};
    for (int i = 0; i < 20; ++i)
      self->request(there, 20s, i)
          .receive([&](int x) { CHECK(x == i + 1); }, [](caf::error& e) { FAIL(sentence_of(e)); });
  }
  static std::size_t resident() {
    std::ifstream file{"/proc/self/statm"};
    std::size_t all = 0, mine = 0;
    file >> all >> mine;
    return mine * 4096;
  }
  void memory_is_bounded(std::size_t most = 64u << 20) const { CHECK(resident() < before + most); }
  std::uint16_t port() { return node.address().port; }
};
inline link::identity someone(const std::string& name) {
  link::identity me;
  me.cluster = "test";
  me.node = name;
  return me;
}
}  // namespace troupe::test
