#include "patterns/lock/latch.hpp"

#include <algorithm>
#include <utility>
namespace troupe::lock {
namespace {
const std::string count_id = "count", gate_id = "gate";

std::string downs_of(std::uint64_t ticket) { return "down-" + std::to_string(ticket) + "-"; }
}  // namespace

latch::latch(latch_wish what, latch_settings how)
    : what_{std::move(what)},
      how_{how},
      name_{std::visit([](const auto& x) { return x.name; }, what_)},
      line_{"latch:" + name_} {}

void latch::begin(instant now, latch_output& out) {
  if (name_.empty()) return end(latch_end::refused, "a latch needs a name", out);
  const auto* waits = std::get_if<latch_await>(&what_);
  if (waits == nullptr)
    until_ = now + how_.patience;
  else if (waits->wait.count() >= 0 && duration{waits->wait} < instant::max() - now)
    until_ = now + waits->wait;
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
  const auto v = view_of(all);
  if (std::holds_alternative<latch_reset>(what_)) {
    // The count first: who counts meanwhile sees it. The gate last: it wakes those who wait.
    for (const auto* which : {&count_id, &gate_id})
      for (const auto& p : all)
        if (p.id == *which) to_clear_.push_back(p.id);
    for (const auto& p : all)
      if (p.id != count_id && p.id != gate_id)
        to_clear_.insert(to_clear_.begin() + (v.count_ticket != 0 ? 1 : 0), p.id);
    return clear_next(out);
  }
  if (v.count_ticket == 0) return none_set(out);
  if (const auto* down = std::get_if<latch_count_down>(&what_)) {
    count_ticket_ = v.count_ticket;
    return stand_as(stage::counting, downs_of(count_ticket_) + down->id, 1, out);
  }
  if (std::holds_alternative<latch_look>(what_)) return end(latch_end::done, {}, out, v.left);
  if (count_ticket_ != 0 && v.count_ticket != count_ticket_) return none_set(out);
  count_ticket_ = v.count_ticket;
  left_ = v.left;
  if (v.left == 0 && !v.gate) return end(latch_end::done, {}, out);
  if (v.left == 0) return leave(stage::opening, gate_id, out);  // who should have has died
  if (now >= until_) return tick(now, out);
  stand_as(stage::gating, gate_id, 1, out);
}

void latch::has_stood(const stood& s, instant now, latch_output& out) {
  const auto v = view_of(s.all);
  left_ = v.left;
  if (const auto* set = std::get_if<latch_set>(&what_)) {
    if (v.count == set->count) return end(latch_end::done, {}, out, v.left);
    return end(latch_end::refused,
               "'" + name_ + "' counts down from " + std::to_string(v.count) + ": reset it first",
               out);
  }
  const bool same = v.count_ticket == count_ticket_;
  if (const auto* down = std::get_if<latch_count_down>(&what_)) {
    if (!same) return leave(stage::undoing, downs_of(count_ticket_) + down->id, out);
    if (v.left > 0) return end(latch_end::done, {}, out, v.left);
    return leave(stage::opening, gate_id, out);
  }
  if (!same) return none_set(out);
  if (v.left == 0) return leave(stage::opening, gate_id, out);
  const auto gate =
      std::find_if(s.all.begin(), s.all.end(), [](const place& p) { return p.id == gate_id; });
  ask_for(stage::waiting, await{line_, {*gate}, s.at}, out);
  again_ = now + how_.recheck;
}

void latch::tick(instant now, latch_output& out) {
  if (at_ == stage::over) return;
  if (now >= until_) {
    if (std::holds_alternative<latch_await>(what_))
      return end(latch_end::timed_out, "'" + name_ + "' was not counted down within the time given",
                 out, left_);
    return end(latch_end::unknown,
               "the store of the locks does not answer: it may have been done; ask again", out);
  }
  if (now < again_) return;
  again_ = instant::max();
  if (at_ == stage::waiting) return ask_for(stage::looking, look{line_}, out);
  put(out);
}

instant latch::due() const {
  return at_ == stage::over ? instant::max() : std::min(until_, again_);
}

latch::view latch::view_of(const line& all) {
  view v;
  for (const auto& p : all) {
    if (p.id == count_id) v.count_ticket = p.ticket, v.count = p.capacity;
    v.gate = v.gate || p.id == gate_id;
  }
  const auto its = downs_of(v.count_ticket);
  const auto downs =
      std::count_if(all.begin(), all.end(), [&](const place& p) { return p.id.starts_with(its); });
  v.left = v.count - std::min(v.count, static_cast<std::uint32_t>(downs));
  return v;
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
  if (to_clear_.empty()) return end(latch_end::done, {}, out);
  auto id = std::move(to_clear_.front());
  to_clear_.pop_front();
  leave(stage::clearing, std::move(id), out);
}

void latch::end(latch_end how, std::string sentence, latch_output& out, std::uint32_t left) {
  at_ = stage::over;
  awaited_ = 0;
  out.ended = {how, left, std::move(sentence)};
}

void latch::none_set(latch_output& out) {
  if (count_ticket_ != 0)
    return end(latch_end::refused, "'" + name_ + "' was reset meanwhile", out);
  end(latch_end::refused, "'" + name_ + "' has no count: set it first", out);
}
}  // namespace troupe::lock
