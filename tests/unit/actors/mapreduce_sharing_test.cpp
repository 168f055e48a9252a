// Jobs beside each other, and what users are told of trackers that are not there.
#include "mapreduce_toy_nodes.hpp"
namespace {
using namespace mapreduce_toy;
using namespace std::chrono_literals;
}  // namespace

TEST_CASE("mapreduce actors: a job's reducers that wait for maps give slots to another job") {
  toy_nodes n{2};
  const auto expected = n.make_input(16, 200);
  n.on->hold = [](const attempt_id& id, const std::string&) {
    return id.job.ends_with("-1") && id.kind == task_kind::map && id.task == 0;
  };
  const auto first = n.spec(6, 1000), second = n.spec(3, 1000);
  const auto id = n.submit_to("a", first);
  REQUIRE(troupe::test::wait_until([&] { return n.status("a", id).reduces.running == 4; }));
  const auto last = n.finish("a", n.submit_to("a", second));  // while the first stands still
  CHECK(last.state == job_state::succeeded);
  CHECK_FALSE(over(n.status("a", id).state));
  n.on->release();
  const auto of_first = n.finish("a", id);
  CHECK(of_first.state == job_state::succeeded);
  CHECK(of_first.attempts_killed > 0);
  CHECK(of_first.attempts_failed == 0);
  CHECK(n.read_output(first) == expected);
  CHECK(n.read_output(second) == expected);
}

TEST_CASE("mapreduce actors: what a job throws while it is prepared ends it") {
  toy_nodes n{1};
  n.make_input(1, 10);
  auto job = n.spec(1);
  job.name = "throws";
  const auto last = n.finish("a", n.submit_to("a", job));
  CHECK(last.state == job_state::failed);
  CHECK(last.error == "the job threw something that is no std::exception");
}

TEST_CASE("mapreduce actors: a list says whose jobs it lacks") {
  toy_nodes n{3};
  n.make_input(2, 10);
  CHECK(n.finish("b", n.submit_to("b", n.spec(1))).state == job_state::succeeded);
  auto list = n.ask<job_list>(n.all.at("a").tracker, list_jobs{});
  REQUIRE(list);
  CHECK(list->jobs.size() == 1);
  CHECK(list->silent.empty());
  caf::anon_send_exit(n.all.at("b").tracker, caf::exit_reason::kill);
  CHECK(troupe::test::wait_until([&] {
    list = n.ask<job_list>(n.all.at("a").tracker, list_jobs{});
    return list && list->silent == std::vector<std::string>{"b"};
  }));
}

TEST_CASE("mapreduce actors: a worker that leaves gives back what does not end in time") {
  toy_nodes n{2};
  const auto expected = n.make_input(10, 200);
  n.on->hold = [](const attempt_id&, const std::string& worker) { return worker == "b"; };
  auto job = n.spec(2);
  job.speculative = false;
  const auto id = n.submit_to("a", job);
  REQUIRE(troupe::test::wait_until([&] { return !n.on->held_now().empty(); }));
  caf::anon_send(n.all.at("b").worker, leave_work{100});
  const auto last = n.finish("a", id);  // though b's attempts are never released
  CHECK(last.state == job_state::succeeded);
  CHECK(last.attempts_killed > 0);
  CHECK(last.attempts_failed == 0);
  CHECK(last.workers_lost.empty());
  CHECK(n.read_output(job) == expected);
}

TEST_CASE("mapreduce actors: a library's task that outlives two workers ends the job") {
  toy_nodes n{1};
  n.make_input(1, 10);
  n.on->hold = no_attempt_of(task_kind::map);
  auto job = n.spec(1);
  job.library = "/none.so";  // the toy executor does not look
  job.deaths_max = 8;
  const auto id = n.submit_to("a", job);
  const auto held = [&](std::size_t count) {
    return troupe::test::wait_until([&] { return n.on->held_now().size() == count; });
  };
  REQUIRE(held(1));
  n.start("b");
  n.kill_worker("a");
  REQUIRE(held(2));
  n.kill_worker("b");
  const auto last = n.finish("a", id);
  CHECK(last.state == job_state::failed);
  CHECK(last.error.find("ran on 2 workers when they died") != std::string::npos);
}
