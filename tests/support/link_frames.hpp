// What the session's tests share: tiny settings, and frames as values.
#pragma once
#include "patterns/link/session.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>
namespace troupe::test {
using namespace troupe::link;
using namespace std::chrono_literals;
inline session_settings tiny() {
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

inline buffer bytes(std::size_t size, char fill = 'x') { return buffer(size, fill); }

struct sent_frame {
  frame_kind kind{};
  int flags = 0;
  std::uint64_t number = 0;  // of data, ack, credit
  std::string body;          // of data
  bool operator==(const sent_frame&) const = default;
};

inline std::vector<sent_frame> frames_of(const buffer& written) {
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

inline std::vector<sent_frame> data_of(session& s, instant now = 0ms) {
  buffer out;
  s.write(now, 0, out);
  auto all = frames_of(out);
  std::erase_if(all, [](const sent_frame& f) { return f.kind != frame_kind::data; });
  return all;
}

inline buffer number_frame(frame_kind kind, std::uint8_t flags, std::uint64_t number,
                           const std::string& more = "") {
  buffer body, out;
  put(body, number);
  put_bytes(body, view{more.data(), more.size()});
  put_frame(out, kind, flags, body);
  return out;
}
inline buffer data(std::uint64_t number, lane on, const std::string& body, bool more = false) {
  return number_frame(frame_kind::data,
                      static_cast<std::uint8_t>(static_cast<int>(on) | (more ? more_bit : 0)),
                      number, body);
}
inline buffer credit(lane on, std::uint64_t limit) {
  return number_frame(frame_kind::credit, static_cast<std::uint8_t>(on), limit);
}

// a session that is attached, has written its first credits, and has some of its own
inline session attached(session_settings s = tiny(), std::uint64_t limit = 1'000'000) {
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
}  // namespace troupe::test
