// What replicas of a Zab group and watchers of the tree send each other, over the wire.
#include "actors/consensus/zab_protocol.hpp"
#include "actors/tree/protocol.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/codec/wire.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>
namespace {
using namespace troupe;

template <class T>
T through_the_wire(const T& x) {
  std::vector<char> bytes;
  codec::wire_writer w{nullptr, nullptr, bytes};
  codec::save(w, x);
  CHECK(w.why() == codec::failure::none);
  T y;
  codec::wire_reader r{nullptr, nullptr, bytes.data(), bytes.size()};
  codec::load(r, y);
  CHECK(r.why() == codec::failure::none);
  return y;
}
}  // namespace

TEST_CASE("zab wire: every kind of letter arrives as it was sent") {
  const std::vector<zab::message> all{
      zab::notification{{1, {2, 3}, 4}, zab::standing::leading, 5, 6, 7},
      zab::follower_info{1, 2},
      zab::new_epoch{1, 2},
      zab::ack_epoch{1, 2, true, 3, {4, 5}},
      zab::synchronise{1, zab::way::snap, {2, 3}, std::string("a\0b", 3)},
      zab::new_leader{1, {2, 3}},
      zab::ack_new_leader{1, {2, 3}},
      zab::up_to_date{1, {2, 3}},
      zab::proposals{1, {2, 3}, {{{2, 4}, "x"}, {{2, 5}, std::string(300, '\0')}}},
      zab::ack{1, {2, 3}},
      zab::commit{1, {2, 3}},
      zab::confirm{1, 2},
      zab::confirmed{1, 2}};
  REQUIRE(all.size() == std::variant_size_v<zab::message>);
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(all[i].index() == i);
    const consensus::zab_letter sent{7, 8, "node", all[i]};
    const auto got = through_the_wire(sent);
    CHECK(got.what.index() == i);
    CHECK(to_string(got) == to_string(sent));
  }
}

TEST_CASE("tree wire: what watchers are told arrives as it was sent") {
  const tree::watch_fired sent{
      3, {{tree::change::data, "/a"}, {tree::change::created, "/a/b"}}, 9, true};
  CHECK(to_string(through_the_wire(sent)) == to_string(sent));
  const tree::set_watch none{{}, 3, {"/a", tree::watch_kind::recursive}, {}};
  const tree::watch_set set{3, tree::watch_kind::recursive, 9};
  CHECK(to_string(through_the_wire(set)) == to_string(set));
  CHECK(!through_the_wire(none).seen);
  auto seen = none;
  seen.seen = 12;
  CHECK(through_the_wire(seen).seen == 12);
}
