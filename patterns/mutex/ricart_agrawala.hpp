// Permission of all the others: who wants to enter asks them, and who wants to enter itself, and asked earlier, answers
// only when it has been inside.
// Source: G. Ricart, A. Agrawala, "An Optimal Algorithm for Mutual Exclusion in Computer Networks", CACM 24(1), 1981;
//   times are L. Lamport's ("Time, Clocks, and the Ordering of Events", CACM 21(7), 1978), ties go to the lower number.
// Beyond the paper: members may fail. One that has died is passed over (the paper's section 6.2 has all others told); one
//   that is back is asked again, since what its last life said is forgotten with it.
//   Promises  one inside; entries in the order of (time, number of the member)
//             an answer to an earlier request counts for no later one, nor does that of a life that is over
//             nobody waits for the dead longer than the detector does
//   Under     lost, repeated, reordered messages; crashes
//   Assumes   mutex.hpp; the clock is drawn from `seen`, so that no time comes again
//   Beware    it blocks as a whole while anybody is silent and not yet called lost
//   Costs     2(n-1) messages an entry, a write to disk each; who waits for longer than `retry` asks again those that have
//             not answered
//   phase   | ask, earlier than own | ask, later | reply of this request   | release
//   idle    | reply                 | reply      | -                       | refused
//   waiting | reply                 | deferred   | counted; the last: in   | the deferred are answered
//   holding | deferred              | deferred   | -                       | the deferred are answered
#pragma once
#include "patterns/mutex/mutex.hpp"
namespace troupe::mutex {
class ricart_agrawala final : public member {
 public:
  explicit ricart_agrawala(const place& where);
  std::unique_ptr<member> copy() const override { return std::make_unique<ricart_agrawala>(*this); }
  instant due() const override { return phase_ == phase::waiting ? again_ : instant::max(); }
  const stamp& mine() const { return mine_; }  // of the last request

 private:
  struct other {
    std::uint64_t asked = 0;     // its last request
    std::uint64_t deferred = 0;  // the one that waits for our answer; 0: none
    bool replied = false;        // to ours
  };
  void on_acquire(instant now, output& out) override;
  void on_release(bool was_inside, instant now, output& out) override;
  void on_message(server from, const body& what, instant now, output& out) override;
  void on_tick(instant now, output& out) override;
  void on_lost(server peer, instant now, output& out) override;
  void on_back(server peer, instant now, output& out) override;
  std::string inner() const override;

  void on(server from, const ask& m, output& out);
  void on(server from, const reply& m, output& out);
  void on(server from, const overtaken& m, output& out);
  template <class Other>
  void on(server, const Other&, output&) {}  // another algorithm's

  std::uint64_t fence_of(const stamp& s) const { return s.time * members() + s.id; }
  void ask_the_silent(output& out);
  void enter_if_all(output& out);

  stamp mine_{};
  std::vector<other> others_;
  std::uint64_t passed_ = 0;  // the highest fence known to have been inside
  instant again_{};
};
}  // namespace troupe::mutex
