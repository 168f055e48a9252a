// The receiving half of a session: order, reassembly, acknowledgements and the credit it grants.
#include "patterns/link/session.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace troupe::link {
namespace {
constexpr std::size_t piece_max =
    256 * 1024;  // chunks are gathered into these: a crumb must not cost a block of its own
}  // namespace

std::size_t batch::size() const {
  auto sum = bytes.size();
  for (const auto& more : rest) sum += more.size();
  return sum;
}

buffer join(batch&& b) {
  if (b.rest.empty()) return std::move(b.bytes);
  b.bytes.reserve(b.size());
  for (auto& more : b.rest) {
    put_bytes(b.bytes, more);
    more = {};
  }
  b.rest.clear();
  return std::move(b.bytes);
}

void session::receive(instant now, view bytes, output& out) {
  if (state_ != state::attached || bytes.empty()) return;
  last_heard_ = now;
  reader_.feed(bytes);
  while (state_ == state::attached) {
    const auto next = reader_.next();
    if (!next) break;
    on_frame(*next, now, out);
  }
  if (state_ == state::attached && reader_.problem()) err(fault::bad_frame, now, out);
}

void session::on_frame(const frame& f, instant now, output& out) {
  switch (f.kind) {
    case frame_kind::data:
      return on_data(f, now, out);
    case frame_kind::ack:
      return on_ack(f, now, out);
    case frame_kind::credit:
      return on_credit(f, now, out);
    case frame_kind::bye:
      return on_bye(f, out);
    default:
      return err(fault::unexpected_frame, now, out);
  }
}

// One connection carries rising numbers, from the one that the peer was told on. It may skip what
// has arrived over an earlier connection after that was told, and nothing else.
bool session::sequence_fits(std::uint64_t number) const {
  return number > carried_ && number <= received_ + 1;
}

std::optional<fault> session::excess(lane on, std::size_t size, instant now) {
  const auto& in = inlet_of(on);
  const bool control = on == lane::control;
  const auto most = control ? settings_.control_message_max : settings_.message_max;
  if (in.unfinished + size > most) return fault::batch_too_large;
  // an honest peer's control messages are few and soon done with
  if (control && in.held + size > 8 * settings_.control_burst) return fault::control_flood;
  if (!control) return in.arrived + size > in.granted ? std::optional{fault::credit} : std::nullopt;
  // what an honest peer has on its way is one burst, and it may have gathered another
  if (!control_in_.has(now, size, 2 * settings_.control_rate, 4 * settings_.control_burst))
    return fault::control_flood;
  control_in_.take(size);
  return std::nullopt;
}

void session::on_data(const frame& f, instant now, output& out) {
  byte_reader reader{f.body};
  const auto number = reader.get<std::uint64_t>();
  const auto bytes = reader.rest();
  if (bytes.empty()) return err(fault::malformed, now, out);
  if (!sequence_fits(number)) return err(fault::sequence, now, out);
  const auto on = lane{static_cast<std::uint8_t>(f.flags & lane_bits)};
  if (number <= received_) {  // sent again after a resume, and seen before
    carried_ = number;
    ack_due_ = true;
    return;
  }
  if (const auto wrong = excess(on, bytes.size(), now)) return err(*wrong, now, out);
  carried_ = received_ = number;
  if (since_told_ == 0) told_late_ = now;
  since_told_ += bytes.size();
  if (since_told_ >= settings_.ack_bytes) ack_due_ = true;
  auto& in = inlet_of(on);
  in.arrived += bytes.size();
  const bool more = (f.flags & more_bit) != 0;
  if (in.pieces.empty() && !more) {
    out.batches.push_back({on, buffer{bytes.begin(), bytes.end()}, {}});
    return;
  }
  if (in.pieces.empty() || in.pieces.back().size() + bytes.size() > piece_max)
    in.pieces.emplace_back();
  put_bytes(in.pieces.back(), bytes);
  in.unfinished += bytes.size();
  if (more) return choose_growing();
  batch done{on, std::move(in.pieces.front()), {}};
  done.rest.assign(std::make_move_iterator(in.pieces.begin() + 1),
                   std::make_move_iterator(in.pieces.end()));
  if (in.unfinished <= whole_max) done.bytes = join(std::move(done));
  in.pieces.clear();
  in.unfinished = 0;
  choose_growing();
  out.batches.push_back(std::move(done));
}

void session::on_ack(const frame& f, instant now, output& out) {
  byte_reader reader{f.body};
  const auto number = reader.get<std::uint64_t>();
  if (reader.failed() || !reader.rest().empty()) return err(fault::malformed, now, out);
  if (number < acknowledged_ || number > transmitted())
    return err(fault::acknowledgement, now, out);
  forget(number);
}

void session::on_credit(const frame& f, instant now, output& out) {
  byte_reader reader{f.body};
  const auto limit = reader.get<std::uint64_t>();
  const auto on = lane{f.flags};
  if (reader.failed() || !reader.rest().empty() || on == lane::control)
    return err(fault::malformed, now, out);
  auto& o = outlet_of(on);
  o.limit = std::max(o.limit, limit);
}

void session::on_bye(const frame& f, output& out) {
  byte_reader reader{f.body};
  const auto code = reader.get<std::uint8_t>();
  if (code != 0 && code <= static_cast<std::uint8_t>(ending::last)) out.theirs = ending{code};
  out.text = reader.get_text();
  finish(ending::closed_by_peer, out);
}

void session::delivered(lane on, std::uint64_t decoded) { inlet_of(on).held += decoded; }

void session::consumed(lane on, std::uint64_t decoded) {
  auto& in = inlet_of(on);
  assert(decoded <= in.held);
  in.held -= decoded;
}

// A batch beyond its lane's window could never be finished if it counted as held. One of them at a time may grow: the
// first to fill half of its window.
void session::choose_growing() {
  if (growing_ && inlet_of(*growing_).unfinished == 0) growing_.reset();
  for (const auto each : {lane::urgent, lane::normal, lane::bulk})
    if (!growing_ && 2 * inlet_of(each).unfinished >= window_of(each)) growing_ = each;
}

// What the peer may have sent in all: what has arrived, and the window less what is held here.
std::uint64_t session::grantable(lane on) const {
  const auto& in = inlet_of(on);
  const auto window = window_of(on);
  const auto held = in.held + (growing_ == on ? 0 : in.unfinished);
  return in.arrived + (window > held ? window - held : 0);
}

bool session::grant_due(lane on) const {
  return grantable(on) >= inlet_of(on).granted + window_of(on) / 4;
}

std::uint64_t session::held(lane on) const { return inlet_of(on).held; }
std::size_t session::reassembling(lane on) const { return inlet_of(on).unfinished; }
std::uint64_t session::granted(lane on) const { return inlet_of(on).granted; }
std::uint64_t session::arrived(lane on) const { return inlet_of(on).arrived; }
}  // namespace troupe::link
