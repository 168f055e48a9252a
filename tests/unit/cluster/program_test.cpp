// What the troupe program's verbs stand on: processes, the register of local clusters, progress, tables.
#include "cluster/data_directory.hpp"
#include "cluster/program/local_cluster.hpp"
#include "cluster/program/process.hpp"
#include "cluster/program/progress.hpp"
#include "cluster/program/table.hpp"
#include "temp_directory.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace {
using namespace troupe;
using namespace troupe::program;
using namespace std::chrono_literals;

launch sleeper(const test::temp_directory& in) { return {{"/bin/sleep", "1000"}, in / "log"}; }

// XDG_RUNTIME_DIR for the length of a test.
struct own_register {
  test::temp_directory directory;
  own_register() { ::setenv("XDG_RUNTIME_DIR", directory.path().c_str(), 1); }
  ~own_register() { ::unsetenv("XDG_RUNTIME_DIR"); }
};

TEST_CASE("a process is its number and its start: signals go to that one or to nobody") {
  const test::temp_directory in;
  const auto child = start(sleeper(in));
  REQUIRE(child);
  CHECK(alive(*child));
  CHECK(identify(child->pid) == child);
  CHECK(!ended(*child));

  auto successor = *child;  // the same number, given to another process
  successor.started += 1;
  CHECK(!alive(successor));
  CHECK(!send_signal(successor, SIGKILL));
  CHECK(alive(*child));

  CHECK(!wait_gone({*child}, 20ms));
  CHECK(send_signal(*child, SIGKILL));
  CHECK(wait_gone({*child}, 5s));
  CHECK(!alive(*child));
  CHECK(!send_signal(*child, SIGKILL));
  CHECK(!send_signal(process{}, SIGKILL));  // 0 would be the whole process group
}

TEST_CASE("what cannot be started is told") {
  const test::temp_directory in;
  CHECK(!start({{(in / "missing").string()}, in / "log"}));
  CHECK(!start({{"/bin/true"}, in / "no" / "such" / "log"}));
}

TEST_CASE("how a child ended") {
  const test::temp_directory in;
  const auto child = start({{"/bin/sh", "-c", "exit 7"}, in / "log"});
  REQUIRE(child);
  std::optional<std::string> how;
  while (!how) how = ended(*child);
  CHECK(*how == "exited with code 7");
}

TEST_CASE("a local cluster is found while one of its nodes lives, and forgotten after") {
  const own_register apart;
  const test::temp_directory in;
  CHECK(running_clusters().empty());
  CHECK(!the_cluster({}));

  const local_cluster begun{in.path(), "plays", {}};  // registered, and nothing written down yet
  {
    const auto held = directory_lock::take(in.path());
    REQUIRE(enter_register(begun));
    CHECK(running_clusters().empty());
  }
  const auto child = start(sleeper(in));
  REQUIRE(child);
  const local_cluster written{
      in.path(), "plays", {{"n1", *child, "127.0.0.1:1"}, {"n2", {1, 1}, ""}}};
  REQUIRE(save(written));
  const auto found = the_cluster({});
  REQUIRE(found);
  CHECK(found->name == "plays");
  CHECK(found->nodes.size() == 2);
  CHECK(found->living().size() == 1);
  CHECK(found->living().front().address == "127.0.0.1:1");

  send_signal(*child, SIGKILL);
  wait_gone({*child}, 5s);
  const auto entries = apart.directory / ("troupe-" + std::to_string(::getuid())) / "clusters";
  {
    const auto held = directory_lock::take(in.path());  // as one does who is starting it anew
    CHECK(running_clusters().empty());
    CHECK(!std::filesystem::is_empty(entries));
  }
  CHECK(running_clusters().empty());
  CHECK(std::filesystem::is_empty(entries));
  CHECK(the_cluster(in.path()));  // who names the directory still finds it
  leave_register(in.path());
  CHECK(std::filesystem::is_empty(apart.directory.path()));  // the register goes with the last
  CHECK(running_clusters().empty());
  CHECK(std::filesystem::is_empty(apart.directory.path()));  // and looking makes none
}

TEST_CASE("two clusters are listed rather than guessed among") {
  const own_register apart;
  const test::temp_directory a, b;
  const auto self = identify(::getpid());
  REQUIRE(self);
  for (const auto* in : {&a, &b}) {
    const local_cluster c{in->path(), "troupe", {{"n1", *self, "x:1"}}};
    REQUIRE(save(c));
    REQUIRE(enter_register(c));
  }
  const auto found = the_cluster({});
  REQUIRE(!found);
  CHECK(found.error().find(a.path().string()) != std::string::npos);
  CHECK(found.error().find(b.path().string()) != std::string::npos);
}

TEST_CASE("a cluster's file that is none of ours is no cluster") {
  const test::temp_directory in;
  for (const auto* text :
       {"", "{", "[]", "{}", R"({"cluster":1})", R"({"cluster":"a","boot":"b","nodes":[{}]})",
        R"({"cluster":"a","boot":"b","nodes":[{"name":"n","pid":"x"}]})"}) {
    CAPTURE(text);
    test::write_file(in / "cluster.json", text);
    CHECK(!load(in.path()));
  }
}

TEST_CASE("a register that others can write to is refused") {
  const own_register apart;
  const auto base = base_directory();
  REQUIRE(base);
  std::filesystem::permissions(*base, std::filesystem::perms::all);
  CHECK(!base_directory());
}

TEST_CASE("a data directory has one owner, a temporary one ends with it") {
  const test::temp_directory in;
  {
    const auto first = data_directory::take(in / "n1", "n1");
    REQUIRE(first);
    const auto second = data_directory::take(in / "n1", "n1");
    REQUIRE(!second);
    CHECK(second.error().find("in use by another process") != std::string::npos);
  }
  CHECK(data_directory::take(in / "n1", "n1"));
  CHECK(!data_directory::take("/proc/none/such", "n1"));
  std::filesystem::path gone;
  {
    const auto temporary = data_directory::take("", "n1");
    REQUIRE(temporary);
    gone = temporary->path();
    CHECK(std::filesystem::exists(gone));
  }
  CHECK(!std::filesystem::exists(gone));
}

mapreduce::job_status half_done() {
  mapreduce::job_status s;
  s.id = "j1";
  s.name = "wordcount";
  s.state = mapreduce::job_state::running;
  s.maps = {.total = 10, .running = 2, .done = 5, .progress = 500};
  s.reduces = {.total = 4, .running = 0, .done = 0, .progress = 0};
  s.attempts_started = 8;
  s.input_bytes = 100'000'000;
  s.elapsed_ms = 2'000;
  return s;
}

TEST_CASE("progress: a bar that fits, a line, what is new") {
  auto job = half_done();
  for (const std::size_t width : {20, 40, 80, 120, 300}) {
    CAPTURE(width);
    CHECK(progress_bar(job, width).size() < width);
  }
  const auto bar = progress_bar(job, 120);
  CHECK(bar.find("5/10") != std::string::npos);
  CHECK(bar.find("0/4") != std::string::npos);
  CHECK(bar.find("25 MB/s") != std::string::npos);
  CHECK(progress_line(job) ==
        "2.0 s: running, maps 5/10 (50 %), reduces 0/4 (0 %), 8 attempts, 25 MB/s");

  CHECK(news(job, job).empty());
  auto later = job;
  later.workers_lost = {"n3"};
  later.maps_lost = 2;
  CHECK(news(job, later) == "lost node n3: 2 finished maps were lost and run again");
  CHECK(progress_bar(later, 120).find("lost: n3") != std::string::npos);

  job.maps = {};  // nothing is known yet, no time has passed
  job.elapsed_ms = 0;
  CHECK(progress_line(job).find("maps 0/0") != std::string::npos);
  CHECK(progress_bar(job, 80).size() < 80);
}

TEST_CASE("progress for machines") {
  const auto line = as_json({"n2", half_done()}).dump();
  CHECK(line.find(R"("job":"j1","name":"wordcount","state":"running","master":"n2")") !=
        std::string::npos);
  CHECK(line.find(R"("maps":{"total":10,"running":2,"done":5,"progress":0.5})") !=
        std::string::npos);
}

TEST_CASE("columns, sizes and times") {
  table t{{"A", "LONG"}};
  t.add({"word", "x"});
  CHECK(t.text() == "A     LONG\nword  x\n");
  table hostile{{"A"}};
  hostile.add({"\x1b[31m\nx\xc2\x9bm\xc3\xa4"});
  CHECK(hostile.text() == "A\n\\x1b[31m\\x0ax\\x9bm\xc3\xa4\n");
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1500) == "1.5 kB");
  CHECK(bytes_text(130e6) == "130 MB");
  CHECK(time_text(850) == "850 ms");
  CHECK(time_text(12'300) == "12.3 s");
  CHECK(time_text(200'000) == "3 min 20 s");
}
}  // namespace
