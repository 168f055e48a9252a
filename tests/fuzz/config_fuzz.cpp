// room: runtime
// Configuration files: any bytes are understood or refused; what is understood, written and read again is the same.
#include "runtime/config.hpp"
#include "runtime/config/file.hpp"
#include "runtime/options.hpp"

#include <cstdint>
#include <cstdlib>

using namespace troupe;
using namespace std::chrono_literals;

namespace {
const config::schema& options() {
  static const auto all = [] {
    config::schema s;
    declare_runtime_options(s);
    s.flag("a.flag", false, "").integer("a.integer", 1, {-9, 9}, "").real("a.real", 1, {-1, 1}, "");
    s.size("a.size", 1, {}, "")
        .duration("a.duration", 1s, {}, "")
        .list("a.list", {}, "")
        .endpoint_list("a.endpoints", {}, "");
    return s;
  }();
  return all;
}

void holds(bool what) {
  if (!what) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto entries = config::parse_file(text);
  if (entries) {
    auto again = config::parse_file(config::write_file(*entries));
    holds(again.has_value() && again->size() == entries->size());
    for (std::size_t i = 0; i < entries->size(); ++i) {
      (*again)[i].line = (*entries)[i].line;
      holds((*again)[i] == (*entries)[i]);
    }
  }
  const auto loaded = config::load_text(options(), text, "fuzz");
  if (loaded) {
    const auto integer = loaded->integer("a.integer");
    const auto real = loaded->real("a.real");
    holds(integer >= -9 && integer <= 9 && real >= -1 && real <= 1 &&
          loaded->duration("a.duration") >= 0s);
    holds(config::load_text(options(), loaded->show(), "again").has_value());
  } else {
    holds(!loaded.error().empty());
  }
  for (const auto* const key :
       {"a.flag", "a.integer", "a.size", "a.duration", "a.endpoints", "log.level"})
    (void)config::load(options(), {.flags = {{key, text}}});
  return 0;
}
