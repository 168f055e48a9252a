// What a store of locks is asked, and what it answers: a line of places for each lock, and sessions under which they stand.
//   open_session                   opened
//   renew_session, close_session   settled, no_session
//   stand                          stood: asked again under the same id, the same place
//                                  with an empty session: a place that stands until it is left, whoever stood
//   leave_line                     settled, also if it was not there
//   look                           seen
//   await                          settled, or the line as it was seen then, once one of these places is gone, or was
//                                  yielded, as soon as who holds there alone says that he lets go, where stores pass that on
//   survey                         surveyed: all lines
//   any of them                    unanswered (done or not), refused (not done, and not worth asking again)
//   Assumes   of a store: tickets rise from stand to stand, over all its locks and its failures; what it answers is the
//             latest there is (linearizable); a session ends no earlier than its ttl after it was last opened or renewed, and
//             its places end with it, for all at once
#pragma once
#include "patterns/lock/line.hpp"

#include <chrono>
#include <map>
#include <string>
#include <variant>
#include <vector>
namespace troupe::lock {
using instant = std::chrono::nanoseconds;  // since any fixed origin, of a clock that never steps
using duration = std::chrono::nanoseconds;

struct open_session {
  duration ttl{};
};
struct renew_session {
  std::string session{};
};
struct close_session {
  std::string session{};
};
struct stand {
  std::string session{};
  std::string lock{};
  place wanted{};  // without a ticket
};
struct leave_line {
  std::string session{};
  std::string lock{};
  std::string id{};  // the place's
  // Its ticket, of who held there alone: whoever is next need not wait until it is gone. 0: of nobody.
  std::uint64_t yields = 0;
};
struct look {
  std::string lock{};
};
struct await {
  std::string lock{};
  line those{};
  std::uint64_t from = 0;  // `at` of the line that they were seen in
  std::string own{};  // its own place: `yielded` is for who stands there still. Empty: for nobody
};
struct survey {};
TROUPE_MESSAGE(open_session, ttl)
TROUPE_MESSAGE(renew_session, session)
TROUPE_MESSAGE(close_session, session)
TROUPE_MESSAGE(stand, session, lock, wanted)
TROUPE_MESSAGE(leave_line, session, lock, id, yields)
TROUPE_MESSAGE(look, lock)
TROUPE_MESSAGE(await, lock, those, from, own)
TROUPE_MESSAGE(survey)
using wish = std::variant<open_session, renew_session, close_session, stand, leave_line, look,
                          await, survey>;

struct opened {
  std::string session{};
};
struct stood {  // and the line as it was then, with this place in it
  std::uint64_t ticket = 0;
  line all{};
  std::uint64_t at = 0;  // the store's own word for that moment
};
struct seen {
  line all{};
  std::uint64_t at = 0;
};
struct surveyed {
  std::map<std::string, line> all{};
};
struct settled {};
struct yielded {};  // the place may be there for a while; it is in nobody's way
struct no_session {};
struct unanswered {};
struct refused {
  std::string why{};
};
TROUPE_MESSAGE(opened, session)
TROUPE_MESSAGE(stood, ticket, all, at)
TROUPE_MESSAGE(seen, all, at)
TROUPE_MESSAGE(surveyed, all)
TROUPE_MESSAGE(settled)
TROUPE_MESSAGE(yielded)
TROUPE_MESSAGE(no_session)
TROUPE_MESSAGE(unanswered)
TROUPE_MESSAGE(refused, why)
using answer =
    std::variant<opened, stood, seen, surveyed, settled, yielded, no_session, unanswered, refused>;

struct ask {  // of a core, to be answered under its number
  std::uint64_t number = 0;
  wish what{};
};
struct answered {
  std::uint64_t number = 0;
  answer what{};
};
}  // namespace troupe::lock
