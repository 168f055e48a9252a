// Peers that hold the secret and abuse it: what they make a node keep is bounded, and what they say of others is not
// believed.
#include "remoting_scene.hpp"
#include "runtime/error.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t memory_max = 512u << 20,
                      poured = 12u << 20;  // freed blocks are kept aside for a while
#else
constexpr std::size_t memory_max = 64u << 20, poured = 48u << 20;
#endif
link::incarnation life_of(linked_system& node) {
  link::incarnation life;
  const auto text = remoting::incarnation_text(node.links().incarnation());
  for (std::size_t i = 0; i < life.bytes.size(); ++i)
    life.bytes[i] = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  return life;
}
// Sends the batch again and again, never reading, until the node breaks off or `bytes` have gone.
bool pour(rogue& peer, const link::buffer& batch, std::size_t bytes) {
  std::uint64_t sequence = 0;
  for (std::size_t sent = 0; sent < bytes; sent += batch.size())
    if (!peer.send_batch(++sequence, link::lane::normal, batch)) return false;
  return true;
}
}  // namespace

TEST_CASE("remoting: a peer that provokes answers and takes none is broken off") {
  for (const auto what : {link::op::message, link::op::monitor}) {
    scene s;
    rogue peer{s.port()};
    REQUIRE_FALSE(peer.greet(someone("z"), secret));
    link::buffer batch;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      link::record rec;
      rec.what = what;
      rec.target = 1'000'000 + i;
      const link::buffer body(4, '\x7f');
      if (what == link::op::message) rec.body = body;
      link::put_record(batch, rec);
    }
    pour(peer, batch, poured);
    s.still_served();
    s.memory_is_bounded(memory_max);
  }
}

TEST_CASE("remoting: handles of nodes that nobody knows are counted, and few of them a message") {
  scene s;
  rogue peer{s.port()};
  REQUIRE_FALSE(peer.greet(someone("z"), secret));
  std::mt19937_64 random{5};
  link::buffer batch;
  for (int i = 0; i < 200; ++i) {  // a record a stranger, as its sender
    link::record rec;
    rec.by = link::sender::third;
    for (auto& byte : rec.from.node.bytes) byte = static_cast<std::uint8_t>(random());
    rec.from.actor = 7;
    rec.target = 1;
    link::put_record(batch, rec);
  }
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence)
    if (!peer.send_batch(sequence, link::lane::normal, batch)) break;
  s.still_served();
  s.memory_is_bounded(memory_max);
}

TEST_CASE("remoting: an incarnation belongs to the node that has shown it, and to no other") {
  scene s;
  auto thief = someone("z");
  thief.life = life_of(s.honest);
  rogue peer{s.port()};
  CHECK(peer.greet(thief, secret) == link::refusal::not_the_certificates);
  s.still_served();
  CHECK(s.honest.seen->count("down a") == 0);
}

TEST_CASE("remoting: one name is not given session after session under ever new incarnations") {
  scene s;
  std::vector<rogue> peers;
  std::size_t in = 0;
  for (int i = 0; i < 20; ++i) {
    peers.emplace_back(s.port());
    in += peers.back().greet(someone("z"), secret) ? 0 : 1;
  }
  CHECK(in >= 1);
  CHECK(in <= 5);
  s.still_served();
}

TEST_CASE(
    "remoting: who speaks to the gateway speaks for itself, and requests come from their askers") {
  scene s;
  rogue peer{s.port()};
  REQUIRE_FALSE(peer.greet(someone("z"), secret));
  link::buffer batch;
  for (const auto by : {link::sender::yours, link::sender::third}) {
    for (std::uint64_t target = 1; target < 40; ++target) {
      for (std::uint64_t source = 1; source < 40; ++source) {
        link::record rec;
        rec.kind = link::message_kind::request;
        rec.by = by;
        rec.target = target;
        rec.source = source;
        rec.from = {life_of(s.honest), source};
        rec.id = 1 + source % 5;
        const link::buffer body(1, '\0');
        rec.body = body;
        link::put_record(batch, rec);
      }
    }
  }
  caf::scoped_actor self{s.node.system()};  // its requests must not be answered by a forger
  const auto mute = s.node.spawn([](caf::event_based_actor* me) -> caf::behavior {
    return {[=](int) { return me->make_response_promise<int>(); }};
  });
  auto pending = self->request(mute, 2s, 1);
  peer.send_batch(1, link::lane::normal, batch);
  REQUIRE(eventually([&] {
    for (const auto& each : s.node.links().stats())
      if (each.who.name == "z" && each.dead_letters > 100) return true;
    return false;
  }));
  s.still_served();
  pending.receive([](int) { FAIL("nobody answered"); },
                  [](caf::error& e) { CHECK(e == caf::sec::request_timeout); });
}

TEST_CASE(
    "remoting: unfinished batches of all lanes together stay within one message and the windows") {
  scene s;
  rogue peer{s.port()};
  REQUIRE_FALSE(peer.greet(someone("z"), secret));
  const link::buffer chunk(64 * 1024, 'x');
  std::uint64_t sequence = 0;
  bool open = true;
  // more than was granted breaks the connection: within the windows, crumbs and chunks that never end
  for (int i = 0; i < 3000 && open; ++i) {
    for (const auto on : {link::lane::urgent, link::lane::normal, link::lane::bulk}) {
      link::buffer body, frame;
      link::put(body, ++sequence);
      link::put_bytes(body, link::view{chunk.data(), i < 40 ? chunk.size() : 16});
      link::put_frame(frame, link::frame_kind::data,
                      static_cast<std::uint8_t>(static_cast<unsigned>(on) | 4U), body);
      open = open && peer.send(frame);
    }
  }
  s.still_served();
  s.memory_is_bounded(memory_max);
}
