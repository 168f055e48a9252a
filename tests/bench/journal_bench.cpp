// Durable batches a second of the journal, 128 B a record: each submitter sends its next batch when the one before is
// done. Beside them what the disk gives: one fdatasync behind each append of as many bytes. The directory below which it
// measures: the first argument, or the one for temporary files (which must not be in memory).
#include "runtime/journal/store.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

using namespace troupe;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
namespace {
void figure(const std::string& name, double value, const char* unit) {
  std::printf("{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\"}\n", name.c_str(), value, unit);
  std::fflush(stdout);
}
double seconds(steady::duration d) { return std::chrono::duration<double>{d}.count(); }

void latencies(const std::string& name, std::vector<double> all) {
  std::sort(all.begin(), all.end());
  figure(name + "_p50", all[all.size() / 2] * 1e6, "us");
  figure(name + "_p99", all[all.size() * 99 / 100] * 1e6, "us");
}

void raw(const std::string& directory, steady::duration time) {
  const auto file = directory + "/raw";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT, 0600);
  const std::string bytes(190, 'x');
  std::vector<double> took;
  const auto start = steady::now();
  while (steady::now() - start < time) {
    const auto begun = steady::now();
    if (::write(fd, bytes.data(), bytes.size()) < 0 || ::fdatasync(fd) != 0) std::abort();
    took.push_back(seconds(steady::now() - begun));
  }
  figure("journal_raw_fdatasync", static_cast<double>(took.size()) / seconds(steady::now() - start),
         "1/s");
  latencies("journal_raw_fdatasync", std::move(took));
  ::close(fd);
  std::filesystem::remove(file);
}

struct submitter {
  std::shared_ptr<journal::journal> log{};
  std::uint64_t next = 1;
  steady::time_point sent{};
  std::vector<double> took{};
};

void journals(const std::string& directory, std::size_t count, steady::duration time) {
  auto opened =
      journal::open_store({.directory = directory + "/" + std::to_string(count), .node = "bench"});
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().sentence.c_str());
    std::exit(1);
  }
  std::vector<submitter> all(count);
  std::atomic<bool> over = false;
  std::counting_semaphore<> ended{0};
  std::function<void(submitter&)> send = [&](submitter& s) {
    s.sent = steady::now();
    const auto index = s.next++;
    journal::batch what{.append = {{index, 1, std::string(128, 'r')}}};
    if (index % 10'000 == 0)
      what.replace = journal::snapshot{index - 1, 1, "state"};  // and records go
    s.log->submit(std::move(what), [&](const result<void, journal::failure>& r) {
      if (!r) {
        std::fprintf(stderr, "%s\n", r.error().sentence.c_str());
        std::abort();
      }
      s.took.push_back(seconds(steady::now() - s.sent));
      if (over)
        ended.release();
      else
        send(s);
    });
  };
  for (std::size_t i = 0; i < count; ++i) {
    all[i].log = (*opened)->open("group " + std::to_string(i));
    if (!all[i].log->load()) std::abort();
  }
  const auto start = steady::now();
  for (auto& s : all) send(s);
  std::this_thread::sleep_for(time);
  over = true;
  for (std::size_t i = 0; i < count; ++i) ended.acquire();
  const auto took = seconds(steady::now() - start);
  std::vector<double> latency;
  for (auto& s : all) latency.insert(latency.end(), s.took.begin(), s.took.end());
  const auto name =
      "journal_" + std::to_string(count) + (count == 1 ? "_submitter" : "_submitters");
  figure(name, static_cast<double>(latency.size()) / took, "1/s");
  latencies(name, std::move(latency));
}
}  // namespace

int main(int argc, char** argv) {
  auto directory =
      std::string{argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string()} +
      "/troupe-journal-bench-XXXXXX";
  if (!::mkdtemp(directory.data())) {
    std::perror(directory.c_str());
    return 1;
  }
  raw(directory, 3s);
  for (const std::size_t count : {1, 16, 64, 256}) journals(directory, count, 4s);
  raw(directory, 3s);
  std::filesystem::remove_all(directory);
}
