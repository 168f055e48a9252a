#include "link_frames.hpp"
#include "patterns/link/session.hpp"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::test;
using state = session::state;

TEST_CASE("link session: a batch is put together again, a lane for itself") {
  auto it = attached();
  session::output out;
  it.receive(0ms, data(1, lane::bulk, "ab", true), out);
  it.receive(0ms, data(2, lane::normal, "n"), out);
  it.receive(0ms, data(3, lane::urgent, "u", true), out);
  it.receive(0ms, data(4, lane::bulk, "c"), out);
  CHECK(it.reassembling(lane::urgent) == 1);
  CHECK(it.reassembling(lane::bulk) == 0);
  it.receive(0ms, data(5, lane::urgent, "v"), out);
  REQUIRE(out.batches.size() == 3);
  CHECK(out.batches[0].bytes == buffer{'n'});
  CHECK(out.batches[1].bytes == buffer{'a', 'b', 'c'});
  CHECK(out.batches[1].on == lane::bulk);
  CHECK(out.batches[2].bytes == buffer{'u', 'v'});
}

TEST_CASE("link session: acknowledgements by size, by time, and with other things") {
  auto it = attached();
  session::output out;
  buffer w;
  it.receive(10ms, data(1, lane::normal, "abc"), out);
  CHECK(it.next_tick() == 30ms);
  CHECK_FALSE(it.wants_write());
  it.tick(29ms, out);
  CHECK_FALSE(it.wants_write());
  it.tick(30ms, out);
  CHECK(it.wants_write());
  it.write(30ms, 0, w);
  CHECK(frames_of(w) == std::vector<sent_frame>{{frame_kind::ack, 0, 1, ""}});

  w.clear();
  it.receive(40ms, data(2, lane::normal, "abc"), out);
  it.enqueue(lane::normal, bytes(1));
  it.write(40ms, 0, w);
  CHECK(frames_of(w) ==
        std::vector<sent_frame>{{frame_kind::ack, 0, 2, ""}, {frame_kind::data, 2, 1, "x"}});

  auto s = tiny();
  s.ack_bytes = 4;
  auto quick = attached(s);
  quick.receive(0ms, data(1, lane::normal, "abc"), out);
  CHECK_FALSE(quick.wants_write());
  quick.receive(0ms, data(2, lane::normal, "d"), out);
  CHECK(quick.wants_write());
}

TEST_CASE("link session: resumed, what was seen before is dropped and acknowledged") {
  auto it = attached();
  session::output out;
  it.receive(0ms, data(1, lane::normal, "a"), out);
  it.receive(0ms, data(2, lane::normal, "b"), out);
  REQUIRE(it.attach(1s, 1, 0, out));  // told before the second had come
  out = {};
  it.receive(1s, data(2, lane::normal, "b"), out);
  CHECK(out.batches.empty());
  CHECK_FALSE(out.broken);
  it.receive(1s, data(3, lane::normal, "c"), out);
  REQUIRE(out.batches.size() == 1);
  CHECK(out.batches[0].bytes == buffer{'c'});
  CHECK(it.arrived(lane::normal) == 3);
}

TEST_CASE("link session: the peer may skip what it has learnt to be there") {
  auto it = attached();
  session::output out;
  for (int i = 1; i <= 3; ++i)
    it.receive(0ms, data(static_cast<std::uint64_t>(i), lane::normal, "a"), out);
  REQUIRE(it.attach(1s, 1, 0, out));
  it.receive(1s, data(4, lane::normal, "d"), out);
  CHECK_FALSE(out.broken);
}

TEST_CASE("link session: the peer's errors break the connection") {
  struct row {
    const char* what;
    std::vector<buffer> given;
    fault then;
  };
  const std::string ten(10, 'x');
  const auto raw = [](frame_kind kind, std::size_t size, std::uint8_t flags = 0) {
    buffer out;
    put_frame(out, kind, flags, buffer(size));
    return out;
  };
  const auto n = lane::normal;
  const std::vector<row> rows = {
      {"a length of nothing", {buffer(6)}, fault::bad_frame},
      {"a frame of 4 GiB", {buffer(6, '\xff')}, fault::bad_frame},
      {"a frame beyond the bound", {data(1, n, std::string(93, 'x'))}, fault::bad_frame},
      {"data without a number", {raw(frame_kind::data, 7)}, fault::malformed},
      {"data without data", {raw(frame_kind::data, 8)}, fault::malformed},
      {"a short acknowledgement", {raw(frame_kind::ack, 7)}, fault::malformed},
      {"a long acknowledgement", {raw(frame_kind::ack, 9)}, fault::malformed},
      {"a short credit", {raw(frame_kind::credit, 7, 2)}, fault::malformed},
      {"credit for control", {raw(frame_kind::credit, 8)}, fault::malformed},
      {"data zero", {data(0, n, "x")}, fault::sequence},
      {"a gap at once", {data(2, n, "x")}, fault::sequence},
      {"a gap", {data(1, n, "x"), data(3, n, "x")}, fault::sequence},
      {"a repeat", {data(1, n, "x"), data(1, n, "x")}, fault::sequence},
      {"a step back", {data(1, n, "x"), data(2, n, "x"), data(1, n, "x")}, fault::sequence},
      {"the last number there is", {data(~0ull, n, "x")}, fault::sequence},
      {"more than was granted",
       {data(1, n, ten), data(2, n, ten), data(3, n, ten), data(4, n, ten), data(5, n, "x")},
       fault::credit},
      {"an acknowledgement of nothing",
       {number_frame(frame_kind::ack, 0, 1)},
       fault::acknowledgement},
      {"of the last number there is",
       {number_frame(frame_kind::ack, 0, ~0ull)},
       fault::acknowledgement},
      {"a hello", {raw(frame_kind::hello, 10)}, fault::unexpected_frame},
      {"a welcome", {raw(frame_kind::welcome, 0)}, fault::unexpected_frame},
      {"a refusal", {raw(frame_kind::refuse, 1)}, fault::unexpected_frame},
      {"a control message beyond its bound",
       {data(1, lane::control, ten, true), data(2, lane::control, ten, true),
        data(3, lane::control, ten, true), data(4, lane::control, ten, true),
        data(5, lane::control, ten + "x")},
       fault::batch_too_large},
  };
  for (const auto& r : rows) {
    CAPTURE(r.what);
    auto it = attached();
    session::output out;
    for (const auto& g : r.given) it.receive(0ms, g, out);
    CHECK(out.broken == r.then);
    CHECK(it.standing() == state::broken);
    CHECK_FALSE(sentence(r.then).empty());
    // nothing more is read from it, and it can be resumed
    const auto received = it.received();
    it.receive(0ms, data(received + 1, n, "x"), out);
    CHECK(it.received() == received);
    CHECK(it.attach(0ms, received, 0, out));
  }
}

TEST_CASE("link session: a batch beyond message_max is never gathered") {
  auto s = tiny();
  s.window = {0, 1000, 1000, 1000};
  auto it = attached(s);
  session::output out;
  for (std::uint64_t i = 1; i <= 10; ++i)
    it.receive(0ms, data(i, lane::bulk, std::string(10, 'x'), true), out);
  CHECK_FALSE(out.broken);
  CHECK(it.reassembling(lane::bulk) == 100);
  it.receive(0ms, data(11, lane::bulk, "x"), out);
  CHECK(out.broken == fault::batch_too_large);
}

TEST_CASE("link session: control is bounded by its rate on both sides") {
  auto s = tiny();
  s.ack_bytes = 1;
  auto from = attached(s);
  for (int i = 0; i < 100; ++i) from.enqueue(lane::control, bytes(10));
  CHECK(data_of(from).size() == 5);  // the burst
  CHECK(data_of(from).empty());
  session::output out;
  from.receive(0ms, number_frame(frame_kind::ack, 0, 5), out);
  CHECK(data_of(from).empty());  // acknowledged, but the rate holds it
  from.tick(20ms, out);
  CHECK(from.wants_write());
  CHECK(data_of(from, 20ms).size() == 2);  // 20 of 1000 bytes a second

  auto to = attached(s);
  std::uint64_t number = 0;
  out = {};
  for (int i = 0; i < 20; ++i) to.receive(0ms, data(++number, lane::control, "0123456789"), out);
  CHECK_FALSE(out.broken);
  to.receive(10ms, data(++number, lane::control, "0123456789"), out);
  CHECK_FALSE(out.broken);
  to.receive(10ms, data(++number, lane::control, "0123456789"), out);
  to.receive(10ms, data(++number, lane::control, "0123456789"), out);
  CHECK(out.broken == fault::control_flood);
}

TEST_CASE("link session: credit returns as what is held is consumed") {
  auto it = attached();
  session::output out;
  const auto grants = [&] {
    buffer w;
    it.write(0ms, 0, w);
    auto all = frames_of(w);
    std::erase_if(all, [](const sent_frame& f) { return f.kind != frame_kind::credit; });
    return all;
  };
  std::uint64_t number = 0;
  for (int i = 0; i < 4; ++i) {
    it.receive(0ms, data(++number, lane::normal, std::string(10, 'x')), out);
    it.delivered(lane::normal, 10);
  }
  CHECK(grants().empty());
  it.consumed(lane::normal, 9);
  CHECK(grants().empty());  // below a quarter of the window
  it.consumed(lane::normal, 1);
  CHECK(it.wants_write());
  CHECK(grants() == std::vector<sent_frame>{{frame_kind::credit, 2, 50, ""}});
  it.delivered(lane::normal, 1000);  // decoded it was far larger
  CHECK(grants().empty());
  it.consumed(lane::normal, 1030);
  CHECK(grants() == std::vector<sent_frame>{{frame_kind::credit, 2, 80, ""}});
  CHECK(it.granted(lane::normal) == 80);
}

TEST_CASE("link session: a batch beyond the window still arrives") {
  auto s = tiny();
  session from{s, 0ms}, to{s, 0ms};
  session::output a, b;
  from.attach(0ms, 0, 0, a);
  to.attach(0ms, 0, 0, b);
  REQUIRE(from.enqueue(lane::bulk, bytes(100)) == enqueued::accepted);
  for (int i = 0; i < 20; ++i) {
    buffer w;
    to.write(0ms, 0, w);
    from.receive(0ms, w, a);
    w.clear();
    from.write(0ms, 0, w);
    to.receive(0ms, w, b);
  }
  REQUIRE(b.batches.size() == 1);
  CHECK(b.batches[0].bytes.size() == 100);
}

TEST_CASE("link session: too many errors of the peer end it") {
  auto it = attached();
  session::output out;
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(out.ended);
    it.receive(0ms, buffer(6), out);
    if (i < 2) REQUIRE(it.attach(0ms, 0, 0, out));
  }
  CHECK(out.broken == fault::bad_frame);
  CHECK(out.ended == ending::faults);
}
}  // namespace
