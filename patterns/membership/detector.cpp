#include "patterns/membership/detector.hpp"

#include <algorithm>
#include <cmath>
namespace troupe::membership {
namespace {
double seconds(duration d) { return std::chrono::duration<double>(d).count(); }
}  // namespace

double phi(double silence, double mean, double deviation) {
  if (!(silence > 0) || std::isnan(mean)) return 0;
  if (!(deviation > 0)) deviation = 1e-9;
  const double deviations = std::min((silence - mean) / deviation, 34.0);
  if (std::isnan(deviations)) return 0;
  const double later = 0.5 * std::erfc(deviations / std::sqrt(2.0));
  return std::clamp(-std::log10(later), 0.0, phi_max);
}

phi_accrual::phi_accrual(phi_options how) : how_(how) {
  how_.window = std::max<std::size_t>(how_.window, 2);
  // phi grows with the silence and has no inverse in closed form; the result is a little low, never
  // high, so that nobody is looked at too late.
  double low = 0, high = 34;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (phi(middle, 0, 1) < how_.threshold ? low : high) = middle;
  }
  deviations_ = low;
}

instant phi_accrual::unavailable_at() const {
  if (!last_) return instant::max();
  const double silence =
      std::max(0.0, mean() + seconds(how_.pause_acceptable) + deviations_ * deviation());
  return *last_ + std::chrono::duration_cast<duration>(
                      std::chrono::duration<double>{std::min(silence, 1e9)});
}

void phi_accrual::heartbeat(instant now) {
  if (!last_) {
    const double guess = seconds(how_.first_interval);
    remember(guess - guess / 4);
    remember(guess + guess / 4);
    last_ = now;
    return;
  }
  if (now <= *last_) return;
  if (now < unavailable_at() || available(now)) remember(seconds(now - *last_));
  last_ = now;
}

double phi_accrual::suspicion(instant now) const {
  if (!last_ || now <= *last_) return 0;
  return phi(seconds(now - *last_), mean() + seconds(how_.pause_acceptable), deviation());
}

double phi_accrual::mean() const {
  const double guess = seconds(how_.first_interval);
  return window_.empty() ? guess : guess + sum_ / static_cast<double>(window_.size());
}

double phi_accrual::deviation() const {
  double variance = 0;
  if (!window_.empty()) {
    const auto n = static_cast<double>(window_.size());
    variance = std::max(0.0, squares_ / n - (sum_ / n) * (sum_ / n));
  }
  return std::max(std::sqrt(variance), seconds(how_.deviation_min));
}

void phi_accrual::remember(double interval) {
  const double shifted = interval - seconds(how_.first_interval);
  window_.push_back(shifted);
  sum_ += shifted;
  squares_ += shifted * shifted;
  if (window_.size() <= how_.window) return;
  sum_ -= window_.front();
  squares_ -= window_.front() * window_.front();
  window_.pop_front();
}

double deadline::suspicion(instant now) const {
  if (!last_ || now <= *last_) return 0;
  return seconds(now - *last_) / std::max(seconds(max_), 1e-9);
}
}  // namespace troupe::membership
