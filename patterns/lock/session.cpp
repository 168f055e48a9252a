#include "patterns/lock/session.hpp"

#include "patterns/encoding.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
namespace troupe::lock {
void session::want(instant now, session_output& out) {
  if (std::exchange(wanted_, true)) return;
  put(open_session{how_.ttl}, now, out);
}

void session::close(instant, session_output& out) {
  wanted_ = false;
  if (!id_.empty()) out.asks.push_back({++numbers_, close_session{std::exchange(id_, {})}});
  awaited_ = 0;
  ask_at_ = instant::max();
}

void session::answered(const lock::answered& in, instant now, session_output& out) {
  const auto* fresh = std::get_if<opened>(&in.what);
  if (in.number == 0 || in.number != awaited_) {
    // One that was opened for nobody; the store would keep it for its ttl.
    if (fresh && fresh->session != id_)
      out.asks.push_back({++numbers_, close_session{fresh->session}});
    return;
  }
  awaited_ = 0;
  if (!fresh && !std::holds_alternative<settled>(in.what)) {
    if (!std::holds_alternative<unanswered>(in.what)) end("the store has ended the session", out);
    if (const auto* no = std::get_if<refused>(&in.what); no && id_.empty() && !out.over)
      out.refused = no->why;
    ask_at_ = now + how_.retry;
    return;
  }
  const auto shrunk = how_.ttl - how_.ttl / 1'000 * how_.drift_per_mille - how_.margin;
  const auto until = asked_at_ + shrunk;
  if (until <= now || (!id_.empty() && now >= good_until_)) {  // it came too late to be relied on
    end("the store's answer came too late", out);
    if (fresh) out.asks.push_back({++numbers_, close_session{fresh->session}});
    ask_at_ = now + how_.retry;
    return;
  }
  good_until_ = until;
  if (fresh) {
    id_ = fresh->session;
    out.begun = id_;
  }
  ask_at_ = how_.renews ? now + (until - now) / 3 : instant::max();
}

void session::tick(instant now, session_output& out) {
  if (!id_.empty() && now >= good_until_) {
    end(how_.renews ? "the store could not be reached in time" : "its time is over", out);
    awaited_ = 0;
    if (!how_.renews) {
      wanted_ = false;
      ask_at_ = instant::max();
      return;
    }
    ask_at_ = now;
  }
  if (now < ask_at_ || awaited_ != 0 || !wanted_) return;
  if (id_.empty())
    put(open_session{how_.ttl}, now, out);
  else
    put(renew_session{id_}, now, out);
}

instant session::due() const {
  if (id_.empty()) return awaited_ == 0 ? ask_at_ : instant::max();
  return awaited_ == 0 ? std::min(ask_at_, good_until_) : good_until_;
}

void session::put(wish what, instant now, session_output& out) {
  awaited_ = ++numbers_;
  asked_at_ = now;
  ask_at_ = instant::max();
  out.asks.push_back({awaited_, std::move(what)});
}

void session::end(std::string why, session_output& out) {
  if (!id_.empty()) out.over = std::move(why);
  id_.clear();
}

std::string session::digest() const {
  return encode(std::tuple{id_, wanted_, numbers_, awaited_, asked_at_, good_until_, ask_at_});
}
}  // namespace troupe::lock
