// The options of the ground itself, and how they are put to use.
//   log.level, log.format, log.file, log.file-size, log.files; runtime.threads, runtime.scheduler; shutdown.limit
#pragma once
#include "runtime/config.hpp"
#include "runtime/log.hpp"

#include <string>

#include <caf/fwd.hpp>
namespace troupe {
void declare_runtime_options(config::schema& options);
log::settings log_settings(const config::settings& from);
// Threads and scheduler of the actor system.
void configure_scheduler(const config::settings& from, caf::actor_system_config& to);
}  // namespace troupe
