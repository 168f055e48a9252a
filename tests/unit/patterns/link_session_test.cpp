#include "patterns/link/session.hpp"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::link;
using namespace std::chrono_literals;
using state = session::state;

session_settings tiny() {
  session_settings s;
  s.chunk = 10;
  s.frame_max = 100;
  s.message_max = 100;
  s.control_message_max = 50;
  s.control_burst = 50;
  s.control_rate = 1000;
  s.socket_max = 1000;
  s.unacknowledged_max = 1000;
  s.queue_max = 200;
  s.window = {0, 40, 40, 40};
  s.ack_bytes = 100;
  return s;
}

buffer bytes(std::size_t size, char fill = 'x') { return buffer(size, fill); }

struct sent_frame {
  frame_kind kind{};
  int flags = 0;
  std::uint64_t number = 0;  // of data, ack, credit
  std::string body;          // of data
  bool operator==(const sent_frame&) const = default;
};

std::vector<sent_frame> frames_of(const buffer& written) {
  std::vector<sent_frame> all;
  frame_reader reader{1 << 20};
  reader.feed(written);
  while (const auto f = reader.next()) {
    byte_reader in{f->body};
    sent_frame s{f->kind, f->flags, 0, ""};
    if (f->kind != frame_kind::bye) s.number = in.get<std::uint64_t>();
    s.body.assign(in.rest().begin(), in.rest().end());
    all.push_back(s);
  }
  return all;
}

std::vector<sent_frame> data_of(session& s, instant now = 0ms) {
  buffer out;
  s.write(now, 0, out);
  auto all = frames_of(out);
  std::erase_if(all, [](const sent_frame& f) { return f.kind != frame_kind::data; });
  return all;
}

buffer number_frame(frame_kind kind, std::uint8_t flags, std::uint64_t number,
                    const std::string& more = "") {
  buffer body, out;
  put(body, number);
  put_bytes(body, view{more.data(), more.size()});
  put_frame(out, kind, flags, body);
  return out;
}
buffer data(std::uint64_t number, lane on, const std::string& body, bool more = false) {
  return number_frame(frame_kind::data,
                      static_cast<std::uint8_t>(static_cast<int>(on) | (more ? more_bit : 0)),
                      number, body);
}
buffer credit(lane on, std::uint64_t limit) {
  return number_frame(frame_kind::credit, static_cast<std::uint8_t>(on), limit);
}

// a session that is attached, has written its first credits, and has some of its own
session attached(session_settings s = tiny(), std::uint64_t limit = 1'000'000) {
  session it{s, 0ms};
  session::output out;
  REQUIRE(it.attach(0ms, 0, 0, out));
  buffer first;
  it.write(0ms, 0, first);
  for (const auto on : {lane::urgent, lane::normal, lane::bulk})
    it.receive(0ms, credit(on, limit), out);
  REQUIRE_FALSE(out.broken);
  return it;
}

TEST_CASE("link session: its states") {
  session::output out;
  session it{tiny(), 0ms};
  CHECK(it.standing() == state::fresh);
  CHECK(it.attach(0ms, 0, 0, out));
  CHECK(it.standing() == state::attached);
  it.detach(1s, fault::closed, out);
  CHECK(it.standing() == state::broken);
  CHECK(out.broken == fault::closed);
  out = {};
  it.detach(1s, fault::closed, out);
  CHECK_FALSE(out.broken);
  it.tick(2999ms, out);
  CHECK(it.live());
  CHECK(it.next_tick() == 3s);
  it.tick(3s, out);
  CHECK(out.ended == ending::resume_window);
  CHECK_FALSE(it.attach(3s, 0, 0, out));
  CHECK(it.enqueue(lane::normal, bytes(1)) == enqueued::ended);
  CHECK_FALSE(it.wants_write());
  CHECK(it.next_tick() == instant::max());

  session unused{tiny(), 10s};
  session::output none;
  unused.tick(11999ms, none);
  CHECK_FALSE(none.ended);
  unused.tick(12s, none);
  CHECK(none.ended == ending::resume_window);
}

TEST_CASE("link session: a new connection grants credit, and nothing moves before it is granted") {
  session it{tiny(), 0ms};
  session::output out;
  CHECK(it.enqueue(lane::normal, bytes(5)) == enqueued::accepted);
  CHECK_FALSE(it.wants_write());
  it.attach(0ms, 0, 0, out);
  CHECK(it.wants_write());
  buffer written;
  it.write(0ms, 0, written);
  CHECK(frames_of(written) == std::vector<sent_frame>{{frame_kind::credit, 1, 40, ""},
                                                      {frame_kind::credit, 2, 40, ""},
                                                      {frame_kind::credit, 3, 40, ""}});
  CHECK_FALSE(it.wants_write());
  CHECK(it.blocked(lane::normal));
  CHECK(it.enqueue(lane::control, bytes(3, 'c')) == enqueued::accepted);
  CHECK(data_of(it) == std::vector<sent_frame>{{frame_kind::data, 0, 1, "ccc"}});
  it.receive(0ms, credit(lane::normal, 5), out);
  CHECK_FALSE(it.blocked(lane::normal));
  CHECK(data_of(it) == std::vector<sent_frame>{{frame_kind::data, 2, 2, "xxxxx"}});
}

TEST_CASE("link session: credit is never passed, and scraps of it are left") {
  auto s = tiny();
  s.chunk = 32;
  s.window = {0, 64, 64, 64};
  s.control_burst = 64;
  auto it = attached(s, 0);
  session::output out;
  it.enqueue(lane::normal, bytes(80));
  const auto grant = [&](std::uint64_t limit) {
    it.receive(0ms, credit(lane::normal, limit), out);
    std::vector<std::size_t> sizes;
    for (const auto& f : data_of(it)) sizes.push_back(f.body.size());
    return sizes;
  };
  CHECK(grant(1) == std::vector<std::size_t>{});  // below a sixteenth of a chunk
  CHECK(grant(40) == std::vector<std::size_t>{32, 8});
  CHECK(grant(39) == std::vector<std::size_t>{});  // a limit never falls
  CHECK(grant(79) == std::vector<std::size_t>{32, 7});
  CHECK(grant(80) == std::vector<std::size_t>{1});  // the rest of a batch is no scrap
  CHECK(it.sent(lane::normal) == 80);
  CHECK(it.queued(lane::normal) == 0);
}

TEST_CASE("link session: enqueue refuses by size and by the high mark") {
  auto it = attached(tiny(), 0);
  CHECK(it.enqueue(lane::normal, {}) == enqueued::empty);
  auto large = bytes(101);
  CHECK(it.enqueue(lane::normal, std::move(large)) == enqueued::too_large);
  CHECK(large.size() == 101);  // not moved from
  CHECK(it.enqueue(lane::control, bytes(51)) == enqueued::too_large);
  CHECK(it.enqueue(lane::normal, bytes(100)) == enqueued::accepted);
  CHECK(it.enqueue(lane::normal, bytes(99)) == enqueued::accepted);
  CHECK(it.enqueue(lane::normal, bytes(2)) == enqueued::overloaded);
  CHECK_FALSE(it.overloaded(lane::normal));
  CHECK(it.enqueue(lane::bulk, bytes(2)) == enqueued::accepted);  // a mark each lane
  CHECK(it.enqueue(lane::normal, bytes(2), true) == enqueued::accepted);
  CHECK(it.overloaded(lane::normal));
  CHECK(it.queued(lane::normal) == 201);
  CHECK(it.queued_batches(lane::normal) == 3);
}

TEST_CASE("link session: large batches are cut, and others come between") {
  auto it = attached();
  it.enqueue(lane::bulk, bytes(25, 'b'));
  it.enqueue(lane::normal, bytes(10, 'n'));
  buffer out;
  CHECK(it.write(0ms, 995, out) > 0);  // room for one frame
  CHECK(frames_of(out)[0] == sent_frame{frame_kind::data, 2, 1, std::string(10, 'n')});
  out.clear();
  it.write(0ms, 995, out);
  CHECK(frames_of(out)[0] == sent_frame{frame_kind::data, 3 | more_bit, 2, std::string(10, 'b')});
  it.enqueue(lane::urgent, bytes(3, 'u'));
  it.enqueue(lane::control, bytes(3, 'c'));
  CHECK(data_of(it) ==
        std::vector<sent_frame>{{frame_kind::data, 0, 3, "ccc"},
                                {frame_kind::data, 1, 4, "uuu"},
                                {frame_kind::data, 3 | more_bit, 5, std::string(10, 'b')},
                                {frame_kind::data, 3, 6, "bbbbb"}});
}

TEST_CASE("link session: lanes share by priority, and none starves") {
  auto s = tiny();
  s.queue_max = 1 << 20;
  s.unacknowledged_max = 1 << 20;
  s.socket_max = 1 << 20;
  auto it = attached(s);
  for (const auto on : {lane::urgent, lane::normal, lane::bulk})
    for (int i = 0; i < 100; ++i) it.enqueue(on, bytes(10));
  std::array<std::size_t, lane_count> first_hundred{};
  const auto frames = data_of(it);
  REQUIRE(frames.size() == 300);
  for (std::size_t i = 0; i < 100; ++i) ++first_hundred[static_cast<std::size_t>(frames[i].flags)];
  CHECK(first_hundred[1] > first_hundred[2]);
  CHECK(first_hundred[2] > first_hundred[3]);
  CHECK(first_hundred[3] >= 5);
  CHECK(frames[0].flags == 1);
}

TEST_CASE("link session: no more than socket_max is with the socket") {
  auto s = tiny();
  s.socket_max = 50;
  auto it = attached(s);
  for (int i = 0; i < 10; ++i) it.enqueue(lane::normal, bytes(10));
  buffer out;
  CHECK(it.write(0ms, 50, out) == 0);
  CHECK(it.write(0ms, 0, out) == 72);  // three frames of 24: the third began below the mark
  CHECK(it.wants_write());
}

TEST_CASE("link session: what is not acknowledged is kept, within its bound") {
  auto s = tiny();
  s.unacknowledged_max = 200;
  auto it = attached(s);
  for (int i = 0; i < 10; ++i) it.enqueue(lane::normal, bytes(10));
  CHECK(data_of(it).size() == 2);  // 74 bytes each, counted with what an entry costs
  CHECK(it.unacknowledged() == 148);
  CHECK_FALSE(it.wants_write());
  session::output out;
  it.receive(0ms, number_frame(frame_kind::ack, 0, 1), out);
  CHECK(data_of(it).size() == 1);
  it.receive(0ms, number_frame(frame_kind::ack, 0, 3), out);
  CHECK(it.unacknowledged() == 0);
  CHECK_FALSE(it.drained());
}

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

TEST_CASE("link session: heartbeats when idle, broken when silent") {
  auto it = attached();
  session::output out;
  buffer w;
  it.tick(499ms, out);
  CHECK_FALSE(it.wants_write());
  it.tick(500ms, out);
  CHECK(it.write(500ms, 0, w) == 14);
  CHECK(frames_of(w)[0].kind == frame_kind::ack);
  for (int i = 1; i < 9; ++i) it.tick(500ms * (i + 1), out);
  CHECK_FALSE(out.broken);
  it.tick(4999ms, out);
  CHECK_FALSE(out.broken);
  it.tick(5s, out);
  CHECK(out.broken == fault::silence);

  auto heard = attached();
  out = {};
  for (int i = 1; i < 40; ++i) {
    heard.receive(250ms * i, number_frame(frame_kind::ack, 0, 0), out);
    heard.tick(250ms * i, out);
  }
  CHECK_FALSE(out.broken);

  auto paused = attached();  // a process that was stopped does not blame its peer
  paused.tick(1s, out);
  paused.tick(60s, out);
  CHECK_FALSE(out.broken);
  for (int i = 1; i < 20; ++i) paused.tick(60s + 250ms * i, out);
  CHECK(out.broken == fault::silence);
}

TEST_CASE("link session: a deadline is never in the past once it was ticked") {
  auto it = attached();
  session::output out;
  it.receive(0ms, data(1, lane::normal, "abc"), out);
  for (int i = 0; i < 30; ++i) it.enqueue(lane::control, bytes(50));
  buffer w;
  instant now = 0ms;
  for (int i = 0; i < 200 && it.standing() == state::attached; ++i) {
    const auto next = it.next_tick();
    REQUIRE(next > now);
    now = next;
    it.tick(now, out);
    if (i % 3 == 0) it.write(now, 0, w);  // else the socket takes nothing
  }
  CHECK(out.broken == fault::silence);
}

TEST_CASE("link session: resumed, the rest is sent again, once and in order") {
  auto it = attached();
  session::output out;
  for (const char c : {'a', 'b', 'c'}) it.enqueue(lane::normal, bytes(1, c));
  data_of(it);
  it.detach(1s, fault::closed, out);
  CHECK(it.enqueue(lane::urgent, bytes(1, 'u')) == enqueued::accepted);
  REQUIRE(it.attach(2s, 0, 1, out));
  CHECK(data_of(it, 2s) == std::vector<sent_frame>{{frame_kind::data, 2, 2, "b"},
                                                   {frame_kind::data, 2, 3, "c"},
                                                   {frame_kind::data, 1, 4, "u"}});
  REQUIRE(it.attach(2s, 0, 4, out));  // while attached: the newer connection takes over
  CHECK(data_of(it, 2s).empty());
  CHECK(it.drained());
  CHECK_FALSE(it.attach(2s, 0, 5, out));
  CHECK(out.ended == ending::lost);

  auto other = attached();
  CHECK_FALSE(other.attach(0s, 1, 0, out));  // we cannot have told what we do not have
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

TEST_CASE("link session: the end, told and heard") {
  auto it = attached(), peer = attached();
  session::output out, theirs;
  it.enqueue(lane::normal, bytes(100));
  it.end(ending::downed, "you were downed", out);
  CHECK(out.ended == ending::downed);
  CHECK(it.wants_write());
  CHECK(it.queued(lane::normal) == 0);
  buffer w;
  it.write(0ms, 5000, w);  // also beyond the socket's bound
  CHECK_FALSE(it.wants_write());
  peer.receive(0ms, w, theirs);
  CHECK(theirs.ended == ending::closed_by_peer);
  CHECK(theirs.theirs == ending::downed);
  CHECK(theirs.text == "you were downed");
  CHECK_FALSE(peer.live());
  CHECK_FALSE(peer.wants_write());

  session broken{tiny(), 0ms};
  session::output quiet;
  broken.end(ending::closed_here, "", quiet);
  CHECK(quiet.ended == ending::closed_here);
  CHECK_FALSE(broken.wants_write());
  for (int i = 1; i <= static_cast<int>(ending::last); ++i)
    CHECK_FALSE(sentence(ending{static_cast<std::uint8_t>(i)}).empty());

  auto odd = attached();  // a bye of a later version
  session::output later;
  buffer bye;
  put_frame(bye, frame_kind::bye, 0, buffer{'\x63', '\x02', 'h'});
  odd.receive(0ms, bye, later);
  CHECK(later.ended == ending::closed_by_peer);
  CHECK_FALSE(later.theirs);
  CHECK(later.text.empty());
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

TEST_CASE("link session: settings that cannot work are refused by name") {
  CHECK_FALSE(validate(session_settings{}));
  CHECK_FALSE(validate(tiny()));
  const auto expect = [](const std::string& name, auto change) {
    CAPTURE(name);
    auto s = tiny();
    change(s);
    const auto problem = validate(s);
    REQUIRE(problem);
    CHECK(problem->find(name) == 0);
  };
  expect("chunk", [](auto& s) { s.chunk = 0; });
  expect("chunk", [](auto& s) { s.chunk = std::size_t{1} << 31; });
  expect("frame_max", [](auto& s) { s.frame_max = 17; });
  expect("message_max", [](auto& s) { s.message_max = 9; });
  expect("control_message_max", [](auto& s) { s.control_message_max = 0; });
  expect("control_burst", [](auto& s) { s.control_burst = 9; });
  expect("control_burst", [](auto& s) { s.control_burst = 49; });
  expect("control_rate", [](auto& s) { s.control_rate = 999; });
  expect("socket_max", [](auto& s) { s.socket_max = 0; });
  expect("unacknowledged_max", [](auto& s) { s.unacknowledged_max = 19; });
  expect("queue_max", [](auto& s) { s.queue_max = 0; });
  expect("window", [](auto& s) { s.window[3] = 19; });
  expect("ack_bytes", [](auto& s) { s.ack_bytes = 0; });
  expect("urgent_share", [](auto& s) { s.bulk_share = 0; });
  expect("ack_delay", [](auto& s) { s.ack_delay = 0ms; });
  expect("heartbeat", [](auto& s) { s.heartbeat = 0ms; });
  expect("silence", [](auto& s) { s.silence = 1999ms; });
  expect("resume_window", [](auto& s) { s.resume_window = -1ms; });
  expect("faults_max", [](auto& s) { s.faults_max = 0; });
}
}  // namespace
