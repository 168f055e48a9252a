#include "patterns/lock/holder.hpp"

#include "patterns/encoding.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
namespace troupe::lock {
namespace {
using namespace std::chrono_literals;
constexpr duration sweeps[] = {15s, 4s, 1s};  // before the last, ...
}  // namespace

void holder::step(const input& in, instant now, output& out) {
  std::visit([&](const auto& event) { on(event, now, out); }, in);
}

instant holder::due() const {
  auto next = again_;
  for (const auto& w : wishers_) next = std::min(next, w.until);
  for (const auto& l : leaving_) next = std::min(next, l.again);
  if (at_ != stage::kept) return next;
  if (wishers_.empty()) next = std::min(next, kept_until_);
  return behind_ == 0 ? std::min(next, looks_at_) : next;
}

bool holder::lets_go() const {
  return std::any_of(leaving_.begin(), leaving_.end(), [](const left& l) { return !l.gone; });
}

// As many permits as are wanted now.
bool holder::takes(const acquire& in, output& out) {
  if (how_.as != mode::permits || in.count == 0) return true;
  if (in.count == how_.count && in.capacity == how_.capacity) return true;
  if (at_ == stage::holding || !wishers_.empty()) {
    out.events.push_back(declined{in.cookie, decline::refused,
                                  "'" + how_.owner + "' has or awaits " +
                                      std::to_string(how_.count) + " of " +
                                      std::to_string(how_.capacity) + " permits of '" + how_.lock +
                                      "' already, and can have other ones only after these"});
    return false;
  }
  walk_away(out);
  how_.count = in.count;
  how_.capacity = in.capacity;
  return true;
}

void holder::on(const acquire& in, instant now, output& out) {
  if (!takes(in, out)) return;
  if (at_ == stage::holding) {
    ++depth_;
    out.events.push_back(granted{in.cookie, ticket_});
    return;
  }
  if (how_.as == mode::permits && how_.count > how_.capacity) {
    out.events.push_back(declined{in.cookie, decline::refused,
                                  std::to_string(how_.count) + " permits are more than '" +
                                      how_.lock + "' has: " + std::to_string(how_.capacity)});
    return;
  }
  const bool tries = in.wait <= duration{0};
  const auto wait = tries ? how_.patience : in.wait;
  const auto until = wait > instant::max() - now ? instant::max() : now + wait;
  wishers_.push_back({in.cookie, until, tries});
  if (at_ == stage::idle) stand_in_line(now, out);
  if (at_ == stage::kept) now < known_until_ ? hold(now, out) : look_behind(now, out);
}

void holder::on(const release& in, instant now, output& out) {
  if (at_ != stage::holding) {
    out.events.push_back(freed{in.cookie, false});
  } else if (--depth_ > 0) {
    out.events.push_back(freed{in.cookie, true});
  } else if (may_keep(now)) {
    out.events.push_back(freed{in.cookie, true});
    keep(now, out);
  } else {
    walk_away(out, {in.cookie});
  }
}

void holder::on(const give_up& in, instant, output& out) {
  const auto its = [&](const wisher& w) { return w.cookie == in.cookie; };
  if (std::erase_if(wishers_, its) == 0) return;
  out.events.push_back(declined{in.cookie, decline::released, "it was given up"});
  if (wishers_.empty() && at_ != stage::holding && at_ != stage::kept) walk_away(out);
}

void holder::on(const session_is& in, instant now, output& out) {
  if (session_ == in.id) return;
  session_ = in.id;
  if (at_ == stage::idle && !wishers_.empty()) stand_in_line(now, out);
}

// All that it stood for goes along. Who waits stands anew, at the end, under the next one.
void holder::on(const session_gone& in, instant now, output& out) {
  session_.clear();
  for (const auto& l : std::exchange(leaving_, {}))
    for (const auto cookie : l.cookies) out.events.push_back(freed{cookie, true});
  vanished(in.why, now, out);
}

void holder::on(const session_refused& in, instant, output& out) {
  if (at_ == stage::idle && session_.empty()) decline_all(decline::refused, in.why, out);
}

void holder::on(const give_way& in, instant, output& out) {
  const bool waits = at_ == stage::looking || at_ == stage::waiting;
  // While it lets go of a place it may only wait for itself.
  if (in.ticket == 0 || in.ticket != ticket_ || !waits || lets_go()) return;
  decline_all(decline::deadlock, in.why, out);
  walk_away(out);
}

void holder::on(const tick&, instant now, output& out) {
  const auto late = [&](const wisher& w) {
    if (w.until > now) return false;
    out.events.push_back(declined{w.cookie, decline::timed_out,
                                  "'" + how_.lock + "' was not free within the time given"});
    return true;
  };
  wishers_.erase(std::remove_if(wishers_.begin(), wishers_.end(), late), wishers_.end());
  for (auto& l : leaving_)
    if (now >= l.again) let_go(l, out);
  if (at_ == stage::kept) return tend(now, out);
  if (wishers_.empty() && at_ != stage::idle && at_ != stage::holding) walk_away(out);
  if (now < again_) return;
  again_ = instant::max();
  if (at_ != stage::holding)  // what a wait was for may have come meanwhile
    ask_for(at_ == stage::waiting ? stage::looking : at_, now, out);
  else if (std::exchange(watched_, true))
    put(look{how_.lock}, out);
  else
    ask_for(stage::holding, now, out);
}

void holder::on(const answered& in, instant now, output& out) {
  const auto gone = std::find_if(leaving_.begin(), leaving_.end(),
                                 [&](const left& l) { return l.awaited == in.number; });
  if (in.number != 0 && gone != leaving_.end()) return was_left(gone, in.what, now, out);
  if (in.number != 0 && in.number == behind_) return looked_behind(in.what, now, out);
  if (in.number == 0 || in.number != awaited_) return;  // of what is not asked any more
  awaited_ = 0;
  if (at_ == stage::kept) return watch_answered(in.what, now, out);
  if (std::holds_alternative<unanswered>(in.what)) {
    doubts_ = doubts_ || at_ == stage::standing;
    again_ = now + how_.retry;
  } else if (std::holds_alternative<no_session>(in.what)) {
    on(session_gone{"its session has ended"}, now, out);
  } else if (const auto* no = std::get_if<refused>(&in.what)) {
    if (at_ == stage::holding)
      return void(again_ = now + how_.retry);  // to watch over it, not to hold
    decline_all(decline::refused, no->why, out);
    walk_away(out);
  } else if (const auto* place = std::get_if<stood>(&in.what)) {
    ticket_ = place->ticket;
    judge(place->all, place->at, now, out);
  } else if (const auto* there = std::get_if<seen>(&in.what)) {
    judge(there->all, there->at, now, out);
  } else if (std::holds_alternative<yielded>(in.what)) {
    if (at_ == stage::waiting && how_.as != mode::permits) hold(now, out);
  } else if (at_ == stage::holding) {  // its own place is gone: somebody took it away
    taken_away(now, out);
  } else {  // one of those before it is gone
    ask_for(stage::looking, now, out);
  }
}

void holder::judge(const line& all, std::uint64_t at, instant now, output& out) {
  seen_at_ = at;
  const bool there = find(all, ticket_) != nullptr;
  if (at_ == stage::holding)
    return there ? ask_for(stage::holding, now, out) : taken_away(now, out);
  if (!there) return taken_away(now, out);  // the session would have been told of its end
  const auto first =
      std::find_if(all.begin(), all.end(), [](const place& p) { return p.as == mode::permits; });
  if (how_.as == mode::permits && first->capacity != how_.capacity) {
    decline_all(decline::refused,
                "'" + how_.lock + "' has " + std::to_string(first->capacity) + " permits, not " +
                    std::to_string(how_.capacity),
                out);
    return walk_away(out);
  }
  in_the_way_ = watched(all, ticket_);
  if (in_the_way_.empty()) return hold(now, out);
  const auto gives_up = [&](const wisher& w) {
    if (!w.tries) return false;
    out.events.push_back(declined{w.cookie, decline::timed_out, "'" + how_.lock + "' is not free"});
    return true;
  };
  wishers_.erase(std::remove_if(wishers_.begin(), wishers_.end(), gives_up), wishers_.end());
  if (wishers_.empty()) return walk_away(out);
  ask_for(stage::waiting, now, out);
}

void holder::hold(instant now, output& out) {
  if (at_ != stage::kept) {
    sought_ = at_ != stage::standing;
    known_until_ = instant::min();
    looks_at_ = stood_at_ = now;
  }
  at_ = stage::holding;
  for (const auto& w : std::exchange(wishers_, {})) {
    ++depth_;
    out.events.push_back(granted{w.cookie, ticket_});
  }
  if (awaited_ != 0) return;  // its own place, from before it was kept
  watched_ = false;
  again_ = how_.revocable ? now + how_.watches_after : instant::max();
}

void holder::stand_in_line(instant now, output& out) {
  at_ = stage::idle;
  if (session_.empty()) return;  // until there is one
  id_ = life_ + "-" + std::to_string(++wishes_);
  doubts_ = false;
  ask_for(stage::standing, now, out);
}

// Its place goes, wherever it is known.
void holder::walk_away(output& out, std::vector<std::uint64_t> cookies) {
  if (at_ != stage::idle) {
    const bool unseen = ticket_ == 0 || doubts_;
    const bool held = at_ == stage::holding || at_ == stage::kept;
    leaving_.push_back({.id = id_,
                        .cookies = std::move(cookies),
                        .sweeps = unseen ? std::size(sweeps) : 0,
                        .yields = held && how_.as == mode::exclusive ? ticket_ : 0});
    let_go(leaving_.back(), out);
  }
  has_no_place();
}

void holder::let_go(left& l, output& out) {
  l.awaited = ++numbers_;
  l.again = instant::max();
  out.asks.push_back({l.awaited, leave_line{session_, how_.lock, l.id, l.yields}});
}

void holder::was_left(std::vector<left>::iterator l, const answer& said, instant now, output& out) {
  l->awaited = 0;
  if (std::holds_alternative<unanswered>(said)) {
    l->again = now + how_.retry;
    return;
  }
  l->gone = true;
  for (const auto cookie : std::exchange(l->cookies, {})) out.events.push_back(freed{cookie, true});
  if (l->sweeps == 0)
    leaving_.erase(l);
  else
    l->again = now + sweeps[--l->sweeps];
}

void holder::ask_for(stage what, instant, output& out) {
  at_ = what;
  again_ = instant::max();
  switch (what) {
    case stage::standing:
      return put(
          stand{session_, how_.lock, {0, how_.owner, how_.as, how_.count, how_.capacity, id_}},
          out);
    case stage::looking:
      return put(look{how_.lock}, out);
    case stage::waiting:
      return put(await{how_.lock, in_the_way_, seen_at_, id_}, out);
    case stage::holding:
      if (how_.revocable)
        put(await{how_.lock, {{.ticket = ticket_, .owner = how_.owner, .id = id_}}, seen_at_, {}},
            out);
      return;
    case stage::idle:
    case stage::kept:
      return;
  }
}

void holder::put(wish what, output& out) {
  awaited_ = ++numbers_;
  out.asks.push_back({awaited_, std::move(what)});
}

void holder::decline_all(decline why, const std::string& sentence, output& out) {
  for (const auto& w : std::exchange(wishers_, {}))
    out.events.push_back(declined{w.cookie, why, sentence});
}

void holder::vanished(const std::string& why, instant now, output& out) {
  if (at_ == stage::holding) out.events.push_back(lost{ticket_, why});
  has_no_place();
  if (!wishers_.empty()) stand_in_line(now, out);
}

// A request to stand that is under way still may bring it back.
void holder::taken_away(instant now, output& out) {
  if (doubts_) {
    leaving_.push_back({.id = id_, .sweeps = std::size(sweeps)});
    let_go(leaving_.back(), out);
  }
  vanished("it was revoked", now, out);
}

void holder::has_no_place() {
  ticket_ = awaited_ = behind_ = depth_ = 0;
  again_ = instant::max();
  at_ = stage::idle;
}

std::string holder::digest() const {
  auto text = encode(std::tuple{at_, session_, id_, in_the_way_, ticket_, wishes_, numbers_,
                                awaited_, seen_at_, depth_});
  text += encode(std::tuple{again_, watched_, doubts_, how_.count, how_.capacity});
  text += encode(
      std::tuple{sought_, behind_, asked_at_, looks_at_, known_until_, kept_until_, stood_at_});
  for (const auto& w : wishers_) text += encode(std::tuple{w.cookie, w.until, w.tries});
  for (const auto& l : leaving_)
    text += encode(std::tuple{l.id, l.cookies, l.awaited, l.again, l.sweeps, l.yields, l.gone});
  return text;
}
}  // namespace troupe::lock
