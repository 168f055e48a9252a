// Part of holder.hpp: a place that is kept after its release.
#include "patterns/lock/holder.hpp"

#include <algorithm>
namespace troupe::lock {
namespace {
bool stands_in_the_way(const line& all, std::uint64_t ticket) {
  return std::any_of(all.begin(), all.end(), [&](const place& p) {
    return p.ticket > ticket && find(in_the_way(all, p.ticket), ticket) != nullptr;
  });
}
}  // namespace

bool holder::may_keep(instant now) const {
  return how_.keeps > duration{0} && !sought_ && now - stood_at_ < how_.keeps_most;
}

void holder::keep(instant now, output& out) {
  at_ = stage::kept;
  again_ = instant::max();  // its own place is looked for with those behind it
  kept_until_ = std::min(now + how_.keeps, stood_at_ + how_.keeps_most);
  tend(now, out);
}

void holder::tend(instant now, output& out) {
  if (wishers_.empty() && now >= kept_until_)
    walk_away(out);
  else if (now >= looks_at_)
    look_behind(now, out);
}

void holder::look_behind(instant now, output& out) {
  if (behind_ != 0) return;
  behind_ = ++numbers_;
  asked_at_ = now;
  looks_at_ = now + how_.looks_every;
  out.asks.push_back({behind_, look{how_.lock}});
}

void holder::looked_behind(const answer& said, instant now, output& out) {
  behind_ = 0;
  if (std::holds_alternative<unanswered>(said)) return void(looks_at_ = now + how_.retry);
  const auto* there = std::get_if<seen>(&said);
  if (there != nullptr && find(there->all, ticket_) == nullptr) return taken_away(now, out);
  // a line that is too long to be shown is no empty one
  sought_ = sought_ || there == nullptr || stands_in_the_way(there->all, ticket_);
  known_until_ = asked_at_ + 2 * how_.looks_every;
  if (at_ != stage::kept) return;
  if (sought_) {
    walk_away(out);
    if (!wishers_.empty()) stand_in_line(now, out);
  } else if (!wishers_.empty()) {
    hold(now, out);
  }
}

// It has watched its own place since it held.
void holder::watch_answered(const answer& said, instant now, output& out) {
  const auto* there = std::get_if<seen>(&said);
  const bool gone = there != nullptr ? find(there->all, ticket_) == nullptr
                                     : std::holds_alternative<settled>(said);
  if (gone) taken_away(now, out);
}

void holder::on(const keep_no_more&, instant, output& out) {
  if (at_ == stage::kept && wishers_.empty()) walk_away(out);
}
}  // namespace troupe::lock
