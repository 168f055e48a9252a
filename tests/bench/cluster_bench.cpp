// What a user of the `troupe` program sees: how long until a cluster is up, how long until a killed node is found, and how
// fast nodes count words, beside a straightforward single-threaded count of the same input in the same run.
//   cluster-bench [--rounds N] [--bytes N] [--only up|detection|wordcount]
// Each figure is the median of `--rounds` (3) rounds; the input of word count is one file of `--bytes` (1,000,000,000).
#include "naive_wordcount.hpp"
#include "program_bench.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>
namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using troupe::bench::fail, troupe::bench::print, troupe::bench::program;
using clock_type = std::chrono::steady_clock;

double median(std::vector<double> xs) {
  std::sort(xs.begin(), xs.end());
  return xs.empty() ? 0 : xs[xs.size() / 2];
}
double seconds_of(const std::function<void()>& what) {
  const auto begin = clock_type::now();
  what();
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

class cluster {
 public:
  cluster(fs::path directory, int nodes, const std::string& more = {})
      : directory_{std::move(directory)} {
    took = seconds_of([&] {
      std::istringstream lines{program("up --nodes " + std::to_string(nodes) + " --dir " +
                                       directory_.string() + " " + more)};
      for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string name, address, pid;
        if (int number = 0; words >> name >> address >> pid >> number && pid == "pid")
          pids[name] = number;
      }
    });
    if (pids.size() != static_cast<std::size_t>(nodes)) fail("troupe up did not name its nodes");
  }
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;
  ~cluster() {
    program("stop --dir " + directory_.string());
    fs::remove_all(directory_);
  }
  std::map<std::string, int> pids;
  double took = 0;  // seconds until each node saw all of them up, with the start of the processes

 private:
  fs::path directory_;
};

void up(const fs::path& work, int rounds) {
  for (const int nodes : {1, 5, 9}) {
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) times.push_back(cluster{work / "c", nodes}.took * 1000);
    print("up_" + std::to_string(nodes) + "_nodes", median(times), "ms");
  }
}

// When an event about a member was written, in nanoseconds since 1970; 0: not yet.
std::int64_t when(const fs::path& events, const std::string& what, const std::string& member) {
  std::ifstream in{events};
  for (std::string line; std::getline(in, line);) {
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (event.is_object() && event.value("event", "") == what &&
        event.value("member", "") == member)
      return event.at("time").get<std::int64_t>();
  }
  return 0;
}

void detection(const fs::path& work, int rounds) {
  std::vector<double> unreachable, down;
  for (int i = 0; i < rounds; ++i) {
    cluster five{work / "c", 5, "--events"};
    const auto killed = std::chrono::system_clock::now().time_since_epoch() / 1ns;
    ::kill(five.pids.at("n4"), SIGKILL);
    for (const auto& [what, times] :
         {std::pair{"member_unreachable", &unreachable}, std::pair{"member_down", &down}}) {
      std::int64_t last = 0;
      for (const std::string name : {"n1", "n2", "n3", "n5"}) {
        std::int64_t at = 0;
        for (const auto until = clock_type::now() + 30s; at == 0;) {
          at = when(work / "c" / (name + ".events"), what, "n4");
          if (clock_type::now() > until) fail(name + " does not find out that n4 is dead");
          if (at == 0) std::this_thread::sleep_for(10ms);
        }
        last = std::max(last, at);
      }
      times->push_back(static_cast<double>(last - killed) / 1e6);
    }
  }
  print("killed_node_unreachable_in_all_views", median(unreachable), "ms");
  print("killed_node_down_in_all_views", median(down), "ms");
}

void wordcount(const fs::path& work, int rounds, std::uint64_t bytes) {
  const auto input = work / "large";
  troupe::bench::make_large(input, bytes);
  std::atomic<bool> never{false};
  const auto files = troupe::mapreduce::list_inputs({input.string()}, never);
  const auto megabytes = static_cast<double>(files.front().size) / 1e6;
  troupe::bench::naive(files);  // so that all find the same page cache
  std::vector<double> plain, one, two;
  const auto by = [&](int nodes) {
    cluster some{work / "c", nodes};
    const auto took = seconds_of([&] {
      program("submit wordcount --dir " + (work / "c").string() + " --input " + input.string() +
              " --output " + (work / "out").string());
    });
    fs::remove_all(work / "out");
    return megabytes / took;
  };
  for (int i = 0; i < rounds; ++i) {
    plain.push_back(megabytes / seconds_of([&] { troupe::bench::naive(files); }));
    one.push_back(by(1));
    two.push_back(by(2));
  }
  print("wordcount_single_threaded", median(plain), "MB/s");
  print("wordcount_1_node", median(one), "MB/s");
  print("wordcount_2_nodes", median(two), "MB/s");
  print("wordcount_1_node_to_single_threaded", median(one) / median(plain), "ratio");
  print("wordcount_2_nodes_to_single_threaded", median(two) / median(plain), "ratio");
}
}  // namespace

int main(int argc, char** argv) {
  int rounds = 3;
  std::uint64_t bytes = 1'000'000'000;
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string arg = argv[i];
    if (arg == "--rounds") rounds = std::stoi(argv[i + 1]);
    if (arg == "--bytes") bytes = std::stoull(argv[i + 1]);
    if (arg == "--only") only = argv[i + 1];
  }
  auto name = (fs::temp_directory_path() / "troupe-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail("no temporary directory");
  const fs::path work = name;
  fs::create_directory(work / "run");
  fs::permissions(work / "run", fs::perms::owner_all);
  ::setenv("XDG_RUNTIME_DIR", (work / "run").c_str(), 1);
  if (only.empty() || only == "up") up(work, rounds);
  if (only.empty() || only == "detection") detection(work, rounds);
  if (only.empty() || only == "wordcount") wordcount(work, rounds, bytes);
  fs::remove_all(work);
}
