// Several locks at once, all or none: one after the other, in one order for everybody.
// Source: J. W. Havender, "Avoiding deadlock in multitasking systems", IBM Systems Journal 7(2), 1968 (resources in order);
// Redisson's MultiLock and Curator's InterProcessMultiLock for what is asked of it.
//   Promises  who takes locks by this alone is in no deadlock with others who do
//             when one is refused, is lost, or time runs out, all that were taken go back, and only then is it told
//   Beware    who holds other locks meanwhile can be in a deadlock: patterns/lock/deadlock.hpp finds it
//   Costs     what the locks cost, one after the other
//   stage    | taken                 | declined         | lost                     | give_up
//   taking   | the next; all: held   | giving back      | giving back, with the one that is awaited
//   held     |                       |                  | giving back              | giving back
//   giving   | goes back as well     | when all are back: over
#pragma once
#include "patterns/lock/holder.hpp"
#include "patterns/result.hpp"

#include <optional>
#include <string>
#include <vector>
namespace troupe::lock {
struct want {
  std::string lock{};
  mode as = mode::exclusive;
  std::uint32_t count = 1, capacity = 1;  // of mode::permits
};
TROUPE_MESSAGE(want, lock, as, count, capacity)

// In the order in which all take them; or why it cannot be: none, one without a name, one twice.
result<std::vector<want>, std::string> in_order(std::vector<want> all);

struct several_output {
  struct step {
    std::size_t which = 0;
    duration wait{};
  };
  std::optional<step> take{};
  std::vector<std::size_t> give_up{};   // is awaited no longer
  std::vector<std::size_t> put_back{};  // in the other direction
  bool all = false;                     // are held: `fences`
  std::optional<declined> failed{};     // nothing is held; the cookie means nothing
  bool over = false;
};

class several {
 public:
  several(std::size_t count, duration wait, instant now);
  void begin(instant now, several_output& out);
  void taken(std::uint64_t fence, instant now, several_output& out);  // what it waits for
  void refused(decline why, std::string sentence, several_output& out);
  void lost(std::size_t which, std::string why, several_output& out);
  void give_up(several_output& out);                      // or put back
  void put_back(std::size_t which, several_output& out);  // it has gone back

  bool held() const { return at_ == stage::held; }
  const std::vector<std::uint64_t>& fences() const { return fences_; }  // of those it has, in order

 private:
  enum class stage { taking, held, giving, over };
  void next(instant now, several_output& out);
  void give_back(declined why, several_output& out, std::optional<std::size_t> but = {});
  void settle(several_output& out);

  std::size_t count_;
  instant until_;
  bool tries_;
  stage at_ = stage::taking;
  bool awaits_ = false;
  std::vector<std::uint64_t> fences_{};
  std::size_t going_ = 0;
  std::optional<declined> why_{};
};
}  // namespace troupe::lock
