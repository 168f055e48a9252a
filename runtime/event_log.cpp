#include "runtime/event_log.hpp"

#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace troupe {
namespace {
// Appends whole lines to a file; after a torn one the next begins on a line of its own.
class file_sink {
 public:
  explicit file_sink(int fd) : fd_(fd) {}
  ~file_sink() { ::close(fd_); }
  file_sink(const file_sink&) = delete;
  file_sink& operator=(const file_sink&) = delete;

  void write(std::string_view line) {
    if (reached(failpoint::events_write)) {
      errno = EIO;
      return report();
    }
    if (torn_ && !put("\n")) return;
    torn_ = false;
    if (!put(line)) report();
    reached(failpoint::events_written);
  }

 private:
  bool put(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
      torn_ = !bytes.empty();
    }
    return true;
  }
  void report() {
    static auto& lost =
        metrics::counter("troupe_events_lost_total", "Events that could not be written.");
    static log::once_per quiet{std::chrono::seconds{10}};
    const auto* const reason = std::strerror(errno);
    lost.add();
    quiet.error("events", "an event could not be written", {{"reason", reason}});
  }
  int fd_;
  bool torn_ = false;
};
}  // namespace

event_log::event_log(sink to, std::string node, clock now)
    : sink_(std::move(to)), node_(std::move(node)), now_(std::move(now)) {}

result<event_log_ptr, std::string> event_log::open(const std::string& file, std::string node,
                                                   clock now) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return unexpected{"cannot write events to '" + file + "': " + std::strerror(errno)};
  auto to = std::make_shared<file_sink>(fd);
  return into([to](std::string_view line) { to->write(line); }, std::move(node), std::move(now));
}

event_log_ptr event_log::into(sink to, std::string node, clock now) {
  return std::make_shared<event_log>(std::move(to), std::move(node), std::move(now));
}

event_log_ptr event_log::none() {
  static const auto nothing = into({}, {}, {});
  return nothing;
}

std::int64_t event_log::wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void event_log::write_line(std::string_view event, std::string_view fields) {
  std::lock_guard lock{mutex_};
  auto line = "{\"time\":" + std::to_string(now_()) + ",\"node\":";
  json::append_string(line, node_);
  ((line += ",\"event\":\"") += event) += '"';
  (line += fields) += "}\n";
  sink_(line);
}
}  // namespace troupe
