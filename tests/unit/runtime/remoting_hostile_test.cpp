#include "remoting_scene.hpp"
#include "runtime/error.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;

namespace {
std::string header(std::uint32_t length, std::uint8_t kind) {
  link::buffer bytes;
  link::put(bytes, length);
  link::put(bytes, kind);
  link::put(bytes, std::uint8_t{0});
  return {bytes.begin(), bytes.end()};
}
}  // namespace

TEST_CASE("remoting: a stranger's bytes: the node lives, and others are served") {
  scene s;
  std::mt19937_64 random{7};
  for (int i = 0; i < 300; ++i) {
    rogue stranger{s.port()};
    std::string bytes;
    switch (i % 6) {
      case 0:
        bytes = header(0, 1);
        break;
      case 1:
        bytes = header(0xffffffff, 1) + std::string(1000, 'x');
        break;
      case 2:
        bytes = header(100, 16) + std::string(98, 'y');
        break;
      case 3:
        bytes = std::string(static_cast<std::size_t>(random() % 4096), static_cast<char>(random()));
        break;
      case 4:
        bytes = "GET / HTTP/1.1\r\n\r\n";
        break;
      default:
        bytes = header(40, 1).substr(0, static_cast<std::size_t>(random() % 6));
        break;
    }
    stranger.send_text(bytes);
  }
  s.still_served();
  s.memory_is_bounded();
}

TEST_CASE(
    "remoting: nothing proven, nothing answered: strangers are closed at once or at the deadline") {
  auto config = guarded("a");
  config.bounds.handshake_deadline = 500ms;
  linked_system node{config};
  rogue loud{node.address().port}, silent{node.address().port}, slow{node.address().port};
  loud.send_text("this is no link at all, and it is long enough to tell");
  CHECK(loud.closed_within(5s));
  const auto until = std::chrono::steady_clock::now() + 5s;
  bool open = true;
  while (open && std::chrono::steady_clock::now() < until)
    open = slow.send_text("T") && !slow.closed_within(60ms);
  CHECK_FALSE(open);
  CHECK(silent.closed_within(5s));
}

TEST_CASE("remoting: 500 idle connections do not keep others out") {
  scene s;
  std::vector<rogue> idle;
  for (int i = 0; i < 500; ++i) idle.emplace_back(s.port());
  s.still_served();
  linked_system late{guarded("c")};
  late.links().gateway(nullptr);
  CHECK(late.meet(s.node));
  s.memory_is_bounded();
  CHECK(eventually(
      [&] { return idle.back().closed_within(100ms) || idle.front().closed_within(100ms); }, 15s));
}

TEST_CASE("remoting: a replayed handshake, another secret and another cluster do not get in") {
  scene s;
  rogue first{s.port()};
  REQUIRE_FALSE(first.greet(someone("z"), secret));
  REQUIRE(eventually([&] { return s.node.links().stats().size() == 2; }));
  rogue again{s.port()};  // every byte that the first one said, proof included
  again.send(first.said());
  CHECK(again.closed_within(20s));
  CHECK(s.node.links().stats().size() == 2);
  rogue wrong{s.port()};
  CHECK(wrong.greet(someone("z"), "not the secret"));
  rogue elsewhere{s.port()};
  auto other = someone("z");
  other.cluster = "other";
  CHECK(elsewhere.greet(other, secret));
}

TEST_CASE("remoting: a credentialed peer's bytes harm nobody else") {
  scene s;
  std::mt19937_64 random{11};
  int attackers = 0;
  const auto attack = [&](const char* what, const std::function<void(rogue&)>& how) {
    CAPTURE(what);
    rogue peer{s.port()};
    REQUIRE_FALSE(peer.greet(someone("z" + std::to_string(++attackers)), secret));
    how(peer);
    s.still_served();
  };
  attack("a frame of 4 GiB", [](rogue& r) { r.send_text(header(0xffffffff, 16) + "x"); });
  attack("an empty frame", [](rogue& r) { r.send_text(header(0, 16)); });
  attack("a truncated frame", [](rogue& r) { r.send_text(header(1000, 16) + "short"); });
  attack("an unknown kind", [](rogue& r) { r.send_text(header(2, 99)); });
  attack("a batch of nonsense", [&](rogue& r) {
    link::buffer batch(500);
    for (auto& byte : batch) byte = static_cast<char>(random());
    r.send_batch(1, link::lane::normal, batch);
  });
  attack("a sequence number out of order",
         [](rogue& r) { r.send_batch(77, link::lane::normal, link::buffer(40)); });
  attack("forged ids and sources", [&](rogue& r) {
    link::buffer batch;
    for (int i = 0; i < 2000; ++i) {
      link::record rec;
      do rec.what = static_cast<link::op>(1 + random() % 8);
      while (rec.what == link::op::down);  // who has a handle may kill: no forgery
      rec.by = static_cast<link::sender>(random() % 4);
      rec.kind = static_cast<link::message_kind>(random() % 3);
      rec.target = random() % 64;
      rec.source = random() % 64;
      rec.id = random() % 64;
      for (auto& byte : rec.from.node.bytes) byte = static_cast<std::uint8_t>(random());
      rec.from.actor = random() % 64;
      link::buffer body(random() % 32);
      for (auto& byte : body) byte = static_cast<char>(random());
      rec.body = body;
      link::put_record(batch, rec);
    }
    r.send_batch(1, link::lane::normal, batch);
  });
  attack("nesting 20,000 deep", [](rogue& r) {
    // content: one element, a message that holds one element, a message ...
    link::buffer body;
    for (int i = 0; i < 20'000; ++i) {
      link::put(body, std::uint8_t{1});
      link::put(body, static_cast<std::uint8_t>(caf::type_nr<caf::message>::value));
    }
    for (std::uint64_t target = 1; target < 32; ++target) {
      link::record rec;
      rec.target = target;
      rec.body = body;
      link::buffer batch;
      link::put_record(batch, rec);
      r.send_batch(target, link::lane::normal, batch);
    }
  });
  attack("counts beyond the bytes", [](rogue& r) {
    link::buffer body;
    for (int i = 0; i < 12; ++i) link::put(body, std::uint8_t{0xff});
    link::buffer batch;
    for (std::uint64_t target = 1; target < 32; ++target) {
      link::record rec;
      rec.target = target;
      rec.body = body;
      link::put_record(batch, rec);
    }
    r.send_batch(1, link::lane::normal, batch);
  });
  s.memory_is_bounded();
}
