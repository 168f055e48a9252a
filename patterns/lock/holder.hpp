// One client's part in a lock, whatever the store: it stands in line under a session, waits for the place before it, and
// holds until it lets go or its session's deadline comes. patterns/lock/session.hpp keeps the session.
// Source: P. Hunt et al., "ZooKeeper", USENIX ATC 2010, 2.4; M. Burrows, "The Chubby lock service", OSDI 2006 (sequencers);
// M. Kleppmann, "How to do distributed locking", 2016, for what a lease cannot do.
//   Promises  granted only while its place is in the line, nobody stands in its way but who has let go, and its session is
//             good by its own clock
//             `lost` as soon as the session is not; nothing brings that grant back
//             an answer that was lost leads to no second place: a stand is known by its id
//             acquired again while it holds, it holds that often, under the same fence (re-entrance); other numbers of
//             permits are refused until the place is gone, or given up if it is only kept
//             who gives up waiting leaves no place behind; one that was asked for and never answered may come late, and is
//             looked for again for a while
//             acquired while it lets go, it stands anew at once: nobody waits for that answer
//             with `keeps` it stays in its place after a release, and holds there again under the same fence: without the
//             store while it has asked for the line within twice `looks_every`, else when that has been answered. It lets go
//             with the next release once it has seen that somebody is kept waiting, and when it has stood for `keeps_most`;
//             who had to wait himself keeps nothing
//   Beware    a process that sleeps past its deadline does not know it: the guarded resource refuses older fences
//   Costs     free: one request, and one for the release; taken: one await, and one look more for each wake-up by a place that
//             has gone without a word. Kept: a look each `looks_every` while it is used, and who comes waits for one
// Source of `keeps`: lazy release, as in distributed lock managers: VAX/VMS (W. Snaman, D. Thiel, "The VAX/VMS Distributed Lock
// Manager", Digital Technical Journal 5, 1987), Lustre, GFS2's glocks.
#pragma once
#include "patterns/lock/store.hpp"

#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>
namespace troupe::lock {
constexpr duration for_ever = duration::max();

struct holder_settings {
  std::string lock{};
  std::string owner{};  // deadlocks are looked for between owners
  mode as = mode::exclusive;
  std::uint32_t count = 1, capacity = 1;  // permits
  bool revocable = true;                  // told at once when its place is taken away
  duration watches_after =
      std::chrono::milliseconds{100};  // it has held so long: before, at the end of that
  duration retry = std::chrono::milliseconds{200};  // after a store that did not answer
  duration patience = std::chrono::seconds{2};      // with a store, of who only tries
  duration keeps{0};                                // its place, after a release; 0: not at all
  duration looks_every = std::chrono::milliseconds{20};  // for those whom it keeps waiting
  // Since it stood: who was revoked while he waits learns it when this place goes.
  duration keeps_most = std::chrono::seconds{1};
};

// ---- inputs
struct acquire {
  std::uint64_t cookie = 0;
  duration wait = for_ever;               // 0: only if it is free now
  std::uint32_t count = 0, capacity = 0;  // of permits; 0: as it is
};
struct release {
  std::uint64_t cookie = 0;
};
struct give_up {  // an acquire that has not been answered
  std::uint64_t cookie = 0;
};
struct session_is {  // good, as long as its keeper does not say otherwise
  std::string id{};
};
struct session_gone {  // or will be before it could be told again
  std::string why{};
};
struct session_refused {  // who waits for one is told, and waits no longer
  std::string why{};
};
struct give_way {  // the victim of a deadlock, if this is its place still
  std::uint64_t ticket = 0;
  std::string why{};
};
struct keep_no_more {};  // what it has let go of and keeps
struct tick {};
using input = std::variant<acquire, release, session_is, session_gone, session_refused, answered,
                           give_way, tick, give_up, keep_no_more>;

// ---- outputs
enum class decline : std::uint8_t { timed_out, deadlock, refused, released };  // released: given up
TROUPE_ENUM(decline, timed_out, deadlock, refused, released)
struct granted {
  std::uint64_t cookie = 0;
  std::uint64_t fence = 0;
};
struct declined {
  std::uint64_t cookie = 0;
  decline why{};
  std::string sentence{};
};
struct freed {  // the answer to a release
  std::uint64_t cookie = 0;
  bool held = false;
};
struct lost {
  std::uint64_t fence = 0;
  std::string why{};
};
TROUPE_MESSAGE(granted, cookie, fence)
TROUPE_MESSAGE(declined, cookie, why, sentence)
TROUPE_MESSAGE(freed, cookie, held)
TROUPE_MESSAGE(lost, fence, why)
using event = std::variant<granted, declined, freed, lost>;
struct output {
  std::vector<ask> asks{};
  std::vector<event> events{};
};

enum class stage : std::uint8_t { idle, standing, looking, waiting, holding, kept };
TROUPE_ENUM(stage, idle, standing, looking, waiting, holding, kept)

class holder {
 public:
  // `life`: drawn for this holder, so that nobody's ids are its own.
  holder(holder_settings how, std::string life) : how_{std::move(how)}, life_{std::move(life)} {}
  void step(const input& in, instant now, output& out);
  instant due() const;

  stage at() const { return at_; }
  bool lets_go() const;  // of a place, and the store has not said yet that it is gone
  bool wants_session() const {
    return at_ != stage::idle || !wishers_.empty() || !leaving_.empty();
  }
  std::uint64_t ticket() const { return ticket_; }  // 0: none. The fence, while it holds
  std::uint32_t depth() const { return depth_; }
  std::string digest() const;  // all that it is, for simulations

 private:
  struct wisher {
    std::uint64_t cookie = 0;
    instant until{};
    bool tries = false;
  };
  struct left {  // a place that it wants no more
    std::string id{};
    std::vector<std::uint64_t> cookies{};  // releases to be answered
    std::uint64_t awaited = 0;
    instant again = instant::max();
    std::size_t sweeps = 0;    // still to come, of a place that was never seen
    std::uint64_t yields = 0;  // its ticket, if it held alone
    bool gone = false;         // the store has said so
  };
  void on(const acquire& in, instant now, output& out);
  void on(const release& in, instant now, output& out);
  void on(const give_up& in, instant now, output& out);
  void on(const session_is& in, instant now, output& out);
  void on(const session_gone& in, instant now, output& out);
  void on(const session_refused& in, instant now, output& out);
  void on(const answered& in, instant now, output& out);
  void on(const give_way& in, instant now, output& out);
  void on(const keep_no_more& in, instant now, output& out);
  void on(const tick& in, instant now, output& out);

  bool takes(const acquire& in, output& out);
  void judge(const line& all, std::uint64_t at, instant now, output& out);
  void hold(instant now, output& out);
  void ask_for(stage what, instant now, output& out);
  void put(wish what, output& out);
  void stand_in_line(instant now, output& out);
  void walk_away(output& out, std::vector<std::uint64_t> cookies = {});
  void let_go(left& l, output& out);
  void was_left(std::vector<left>::iterator l, const answer& said, instant now, output& out);
  void decline_all(decline why, const std::string& sentence, output& out);
  void vanished(const std::string& why, instant now, output& out);
  void taken_away(instant now, output& out);
  void has_no_place();

  // ---- a place that is kept
  bool may_keep(instant now) const;
  void keep(instant now, output& out);
  void look_behind(instant now, output& out);
  void looked_behind(const answer& said, instant now, output& out);
  void watch_answered(const answer& said, instant now, output& out);
  void tend(instant now, output& out);

  holder_settings how_;
  std::string life_;
  stage at_ = stage::idle;
  std::string session_{}, id_{};  // of the wish to stand
  std::deque<wisher> wishers_{};  // that wait for it
  std::vector<left> leaving_{};
  line in_the_way_{};  // awaited
  std::uint64_t ticket_ = 0, wishes_ = 0, numbers_ = 0, awaited_ = 0, seen_at_ = 0;
  std::uint32_t depth_ = 0;
  bool watched_ = false;  // its own place, while it holds
  bool doubts_ = false;   // that all requests for this place have come to the store
  instant again_ = instant::max();
  bool sought_ = false;                   // somebody waits, or has, for what it holds or keeps
  std::uint64_t behind_ = 0;              // the look for those that is under way
  instant asked_at_{}, looks_at_{};       // it; the next one
  instant known_until_ = instant::min();  // that nobody waits: so long it is believed
  instant kept_until_{}, stood_at_{};
};
}  // namespace troupe::lock
