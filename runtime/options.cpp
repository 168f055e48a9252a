#include "runtime/options.hpp"

#include <algorithm>
#include <thread>

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>

namespace troupe {
using namespace std::chrono_literals;

void declare_runtime_options(config::schema& options) {
  const auto levels = [](const std::string& text) {
    const auto fine = log::check_levels(text);
    return fine ? std::string{} : fine.error();
  };
  options
      .text(
          "log.level", "info",
          "trace, debug, info, warn, error or off; a component's own as link=debug, after a comma",
          levels)
      .choice("log.format", "text", {"text", "json"}, "how log lines are written")
      .text("log.file", "", "where log lines go; empty for the standard error stream")
      .size("log.file-size", 64 * config::MiB, {64 * config::KiB, 64 * config::GiB},
            "a log file that has grown to this is put aside as FILE.1, FILE.2, ...")
      .integer("log.files", 5, {0, 1000}, "how many log files are kept aside")
      .integer("runtime.threads", 0, {0, 1024},
               "threads that run actors; 0 for as many as there are cores, and 2 at least")
      .choice("runtime.scheduler", "sharing", {"sharing", "stealing"},
              "how threads share work: sharing costs nothing when idle, stealing runs floods of "
              "small messages faster")
      .duration("shutdown.limit", 10s, {100ms, 1h},
                "a node that has not stopped in order after this long ends at once")
      .reserve("TROUPE_SEEDS")
      .reserve("TROUPE_FAILPOINTS")
      .reserve("TROUPE_FAILPOINTS_HIT")
      // of what runs under `troupe lock`, elect, tree create, latch and barrier
      .reserve("TROUPE_FENCE")
      .reserve("TROUPE_LOCK")
      .reserve("TROUPE_ELECTION")
      .reserve("TROUPE_TERM")
      .reserve("TROUPE_NODE")
      .reserve("TROUPE_LATCH")
      .reserve("TROUPE_BARRIER")
      .reserve("TROUPE_ROUND")
      .reserve("TROUPE_PLACE")
      .reserve("TROUPE_PARTIES");
}

log::settings log_settings(const config::settings& from) {
  return {.levels = from.text("log.level"),
          .json = from.text("log.format") == "json",
          .file = from.text("log.file"),
          .file_size = from.size("log.file-size"),
          .files_max = static_cast<std::uint64_t>(from.integer("log.files"))};
}

void configure_scheduler(const config::settings& from, caf::actor_system_config& to) {
  const auto wanted = from.integer("runtime.threads");
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  to.set("scheduler.max-threads", wanted > 0 ? wanted : std::max<std::int64_t>(2, cores));
  to.set("scheduler.policy", caf::atom_from_string(from.text("runtime.scheduler")));
}
}  // namespace troupe
