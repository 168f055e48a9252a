// The sending half of a session: lanes, credit, chunks, and what is kept until acknowledged.
#include "patterns/link/session.hpp"

#include <algorithm>

namespace troupe::link {
namespace {
constexpr std::size_t entry_cost = 64;  // of one kept frame beside its bytes
constexpr std::size_t data_header = frame_header + sizeof(std::uint64_t);
constexpr std::array<lane, 3> shared_lanes{lane::urgent, lane::normal, lane::bulk};

void put_number(buffer& out, frame_kind kind, std::uint8_t flags, std::uint64_t number) {
  put_header(out, kind, flags, sizeof number);
  put(out, number);
}
}  // namespace

enqueued session::enqueue(lane on, buffer&& bytes, bool must_pass) {
  if (state_ == state::ended) return enqueued::ended;
  if (bytes.empty()) return enqueued::empty;
  const bool control = on == lane::control;
  if (bytes.size() > (control ? settings_.control_message_max : settings_.message_max))
    return enqueued::too_large;
  auto& o = outlet_of(on);
  const bool fits = o.bytes == 0 || o.bytes + bytes.size() <= settings_.queue_max;
  if (!fits && !control && !must_pass) return enqueued::overloaded;
  o.bytes += bytes.size();
  o.queue.push_back(std::make_shared<const buffer>(std::move(bytes)));
  return enqueued::accepted;
}

std::size_t session::write(instant now, std::size_t with_socket, buffer& out) {
  const auto before = out.size();
  if (!bye_.empty()) {
    put_bytes(out, bye_);
    bye_.clear();
    return out.size() - before;
  }
  const auto full = [&] { return with_socket + (out.size() - before) >= settings_.socket_max; };
  if (state_ != state::attached || full()) return 0;
  if (ack_due_ || (received_ != told_ && wants_write())) write_acknowledgement(out);
  write_credits(out);
  while (again_ < kept_.size() && !full()) {
    write_piece(kept_[again_], acknowledged_ + again_ + 1, out);
    ++again_;
  }
  while (!full()) {
    const auto on = pick(now);
    if (!on) break;
    transmit(*on, out);
  }
  if (out.size() != before) last_wrote_ = now;
  return out.size() - before;
}

bool session::wants_write() const {
  if (!bye_.empty()) return true;
  if (state_ != state::attached) return false;
  if (ack_due_ || credits_due_ || again_ < kept_.size()) return true;
  for (const auto on : shared_lanes)
    if (grant_due(on) || may_send(on)) return true;
  return !dry_ && may_send(lane::control);
}

void session::write_acknowledgement(buffer& out) {
  put_number(out, frame_kind::ack, 0, received_);
  told_ = received_;
  since_told_ = 0;
  ack_due_ = false;
}

void session::write_credits(buffer& out) {
  for (const auto on : shared_lanes) {
    if (!credits_due_ && !grant_due(on)) continue;
    auto& in = inlet_of(on);
    in.granted = std::max(in.granted, grantable(on));
    put_number(out, frame_kind::credit, static_cast<std::uint8_t>(on), in.granted);
  }
  credits_due_ = false;
}

void session::write_piece(const piece& p, std::uint64_t number, buffer& out) const {
  const auto at = out.size();
  const auto body = p.size + sizeof number;
  const char* from = p.bytes->data() + p.offset;
  if (out.capacity() - at < data_header + p.size)
    out.reserve(std::max(2 * out.capacity(), at + data_header + p.size));
  put_header(out, frame_kind::data, p.flags, body);
  put(out, number);
  out.insert(out.end(), from, from + p.size);
}

// How much of the lane's next batch may leave in one frame: 0 if it has to wait for credit. A scrap
// of credit is left alone, so that a stuck reader is not fed with crumbs.
std::size_t session::next_size(lane on) const {
  const auto& o = outlet_of(on);
  if (o.queue.empty()) return 0;
  const auto wanted = std::min(o.queue.front()->size() - o.offset, settings_.chunk);
  if (on == lane::control) return wanted;
  const auto credit = o.limit > o.sent ? o.limit - o.sent : 0;
  if (credit >= wanted) return wanted;
  const auto least = std::max<std::size_t>(settings_.chunk / 16, 1);
  return credit >= least ? static_cast<std::size_t>(credit) : 0;
}

bool session::may_send(lane on) const {
  const auto size = next_size(on);
  if (size == 0) return false;
  if (on == lane::control && control_kept_ != 0 && control_kept_ + size > settings_.control_burst)
    return false;
  return kept_.empty() || kept_bytes_ + size + entry_cost <= settings_.unacknowledged_max;
}

bool session::control_may_send(instant now) {
  if (!may_send(lane::control)) return false;
  const auto size = next_size(lane::control);
  if (control_out_.has(now, size, settings_.control_rate, settings_.control_burst)) {
    dry_.reset();
    return true;
  }
  if (!dry_) dry_ = now;
  return false;
}

// Control first; then, in order of priority, who has something left of this round's share.
std::optional<lane> session::pick(instant now) {
  if (control_may_send(now)) return lane::control;
  std::optional<lane> waiting;
  for (const auto on : shared_lanes) {
    if (!may_send(on)) continue;
    if (outlet_of(on).turn > 0) return on;
    if (!waiting) waiting = on;
  }
  if (waiting) {  // a new round
    outlet_of(lane::urgent).turn = std::uint64_t{settings_.urgent_share} * settings_.chunk;
    outlet_of(lane::normal).turn = std::uint64_t{settings_.normal_share} * settings_.chunk;
    outlet_of(lane::bulk).turn = std::uint64_t{settings_.bulk_share} * settings_.chunk;
  }
  return waiting;
}

void session::transmit(lane on, buffer& out) {
  auto& o = outlet_of(on);
  piece p;
  p.size = next_size(on);
  p.offset = o.offset;
  p.flags = static_cast<std::uint8_t>(on);
  o.offset += p.size;
  if (o.offset < o.queue.front()->size()) {
    p.flags |= more_bit;
    p.bytes = o.queue.front();
  } else {
    p.bytes = std::move(o.queue.front());
    o.queue.pop_front();
    o.offset = 0;
  }
  o.bytes -= p.size;
  o.sent += p.size;
  o.turn -= std::min<std::uint64_t>(o.turn, p.size + data_header);
  if (on == lane::control) {
    control_out_.take(p.size);
    control_kept_ += p.size;
  }
  kept_bytes_ += p.size + entry_cost;
  kept_.push_back(std::move(p));
  ++again_;
  write_piece(kept_.back(), transmitted(), out);
}

void session::forget(std::uint64_t upto) {
  for (; acknowledged_ < upto; ++acknowledged_) {
    const auto& p = kept_.front();
    kept_bytes_ -= p.size + entry_cost;
    if ((p.flags & lane_bits) == static_cast<std::uint8_t>(lane::control)) control_kept_ -= p.size;
    kept_.pop_front();
    if (again_ > 0) --again_;
  }
}

bool session::blocked(lane on) const {
  return state_ != state::ended && !outlet_of(on).queue.empty() && next_size(on) == 0;
}
bool session::overloaded(lane on) const { return outlet_of(on).bytes >= settings_.queue_max; }
std::size_t session::queued(lane on) const { return outlet_of(on).bytes; }
std::size_t session::queued_batches(lane on) const { return outlet_of(on).queue.size(); }
std::uint64_t session::sent(lane on) const { return outlet_of(on).sent; }
std::uint64_t session::limit(lane on) const { return outlet_of(on).limit; }
bool session::drained() const {
  return kept_.empty() && std::all_of(outlets_.begin(), outlets_.end(),
                                      [](const outlet& o) { return o.queue.empty(); });
}
}  // namespace troupe::link
