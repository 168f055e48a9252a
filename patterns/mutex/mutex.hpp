// Mutual exclusion among n members, the algorithm chosen by name: what all of them take and tell.
// Sources: the three cores'; A. Tanenbaum, M. van Steen, "Distributed Systems", 6.3, which sets them side by side.
//   auto m = make("token-ring", {.self = 2, .members = 5});
//   m->command(acquire{}, now, out);         // out.told: granted{fence}, sooner or later
//   Promises  never two inside while the detector's word is right: `lost` only of lives that have ended
//             where it was wrong (a pause, a partition) two may be inside, but never under one fence: a resource that
//             refuses a number below the highest it has seen (consensus/fence.hpp) is never used by both in turns
//             every waiting live member is served once all that live hear each other
//   Fences    rise from grant to grant, over crashes and failovers, as long as one lives who knew of the last grant; where
//             nobody does, and between the two sides of a partition, a later one may be lower. The resource refuses it;
//             who acquires again `above` the number it was refused for gets a higher one
//   Assumes   a detector that sooner or later says `lost` of what is silent and `back` of what is heard; until then all are
//             taken for alive. Numbers of lives rise with each start; `seen` is what was last persisted
//   Beware    a holder does not notice that it was given up before somebody who knows can tell it: `told` holds `lost`
//             then, and never if that message is lost
//   phase   | acquire         | release
//   idle    | waiting         | refused not_pending
//   waiting | already_pending | idle: given up
//   holding | already_pending | idle
#pragma once
#include "patterns/mutex/messages.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
namespace troupe::mutex {
using instant = std::chrono::nanoseconds;  // since any fixed origin
using duration = std::chrono::nanoseconds;

struct acquire {
  std::uint64_t above = 0;  // a fence that the resource has seen
};
struct release {};

struct granted {
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(granted, fence)
struct lost {  // to a holder: it is none any more, without having released
  std::uint64_t fence = 0;
};
TROUPE_MESSAGE(lost, fence)
enum class refusal : std::uint8_t {
  already_pending,
  not_pending,
  busy,  // held, and the coordinator was set to deny; the acquire is over
};
TROUPE_ENUM(refusal, already_pending, not_pending, busy)
struct refused {
  refusal why = refusal::not_pending;
};
TROUPE_MESSAGE(refused, why)
using happening = std::variant<granted, lost, refused>;

struct letter {
  server to = 0;
  message what{};
};
TROUPE_MESSAGE(letter, to, what)
struct output {
  std::optional<std::uint64_t> persist{};  // on disk before anything below leaves: place::seen
  std::vector<letter> send{};
  std::vector<happening> told{};
  void clear() { *this = {}; }
};

struct settings {
  duration retry = std::chrono::milliseconds{500};  // what was not answered is said again
  bool deny = false;  // centralised: a held lock is refused, not waited for
  duration rest_min = std::chrono::milliseconds{10};  // token ring: of a token that nobody wants
  duration rest_max = std::chrono::milliseconds{200};
  duration overdue = std::chrono::seconds{3};  // token ring: then it is looked for
};
struct place {
  server self = 0;
  std::uint32_t members = 1;
  std::uint32_t life = 1;
  std::uint64_t seen = 0;
  settings how{};
  instant now{};
};

class member {
 public:
  explicit member(const place& where);
  virtual ~member() = default;
  virtual std::unique_ptr<member> copy() const = 0;

  void receive(server from, const message& m, instant now, output& out);
  void command(const acquire& c, instant now, output& out);
  void command(const release& c, instant now, output& out);
  void tick(instant now, output& out) { on_tick(now, out); }
  virtual instant due() const = 0;  // when to tick; instant::max(): never
  void lost(server peer, std::uint32_t its_life, instant now, output& out);  // 0: never heard of
  void back(server peer, std::uint32_t its_life, instant now, output& out);

  phase as() const { return phase_; }
  std::uint64_t fence() const { return phase_ == phase::holding ? fence_ : 0; }
  server self() const { return where_.self; }
  std::string digest() const;  // all that it is

 protected:
  struct peer {
    std::uint32_t life = 0;  // 0: not heard of
    bool live = true;
  };
  member(const member&) = default;
  virtual void on_acquire(instant now, output& out) = 0;
  virtual void on_release(bool was_inside, instant now, output& out) = 0;
  virtual void on_message(server from, const body& what, instant now, output& out) = 0;
  virtual void on_tick(instant now, output& out) = 0;
  virtual void on_lost(server peer, instant now, output& out) = 0;
  virtual void on_back(server peer, instant now, output& out) = 0;  // maybe in another life
  virtual std::string inner() const = 0;

  std::uint32_t members() const { return where_.members; }
  const settings& how() const { return where_.how; }
  bool live(server s) const { return s == self() || peers_[s].live; }
  std::uint32_t life_of(server s) const { return s == self() ? where_.life : peers_[s].life; }
  server lowest() const;  // that lives
  template <class F>
  void each_live_peer(F&& what) const {
    for (server s = 0; s < members(); ++s)
      if (s != self() && live(s)) what(s);
  }
  void send(server to, body what, output& out) const;
  // A number above all seen so far that no other member draws, and this one never again.
  std::uint64_t draw(output& out);
  void saw(std::uint64_t number) { seen_ = std::max(seen_, number); }
  void enter(std::uint64_t fence, output& out);
  void lose(output& out);
  void deny(output& out);

  phase phase_ = phase::idle;
  std::uint64_t number_ = 0;  // of the last acquire
  std::uint64_t above_ = 0;
  std::uint64_t fence_ = 0;
  std::uint64_t seen_ = 0;

 private:
  void meet(server s, std::uint32_t its_life, instant now, output& out);
  place where_;
  std::vector<peer> peers_;
};

struct algorithm {
  std::string_view name, promises, on_crash, on_pause, on_partition;
  std::string_view formula;  // the textbook's, of messages an entry
  std::uint32_t (*least)(std::uint32_t n), (*most)(std::uint32_t n);
};
const std::vector<algorithm>& algorithms();
// None of that name: null.
std::unique_ptr<member> make(std::string_view name, const place& where);
}  // namespace troupe::mutex
