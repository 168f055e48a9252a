#include "patterns/link/meeting.hpp"

#include <algorithm>
#include <utility>

namespace troupe::link {
standing meeting::offer(const session_state& now) const {
  return {number_, connection_, now.live, now.live ? now.received : 0};
}

std::variant<choice, refusal> meeting::choose(const standing& offered, const session_state& now) {
  if (now.attached) return refusal::stale;
  dialing_ = true;
  if (now.live && offered.live && offered.number == number_)
    return choice{number_, std::max(connection_, offered.connection) + 1, true, now.received};
  return choice{std::max(number_, offered.number) + 1, 1, false, 0};
}

bool meeting::welcomed(const choice& chosen) {
  dialing_ = false;
  if (!newer(chosen)) return false;
  take(chosen);
  return true;
}

std::optional<refusal> meeting::judge(const choice& chosen, const session_state& now) {
  if (!newer(chosen)) return refusal::stale;
  if (dialing_ && dial_wins(me_, peer_)) return refusal::stale;
  if (chosen.resumed && !(now.live && chosen.number == number_)) return refusal::session_unknown;
  dialing_ = false;
  take(chosen);
  return std::nullopt;
}

bool meeting::newer(const choice& chosen) const {
  return std::pair{chosen.number, chosen.connection} > std::pair{number_, connection_};
}

void meeting::take(const choice& chosen) {
  number_ = chosen.number;
  connection_ = chosen.connection;
}
}  // namespace troupe::link
