#include "link_frames.hpp"
#include "patterns/link/session.hpp"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {
using namespace troupe::test;
using state = session::state;

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
