// A replica as the simulator's host, with its journal on the simulated disk and a small machine to
// which it applies what is committed.
//   Promises  a journal that has rotted is never read: the replica comes back under another number,
//             empty, as a server that nobody knows (raft.hpp, Assumes)
//   Assumes   `scene` judges all hosts of one world
#pragma once
#include "patterns/consensus/raft/simulated_clients.hpp"
#include "patterns/consensus/raft/simulated_rephrased.hpp"
#include "patterns/consensus/raft/simulated_scene.hpp"
#include "patterns/simulation/host.hpp"
#include "patterns/simulation/trace.hpp"

#include <memory>
namespace troupe::raft::simulated {
struct envelope {
  server from = 0, to = 0;
  raft::message what{};
};
struct set_members {  // by the operator
  std::vector<peer> voters{}, learners{};
};
struct hand_over {
  server to = 0;
};
struct burst {  // proposals that mean nothing, at once, to whoever takes itself for the leader
  std::uint32_t count = 0;
};

inline server number_of(member where, std::uint32_t journals) {
  return 1 + where + std::uint64_t{1'000} * journals;
}
inline member whose(server id) { return static_cast<member>((id - 1) % 1'000); }
inline peer peer_of(server id) { return {id, simulation::name_of(whose(id))}; }

class host {
 public:
  using message = envelope;
  using command = std::variant<request, set_members, hand_over, burst>;
  using event = raft::event;
  using output = simulation::effects<message, event>;
  struct place {  // what outlives a process
    member self = 0;
    options how{};
    bool rephrases = false;  // simulated_rephrased.hpp
    configuration first{};   // of the first journal
    std::uint32_t journals = 0;
    std::size_t journal_from = 0;  // records before are of journals that are lost
    std::shared_ptr<scene> judge{};
    std::shared_ptr<audience> asking{};
    server id() const { return number_of(self, journals); }
  };

  host(const simulation::life& of, std::shared_ptr<place> where);
  void receive(member from, message m, instant now, output& out);
  void command_given(const command& c, instant now, output& out);
  void tick(instant now, output& out);
  void persisted(std::uint64_t upto, instant now, output& out);
  void lost(member peer, std::uint32_t its_life, instant now, output& out);
  instant due() const { return core_->due(); }
  static void describe(const event& e, std::string& fields);
  const replica& core() const { return *core_; }
  const machine& state() const { return machine_; }
  std::uint64_t applied() const { return applied_; }

 private:
  struct asked {  // a read that waits, first for its index, then for that to be applied
    request what{};
    std::uint64_t floor = 0;  // what was committed when it came
    std::uint64_t cookie = 0, index = 0;
  };
  void step(input in, instant now, output& out);
  void carry_out(output& out);
  void apply(std::uint64_t upto);
  void answer_reads();
  void on(const request& r, instant now, output& out);
  void on(const set_members& c, instant now, output& out);
  void on(const hand_over& c, instant now, output& out);
  void on(const burst& c, instant now, output& out);
  void judge_loyalty(const envelope& m, const before& was, instant now);

  std::shared_ptr<place> where_;
  const simulation::disk& disk_;
  simulation::generator chance_;
  rephrased other_voice_;
  std::unique_ptr<replica> core_;
  raft::output did_;
  machine machine_;
  std::uint64_t applied_ = 0;
  std::deque<footprint> syncing_;
  std::optional<snapshotted> taken_;  // given to the core later
  std::uint64_t cookies_ = 0;
  std::map<std::uint64_t, request> proposed_;  // by cookie, until the core has answered
  std::array<std::uint32_t, clients> pending_{};
  std::deque<asked> reads_;
  server heard_of_ = 0;  // the leader that was heard last, for 4.2.3
  instant heard_at_{};
};
}  // namespace troupe::raft::simulated
