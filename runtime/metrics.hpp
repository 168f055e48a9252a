// Counters, gauges and histograms for Prometheus, by name and labels. Keep the handle: looking it
// up takes a lock, using it does not.
//   static auto& messages = metrics::counter("troupe_link_messages_total", "Messages sent over
//   links.", {{"lane", "bulk"}}); messages.add();
// Names follow Prometheus' conventions: troupe_AREA_WHAT_UNIT, seconds and bytes, counters end in
// _total.
//   Promises  handles live as long as the process; all calls from any thread
//   Beware    every set of labels stays: label with what is few (lane, reason), not with what grows
//   (request, incarnation).
//             A name that Prometheus refuses, or one used as another kind before, is logged and
//             counts into the void.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
namespace troupe::metrics {
using label = std::pair<std::string_view, std::string_view>;
using labels = std::initializer_list<label>;

class counter_handle {
 public:
  void add(double amount = 1);
  double value() const;

 private:
  friend struct store;
  void* behind_ = nullptr;
};
class gauge_handle {
 public:
  void set(double value);
  void add(double amount = 1);
  double value() const;

 private:
  friend struct store;
  void* behind_ = nullptr;
};
class histogram_handle {
 public:
  void observe(double value);

 private:
  friend struct store;
  void* behind_ = nullptr;
};

counter_handle& counter(std::string_view name, std::string_view help, labels by = {});
gauge_handle& gauge(std::string_view name, std::string_view help, labels by = {});
histogram_handle& histogram(std::string_view name, std::string_view help,
                            const std::vector<double>& bounds, labels by = {});
// Upper bounds for durations in seconds: 0.1 ms to 30 s.
const std::vector<double>& seconds();

// Everything, in Prometheus' text format.
std::string expose();
}  // namespace troupe::metrics
