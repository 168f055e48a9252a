#include "runtime/metrics.hpp"

#include "runtime/log.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace troupe::metrics {
struct store {
  prometheus::Registry registry;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<counter_handle>> counters;
  std::map<std::string, std::unique_ptr<gauge_handle>> gauges;
  std::map<std::string, std::unique_ptr<histogram_handle>> histograms;

  // never destroyed: threads that outlive main may still count
  static store& shared() {
    static auto* const s = new store;
    return *s;
  }
  static prometheus::Labels copied(labels by) {
    prometheus::Labels all;
    for (const auto& [key, value] : by) all.emplace(key, value);
    return all;
  }
  static std::string place(std::string_view name, const prometheus::Labels& by) {
    std::string key{name};
    for (const auto& [label, value] : by) ((key += '\0') += label + '=') += value;
    return key;
  }
  template <class Handle, class Create>
  Handle& find(std::map<std::string, std::unique_ptr<Handle>>& known, std::string_view name,
               labels by, Create&& create) {
    const auto all = copied(by);
    std::lock_guard lock{mutex};
    auto& handle = known[place(name, all)];
    if (handle) return *handle;
    handle = std::make_unique<Handle>();
    try {
      handle->behind_ = create(all);
    } catch (const std::exception& e) {
      log::error("metrics", "a metric was refused and counts into the void",
                 {{"name", name}, {"reason", e.what()}});
    }
    return *handle;
  }
};

void counter_handle::add(double amount) {
  if (behind_) static_cast<prometheus::Counter*>(behind_)->Increment(amount);
}
double counter_handle::value() const {
  return behind_ ? static_cast<prometheus::Counter*>(behind_)->Value() : 0;
}
void gauge_handle::set(double value) {
  if (behind_) static_cast<prometheus::Gauge*>(behind_)->Set(value);
}
void gauge_handle::add(double amount) {
  if (behind_) static_cast<prometheus::Gauge*>(behind_)->Increment(amount);
}
double gauge_handle::value() const {
  return behind_ ? static_cast<prometheus::Gauge*>(behind_)->Value() : 0;
}
void histogram_handle::observe(double value) {
  if (behind_) static_cast<prometheus::Histogram*>(behind_)->Observe(value);
}

counter_handle& counter(std::string_view name, std::string_view help, labels by) {
  auto& s = store::shared();
  return s.find(s.counters, name, by, [&](const prometheus::Labels& all) -> void* {
    return &prometheus::BuildCounter()
                .Name(std::string{name})
                .Help(std::string{help})
                .Register(s.registry)
                .Add(all);
  });
}

gauge_handle& gauge(std::string_view name, std::string_view help, labels by) {
  auto& s = store::shared();
  return s.find(s.gauges, name, by, [&](const prometheus::Labels& all) -> void* {
    return &prometheus::BuildGauge()
                .Name(std::string{name})
                .Help(std::string{help})
                .Register(s.registry)
                .Add(all);
  });
}

histogram_handle& histogram(std::string_view name, std::string_view help,
                            const std::vector<double>& bounds, labels by) {
  auto& s = store::shared();
  return s.find(s.histograms, name, by, [&](const prometheus::Labels& all) -> void* {
    return &prometheus::BuildHistogram()
                .Name(std::string{name})
                .Help(std::string{help})
                .Register(s.registry)
                .Add(all, bounds);
  });
}

const std::vector<double>& seconds() {
  static const std::vector<double> bounds{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03,
                                          0.1,    0.3,    1,     3,     10,   30};
  return bounds;
}

std::string expose() {
  return prometheus::TextSerializer{}.Serialize(store::shared().registry.Collect());
}
}  // namespace troupe::metrics
