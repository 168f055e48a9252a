// One election, whatever its algorithm: who leads, and in which term.
//   auto e = election::make("bully", {.self = 2, .members = {0, 1, 2}, .seed = 7}, persisted_before, now, out);
//   Promises  what algorithms() says of each. Whatever the algorithm, terms only rise in what one member believes, over its
//             restarts too, and what an older one says changes nothing
//   Assumes   the host obeys as in ARCHITECTURE.md, 2: `send` leaves when all that was persisted before is durable, and it
//             says so by persisted(); what was persisted last is handed to the member's next life
//   Beware    a leader's term is a fencing token only where the algorithm promises one leader a term: bully's is not
#pragma once
#include "patterns/message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
namespace troupe::election {
using instant = std::chrono::nanoseconds;  // since any fixed origin, of a clock that never steps
using duration = std::chrono::nanoseconds;
using server = std::uint32_t;  // members are numbered; the bully's elder has the higher number

enum class standing : std::uint8_t {
  looking,  // nobody leads, as far as it knows
  following,
  leading,
  observing,  // it follows, and has no voice
};
TROUPE_ENUM(standing, looking, following, leading, observing)

struct belief {
  standing as = standing::looking;
  server leader = 0;  // unless it looks for one
  std::uint64_t term = 0;
};
TROUPE_MESSAGE(belief, as, leader, term)

struct letter {
  server to = 0;
  std::string_view kind{};  // the algorithm's own word for it, to be counted by
  std::string bytes{};
};
// `output` is the campaign's, of the same namespace (patterns/storage/campaign.hpp).
struct elector_output {
  std::optional<std::string> persist{};  // instead of what was persisted before
  std::vector<letter> send_now{};
  std::vector<letter> send{};
  std::vector<belief> changes{};  // each a new one
  void clear() { *this = elector_output{}; }
};

struct setting {
  server self = 0;
  std::vector<server> members{};  // that have a voice; the same for all of them
  std::vector<server> observers{};
  duration patience =
      std::chrono::milliseconds{200};  // with a leader that is silent, and with answers
  duration beat = std::chrono::milliseconds{40};
  bool keep_incumbent = false;  // bully: who comes back takes over from nobody
  std::uint64_t life = 1;       // of this member's process: another one has a higher number
  std::uint64_t seed = 0;
  bool eager = true;  // false: it leads only where no eager member can
};

class elector {
 public:
  virtual ~elector() = default;
  virtual void receive(server from, std::string_view bytes, instant now, elector_output& out) = 0;
  virtual void persisted(instant now, elector_output& out) = 0;  // all of it so far
  // That life of a peer is over, as far as is known; or it is not, or this one has begun.
  virtual void lost(server peer, std::uint64_t life, instant now, elector_output& out) = 0;
  virtual void back(server peer, std::uint64_t life, instant now, elector_output& out) = 0;
  virtual void tick(instant now, elector_output& out) = 0;
  // As setting.eager, from its next standing on; what leads goes on.
  virtual void stand(bool eager) = 0;
  virtual instant due() const = 0;
  virtual belief now_believes() const = 0;
};

struct algorithm {
  std::string_view name;
  bool observers;  // it has members without a voice
  bool majority;   // one leader a term at most, and members that are not eager have a voice, too;
                   // else these are better not there
  std::string_view promises;
  std::string_view messages;  // the textbook's formula, for n members
  std::function<std::unique_ptr<elector>(const setting&, std::string_view persisted, instant now,
                                         elector_output& out)>
      make;
};
const std::vector<algorithm>& algorithms();               // bully, raft, zab
const algorithm* algorithm_named(std::string_view name);  // null: there is none
}  // namespace troupe::election
