#include "patterns/link/session.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::link {
session::session(session_settings settings, instant now)
    : settings_{settings}, reader_{settings.frame_max}, broken_at_{now} {
  assert(!validate(settings_));
}

bool session::attach(instant now, std::uint64_t told, std::uint64_t peer_received, output& out) {
  if (state_ == state::ended) return false;
  // (less than was acknowledged: that came over the old connection after the peer had told us)
  if (told > received_ || peer_received > transmitted()) {
    finish(ending::lost, out);
    return false;
  }
  reader_.reset();
  again_ = 0;
  forget(peer_received);
  carried_ = told;
  told_ = told;
  since_told_ = 0;
  ack_due_ = received_ != told;
  credits_due_ = true;
  last_heard_ = last_wrote_ = last_tick_ = now;
  state_ = state::attached;
  return true;
}

void session::detach(instant now, fault why, output& out) {
  if (state_ != state::attached) return;
  state_ = state::broken;
  broken_at_ = now;
  reader_.reset();
  out.broken = why;
}

void session::end(ending why, std::string_view text, output& out) {
  if (state_ == state::ended) return;
  if (state_ == state::attached) {
    buffer body;
    put(body, why);
    put_text(body, text);
    put_frame(bye_, frame_kind::bye, 0, body);
  }
  finish(why, out);
}

void session::finish(ending why, output& out) {
  state_ = state::ended;
  for (auto& o : outlets_) o = {};
  for (auto& i : inlets_) {
    i.pieces = {};
    i.unfinished = 0;
  }
  kept_.clear();
  kept_bytes_ = control_kept_ = again_ = 0;
  reader_.reset();
  out.ended = why;
}

// The peer has broken the protocol: the connection goes, and with the last allowed one the session.
void session::err(fault why, instant now, output& out) {
  detach(now, why, out);
  if (++faults_ >= settings_.faults_max) finish(ending::faults, out);
}

void session::tick(instant now, output& out) {
  switch (state_) {
    case state::fresh:
    case state::broken:
      if (now - broken_at_ >= settings_.resume_window) finish(ending::resume_window, out);
      return;
    case state::ended:
      return;
    case state::attached:
      break;
  }
  // after a pause of our own the peer's words wait unread: its silence is not to be judged by ours
  if (now - last_tick_ > settings_.silence / 2) last_heard_ += now - last_tick_;
  last_tick_ = now;
  if (now - last_heard_ >= settings_.silence) return detach(now, fault::silence, out);
  if (now - last_wrote_ >= settings_.heartbeat) ack_due_ = true;
  if (received_ != told_ && now - told_late_ >= settings_.ack_delay) ack_due_ = true;
  if (dry_ && now - *dry_ >= settings_.ack_delay) dry_.reset();
}

instant session::next_tick() const {
  switch (state_) {
    case state::fresh:
    case state::broken:
      return broken_at_ + settings_.resume_window;
    case state::ended:
      return instant::max();
    case state::attached:
      break;
  }
  auto next = std::min(last_heard_ + settings_.silence, last_tick_ + settings_.silence / 4);
  if (!ack_due_) {
    next = std::min(next, last_wrote_ + settings_.heartbeat);
    if (received_ != told_) next = std::min(next, told_late_ + settings_.ack_delay);
  }
  if (dry_) next = std::min(next, *dry_ + settings_.ack_delay);
  return next;
}

bool session::bucket::has(instant now, std::uint64_t size, std::uint64_t rate, std::uint64_t most) {
  if (!filled_) {
    filled_ = now;
    level_ = most;
  }
  const auto passed = std::max(now - *filled_, instant{});
  const auto seconds = std::min<std::uint64_t>(
      static_cast<std::uint64_t>(passed / std::chrono::seconds{1}), 1 << 20);
  const auto rest = static_cast<std::uint64_t>((passed % std::chrono::seconds{1}).count());
  const auto more = seconds * rate + rest * (rate / 1000) / 1'000'000;
  if (more > 0) {
    level_ = std::min(most, level_ + more);
    filled_ = now;
  }
  return level_ >= size;
}
}  // namespace troupe::link
