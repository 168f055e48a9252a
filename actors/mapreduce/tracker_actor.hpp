// The tracker's inside: tracker.cpp has users and jobs, tracker_crew.cpp workers and their slots,
// tracker_book.cpp what is written into the log, and jobs that are taken over.
#pragma once
#include "actors/mapreduce/clerk.hpp"
#include "actors/mapreduce/job_book.hpp"
#include "actors/mapreduce/protocol.hpp"
#include "actors/mapreduce/tracker.hpp"
#include "patterns/mapreduce/fair.hpp"
#include "patterns/mapreduce/job.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/peers.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <caf/all.hpp>
namespace troupe::mapreduce {
class tracker_actor : public caf::event_based_actor {
 public:
  tracker_actor(caf::actor_config& config, tracker_settings settings);
  caf::behavior make_behavior() override;
  const char* name() const override { return "mapreduce-tracker"; }
  void on_exit() override;

 private:
  struct entry {
    job_spec spec;
    std::unique_ptr<job> core;  // from the plan to the end
    job_status status;          // without a core
    instant submitted{};
    caf::actor clerk;
    std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
    std::vector<caf::actor> followers;
    std::vector<job_event> news;
    job_status told;    // to the followers
    instant lacking{};  // reduce slots since then; 0: it has what it wants

    // With a log: spec.fence is not 0.
    std::uint32_t masters = 0;                 // that it had before us
    bool keeps = true;                         // what workers have of it: it is of the same plan
    std::optional<book::file> file;            // until the core is made of it
    std::uint64_t lines = 0;                   // given to the book
    std::map<std::uint64_t, output> held;      // commits and the end, until the line is written
    std::optional<book::ending> ending;        // on its way into the log
    std::vector<caf::typed_response_promise<job_status>> cancellers;
    std::map<std::string, held_job> claims;    // of workers that are being asked what they hold
  };
  struct worker {
    caf::actor handle;
    bool ready = false;  // it has answered our greeting
    bool leaving = false;
    std::array<std::uint32_t, 2> slots{};
    caf::actor outputs;
    caf::actor tracker;
  };
  struct open_offer {
    std::string worker;
    std::uint64_t number = 0;
  };

  instant now();
  void arm();

  // tracker.cpp: users and jobs
  caf::result<job_status> on_submit(job_spec& wanted);
  caf::result<job_list> on_list(bool everywhere);
  caf::result<job_status> on_cancel(entry& e);
  template <class Request, class Local>
  caf::result<job_status> at_owner(const Request& request, Local local);
  void on_planned(planned& plan);
  void on_clerk_down(const caf::down_msg& down);
  void on_tick();
  void begin(entry& e, clerk_begins with);
  void accept(job_spec spec, caf::typed_response_promise<job_status> promise);
  void crew_up(entry& e);
  entry* find(const std::string& id);
  job_status status_of(const entry& e);
  void feed(const std::string& id, const input& in);
  void step(entry& e, const input& in);
  void step_all(const input& in);
  void carry_out(entry& e, output& out);
  void over(entry& e, job_status last, bool remove);
  void conclude(entry& e, job_status last);
  void join(entry& e, const std::string& worker, const caf::actor& handle);
  void tell(entry& e);

  // tracker_book.cpp: the log
  caf::message_handler from_book();
  template <class Entries>
  void put_down(entry& e, Entries what);
  void put_down(entry& e, output& out);
  void on_written(const written& upto);
  void end_recorded(entry& e, job_status last, bool remove);
  void on_closed(const closed& which);
  void on_taken_over(taken_over& what);
  void on_resumed(const resumed& ready);
  void make_core(entry& e, job_plan plan);
  void miss_gone(entry& e, const job_record& before);
  void claim_from(entry& e, const std::string& worker, const caf::actor& handle);
  void on_deposed(const std::string& job);
  template <class Request>
  caf::result<job_status> elsewhere(const Request& request);
  template <class Request>
  void ask_node(const std::string& node, Request what,
                caf::typed_response_promise<job_status> promise, errc unreached);

  // tracker_crew.cpp: workers and slots
  void on_peer_up(const peer_up& peer);
  void greet_worker(const std::string& id);
  void on_greeted(const std::string& id, const caf::actor& handle, const greeted& answer);
  void lose(const std::string& id);
  void on_offer(const slot_offer& made);
  void announce(bool anyway);
  void match();
  bool place(task_kind kind, const open_offer& offer);
  void share_reduces();
  std::size_t best_offer(const std::deque<open_offer>& offers) const;
  void send_orders(entry& e, output& out, std::uint64_t offer);
  void send_location(const location_news& news);
  template <class Order>
  void order(const std::string& worker, const attempt_id& id, const Order& order);
  void refused(const attempt_id& id, const std::string& worker, const caf::error& why);
  std::uint64_t fence_of(const std::string& job);
  caf::actor handle_of(const std::string& worker) const;
  located_output with_handle(const output_location& where) const;
  std::uint32_t slots(task_kind kind) const;

  tracker_settings s_;
  std::string prefix_;  // of our job ids
  std::map<std::string, entry> jobs_;
  std::deque<std::string> ended_;
  std::uint64_t numbers_ = 0;
  std::map<std::string, worker> workers_;
  std::set<std::string> gone_;  // workers that were there before
  std::array<std::deque<open_offer>, 2> offers_;
  std::array<std::uint32_t, 2> announced_{};
  std::array<fair, 2> turns_;
  bool armed_ = false;     // a tick is on its way
  bool matching_ = false;  // a match is on its way
  caf::actor book_;
  std::map<std::string, std::string> mastered_;  // in the log: by which node
};

struct tracker_tick {};
TROUPE_MESSAGE(tracker_tick)
struct match_offers {};
TROUPE_MESSAGE(match_offers)
struct claim_again {
  std::string job;
  std::string worker;
};
TROUPE_MESSAGE(claim_again, job, worker)
struct greet_again {
  std::string worker;
};
TROUPE_MESSAGE(greet_again, worker)

constexpr std::size_t slot_index(task_kind kind) { return kind == task_kind::map ? 0 : 1; }
constexpr std::chrono::milliseconds order_patience{10'000};
constexpr std::chrono::milliseconds master_patience{3'000};  // below a gateway's
// A job that wants a reduce slot for so long will not get one that is free.
constexpr instant share_patience{500};
}  // namespace troupe::mapreduce
