#include "patterns/lock/latch.hpp"

#include "patterns/lock/kinds.hpp"

#include <algorithm>
#include <utility>
namespace troupe::lock {
namespace {
const std::string count_id = "count", gate_id = "gate";

std::string downs_of(std::uint64_t ticket) { return "down-" + std::to_string(ticket) + "-"; }
}  // namespace

latch_state latch_of(const line& all) {
  latch_state is;
  for (const auto& p : all) {
    if (p.id == count_id) is.ticket = p.ticket, is.count = p.capacity;
    is.gate = is.gate || p.id == gate_id;
  }
  const auto its = downs_of(is.ticket);
  for (const auto& p : all)
    if (p.id.starts_with(its)) is.counted.push_back(p.id.substr(its.size()));
  is.left = is.count - std::min<std::size_t>(is.count, is.counted.size());
  return is;
}

std::string text_of_left(const latch_state& is) {
  return std::to_string(is.left) + " of " + std::to_string(is.count) + " left";
}

latch::latch(latch_wish what, latch_settings how)
    : what_{std::move(what)},
      how_{how},
      name_{std::visit([](const auto& x) { return x.name; }, what_)},
      line_{line_of({line_kind::latch, name_})} {}

void latch::begin(instant now, latch_output& out) {
  if (name_.empty()) return end(latch_end::refused, "a latch needs a name", out);
  if (const auto* waits = std::get_if<latch_await>(&what_)) {
    unseen_until_ = now + how_.patience;
    if (waits->wait.count() >= 0 && duration{waits->wait} < instant::max() - now)
      until_ = now + waits->wait;
  } else {
    until_ = now + how_.patience;
  }
  if (const auto* set = std::get_if<latch_set>(&what_)) {
    if (set->count == 0) return end(latch_end::refused, "a latch counts down from 1 or more", out);
    return stand_as(stage::setting, count_id, set->count, out);
  }
  if (const auto* down = std::get_if<latch_count_down>(&what_); down && down->id.empty())
    return end(latch_end::refused, "whoever counts down needs an id, so that it counts once", out);
  ask_for(stage::looking, look{line_}, out);
}

void latch::answered(const lock::answered& in, instant now, latch_output& out) {
  if (in.number == 0 || in.number != awaited_ || at_ == stage::over) return;
  awaited_ = 0;
  if (std::holds_alternative<unanswered>(in.what)) {
    again_ = now + how_.retry;
  } else if (const auto* no = std::get_if<refused>(&in.what)) {
    end(latch_end::refused, no->why, out);
  } else if (const auto* there = std::get_if<seen>(&in.what)) {
    looked(there->all, now, out);
  } else if (const auto* place = std::get_if<stood>(&in.what)) {
    has_stood(*place, now, out);
  } else if (at_ == stage::opening) {
    end(latch_end::done, {}, out);
  } else if (at_ == stage::undoing) {
    none_set(out);
  } else if (at_ == stage::clearing) {
    clear_next(out);
  } else {  // the gate is gone
    ask_for(stage::looking, look{line_}, out);
  }
}

void latch::looked(const line& all, instant now, latch_output& out) {
  is_ = latch_of(all);
  unseen_until_ = {};
  if (std::holds_alternative<latch_reset>(what_)) {
    // The count first: who counts meanwhile sees it. The gate last: it wakes those who wait.
    for (const auto* which : {&count_id, &gate_id})
      for (const auto& p : all)
        if (p.id == *which) to_clear_.push_back(p.id);
    for (const auto& p : all)
      if (p.id != count_id && p.id != gate_id)
        to_clear_.insert(to_clear_.begin() + (is_.ticket != 0 ? 1 : 0), p.id);
    return clear_next(out);
  }
  if (is_.ticket == 0) return none_set(out);
  if (const auto* down = std::get_if<latch_count_down>(&what_)) {
    count_ticket_ = is_.ticket;
    return stand_as(stage::counting, downs_of(count_ticket_) + down->id, 1, out);
  }
  if (std::holds_alternative<latch_look>(what_)) return end(latch_end::done, {}, out);
  if (count_ticket_ != 0 && is_.ticket != count_ticket_) return none_set(out);
  count_ticket_ = is_.ticket;
  if (is_.left == 0 && !is_.gate) return end(latch_end::done, {}, out);
  if (is_.left == 0) return leave(stage::opening, gate_id, out);  // who should have has died
  if (now >= until_) return tick(now, out);
  stand_as(stage::gating, gate_id, 1, out);
}

void latch::has_stood(const stood& s, instant now, latch_output& out) {
  is_ = latch_of(s.all);
  if (const auto* set = std::get_if<latch_set>(&what_)) {
    if (is_.count == set->count) return end(latch_end::done, {}, out);
    return end(latch_end::refused,
               "'" + name_ + "' counts down from " + std::to_string(is_.count) + ": reset it first",
               out);
  }
  const bool same = is_.ticket == count_ticket_;
  if (const auto* down = std::get_if<latch_count_down>(&what_)) {
    if (!same) return leave(stage::undoing, downs_of(count_ticket_) + down->id, out);
    if (is_.left > 0) return end(latch_end::done, {}, out);
    return leave(stage::opening, gate_id, out);
  }
  if (!same) return none_set(out);
  if (is_.left == 0) return leave(stage::opening, gate_id, out);
  const auto gate =
      std::find_if(s.all.begin(), s.all.end(), [](const place& p) { return p.id == gate_id; });
  ask_for(stage::waiting, await{line_, {*gate}, s.at}, out);
  again_ = now + how_.recheck;
}

void latch::tick(instant now, latch_output& out) {
  if (at_ == stage::over) return;
  if (now >= std::max(until_, unseen_until_)) {
    const bool waits = std::holds_alternative<latch_await>(what_);
    if (waits && is_.ticket != 0 && is_.left == 0) return end(latch_end::done, {}, out);
    if (waits)
      return end(latch_end::timed_out,
                 "'" + name_ + "' was not counted down within the time given" +
                     (is_.ticket == 0 ? "" : ": " + text_of_left(is_)),
                 out);
    if (std::holds_alternative<latch_look>(what_))
      return end(latch_end::unknown, "the store of the locks does not answer", out);
    return end(latch_end::unknown,
               "the store of the locks does not answer: it may have been done; ask again", out);
  }
  if (now < again_) return;
  again_ = instant::max();
  if (at_ == stage::waiting) return ask_for(stage::looking, look{line_}, out);
  put(out);
}

instant latch::due() const {
  return at_ == stage::over ? instant::max() : std::min(std::max(until_, unseen_until_), again_);
}

void latch::ask_for(stage what, wish w, latch_output& out) {
  at_ = what;
  again_ = instant::max();
  asked_ = std::move(w);
  put(out);
}

void latch::put(latch_output& out) {
  awaited_ = ++numbers_;
  out.asks.push_back({awaited_, asked_});
}

void latch::stand_as(stage what, std::string id, std::uint32_t count, latch_output& out) {
  ask_for(what, stand{{}, line_, {0, {}, mode::shared, 1, count, std::move(id)}}, out);
}

void latch::leave(stage what, std::string id, latch_output& out) {
  ask_for(what, leave_line{{}, line_, std::move(id)}, out);
}

void latch::clear_next(latch_output& out) {
  if (to_clear_.empty()) {
    is_ = {};
    return end(latch_end::done, {}, out);
  }
  auto id = std::move(to_clear_.front());
  to_clear_.pop_front();
  leave(stage::clearing, std::move(id), out);
}

void latch::end(latch_end how, std::string sentence, latch_output& out) {
  at_ = stage::over;
  awaited_ = 0;
  out.ended = {how, is_, std::move(sentence)};
}

void latch::none_set(latch_output& out) {
  if (count_ticket_ != 0)
    return end(latch_end::refused, "'" + name_ + "' was reset meanwhile", out);
  end(latch_end::refused, "'" + name_ + "' has no count: set it first", out);
}
}  // namespace troupe::lock
