#include "patterns/link/handshake.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::link {
namespace {
constexpr std::string_view magic = "TROUPE1\n", label = "troupe link 1";
constexpr std::size_t body_max = 2048, leftover_max = 4096;
constexpr std::uint8_t method_open = 0, method_secret = 1;
constexpr std::uint8_t client_bit = 1;

view as_view(std::string_view text) { return {text.data(), text.size()}; }

// takes the same time whatever is unequal
bool equal(const mac& expected, view given) {
  if (given.size() != expected.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    difference |= expected[i] ^ static_cast<std::uint8_t>(given[i]);
  return difference == 0;
}

bool printable(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
}

void put_identity(buffer& out, const identity& who) {
  put_text(out, who.cluster);
  put_text(out, who.node);
  put_bytes(out, who.life.bytes);
  put_text(out, who.address);
  put(out, who.capabilities);
  put(out, static_cast<std::uint8_t>(who.client ? client_bit : 0));
}

identity get_identity(byte_reader& in) {
  identity who;
  who.cluster = in.get_text();
  who.node = in.get_text();
  who.life.bytes = in.get_bytes<20>();
  who.address = in.get_text();
  who.capabilities = in.get<std::uint64_t>();
  who.client = (in.get<std::uint8_t>() & client_bit) != 0;
  return who;
}
}  // namespace

handshake::handshake(role part, identity me, credential how, const nonce& mine,
                     handshake_settings limits, instant now)
    : part_{part},
      me_{std::move(me)},
      how_{std::move(how)},
      nonce_{mine},
      limits_{limits},
      deadline_{now + limits.deadline},
      reader_{body_max} {}

void handshake::start(output& out) {
  if (part_ == role::dialer && state_ == state::greeting) send_challenge(out);
}

void handshake::receive(view bytes, instant now, output& out) {
  if (state_ == state::refused) return;
  if (!over() && now >= deadline_) return refuse(refusal::late, out);
  if (paused() || state_ == state::done) {
    put_bytes(leftover_, bytes);
    if (paused() && leftover_.size() > leftover_max) refuse(refusal::out_of_order, out);
    return;
  }
  reader_.feed(bytes);
  read(out);
}

void handshake::read(output& out) {
  while (!over() && !paused()) {
    const auto next = reader_.next();
    if (!next) {
      if (reader_.problem()) refuse(challenged_ ? refusal::bad_frame : refusal::not_a_link, out);
      return;
    }
    on_frame(*next, out);
  }
  if (state_ != state::refused) put_bytes(leftover_, reader_.rest());
  reader_.feed({});
}

void handshake::tick(instant now, output& out) {
  if (!over() && now >= deadline_) refuse(refusal::late, out);
}

void handshake::on_frame(const frame& f, output& out) {
  const auto expected = [&] {
    switch (f.kind) {
      case frame_kind::challenge:
        return state_ == state::greeting;
      case frame_kind::hello:
        return state_ == state::waiting;
      case frame_kind::go:
        return state_ == state::going && part_ == role::acceptor;
      case frame_kind::welcome:
        return state_ == state::going && part_ == role::dialer;
      case frame_kind::refuse:
        return challenged_ || part_ == role::dialer;
      default:
        return false;
    }
  }();
  if (!expected) return refuse(challenged_ ? refusal::out_of_order : refusal::not_a_link, out);
  switch (f.kind) {
    case frame_kind::challenge:
      return on_challenge(f.body, out);
    case frame_kind::hello:
      return on_hello(f.body, out);
    case frame_kind::go:
      return on_go(f.body, out);
    case frame_kind::welcome:
      return on_welcome(f.body, out);
    default:
      return on_refuse(f.body, out);
  }
}

void handshake::on_challenge(view body, output& out) {
  byte_reader in{body};
  const auto word = in.take(magic.size());
  if (in.failed() || !std::equal(word.begin(), word.end(), magic.begin()))
    return refuse(refusal::not_a_link, out);
  const auto version_min = in.get<std::uint16_t>();
  const auto version_max = in.get<std::uint16_t>();
  const auto method = in.get<std::uint8_t>();
  const auto theirs = in.get_bytes<32>();
  if (in.failed()) return refuse(refusal::not_a_link, out);
  challenged_ = true;
  remember(frame_kind::challenge, body);
  if (part_ == role::acceptor) send_challenge(out);  // also before a refusal: it tells the versions
  version_ = std::min(version_max, limits_.version_max);
  if (version_ < std::max(version_min, limits_.version_min)) return refuse(refusal::version, out);
  if (method != (how_.secret ? method_secret : method_open)) return refuse(refusal::method, out);
  if (theirs == nonce_) return refuse(refusal::reflected, out);
  state_ = state::waiting;
  if (part_ == role::dialer) send_hello(nullptr, out);
}

void handshake::on_hello(view body, output& out) {
  const auto proven = open(frame_kind::hello, body);
  if (!proven) return refuse(refusal::bad_proof, out);
  authenticated_ = true;
  byte_reader in{*proven};
  peer_ = get_identity(in);
  standing theirs;
  if (part_ == role::dialer) {
    theirs.number = in.get<std::uint64_t>();
    theirs.connection = in.get<std::uint32_t>();
    theirs.live = in.get<std::uint8_t>() != 0;
    theirs.received = in.get<std::uint64_t>();
  }
  remember(frame_kind::hello, body);
  if (in.failed()) return refuse(refusal::malformed, out);
  if (const auto wrong = judge_peer()) return refuse(*wrong, out);
  state_ = state::deciding;
  out.met = peer_;
  if (part_ == role::dialer) out.offered = theirs;
}

std::optional<refusal> handshake::judge_peer() const {
  const bool named = !how_.certificate || *how_.certificate == peer_.node ||
                     std::find(how_.also.begin(), how_.also.end(), peer_.node) != how_.also.end();
  if (!named) return refusal::not_the_certificates;
  if (!printable(peer_.cluster) || !printable(peer_.node) || !printable(peer_.address))
    return refusal::malformed;
  if (peer_.cluster != me_.cluster) return refusal::wrong_cluster;
  if (peer_.node.empty()) return refusal::name_invalid;
  if (!peer_.life) return refusal::malformed;
  if (peer_.life == me_.life) return refusal::myself;
  if (peer_.node == me_.node && !peer_.client && !me_.client) return refusal::same_name;
  if ((limits_.capabilities_required & ~peer_.capabilities) != 0) return refusal::capabilities;
  return std::nullopt;
}

void handshake::on_go(view body, output& out) {
  const auto proven = open(frame_kind::go, body);
  if (!proven) return refuse(refusal::bad_proof, out);
  byte_reader in{*proven};
  choice chosen;
  chosen.number = in.get<std::uint64_t>();
  chosen.connection = in.get<std::uint32_t>();
  const auto resumed = in.get<std::uint8_t>();
  chosen.resumed = resumed == 1;
  chosen.received = in.get<std::uint64_t>();
  const bool fresh_is_fresh = chosen.resumed || (chosen.received == 0 && chosen.connection == 1);
  if (in.failed() || chosen.number == 0 || chosen.connection == 0 || resumed > 1 || !fresh_is_fresh)
    return refuse(refusal::malformed, out);
  remember(frame_kind::go, body);
  state_ = state::agreeing;
  out.chosen = chosen;
}

void handshake::on_welcome(view body, output& out) {
  const auto proven = open(frame_kind::welcome, body);
  if (!proven) return refuse(refusal::bad_proof, out);
  state_ = state::done;
  out.done = true;
}

// A reason without its proof could be anybody's: it counts as the generic one.
void handshake::on_refuse(view body, output& out) {
  auto reason = refusal::refused;
  const auto proven = challenged_ ? open(frame_kind::refuse, body) : std::nullopt;
  if (proven && proven->size() == 1) {
    const auto code = static_cast<std::uint8_t>(proven->front());
    if (code != 0 && code <= static_cast<std::uint8_t>(refusal::last)) reason = refusal{code};
  }
  state_ = state::refused;
  out.refused = reason;
  out.told = true;
}

void handshake::proceed(const standing& mine, output& out) {
  assert(part_ == role::acceptor && state_ == state::deciding);
  state_ = state::going;
  send_hello(&mine, out);
  const auto more = leftover();
  reader_.feed(more);
  read(out);
}

void handshake::proceed(const choice& chosen, output& out) {
  assert(part_ == role::dialer && state_ == state::deciding);
  state_ = state::going;
  buffer body;
  put(body, chosen.number);
  put(body, chosen.connection);
  put(body, static_cast<std::uint8_t>(chosen.resumed ? 1 : 0));
  put(body, chosen.received);
  send_sealed(frame_kind::go, body, out);
  const auto more = leftover();
  reader_.feed(more);
  read(out);
}

void handshake::agree(output& out) {
  assert(part_ == role::acceptor && state_ == state::agreeing);
  state_ = state::done;  // what came too early is the session's to judge
  send_sealed(frame_kind::welcome, {}, out);
  out.done = true;
}

void handshake::refuse(refusal reason, output& out) {
  if (over()) return;
  out.refused = reason;
  if (challenged_) {
    const auto told = authenticated_ ? reason : refusal::refused;
    const char code[] = {static_cast<char>(told)};
    if (authenticated_)
      send_sealed(frame_kind::refuse, code, out);
    else
      put_frame(out.send, frame_kind::refuse, 0, code);
  }
  state_ = state::refused;
}

void handshake::send_challenge(output& out) {
  buffer body;
  put_bytes(body, as_view(magic));
  put(body, limits_.version_min);
  put(body, limits_.version_max);
  put(body, how_.secret ? method_secret : method_open);
  put_bytes(body, nonce_);
  put_frame(out.send, frame_kind::challenge, 0, body);
  remember(frame_kind::challenge, body);
}

void handshake::send_hello(const standing* mine, output& out) {
  buffer body;
  put_identity(body, me_);
  if (mine != nullptr) {
    put(body, mine->number);
    put(body, mine->connection);
    put(body, static_cast<std::uint8_t>(mine->live ? 1 : 0));
    put(body, mine->received);
  }
  send_sealed(frame_kind::hello, body, out);
}

void handshake::send_sealed(frame_kind kind, view body, output& out) {
  buffer whole;
  if (how_.secret) put_bytes(whole, seal(part_, kind, body));
  put_bytes(whole, body);
  put_frame(out.send, kind, 0, whole);
  remember(kind, whole);
}

// The proof by one side of everything said so far and of this body.
mac handshake::seal(role by, frame_kind kind, view body) const {
  buffer all;
  put_bytes(all, as_view(label));
  put(all, by);
  put(all, kind);
  put(all, static_cast<std::uint32_t>(how_.binding.size()));
  put_bytes(all, how_.binding);
  put(all, static_cast<std::uint32_t>(transcript_.size()));
  put_bytes(all, transcript_);
  put_bytes(all, body);
  return how_.secret(all);
}

// The peer's body without its proof; nothing if that is wrong.
std::optional<view> handshake::open(frame_kind kind, view body) const {
  if (!how_.secret) return body;
  if (body.size() < std::tuple_size_v<mac>) return std::nullopt;
  const auto given = body.first(std::tuple_size_v<mac>);
  const auto rest = body.subspan(std::tuple_size_v<mac>);
  const auto by = part_ == role::dialer ? role::acceptor : role::dialer;
  if (!equal(seal(by, kind, rest), given)) return std::nullopt;
  return rest;
}

void handshake::remember(frame_kind kind, view body) {
  put(transcript_, kind);
  put(transcript_, static_cast<std::uint32_t>(body.size()));
  put_bytes(transcript_, body);
}
}  // namespace troupe::link
