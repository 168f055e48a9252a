// A cluster that counts words, as the simulator's hosts: job.hpp's master on the first node, a
// worker on each, and a file system that all see. Jobs follow each other while faults come.
//   const auto did = mapreduce::simulated::rehearse(plan, {});
//   Between    master and worker a session as the link gives it (courier.hpp): a worker that is not
//              heard of for a while is down, its session over; it starts afresh when it is heard
//              again, and so does one whose process does. Reports are repeated until they are taken,
//              across sessions too: they come late, and twice. Reducers fetch from workers by
//              messages that may be lost
//   Promises   (claims, after each step) `claims` below
//              (in calm) every job ends: with the answer that a single process gives, or with the
//              error that its setup or what went wrong has earned
//   Assumes    the master lives, as job.hpp does: faults that would bring it down are left out
#pragma once
#include "patterns/mapreduce/job.hpp"
#include "patterns/simulation/courier.hpp"
#include "patterns/simulation/judged.hpp"
#include "patterns/simulation/protocol.hpp"
#include "patterns/simulation/world.hpp"

#include <array>
#include <deque>
#include <memory>
namespace troupe::mapreduce::simulated {
using simulation::duration;
using simulation::member;
using time = simulation::instant;

namespace claim {
inline constexpr std::string_view once = "a partition is committed once",
                                  known = "nothing is given to a worker that is not there",
                                  numbers = "no attempt number is given twice",
                                  whole = "no part is visible but the whole, right one",
                                  live_outputs = "no reducer is sent to an output that is lost",
                                  stopped = "nothing of a job runs on when it is over",
                                  backups = "a backup runs beside one attempt, elsewhere",
                                  earned = "an error is earned",
                                  needed = "no finished map runs again while its output is there",
                                  skipped = "a record that is skipped crashes no later attempt",
                                  counted = "counters are those of the winners alone";
inline constexpr std::array all{once,    known,  numbers, whole,   live_outputs, stopped,
                                backups, earned, needed,  skipped, counted};
}  // namespace claim

enum class nature : std::uint8_t {
  plain,
  flaky,    // attempts fail or hang, commits fail, outputs get lost, now and then
  skips,    // one record crashes its mapper, and may be skipped
  hopeless  // one record does, and may not
};
TROUPE_ENUM(nature, plain, flaky, skips, hopeless)

// A job before it starts, and what a single process makes of it.
struct setup {
  nature kind = nature::plain;
  job_spec spec{};
  std::vector<split> splits{};
  std::string text{};
  std::uint64_t bad = ~std::uint64_t{0};  // offset of the record that crashes its mapper
  std::vector<std::string> answer{};      // by partition
};
setup draw_job(std::uint64_t seed, std::uint32_t number);
// By partition: "word count\n", sorted. Nothing: the record at `bad` crashes it.
std::optional<std::vector<std::string>> map_words(const setup& of, const split& input,
                                                  const std::vector<record_position>& skip);
std::string reduce_words(const std::vector<std::string>& segments);

// What all nodes see, and no crash takes away.
struct scene : simulation::judged {
  std::uint64_t seed = 1;
  bool faultless = false;
  std::map<std::string, setup> jobs{};
  std::set<std::string> over{};
  std::map<std::string, std::string> files{};  // job/temporary.NAME, job/part.N, job/success
  std::set<attempt_id> injected{};             // failures of the user's code that were made up
};

struct map_order {
  std::uint64_t offer = 0;
  map_task task{};
};
struct reduce_order {
  std::uint64_t offer = 0;
  reduce_task task{};
  std::vector<output_location> outputs{};
};
struct decline {
  std::uint64_t offer = 0;
};
struct close_job {
  std::string job{};
};
struct taken {
  std::uint64_t report = 0;
};
struct slot_offer {
  std::uint64_t number = 0;
  task_kind kind = task_kind::map;
};
struct report {
  std::uint64_t number = 0;
  input what{};
};
using item = std::variant<map_order, reduce_order, kill_order, location_news, decline, close_job,
                          taken, slot_offer, report>;

struct beat {  // a worker lives
  std::uint32_t life = 0;
  std::uint64_t session = 0;
};
struct greet {  // it is known now, and starts afresh
  std::uint32_t life = 0;
  std::uint64_t session = 0;
};
struct fetched {
  fetch what{};
  bool found = false;
  std::string data{};
};
struct to_master {
  simulation::parcel<item> what{};
};
struct to_worker {
  simulation::parcel<item> what{};
};
using message = std::variant<beat, greet, to_master, to_worker, fetch, fetched>;
using event = job_event;
using output = simulation::effects<message, event>;

class worker {
 public:
  worker(const simulation::life& of, std::shared_ptr<scene> all);
  void on(const greet& in, time now, output& out);
  void on(to_worker in, time now);
  void on(member from, const fetch& in, output& out);
  void on(const fetched& in, time now);
  void tick(time now, output& out);
  time due() const;
  void flush(time now, output& out);

 private:
  struct source {  // of one map output
    output_location where{};
    bool gone = false;
    std::uint32_t tries = 0;
    time ask_at{}, answer_by{};
    std::optional<std::string> data{};
  };
  struct attempt {
    attempt_id id{};
    map_task map{};
    std::uint32_t maps = 0;
    std::map<std::uint32_t, source> sources{};
    bool shuffled = false;
    std::uint32_t step = 0, steps = 1;
    duration pace{};
    time at{};
  };
  void obey(map_order in, time now);
  void obey(reduce_order in, time now);
  void obey(const kill_order& in, time) { attempts_.erase(in.id); }
  void obey(const location_news& in, time now);
  void obey(const decline& in, time now);
  void obey(const close_job& in, time);
  void obey(const taken& in, time) { reports_.erase(in.report); }
  template <class Other>
  void obey(const Other&, time) {}
  void locate(attempt& a, const output_location& where, time now);
  void tell(input what, time now);
  bool work(attempt& a, time now, output& out);  // true: it is over
  bool finish_map(attempt& a, time now);
  void gather(attempt& a, time now, output& out);
  bool write_part(attempt& a, time now);
  bool crashes(const attempt& a);
  bool mishap(const std::string& job, std::uint64_t one_in);
  duration pace_of(const attempt_id& id);
  void make_offers(time now);

  std::uint32_t life_;
  simulation::generator chance_;
  std::shared_ptr<scene> scene_;
  simulation::courier<item> link_{};
  std::array<std::uint32_t, 2> slots_{};
  std::map<attempt_id, attempt> attempts_{};
  std::map<std::uint64_t, std::pair<task_kind, time>> offers_{};  // until they run out
  std::array<time, 2> offer_at_{};
  std::map<attempt_id, std::vector<std::string>> outputs_{};   // by partition
  std::map<std::uint64_t, std::pair<input, time>> reports_{};  // not taken; when to repeat them
  std::uint64_t numbers_ = 0;
  time beat_at_{};
};

class master {
 public:
  master(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members, time until);
  void on(member from, const beat& in, time now, output& out);
  void on(member from, to_master in, time now, output& out);
  void lost(member whom, std::uint32_t life, time now, output& out);
  void tick(time now, output& out);
  time due() const;
  void flush(time now, output& out);

 private:
  struct crew {
    std::uint32_t life = 0;
    std::uint64_t session = 0;
    bool up = false;
    time heard{};
    simulation::courier<item> link{};
  };
  void begin(time now, output& out);
  void down(member whom, time now, output& out);
  void obey(member from, const slot_offer& in, time now, output& out);
  void obey(member from, const report& in, time now, output& out);
  template <class Other>
  void obey(member, const Other&, time, output&) {}
  bool step(const input& in, time now, output& out, std::uint64_t offer = 0);
  void carry_out(mapreduce::output& did, time now, output& out, std::uint64_t offer);
  void assigned(const attempt_id& id, const std::string& to);
  void told_of(const output_location& where);
  void heed(const job_event& e);
  void clerk(time now, output& out);
  void ended();
  bool has_earned(const std::string& error) const;
  crew* named(const std::string& worker);

  simulation::generator chance_;
  std::shared_ptr<scene> scene_;
  time until_;
  std::vector<crew> crew_;
  std::uint64_t sessions_ = 0;
  std::uint32_t number_ = 0;  // of jobs
  const setup* setup_ = nullptr;
  std::optional<job> core_{};
  std::deque<std::pair<commit_order, time>> commits_{};
  std::optional<time> finish_at_{};
  time tick_at_{};
  // what the claims go by
  std::set<attempt_id> given_{};
  std::map<attempt_id, std::string> live_{};
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::pair<std::string, std::uint64_t>>
      outputs_{};  // map, attempt: its worker, and that one's session
  std::map<std::pair<task_kind, std::uint32_t>, std::set<std::uint32_t>> failed_{}, deaths_{};
  std::map<std::uint32_t, std::set<std::uint32_t>> unfetched_{};
  std::map<std::uint32_t, std::uint32_t> skipped_{};  // map: its attempts then
};

class node {
 public:
  using message = simulated::message;
  using command = std::monostate;
  using event = simulated::event;
  node(const simulation::life& of, std::shared_ptr<scene> all, std::uint32_t members, time until);
  void receive(member from, message m, time now, output& out);
  void command_given(const command&, time, output&) {}
  void tick(time now, output& out);
  void lost(member peer, std::uint32_t its_life, time now, output& out);
  time due() const;
  static void describe(const event& e, std::string& fields);

 private:
  worker worker_;
  std::optional<master> master_{};
};

// The plan's members are the nodes.
simulation::run_outcome rehearse(const simulation::plan& p, const simulation::settings& how);
}  // namespace troupe::mapreduce::simulated
