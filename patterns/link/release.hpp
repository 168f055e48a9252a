// When may an exported actor be let go? Reference counts across a link without a race.
// Source: weighted reference counting (D. Bevan; P. Watson and I. Watson; both PARLE 1987), each
//         handle sent weighing one.
// The owner counts the handles it has sent to a peer, the holder those it has received. A holder
// that drops its last one gives back all it had; the owner lets go when it has back all it sent.
// What is still on its way is counted by the owner and not given back, so it keeps the actor.
//   Promises  an export is dropped only when the holder has no handle and none is under way to it;
//             it is dropped as soon as that is so and the release has arrived
//   Under     any delay; records of different lanes overtaking each other
//   Assumes   nothing is lost within a session; both tables are emptied when it ends
//   Costs     one record a proxy dropped; a map entry an actor on each side
//   owner, release(actor, n) | n < sent: keep, sent -= n | n == sent: drop | else: forged, keep
#pragma once
#include <cstdint>
#include <map>
#include <vector>
namespace troupe::link {
class exports {  // at the owner, one a session
 public:
  enum class verdict : std::uint8_t { kept, dropped, unknown, forged };
  // A handle of `actor` was written to the peer. True: it is the first, hold the actor from now on.
  bool sent(std::uint64_t actor) { return sent_[actor]++ == 0; }
  verdict release(std::uint64_t actor, std::uint64_t count);
  bool erase(std::uint64_t actor) { return sent_.erase(actor) != 0; }  // it has ended
  bool holds(std::uint64_t actor) const { return sent_.count(actor) != 0; }
  std::size_t size() const { return sent_.size(); }
  std::vector<std::uint64_t> clear();  // the session has ended: let all of these go

 private:
  std::map<std::uint64_t, std::uint64_t> sent_;  // actor id -> handles out
};

class imports {  // at the holder, one a session
 public:
  // A handle of the peer's `actor` was read. True: it is the first.
  bool received(std::uint64_t actor) { return received_[actor]++ == 0; }
  // Nobody here holds it any more: what to put into the release record, 0 if there is nothing to
  // tell.
  std::uint64_t drop(std::uint64_t actor);
  std::size_t size() const { return received_.size(); }
  void clear() { received_.clear(); }

 private:
  std::map<std::uint64_t, std::uint64_t> received_;
};
}  // namespace troupe::link
