// Trackers and workers of several nodes in one actor system, for tests.
#pragma once
#include "actors/mapreduce/protocol.hpp"
#include "actors/mapreduce/tracker.hpp"
#include "actors/mapreduce/worker.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/peers.hpp"
#include "temp_directory.hpp"
#include "wait_until.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/all.hpp>
#include <doctest/doctest.h>
namespace mapreduce_nodes {
using namespace troupe::mapreduce;
using namespace std::chrono_literals;

struct config : caf::actor_system_config {
  config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 2);
    register_mapreduce_types(*this);
  }
};

struct node {
  caf::actor tracker;
  caf::actor worker;
};

class nodes {
 public:
  using make_executor = std::function<std::shared_ptr<executor>(const std::string& node)>;
  nodes(int count, make_executor make, std::uint32_t slots = 2) : make_{std::move(make)} {
    for (int i = 0; i < count; ++i) start(std::string(1, static_cast<char>('a' + i)), slots);
  }
  ~nodes() {
    for (auto& [name, n] : all) {
      caf::anon_send_exit(n.worker, caf::exit_reason::user_shutdown);
      caf::anon_send_exit(n.tracker, caf::exit_reason::user_shutdown);
    }
    all.clear();
  }
  void start(const std::string& name, std::uint32_t slots = 2) {
    auto code = make_(name);
    node n;
    n.tracker =
        spawn_tracker(system, {.id = name, .epoch = 0x1f, .code = code, .tick_every = 20ms});
    n.worker = spawn_worker(system, {.id = name,
                                     .directory = (files / ("local-" + name)).string(),
                                     .map_slots = slots,
                                     .reduce_slots = slots,
                                     .tracker = n.tracker,
                                     .code = code,
                                     .report_every = 20ms,
                                     .patience = 500ms});
    for (const auto& [other, m] : all) {
      caf::anon_send(m.tracker, troupe::peer_up{name, n.worker});
      caf::anon_send(n.tracker, troupe::peer_up{other, m.worker});
    }
    caf::anon_send(n.tracker, troupe::peer_up{name, n.worker});
    all[name] = n;
  }
  void kill_worker(const std::string& name) {
    caf::anon_send_exit(all.at(name).worker, caf::exit_reason::kill);
  }
  // Its jobs, outputs and handles are gone, and a new one of its name is there.
  void restart(const std::string& name) {
    kill_worker(name);
    caf::anon_send_exit(all.at(name).tracker, caf::exit_reason::user_shutdown);
    all.erase(name);
    start(name);
  }
  std::vector<std::filesystem::path> local_files(const std::string& name) const {
    std::vector<std::filesystem::path> found;
    std::error_code gone;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator{files / ("local-" + name), gone})
      if (entry.is_regular_file(gone)) found.push_back(entry.path());
    return found;
  }
  template <class Answer, class Request>
  caf::expected<Answer> ask(const caf::actor& who, Request request) {
    caf::scoped_actor self{system};
    caf::expected<Answer> answer{caf::sec::request_timeout};
    self->request(who, 10s, std::move(request))
        .receive([&](Answer& a) { answer = std::move(a); },
                 [&](caf::error& e) { answer = std::move(e); });
    return answer;
  }
  std::string submit_to(const std::string& name, const job_spec& job) {
    auto status = ask<job_status>(all.at(name).tracker, submit{job});
    REQUIRE_MESSAGE(status, troupe::sentence_of(status.error()));
    return status->id;
  }
  job_status status(const std::string& at, const std::string& id) {
    auto status = ask<job_status>(all.at(at).tracker, find_job{id});
    REQUIRE_MESSAGE(status, troupe::sentence_of(status.error()));
    return *status;
  }
  job_status finish(const std::string& at, const std::string& id) {
    job_status last;
    const bool ended =
        troupe::test::wait_until([&] { return over((last = status(at, id)).state); }, 60s);
    REQUIRE_MESSAGE(ended, "the job does not end");
    return last;
  }

  troupe::test::temp_directory files;
  config cfg;
  caf::actor_system system{cfg};
  std::map<std::string, node> all;

 private:
  make_executor make_;
};
}  // namespace mapreduce_nodes
