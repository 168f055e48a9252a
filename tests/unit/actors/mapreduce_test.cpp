// Trackers and workers of several nodes in one process, on real files.
#include "mapreduce_toy_nodes.hpp"
namespace {
using namespace mapreduce_toy;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE("mapreduce actors: a job over three nodes gives the sequential answer") {
  toy_nodes n{3};
  const auto expected = n.make_input(20, 400);
  const auto job = n.spec(3);
  const auto id = n.submit_to("a", job);
  CHECK(id == "a-1f-1");
  const auto last = n.finish("b", id);  // any tracker knows whom to ask
  CHECK(last.error == "");
  CHECK(last.state == job_state::succeeded);
  CHECK(last.master == "a");
  CHECK(last.maps.done == last.maps.total);
  CHECK(last.maps.total > 5);
  CHECK(n.read_output(job) == expected);
  CHECK(fs::exists(job.output + "/_SUCCESS"));
  CHECK(last.counters.at("words") == static_cast<std::int64_t>(expected.size()));
  CHECK(n.on->commits.size() == 3);
  for (const auto& [part, times] : n.on->commits) CHECK(times == 1);
  auto list = n.ask<job_list>(n.all.at("c").tracker, list_jobs{});
  REQUIRE(list);
  REQUIRE(list->jobs.size() == 1);
  CHECK(list->jobs[0].id == id);
  // nothing of the job stays on the workers' disks
  for (auto name : {"a", "b", "c"})
    CHECK(troupe::test::wait_until([&] { return n.local_files(name).empty(); }));
}

TEST_CASE("mapreduce actors: a worker killed with finished maps and running ones changes nothing") {
  toy_nodes n{3};
  const auto expected = n.make_input(24, 400);
  const auto job = n.spec(2);
  // reducers are held until the worker is dead: then finished maps of it are needed
  n.on->hold = no_attempt_of(task_kind::reduce);
  const auto id = n.submit_to("a", job);
  REQUIRE(troupe::test::wait_until([&] { return n.status("a", id).maps.done > 6; }));
  n.kill_worker("c");
  REQUIRE(troupe::test::wait_until([&] {
    const auto s = n.status("a", id);
    return s.workers_lost == std::vector<std::string>{"c"};
  }));
  n.on->release();
  const auto last = n.finish("a", id);
  CHECK(last.state == job_state::succeeded);
  CHECK(last.maps_lost > 0);
  CHECK(last.attempts_failed == 0);
  CHECK(n.read_output(job) == expected);
}

TEST_CASE("mapreduce actors: workers killed and started again all the time") {
  toy_nodes n{3};
  const auto expected = n.make_input(40, 300);
  auto job = n.spec(3, 1000);
  job.deaths_max = 1000;
  std::mt19937_64 chance{3};
  std::uint32_t hit = 0;
  for (int round = 0; round < 3; ++round) {
    job.output = (n.files / ("chaos" + std::to_string(round))).string();
    const auto id = n.submit_to("a", job);
    for (int kills = 0; kills < 6; ++kills) {
      const auto begun = n.on->count(task_kind::map);
      const auto more = chance() % 20;
      troupe::test::wait_until(
          [&] {
            return n.on->count(task_kind::map) > begun + more || over(n.status("a", id).state);
          },
          5s);
      const std::string victim(1, static_cast<char>('b' + chance() % 2));
      n.restart(victim);
    }
    const auto last = n.finish("a", id);
    CHECK(last.error == "");
    CHECK(n.read_output(job) == expected);
    CHECK(last.counters.at("lines") == n.lines);  // each map counted once, whatever was run twice
    hit += last.attempts_killed + last.maps_lost;
  }
  CHECK(hit > 0);
}

TEST_CASE("mapreduce actors: the user's error ends the job after four attempts") {
  toy_nodes n{2};
  n.make_input(4, 100);
  n.on->fault = [](const attempt_id& id, const std::string&) {
    return id.kind == task_kind::map && id.task == 1 ? "the seventh field is no number" : "";
  };
  const auto job = n.spec(2, 500);
  const auto last = n.finish("b", n.submit_to("b", job));
  CHECK(last.state == job_state::failed);
  CHECK(last.error.find("map task 1 failed 4 times") == 0);
  CHECK(last.error.find("the seventh field is no number") != std::string::npos);
  CHECK(troupe::test::wait_until([&] { return !fs::exists(job.output); }));
}

TEST_CASE("mapreduce actors: attempts that throw have failed, and no more") {
  toy_nodes n{1};
  const auto expected = n.make_input(3, 100);
  n.on->fault = [](const attempt_id& id, const std::string&) -> std::string {
    if (id.attempt == 1) throw std::runtime_error{"it throws"};
    if (id.attempt == 2) throw 7;
    return "";
  };
  const auto job = n.spec(1);
  const auto last = n.finish("a", n.submit_to("a", job));
  CHECK(last.state == job_state::succeeded);
  CHECK(last.attempts_failed == 2 * (last.maps.total + 1));
  CHECK(n.read_output(job) == expected);
}

TEST_CASE("mapreduce actors: a worker without the job's file system says so") {
  toy_nodes n{1};
  n.make_input(1, 10);
  n.on->hold = no_attempt_of(task_kind::map);
  auto job = n.spec(1);
  n.on->fault = [](const attempt_id&, const std::string&) { return ""; };
  const auto id = n.submit_to("a", job);
  REQUIRE(troupe::test::wait_until([&] { return !n.on->held_now().empty(); }));
  troupe::test::write_file(job.output + "/_temporary/token", "another file system's");
  n.start("b");
  n.kill_worker("a");
  const auto last = n.finish("a", id);
  CHECK(last.error.find("node b does not see " + job.output) != std::string::npos);
}

TEST_CASE("mapreduce actors: a straggler gets a backup, and the first to end wins") {
  toy_nodes n{2};
  const auto expected = n.make_input(12, 200);
  n.on->hold = [](const attempt_id& id, const std::string&) {
    return id.kind == task_kind::map && id.task == 0 && id.attempt == 1;
  };
  const auto job = n.spec(2);
  const auto last = n.finish("a", n.submit_to("a", job));  // the first attempt is never released
  CHECK(last.state == job_state::succeeded);
  CHECK(last.backups >= 1);
  CHECK(n.read_output(job) == expected);
}

TEST_CASE("mapreduce actors: a job can be cancelled while it runs and while it is prepared") {
  toy_nodes n{2};
  n.make_input(8, 100);
  n.on->hold = no_attempt_of(task_kind::map);
  const auto job = n.spec(1, 500);
  const auto id = n.submit_to("a", job);
  REQUIRE(troupe::test::wait_until([&] { return n.on->held_now().size() == 4; }));
  const auto cancelled = n.ask<job_status>(n.all.at("b").tracker, cancel_job{id});
  REQUIRE(cancelled);
  CHECK(cancelled->state == job_state::cancelled);
  CHECK(troupe::test::wait_until([&] { return !fs::exists(job.output); }));
  CHECK(n.ask<job_status>(n.all.at("a").tracker, cancel_job{id}).error() == troupe::errc::refused);

  auto endless = n.spec(1);
  endless.name = "endless";
  const auto second = n.submit_to("a", endless);
  CHECK(n.status("a", second).state == job_state::preparing);
  const auto at_once = n.ask<job_status>(n.all.at("a").tracker, cancel_job{second});
  REQUIRE(at_once);
  CHECK(at_once->state == job_state::cancelled);
  CHECK(troupe::test::wait_until([&] { return !fs::exists(endless.output); }));

  // the slots are free again
  n.on->release();
  CHECK(n.finish("b", n.submit_to("b", n.spec(1))).state == job_state::succeeded);
}

TEST_CASE("mapreduce actors: several jobs under two trackers share the slots") {
  toy_nodes n{2};
  const auto expected = n.make_input(16, 200);
  n.on->hold = no_attempt_of(task_kind::map);
  const auto first = n.spec(1, 500), second = n.spec(2, 500), third = n.spec(1, 500);
  const auto id1 = n.submit_to("a", first);
  REQUIRE(troupe::test::wait_until([&] { return n.on->held_now().size() == 4; }));
  const auto id2 = n.submit_to("a", second);
  const auto id3 = n.submit_to("b", third);
  n.on->release();
  for (const auto& [id, job] : {std::pair{id1, first}, {id2, second}, {id3, third}}) {
    CHECK(n.finish("a", id).state == job_state::succeeded);
    CHECK(n.read_output(job) == expected);
  }
  // they ran beside each other: no job's maps were all begun before another's first
  std::map<std::string, std::pair<std::size_t, std::size_t>> spans;
  std::size_t at = 0;
  for (const auto& id : n.on->begun) {
    ++at;
    if (id.kind != task_kind::map) continue;
    auto& [begin, end] = spans.emplace(id.job, std::pair{at, at}).first->second;
    end = at;
  }
  REQUIRE(spans.size() == 3);
  CHECK(spans.at(id2).first < spans.at(id1).second);
  CHECK(spans.at(id3).first < spans.at(id1).second);
  CHECK(spans.at(id3).first < spans.at(id2).second);
}

TEST_CASE("mapreduce actors: a frozen worker that comes back harms nobody") {
  toy_nodes n{2};
  const auto expected = n.make_input(10, 200);
  n.on->hold = [](const attempt_id&, const std::string& worker) { return worker == "b"; };
  const auto job = n.spec(2);
  const auto id = n.submit_to("a", job);
  REQUIRE(troupe::test::wait_until([&] { return !n.on->held_now().empty(); }));
  caf::anon_send(n.all.at("a").tracker, troupe::peer_down{"b"});  // taken for dead
  const auto last = n.finish("a", id);
  CHECK(last.state == job_state::succeeded);
  n.on->release();  // it goes on with what it was told, and reports
  caf::anon_send(n.all.at("a").tracker, troupe::peer_up{"b", n.all.at("b").worker});
  const auto next = n.spec(1);
  CHECK(n.finish("a", n.submit_to("a", next)).state == job_state::succeeded);
  CHECK(n.read_output(job) == expected);
  CHECK(n.read_output(next) == expected);
  CHECK(n.on->commits.size() == 3);  // of both jobs
  for (const auto& [part, times] : n.on->commits) CHECK(times == 1);
}

TEST_CASE("mapreduce actors: a worker leaves when nothing needs it any more") {
  toy_nodes n{2};
  const auto expected = n.make_input(10, 200);
  n.on->hold = no_attempt_of(task_kind::reduce);
  const auto job = n.spec(2);
  const auto id = n.submit_to("a", job);
  REQUIRE(troupe::test::wait_until([&] { return n.status("a", id).maps.done > 3; }));
  caf::scoped_actor self{n.system};
  auto left = self->request(n.all.at("b").worker, 30s, leave_work{});
  CHECK_FALSE(over(n.status("a", id).state));
  n.on->release();
  bool done = false;
  left.receive([&](const worker_leaves& who) { done = who.worker == "b"; }, [](caf::error&) {});
  CHECK(done);
  CHECK(n.finish("a", id).state == job_state::succeeded);
  CHECK(n.read_output(job) == expected);
}

TEST_CASE("mapreduce actors: lost and damaged map outputs are made again") {
  toy_nodes n{2};
  const auto expected = n.make_input(12, 300);
  n.on->hold = no_attempt_of(task_kind::reduce);
  const auto job = n.spec(2);
  const auto id = n.submit_to("a", job);
  REQUIRE(troupe::test::wait_until([&] {
    const auto s = n.status("a", id);
    return s.maps.total > 0 && s.maps.done == s.maps.total;
  }));
  int harmed = 0;
  for (auto name : {"a", "b"})
    for (const auto& file : n.local_files(name)) {
      if (++harmed % 3 == 0) fs::remove(file);
      if (harmed % 3 == 1) {
        auto bytes = troupe::test::read_file(file);
        bytes.at(bytes.size() / 2) ^= 1;
        troupe::test::write_file(file, bytes);
      }
    }
  n.on->release();
  const auto last = n.finish("a", id);
  CHECK(last.error == "");
  CHECK(last.state == job_state::succeeded);
  CHECK(last.maps_lost > 0);
  CHECK(n.read_output(job) == expected);
}

TEST_CASE("mapreduce actors: a follower hears of a job until it is over") {
  toy_nodes n{2};
  n.make_input(10, 200);
  const auto id = n.submit_to("a", n.spec(1));
  caf::scoped_actor self{n.system};
  auto first = n.ask<job_status>(n.all.at("b").tracker, follow_job{id, self});
  REQUIRE(first);
  std::size_t events = 0;
  bool ended = over(first->state);
  while (!ended) {
    bool late = false;
    self->receive(
        [&](const job_news& news) {
          events += news.events.size();
          ended = over(news.status.state);
        },
        caf::after(20s) >> [&] { late = true; });
    REQUIRE_FALSE(late);
  }
  CHECK(events > 0);
}

TEST_CASE("mapreduce actors: what cannot be done is refused with a sentence") {
  toy_nodes n{1};
  n.make_input(1, 10);
  auto& tracker = n.all.at("a").tracker;
  auto job = n.spec(1);
  job.name.clear();
  CHECK(n.ask<job_status>(tracker, submit{job}).error() == troupe::errc::invalid_argument);
  job = n.spec(20'000);
  CHECK(n.ask<job_status>(tracker, submit{job}).error() == troupe::errc::invalid_argument);
  job = n.spec(1);
  job.inputs.clear();
  CHECK(n.ask<job_status>(tracker, submit{job}).error() == troupe::errc::invalid_argument);
  CHECK(n.ask<job_status>(tracker, find_job{"a-1f-99"}).error() == troupe::errc::not_found);
  CHECK(n.ask<job_status>(tracker, find_job{"x"}).error() == troupe::errc::not_found);
  CHECK(n.ask<job_status>(tracker, find_job{"gone-1f-1"}).error() == troupe::errc::unreachable);
  job = n.spec(1);
  job.name = "nobody";
  const auto last = n.finish("a", n.submit_to("a", job));
  CHECK(last.state == job_state::failed);
  CHECK(last.error == "there is no job named nobody");
  // orders out of nowhere
  auto& worker = n.all.at("a").worker;
  caf::scoped_actor self{n.system};
  for (auto name : {"../x", "", ".hidden"}) {
    map_order order;
    order.job.id = name;
    bool refused = false;
    self->request(worker, 10s, order).receive([] {}, [&](caf::error&) { refused = true; });
    CHECK(refused);
  }
}
