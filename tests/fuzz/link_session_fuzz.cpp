// room: patterns
// A session under a peer that holds a valid credential and sends anything: raw bytes, or frames
// whose numbers are made to fit, so that reassembly, credit and acknowledgements are reached.
#include "patterns/link/session.hpp"

#include <algorithm>
#include <cstdlib>

using namespace troupe::link;

namespace {
session_settings small() {
  session_settings s;
  s.chunk = 64;
  s.frame_max = 256;
  s.message_max = 1000;
  s.control_message_max = 200;
  s.control_burst = 200;
  s.control_rate = 1000;
  s.window = {0, 500, 500, 500};
  s.unacknowledged_max = 1000;
  s.queue_max = 2000;
  s.faults_max = 1000;
  return s;
}

void check(const session& it) {
  for (std::uint8_t i = 0; i < lane_count; ++i) {
    const lane on{i};
    if (it.reassembling(on) > (i == 0 ? 200u : 1000u)) std::abort();
    if (i > 0 && it.arrived(on) > it.granted(on)) std::abort();
    if (it.sent(on) > it.limit(on) && i > 0) std::abort();
  }
  if (it.unacknowledged() > 1000) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  view input{reinterpret_cast<const char*>(data), size};
  const auto byte = [&]() -> std::uint8_t {
    if (input.empty()) return 0;
    const auto b = static_cast<std::uint8_t>(input[0]);
    input = input.subspan(1);
    return b;
  };
  const auto take = [&](std::size_t most) {
    const auto taken = input.first(std::min(most, input.size()));
    input = input.subspan(taken.size());
    return taken;
  };
  instant now{};
  session it{small(), now};
  session::output out;
  it.attach(now, 0, 0, out);
  std::uint64_t number = 0;  // that the peer has sent
  while (!input.empty() && it.live()) {
    out = {};
    buffer frames, body;
    switch (byte() % 9) {
      case 0:  // anything
        put_bytes(frames, take(byte()));
        break;
      case 1: {  // data that fits
        const auto flags = byte() & 7;
        put(body, ++number);
        put_bytes(body, take(byte()));
        put_frame(frames, frame_kind::data, static_cast<std::uint8_t>(flags), body);
        break;
      }
      case 2:  // an acknowledgement
        put(body, std::uint64_t{byte()});
        put_frame(frames, frame_kind::ack, 0, body);
        break;
      case 3: {  // credit
        const auto flags = byte() & 3;
        put(body, std::uint64_t{byte()} * 16);
        put_frame(frames, frame_kind::credit, static_cast<std::uint8_t>(flags), body);
        break;
      }
      case 4:
        it.enqueue(lane{static_cast<std::uint8_t>(byte() & 3)}, buffer(1 + byte()));
        break;
      case 5: {
        buffer written;
        it.write(now, 0, written);
        break;
      }
      case 6:
        now += std::chrono::milliseconds{byte()};
        it.tick(now, out);
        break;
      case 7: {  // another connection; the peer may claim to have received anything
        const auto told = it.received();
        number = told;
        it.attach(now, told, byte(), out);
        break;
      }
      default: {
        const lane on{static_cast<std::uint8_t>(1 + byte() % 3)};
        it.consumed(on, it.held(on));
      }
    }
    it.receive(now, frames, out);
    for (const auto& b : out.batches) it.delivered(b.on, b.bytes.size());
    if (it.standing() == session::state::broken && (byte() & 1) != 0) {
      number = it.received();
      it.attach(now, number, 0, out);
    }
    check(it);
  }
  return 0;
}
