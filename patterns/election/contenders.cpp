#include "patterns/election/contenders.hpp"

#include <algorithm>
namespace troupe::election {
void contenders::step(const input& in, instant now, output& out) {
  std::visit([&](const auto& event) { on(event, now, out); }, in);
  settle(now, out);
}

contenders::instant contenders::due() const {
  if (acts_ != 0) return heard_ + how_.patience;
  if (term_ && line_.empty() && others_) return since_ + how_.settle;
  return instant::max();
}

std::optional<contenders::chosen> contenders::acting() const {
  if (acts_ == 0) return std::nullopt;
  return chosen{acts_, *term_};
}

void contenders::on(const entered& in, instant, output&) {
  if (in.who != 0 && std::find(line_.begin(), line_.end(), in.who) == line_.end())
    line_.push_back(in.who);
}
void contenders::on(const left& in, instant, output&) { drop(in.who); }
void contenders::on(const heard& in, instant now, output&) {
  if (in.who == acts_) heard_ = now;
}

void contenders::on(const leading& in, instant now, output& out) {
  if (in.term <= spent_ || (term_ && in.term <= *term_)) return;
  if (acts_ != 0 && !how_.one_a_term) {
    term_ = in.term;
    return;
  }
  dethrone(false, out);
  term_ = in.term;
  used_ = false;
  since_ = now;
}

void contenders::on(const not_leading&, instant, output& out) {
  dethrone(false, out);
  if (term_) spent_ = *term_;
  term_.reset();
}

void contenders::on(const others& in, instant, output&) { others_ = in.eager; }

void contenders::on(const tick&, instant now, output& out) {
  if (now < due()) return;
  if (acts_ != 0) return dethrone(true, out);
  if (term_ && line_.empty() && others_) renew(out);
}

void contenders::dethrone(bool silent, output& out) {
  if (acts_ == 0) return;
  out.ended.push_back({acts_, *term_, silent});
  drop(acts_);
}

void contenders::drop(number who) {
  if (who == acts_) acts_ = 0;
  line_.erase(std::remove(line_.begin(), line_.end(), who), line_.end());
}

void contenders::settle(instant now, output& out) {
  if (eager_ != !line_.empty()) out.eager = eager_ = !line_.empty();
  if (!term_ || acts_ != 0) return;
  if (used_) return renew(out);
  if (line_.empty()) return;
  acts_ = line_.front();
  used_ = true;
  heard_ = now;
  out.begun.push_back({acts_, *term_});
}

void contenders::renew(output& out) {
  spent_ = *term_;
  term_.reset();
  out.renew = true;
}
}  // namespace troupe::election
