#include "runtime/config.hpp"

#include <CLI/CLI.hpp>

namespace troupe::config {
void add_flags(CLI::App& app, const schema& options, sources& into, const std::string& group) {
  for (const auto& [key, o] : options.options()) {
    const auto bare = o.type == kind::flag ? "true" : "";  // --log.json alone says yes
    const auto keep = [&into, key = key, bare](const std::string& text) {
      into.flags.emplace_back(key, text.empty() ? bare : text);
    };
    auto* const added = app.add_option_function<std::string>("--" + key, keep, o.help)
                            ->group(group)
                            ->type_name(o.type == kind::choice ? "" : allowed(o))
                            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if (o.type == kind::flag) added->expected(0, 1);
    if (o.type == kind::choice) added->type_name("{" + allowed(o) + "}");
    if (!o.secret && o.type != kind::flag) added->default_str(to_text(o.initial));
  }
}
}  // namespace troupe::config
