// journal-writer DIR [--read]: appends records to two groups for ever, and prints GROUP INDEX when one is acknowledged;
// with --read it prints what a start finds, a line a record, or the refusal. For journal_kills, which kills it.
#include "runtime/journal/store.hpp"
#include "runtime/log.hpp"

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include <unistd.h>

using namespace troupe;
namespace {
std::string bytes_for(const std::string& group, std::uint64_t index) {
  return group + " " + std::to_string(index) + std::string(index * 37 % 700, 'x');
}
int refused(const journal::failure& why) {
  std::fprintf(stderr, "%s\n", why.sentence.c_str());
  return 1;
}
void tell(const std::string& line) {
  [[maybe_unused]] const auto written = ::write(1, line.data(), line.size());
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const bool reads = argc > 2;
  [[maybe_unused]] const auto quiet = log::start({.levels = "off"});
  // small buffers: kills fall into flushes, new logs and compactions too
  const auto opened =
      journal::open_store({.directory = argv[1], .node = "w", .write_buffer = 256 << 10});
  if (!opened) return refused(opened.error());
  std::vector<std::shared_ptr<journal::journal>> logs;
  for (const std::string group : {"a", "b"}) {
    logs.push_back((*opened)->open(group));
    const auto found = logs.back()->load();
    if (!found) return refused(found.error());
    auto next = found->base ? found->base->index + 1 : 1;
    for (const auto& r : found->records) {
      if (r.bytes != bytes_for(group, r.index))
        return refused({{}, "record " + std::to_string(r.index) + " has other bytes"});
      next = r.index + 1;
    }
    if (!found->state.empty() && std::stoull(found->state) != next - 1)
      return refused({{},
                      "group " + group + " has state " + found->state + " beside record " +
                          std::to_string(next - 1)});
    if (reads) {
      tell(group + " " + std::to_string(next - 1) + "\n");
      continue;
    }
    std::thread{[log = logs.back(), group, next]() mutable {
      std::atomic<int> flying = 0;
      for (;; ++next) {
        journal::batch what{.state = std::to_string(next),
                            .append = {{next, 1, bytes_for(group, next)}}};
        if (next % 300 == 0) what.replace = journal::snapshot{next - 20, 1, "all before"};
        ++flying;
        log->submit(std::move(what),
                    [&flying, line = group + " " + std::to_string(next) + "\n"](const auto& r) {
                      if (r) tell(line);
                      --flying;
                      flying.notify_one();
                    });
        while (flying > 8) flying.wait(flying);
      }
    }}.detach();
  }
  if (!reads) ::pause();
  return 0;
}
