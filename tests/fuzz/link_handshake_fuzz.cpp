// room: patterns
// Both ends of a handshake. The first byte picks which, under which credential, and whether the
// peer holds it: then the input's frames are sealed as its own, so that what lies behind the proof
// is reached too. A stranger must never get to the host.
#include "patterns/link/handshake.hpp"

#include <algorithm>
#include <cstdlib>

using namespace troupe::link;

namespace {
mac toy(view bytes) {  // quick, and unlikely to be found by chance
  mac out{};
  std::uint64_t h = 14695981039346656037u;
  for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(h >> i % 8 * 8);
  return out;
}

identity who(char n) {
  identity me;
  me.cluster = "c";
  me.node = n;
  me.life.bytes.fill(static_cast<std::uint8_t>(n));
  return me;
}

void answer(handshake& h, handshake::output& out, bool stranger) {
  for (int i = 0; i < 3 && !out.refused; ++i) {
    if ((out.met || out.chosen || out.done) && stranger) std::abort();
    if (out.met) {
      out.met.reset();
      if (h.part() == role::acceptor)
        h.proceed(standing{1, 1, true, 5}, out);
      else
        h.proceed(choice{1, 2, true, 5}, out);
    } else if (out.chosen) {
      if (out.chosen->number == 0 || out.chosen->connection == 0) std::abort();
      out.chosen.reset();
      h.agree(out);
    }
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto part = (data[0] & 1) != 0 ? role::dialer : role::acceptor;
  const bool secret = (data[0] & 2) != 0, sealed = (data[0] & 4) != 0;
  const std::size_t step = 1 + data[1];
  nonce mine{};
  mine[0] = 1;
  credential how;
  if (secret) how.secret = toy;
  handshake h{part, who('a'), how, mine, {}, instant{}};
  handshake::output out;
  h.start(out);
  const bool stranger = secret && !sealed;
  view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
  if (!sealed) {
    while (!bytes.empty() && !out.refused) {
      const auto piece = bytes.first(std::min(step, bytes.size()));
      bytes = bytes.subspan(piece.size());
      h.receive(piece, instant{1}, out);
      answer(h, out, stranger);
    }
    return 0;
  }
  // the peer's real handshake as far as the host's part, then bodies from the input, proven
  identity theirs = who('b');
  nonce other{};
  other[0] = 2;
  handshake peer{
      part == role::dialer ? role::acceptor : role::dialer, theirs, how, other, {}, instant{}};
  handshake::output said;
  peer.start(said);
  for (int round = 0; round < 6 && !out.refused && !said.refused; ++round) {
    const auto to_us = std::exchange(said.send, {});
    const auto to_them = std::exchange(out.send, {});
    buffer spoiled = to_us;
    if (!bytes.empty() && !spoiled.empty()) {  // one byte of the input for one byte of a frame
      const auto at = static_cast<std::uint8_t>(bytes[0]) % spoiled.size();
      if (bytes.size() > 1) spoiled[at] = static_cast<char>(spoiled[at] ^ bytes[1]);
      bytes = bytes.subspan(std::min<std::size_t>(2, bytes.size()));
    }
    const bool changed = spoiled != to_us;
    h.receive(spoiled, instant{1}, out);
    if (secret && changed && out.done) std::abort();
    answer(h, out, false);
    peer.receive(to_them, instant{1}, said);
    answer(peer, said, false);
  }
  return 0;
}
