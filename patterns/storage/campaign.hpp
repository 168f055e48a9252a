// A leader by the map's means: candidates queue up as keys, and the oldest key leads.
// Source: etcd v3, client/v3/concurrency/election.go.
// Beyond it: a leader knows its own deadline, and steps down by it before anybody else can win.
//   Promises  `elected` comes with a token, its key's create_revision, higher than that of every
//             leader before; `lost` comes before the map can let another win, as long as clocks keep
//             within `margin` of each other over one ttl; resign says `lost` before its key goes
//   Assumes   the map's answers are linearizable and keepalives are the leader's (lease_keeper.hpp);
//             an answer that does not come is reported as `unanswered`
//   Beware    a process frozen between looking at the clock and acting does not know that it has
//             lost: pass the token to what it acts on, and let that refuse lower ones (fence.hpp)
//   Beware    a key that someone else deletes ends its leadership at once in the map, and here only
//             when the watch says so
//   Costs     a grant, a transaction and a read to stand; a keepalive each third of the ttl; a
//             resignation wakes one waiting candidate, not all
//   Deadline: counted from before the last confirmed keepalive (or the grant) was sent, + ttl - margin
//   state     | asks for              | then
//   idle      |                       | campaign: granting
//   granting  | a lease               | entering
//   entering  | its key, if absent    | looking; the key of a transaction repeated counts as well
//   looking   | its key and the one before | none before: leading; own key gone: granting
//   waiting   | (watches the one before)   | that is gone: looking
//   leading   | (watches its own key)      | deadline, key or lease gone, resign: lost, idle
//   past its deadline, one that does not lead yet begins again with a new lease
#pragma once
#include "patterns/storage/map_messages.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
namespace troupe::election {
using storage::lease_id;
using storage::revision;

// Where the candidates of an election stand. Slashes in names are escaped, so that no election's
// keys lie among another's.
std::string keys_of(std::string_view election);
std::string key_of(std::string_view election, std::string_view name, lease_id lease);
std::optional<std::string> name_in(std::string_view key);  // the candidate's

// To the map, by way of its client: each is answered by `answered` or `unanswered`.
struct keepalive {
  lease_id lease = 0;
};
TROUPE_MESSAGE(keepalive, lease)
struct request {
  std::uint64_t id = 0;
  std::variant<storage::command, storage::question, keepalive> what{};
};
struct renewed {};      // a keepalive's answers
struct not_renewed {};  // the leader says that the lease is gone or going
struct watching {       // replaces what was watched before
  std::string key{};
  bool prefix = false;
  revision from = 0;
};
TROUPE_MESSAGE(watching, key, prefix, from)

// Inputs.
struct campaign {
  std::string value{};
};
struct proclaim {  // as leader: another value
  std::string value{};
};
struct resign {};
struct answered {
  std::uint64_t id = 0;
  std::variant<storage::reply, renewed, not_renewed> what{};
};
struct unanswered {  // unknown whether it was done
  std::uint64_t id = 0;
};
struct watched {
  std::vector<storage::event> events{};
};
struct watch_broken {};  // compacted, overrun, or its node is gone
struct tick {};
using input =
    std::variant<campaign, proclaim, resign, answered, unanswered, watched, watch_broken, tick>;

// Outputs.
struct elected {
  std::uint64_t token = 0;
};
TROUPE_MESSAGE(elected, token)
enum class loss : std::uint8_t { lapsed, key_gone, lease_gone, resigned };
TROUPE_ENUM(loss, lapsed, key_gone, lease_gone, resigned)
struct lost {
  std::uint64_t token = 0;
  loss why = loss::lapsed;
};
TROUPE_MESSAGE(lost, token, why)
struct proclaimed {};
TROUPE_MESSAGE(proclaimed)
enum class refusal : std::uint8_t { already_campaigning, not_leading, not_campaigning };
TROUPE_ENUM(refusal, already_campaigning, not_leading, not_campaigning)
struct declined {  // for a reason that trying again will not mend. Who leads still leads, with the
                   // old value; who does not is idle again
  storage::refusal why{};
};
TROUPE_MESSAGE(declined, why)
using happening = std::variant<elected, lost, proclaimed, declined>;
struct output {
  std::vector<happening> told{};  // before anything below leaves
  std::vector<request> send{};
  std::optional<watching> watch{};
  bool unwatch = false;
  std::vector<refusal> refused{};
};

struct settings {
  storage::duration ttl{5000};
  storage::duration margin{
      500};  // what clocks may drift apart within a ttl, and be late in being looked at
  storage::duration retry{200};  // after `unanswered`
};

class candidate {
 public:
  candidate(std::string election, std::string name, settings bounds = {});
  void step(const input& in, storage::instant now, output& out);
  std::optional<storage::instant> due() const;  // when to tick next
  bool leading() const { return state_ == state::leading; }
  std::uint64_t token() const { return leading() ? created_ : 0; }
  storage::instant deadline() const { return deadline_; }  // of who leads

 private:
  enum class state : std::uint8_t { idle, granting, entering, looking, waiting, leading };
  void on(const campaign& x, storage::instant now, output& out);
  void on(const proclaim& x, storage::instant now, output& out);
  void on(const resign& x, storage::instant now, output& out);
  void on(const answered& x, storage::instant now, output& out);
  void on(const unanswered& x, storage::instant now, output& out);
  void on(const watched& x, storage::instant now, output& out);
  void on(const watch_broken& x, storage::instant now, output& out);
  void on(const tick& x, storage::instant now, output& out);

  // The answers.
  void granted(const storage::reply& r, storage::instant now, output& out);
  void entered(const storage::reply& r, storage::instant now, output& out);
  void looked(const storage::reply& r, storage::instant now, output& out);
  void kept(storage::instant sent, bool renewed, storage::instant now, output& out);
  void valued(const storage::reply& r, storage::instant now, output& out);
  void refused(storage::refusal why, storage::instant now, output& out);

  void ask_again(storage::instant now, output& out);  // what the state waits for
  void grant(storage::instant now, output& out);
  void enter(storage::instant now, output& out);
  void look(storage::instant now, output& out);
  void put_value(output& out);
  void keep_alive(storage::instant now, output& out);
  void begin_again(storage::instant now, output& out);
  void lose(loss why, storage::instant now, output& out);
  void stand_down(bool revoke, storage::instant now, output& out);
  void leave(lease_id lease, storage::instant now, output& out);
  std::uint64_t ask(decltype(request::what) what, output& out);

  std::string election_;
  std::string name_;
  settings settings_;
  state state_ = state::idle;
  std::string value_;
  lease_id lease_ = 0;
  std::string key_;
  revision created_ = 0;         // of our key
  revision modified_ = 0;        // of our key, as far as we know
  storage::instant deadline_{};  // with a lease
  std::uint64_t last_id_ = 0;
  std::uint64_t awaited_ = 0;                // the request that the state waits for; 0: none
  storage::instant sent_{};                  // when it went
  std::optional<storage::instant> again_{};  // when to send it once more
  std::map<std::uint64_t, storage::instant> keepalives_;  // under way, and when each was sent
  storage::instant next_keepalive_{};
  struct proclamation {
    std::string value{};
    std::uint64_t id = 0;  // under way; 0: to be sent at `again`
    storage::instant again{};
  };
  std::optional<proclamation> proclaiming_{};
  struct departure {
    std::uint64_t id = 0;  // likewise
    storage::instant again{};
    storage::instant until{};  // the lease has run out by itself
  };
  std::map<lease_id, departure> leaving_;
};
}  // namespace troupe::election
