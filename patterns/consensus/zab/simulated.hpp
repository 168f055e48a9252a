// A server of an ensemble as the simulator's host, with its journal on the simulated disk and a small
// machine to which it applies what is committed; and the promises of zab.hpp as claims on what all of
// them do, asked at every step.
//   Promises  (claims) what a claim goes by is kept apart from what the core believes: durability by
//             the disk's word, the order by what was applied first
//   Assumes   `scene` judges all hosts of one world; records are torn by crashes, and never rot
#pragma once
#include "patterns/consensus/zab/zab.hpp"
#include "patterns/simulation/host.hpp"
#include "patterns/simulation/judged.hpp"

#include <array>
#include <set>
namespace troupe::zab::simulated {
using simulation::member;
inline server server_of(member m) { return m + 1; }
inline member member_of(server s) { return static_cast<member>(s - 1); }

namespace claim {
inline constexpr std::string_view integrity = "S1: what is applied was proposed, and once",
                                  order = "S2: all apply the same transactions, in one order",
                                  agreement = "S3: a leader has all that was ever applied",
                                  kept = "S3: nothing that was applied is truncated",
                                  primary =
                                      "S4: epochs one after the other, each from its first on",
                                  one = "S5: one established leader an epoch, by quorums of voters",
                                  durable = "S6: what is acknowledged or applied is durable",
                                  never_fall = "S7: epochs and what is committed never fall",
                                  fresh = "S8: what is read is no older than the question";
inline constexpr std::array all{integrity, order,   agreement,  kept, primary,
                                one,       durable, never_fall, fresh};
}  // namespace claim

struct written {  // a record on disk
  std::uint64_t number = 0;
  bool has_base = false, restart = false;
  zxid base{};
  std::string bytes{};
  std::optional<zxid> cut{};
  std::vector<transaction> appended{};
  std::optional<hard_state> state{};
};
TROUPE_MESSAGE(written, number, has_base, restart, base, bytes, cut, appended, state)
written written_of(const record& r);
void add(restored& all, const written& w);

// Counts what it applies, and remembers it as a digest.
struct machine {
  std::uint64_t count = 0;
  std::uint64_t digest = 0;
  zxid last{};
  void apply(const transaction& t);
};
TROUPE_MESSAGE(machine, count, digest, last)

class scene : public simulation::judged {
 public:
  explicit scene(ensemble of) : of_{std::move(of)} {}
  void started(const replica& core, const restored& durable, std::uint32_t life);
  void synced(server id, const written& w) { add(seen_[id].durable, w); }
  void proposed(const transaction& t);
  void cut(server id, const history& log, zxid upto);
  void said(server id, const message& m);  // as it leaves the core
  void arrived(server from, const message& m);
  void applied(server id, const machine& after, const transaction& t);
  void restored_to(server id, const machine& m);
  zxid newest() const { return canon_.empty() ? zxid{} : canon_.back(); }  // that anybody applied
  void read(server id, zxid asked_at, zxid answer);
  void stepped(const replica& core, std::uint32_t life);
  std::uint64_t committed() const { return canon_.size(); }
  const ensemble& of() const { return of_; }

 private:
  struct server_seen {
    restored durable{};
    std::uint64_t session = 0;  // the last it drew
    hard_state state{};
    zxid committed{};
    bool established = false;
  };
  static bool holds(const restored& r, zxid z);
  void established(const replica& core, std::uint32_t life);
  ensemble of_;
  std::map<server, server_seen> seen_;
  std::map<zxid, std::string> proposed_;
  std::vector<zxid> canon_;
  std::set<zxid> in_canon_;
  std::vector<std::uint64_t> digests_{0};  // after so many
  std::map<std::uint32_t, std::pair<server, std::uint32_t>> leaders_;
};

struct propose_some {  // and one question
  std::uint32_t count = 1;
};

class host {
 public:
  using message = zab::message;
  using command = propose_some;
  using event = zab::event;
  using output = simulation::effects<message, event>;
  struct place {
    member self = 0;
    options how{};
    std::shared_ptr<scene> judge{};
    std::uint64_t snapshot_each = 0;
  };
  host(const simulation::life& of, std::shared_ptr<place> where);
  void receive(member from, message m, instant now, output& out);
  void command_given(const command& c, instant now, output& out);
  void tick(instant now, output& out);
  void persisted(std::uint64_t upto, instant now, output& out);
  void lost(member peer, std::uint32_t its_life, instant now, output& out);
  instant due() const { return first_ ? instant{} : core_->due(); }
  static void describe(const event& e, std::string& fields);
  const replica& core() const { return *core_; }
  const machine& state() const { return machine_; }

 private:
  void step(input in, instant now, output& out);
  void carry_out(instant now, output& out);
  std::shared_ptr<place> where_;
  const simulation::disk& disk_;
  std::uint32_t life_;
  simulation::generator chance_;
  std::optional<zab::output> first_;  // of the core's making, to be carried out with the first step
  std::unique_ptr<replica> core_;
  zab::output did_;
  machine machine_;
  std::deque<std::pair<std::uint64_t, written>> syncing_;  // by place on disk
  std::map<std::uint64_t, zxid> asking_;  // by cookie: what had been applied when it was asked
  std::uint64_t made_ = 0;
};
}  // namespace troupe::zab::simulated
