// The worker's inside: worker.cpp has attempts, what they report, and leaving; worker_masters.cpp trackers, the slots that
// they share, and jobs that outlive their masters.
#pragma once
#include "actors/mapreduce/attempt.hpp"
#include "actors/mapreduce/protocol.hpp"
#include "actors/mapreduce/worker.hpp"
#include "patterns/mapreduce/fair.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/metrics.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/all.hpp>
namespace troupe::mapreduce {
using std::chrono::milliseconds;
constexpr milliseconds report_patience{10'000};
// Job ids become names of directories.
bool plain(const std::string& name);
constexpr std::size_t index(task_kind kind) { return kind == task_kind::map ? 0 : 1; }

class worker_actor : public caf::event_based_actor {
 public:
  worker_actor(caf::actor_config& config, worker_settings settings);
  caf::behavior make_behavior() override;
  const char* name() const override { return "mapreduce-worker"; }
  void on_exit() override;

 private:
  struct tracker {
    caf::actor handle;
    std::array<std::uint32_t, 2> wants{};  // weights
    std::array<std::uint32_t, 2> holds{};  // slots: offered, or running
  };
  struct open_offer {
    std::string tracker;
    task_kind kind = task_kind::map;
    milliseconds made{};
  };
  struct hosted_job {
    std::string tracker;  // empty: gone, and another may claim it
    caf::actor_addr master{};
    job_place_ptr place{};  // null: no order of this master has come yet
    std::uint64_t fence = 0;
    milliseconds orphaned{};
  };

  milliseconds now() {
    return std::chrono::duration_cast<milliseconds>(clock().now().time_since_epoch());
  }

  // worker_masters.cpp
  caf::result<greeted> on_greet(const greet& hello);
  void forget(const std::string& id, bool quietly);

  bool outdated(const std::string& job, std::uint64_t fence) const;
  void orphan(const std::string& job);
  caf::result<held_job> on_claim(const claim_job& order);
  void hand_over(attempt_run& a, const std::string& to);
  void drop_outputs(const std::string& job);

  void on_demand(const demand& wanted);
  void make_offers();
  void offer_to(const std::string& id, task_kind kind);
  void on_decline(const decline& refused);
  void release(const std::string& id, task_kind kind);

  // worker.cpp
  caf::expected<attempt_ptr> admit(std::uint64_t number, job_spec& job, const attempt_id& id);
  caf::result<void> on_map(map_order& order);
  caf::result<void> on_reduce(reduce_order& order);
  static void cancel(attempt_run& a);
  void kill(const attempt_id& id);
  void on_ended(attempt_ended& ended);
  void sweep_later(job_place_ptr& place);
  void close(const std::string& job);

  template <class Message>
  void relay(const attempt_id& id, const Message& message);
  template <class Message>
  void report(const std::string& id, Message message);
  template <class Message>
  void report_to(const std::string& id, const caf::actor& handle, Message message);
  void arm();
  void on_beat();

  caf::result<worker_leaves> on_leave(milliseconds within);
  void on_give_back();
  void check_left();
  static metrics::gauge_handle& running_metric(task_kind kind);

  worker_settings s_;
  std::shared_ptr<local_directory> directory_;
  std::array<std::uint32_t, 2> slots_{};
  std::array<std::uint32_t, 2> used_{};  // offered, or running
  std::array<fair, 2> turns_{};
  std::map<std::string, tracker> trackers_;
  std::map<std::string, hosted_job> jobs_;
  std::map<attempt_id, attempt_ptr> attempts_;
  std::map<attempt_id, caf::actor> fetchers_;
  std::map<std::uint64_t, open_offer> offers_;
  std::map<std::uint64_t, std::function<void()>> repeats_;
  std::uint64_t offers_made_ = 0;
  std::uint64_t reports_ = 0;
  bool leaving_ = false;
  bool armed_ = false;  // a beat is on its way
  std::vector<caf::typed_response_promise<worker_leaves>> leavers_;
  std::shared_ptr<output_shelf> shelf_ = std::make_shared<output_shelf>();
  caf::actor server_;
};
}  // namespace troupe::mapreduce
