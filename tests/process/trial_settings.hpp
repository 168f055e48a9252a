// What the nodes of trials begin with: settings of `troupe config` from their sources, and the log begun.
#pragma once
#include "cluster/settings.hpp"
#include "runtime/log.hpp"

#include <iostream>
#include <variant>
namespace troupe::trial {
// Or the exit code, and why is said.
inline std::variant<node_settings, int> settings_from(const config::sources& from) {
  const auto read = config::load(node_options(), from);
  if (!read) return std::cerr << read.error() << '\n', 2;
  auto wanted = node_settings_from(*read);
  if (!wanted) return std::cerr << wanted.error() << '\n', 2;
  if (const auto started = log::start(wanted->log); !started)
    return std::cerr << started.error() << '\n', 1;
  return std::move(*wanted);
}
}  // namespace troupe::trial
