// Only who has the token may enter; it goes round from each member to the next one that lives.
// Source: G. Le Lann, "Distributed Systems - Towards a Formal Approach", IFIP Congress 1977.
// Beyond the paper: tokens are numbered by generation and hop. One monitor, the lowest member that lives, replaces a lost
//   token once all that live have said that they have none: who has answered takes no token of an earlier generation any
//   more, so that a slow one is none (as acceptors do, L. Lamport, "The Part-Time Parliament"). A token that nobody wants
//   rests, ever longer, until it is sent for.
//   Promises  one token while the detector's word is right; a lost one is replaced once
//             who waits is served within one circuit of the token; dead members are skipped
//             a holder that was paused, and replaced, has the fence of an earlier generation
//   Under     lost, repeated, reordered messages; crashes. A token that a message's loss has taken is missed for `overdue`
//   Assumes   mutex.hpp
//   Beware    fences hold 32 bits of each: a generation is drawn anew long before its hops run out
//   Costs     1 message an entry while all want to enter, n from a token at rest (k for the word that wants it, n - k for
//             the token); a census 2(n-1), after a death, and each `overdue` while somebody stays inside for long
//   phase   | acquire                     | token newer than seen     | release
//   idle    | waiting; in if it is here   | rests if unwanted, or on  | refused
//   waiting | already_pending             | in                        | idle
//   holding | already_pending             | lost: another replaced it | on
//   monitor: | told of a death, or saw no token for `overdue`: asks all | all have none: mints | one has it: waits
#pragma once
#include "patterns/mutex/mutex.hpp"
namespace troupe::mutex {
class token_ring final : public member {
 public:
  explicit token_ring(const place& where);
  std::unique_ptr<member> copy() const override { return std::make_unique<token_ring>(*this); }
  instant due() const override;
  bool has_token() const { return has_; }
  const token& seen_token() const { return token_; }

 private:
  void on_acquire(instant now, output& out) override;
  void on_release(bool was_inside, instant now, output& out) override;
  void on_message(server from, const body& what, instant now, output& out) override;
  void on_tick(instant now, output& out) override;
  void on_lost(server peer, instant now, output& out) override;
  void on_back(server peer, instant now, output& out) override;
  std::string inner() const override;

  void on(server from, const token& m, instant now, output& out);
  void on(server from, const want& m, instant now, output& out);
  void on(server from, const census& m, instant now, output& out);
  void on(server from, const answer& m, instant now, output& out);
  template <class Other>
  void on(server, const Other&, instant, output&) {}  // another algorithm's

  std::uint64_t fence_here() const { return token_.generation << 32U | token_.hop; }
  bool monitors() const { return lowest() == self(); }
  server successor() const;  // itself if nobody else lives
  void take(instant now, output& out);
  void pass_on(instant now, output& out);
  void renumber(output& out);
  void send_for(output& out);
  void count(instant now, output& out);
  void question(server s, output& out);
  void conclude(instant now, output& out);

  bool has_ = false;
  token token_{};               // the last that was here, and as it left
  std::uint64_t promised_ = 0;  // no token below is taken
  bool moving_ = false;         // it left in a state that brings it back without a rest
  bool wanted_ = false;         // by somebody further on
  instant rest_until_{};
  instant heard_{};                        // of the token, by the monitor
  instant again_{};                        // to send for it, or to ask
  std::optional<std::uint64_t> census_{};  // under way
  std::vector<bool> asked_;                // and have not answered yet
  std::uint64_t answered_ = 0;             // the last census of another
  // By member, the lives that it took for dead: what they may have sent before is no token, unless it is that census's own.
  // Theirs can have any generation, if they had drawn it themselves.
  std::vector<std::uint32_t> void_from_;
};
}  // namespace troupe::mutex
