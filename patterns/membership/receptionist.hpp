// The listing of a receptionist: which actors, on which nodes, offer a service. Each node owns what its
// actors have registered, numbers its changes, and tells all others; they only ever copy.
//   Promises  views are equal once changes stop and members can talk; of a node that is unreachable,
//             gone, or without a link nothing is listed from that moment on
//   Under     lost, repeated, reordered messages: a gap in the numbers asks for the whole listing, and
//             a beacon tells the number now and then
//   Assumes   an owner's name is never used again (the incarnation of its process)
//   Costs     a change is one small message to each linked node
// Actors are numbers here; whose handle hides behind (owner, number) is the host's knowledge.
#pragma once
#include "patterns/membership/member.hpp"

#include <set>
#include <utility>
#include <variant>
namespace troupe::receptionist {
using membership::duration;
using membership::instant;

struct offer {
  std::string key{};
  std::uint64_t actor = 0;
};
TROUPE_MESSAGE(offer, key, actor)
inline bool operator<(const offer& a, const offer& b) {
  return std::tie(a.key, a.actor) < std::tie(b.key, b.actor);
}
constexpr std::size_t key_bytes_max = 255;
constexpr std::size_t offers_max = 100'000;  // of one node

// Between receptionists; who sends it owns it.
struct whole {
  std::uint64_t version = 0;
  std::vector<offer> offers{};
};
TROUPE_MESSAGE(whole, version, offers)
struct change {
  std::uint64_t base = 0;  // the version before it
  std::uint64_t version = 0;
  std::vector<offer> added{};
  std::vector<offer> gone{};
};
TROUPE_MESSAGE(change, base, version, added, gone)
struct beacon {
  std::uint64_t version = 0;
};
TROUPE_MESSAGE(beacon, version)
struct ask {  // for the whole
  std::uint64_t have = 0;
};
TROUPE_MESSAGE(ask, have)
using message = std::variant<whole, change, beacon, ask>;

// Inputs. What the host's own actors do:
struct enroll {
  offer what{};
};
struct withdraw {
  offer what{};
};
struct ended {  // the actor has died: all that it offered goes
  std::uint64_t actor = 0;
};
// What becomes of others:
struct linked {
  std::string owner{};
};
struct unlinked {  // its handles are dead
  std::string owner{};
};
struct shown {  // a member that can be reached
  std::string owner{};
};
struct hidden {
  std::string owner{};
};
struct heard {
  std::string owner{};
  message what{};
};
struct tick {};
using input = std::variant<enroll, withdraw, ended, linked, unlinked, shown, hidden, heard, tick>;
enum class refusal : std::uint8_t { key_empty, key_too_long, too_many, not_enrolled };
TROUPE_ENUM(refusal, key_empty, key_too_long, too_many, not_enrolled)

struct outgoing {
  std::string to{};
  message what{};
};
struct output {
  std::vector<outgoing> send{};
  std::set<std::string> changed{};  // keys whose listing is another now
  std::vector<refusal> refused{};
};

using listed = std::pair<std::string, std::uint64_t>;  // owner, actor

class core {
 public:
  core(std::string self, duration beacon_interval);
  void step(const input& in, instant now, output& out);
  instant due() const { return next_beacon_; }
  std::vector<listed> listing(const std::string& key) const;  // sorted
  std::set<std::uint64_t> actors_of(const std::string& owner) const;
  std::size_t offered() const { return owners_.at(self_).offers.size(); }

 private:
  struct owner {
    std::uint64_t version = 0;
    std::set<offer> offers{};
    bool linked = false;
    bool shown = false;
    bool asked = false;  // for the whole, and it has not come
  };
  void on(const enroll& e, instant now, output& out);
  void on(const withdraw& x, instant now, output& out);
  void on(const ended& x, instant now, output& out);
  void on(const linked& x, instant now, output& out);
  void on(const unlinked& x, instant now, output& out);
  void on(const shown& x, instant now, output& out);
  void on(const hidden& x, instant now, output& out);
  void on(const heard& x, instant now, output& out);
  void on(const tick& x, instant now, output& out);
  void take(const std::string& from, const whole& m, output& out);
  void take(const std::string& from, const change& m, output& out);
  void take(const std::string& from, const beacon& m, output& out);
  void take(const std::string& from, const ask& m, output& out);

  bool visible(const std::string& name, const owner& o) const;
  void ask_whole(const std::string& of, output& out);
  void add(const std::string& to, const offer& what, output& out);
  void remove(const std::string& from, const offer& what, output& out);
  void touch_all(const owner& o, output& out) const;
  void tell(change what, output& out);
  void forget_if_void(const std::string& name);

  std::string self_;
  duration interval_;
  instant next_beacon_{};
  std::map<std::string, owner> owners_;
  std::map<std::string, std::set<listed>> by_key_;
};
}  // namespace troupe::receptionist
