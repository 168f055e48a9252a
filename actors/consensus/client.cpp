#include "actors/consensus/client.hpp"

#include "patterns/consensus/sessions.hpp"
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include <caf/all.hpp>
namespace troupe::consensus {
struct look_after {};
TROUPE_MESSAGE(look_after)
}  // namespace troupe::consensus
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::consensus::look_after)

namespace troupe::consensus {
namespace {
using clock = caf::actor_clock::clock_type;
using std::chrono::milliseconds;

class client : public caf::event_based_actor {
 public:
  client(caf::actor_config& config, client_settings settings)
      : caf::event_based_actor{config}, s_{std::move(settings)} {}
  const char* name() const override { return "log-client"; }
  void on_exit() override {
    replicas_.clear();
    open_.clear();
    told_.clear();
    followers_.clear();
  }
  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      const auto its = [&](const caf::actor& a) { return a.address() == gone.source; };
      std::erase_if(told_, its);
      std::erase_if(followers_, its);
    });
    return {
        [this](command& c) -> caf::result<reply> {
          return take({.bytes = std::move(c.bytes), .note = std::move(c.note)});
        },
        [this](question& q) -> caf::result<reply> {
          return take({.bytes = std::move(q.bytes),
                       .is = q.host    ? kind::host
                             : q.stale ? kind::stale
                                       : kind::question});
        },
        [this](tell_replicas& wish) {
          for (const auto& [id, handle] : replicas_) send(wish.whom, peer_up{id, handle});
          monitor(wish.whom);
          told_.push_back(std::move(wish.whom));
        },
        [this](tell_leader& wish) {
          if (!leader_.empty()) send(wish.whom, leads{leader_, term_});
          monitor(wish.whom);
          followers_.push_back(std::move(wish.whom));
        },
        [this](peer_up& peer) {
          for (const auto& whom : told_) send(whom, peer);
          if (peer.id == s_.node) send(peer.handle, tell_leader{this});
          replicas_[peer.id] = std::move(peer.handle);
          resend_unsent();
        },
        [this](const peer_down& peer) {
          replicas_.erase(peer.id);
          for (const auto& whom : told_) send(whom, peer);
          if (leader_ == peer.id) leader_.clear();
          for (auto& [number, r] : open_)
            if (r.asked == peer.id) again(r);
        },
        [this](const leads& news) {
          if (news.term < term_) return;
          term_ = news.term;
          follow(news.node);
        },
        [this](look_after) { look(); },
    };
  }

 private:
  enum class kind { command, question, stale, host, open };
  struct job {
    std::string bytes{};  // a command's, or the question's; of an entry once it has a sequence
    std::string note{};
    kind is = kind::command;
    std::uint64_t sequence = 0, session = 0;
    caf::typed_response_promise<reply> whom{};
    clock::time_point until{}, sent{};
    std::string asked{};  // whom last; empty: nobody at the moment
    bool left = false;    // it was sent at least once, and may have been done
    std::uint32_t attempt = 0;
  };

  clock::time_point now() { return clock().now(); }

  caf::result<reply> take(job j) {
    if (open_.size() >= s_.window)
      return make_error(errc::overloaded, std::to_string(s_.window) + " requests to group " +
                                              s_.group + " are under way on node " + s_.node +
                                              ": try again later");
    j.whom = make_response_promise<reply>();
    j.until = now() + s_.patience;
    const auto promise = j.whom;
    const auto number = ++numbers_;
    auto& put = open_.emplace(number, std::move(j)).first->second;
    if (ready(put))
      go(number, put);
    else if (session_.client() == 0)
      open_session();
    look_later();
    return promise;
  }

  void open_session() {
    if (opening_) return;
    opening_ = true;
    const auto number = ++numbers_;
    auto& put =
        open_
            .emplace(number, job{.bytes = encode(sessions::entry{.what = sessions::kind::open}),
                                 .is = kind::open,
                                 .until = now() + s_.patience})
            .first->second;
    go(number, put);
  }
  void opened(std::uint64_t client) {
    opening_ = false;
    session_ = sessions::requests{client};
    resend_unsent();
  }

  // To the leader, else to whoever may know it.
  void go(std::uint64_t number, job& j) {
    const auto to = target(j);
    if (!to) return;
    if (j.is == kind::command && j.sequence == 0) {
      auto e = session_.next(std::move(j.bytes));
      j.sequence = e.sequence;
      j.session = e.client;
      j.bytes = encode(e);
    }
    j.asked = to->first;
    j.sent = now();
    const auto attempt = ++j.attempt;
    const auto answer = [this, number, attempt](answered& a) { on_answer(number, attempt, a); };
    const auto failed = [this, number, attempt](const caf::error& e) {
      on_error(number, attempt, e);
    };
    if (j.is == kind::command || j.is == kind::open) {
      j.left = true;
      request(to->second, caf::infinite, submit{j.bytes, j.note}).then(answer, failed);
    } else {
      j.left = j.left || j.is == kind::host;
      request(to->second, caf::infinite, ask{j.bytes, j.is == kind::stale, j.is == kind::host})
          .then(answer, failed);
    }
  }
  const std::pair<const std::string, caf::actor>* target(const job& j) {
    if (replicas_.empty()) return nullptr;
    auto found = replicas_.find(j.is == kind::stale ? s_.node : leader_);
    if (found == replicas_.end()) {  // in turn
      found = replicas_.upper_bound(tried_);
      if (found == replicas_.end()) found = replicas_.begin();
      tried_ = found->first;
    }
    return &*found;
  }

  void on_answer(std::uint64_t number, std::uint32_t attempt, answered& a) {
    const auto found = open_.find(number);
    if (found == open_.end()) return;
    auto& j = found->second;
    if (a.what == verdict::done) {
      finish(found, a);
      if (std::exchange(held_back_, false)) resend_unsent();
      return;
    }
    if (attempt != j.attempt) return;
    if (a.what == verdict::busy && attempt == 1 && j.is != kind::open)
      return end(found,
                 make_error(errc::overloaded,
                            "group " + s_.group + " has too much under way: try again later"));
    j.asked.clear();
    if (!a.leader.empty() && a.leader != leader_ && replicas_.contains(a.leader)) {
      led_by(a.leader);
      return go(number, j);
    }
    if (leader_ == a.leader || a.leader.empty()) leader_.clear();  // and again after a while
  }
  void on_error(std::uint64_t number, std::uint32_t attempt, const caf::error&) {
    const auto found = open_.find(number);
    if (found == open_.end() || attempt != found->second.attempt) return;
    again(found->second);
  }
  void again(job& j) {
    if (leader_ == j.asked) leader_.clear();
    j.asked.clear();
  }

  using place = std::map<std::uint64_t, job>::iterator;
  void finish(place found, answered& a) {
    auto& j = found->second;
    if (!a.leader.empty()) led_by(a.leader);
    if (j.is != kind::command && j.is != kind::open) {
      j.whom.deliver(reply{std::move(a.bytes)});
      open_.erase(found);
      return;
    }
    auto said = decode<sessions::reply>(a.bytes);
    if (!said) return end(found, make_error(errc::corrupted, "the group's answer makes no sense"));
    if (j.is == kind::open) {
      const auto client = said->client;
      open_.erase(found);
      return opened(client);
    }
    switch (said->what) {
      case sessions::outcome::done:
        close(j);
        j.whom.deliver(reply{std::move(said->bytes)});
        open_.erase(found);
        return;
      case sessions::outcome::session_expired:
        if (j.session == session_.client()) session_ = sessions::requests{};
        return end(found, make_error(errc::unknown_outcome,
                                     "the session with group " + s_.group +
                                         " was forgotten meanwhile: it may have been done"));
      case sessions::outcome::window_full:
        if (j.attempt > 1) break;  // another copy of it may come when there is room
        return end(found, make_error(errc::overloaded,
                                     "too many commands are under way: try again later"));
      case sessions::outcome::acknowledged:
        break;
      default:
        return end(found, make_error(errc::failed, "group " + s_.group + " refused the command: " +
                                                       to_string(said->what)));
    }
    end(found, make_error(errc::unknown_outcome, "group " + s_.group +
                                                     " cannot say any more whether it was done: " +
                                                     to_string(said->what)));
  }
  // Answered or given up. Of a session that has been forgotten there is nothing left to say.
  void close(const job& j) {
    if (j.sequence != 0 && j.session == session_.client()) session_.finished(j.sequence);
  }
  void end(place found, caf::error why) {
    close(found->second);
    found->second.whom.deliver(std::move(why));
    open_.erase(found);
  }

  void led_by(const std::string& node) {
    if (node == leader_) return;
    leader_ = node;
    for (const auto& whom : followers_) send(whom, leads{leader_, term_});
  }
  void follow(const std::string& node) {
    if (node.empty()) return leader_.clear();
    led_by(node);
    // what was sent to another waits for nobody any more
    for (auto& [number, j] : open_)
      if (j.asked != node && j.is != kind::stale && ready(j)) go(number, j);
  }
  // A command waits for a session, and for room in it.
  bool ready(const job& j) {
    if (j.is != kind::command) return true;
    if (session_.client() == 0) return false;
    if (j.sequence != 0 || session_.room(sessions::settings{}.window)) return true;
    held_back_ = true;
    return false;
  }
  void resend_unsent() {
    for (auto& [number, j] : open_)
      if (j.asked.empty() && ready(j)) go(number, j);
  }

  void look_later() {
    if (std::exchange(looking_, true)) return;
    delayed_send(this, milliseconds{25}, look_after{});
  }
  void look() {
    looking_ = false;
    const auto at = now();
    for (auto it = open_.begin(); it != open_.end();) {
      auto& [number, j] = *it;
      if (at >= j.until) {
        if (j.is == kind::open) {
          opening_ = false;
          open_.erase(it++);
          continue;
        }
        end(it++, j.left
                      ? make_error(errc::timeout, "no answer from group " + s_.group + " within " +
                                                      std::to_string(s_.patience.count()) +
                                                      " ms: it may have been done")
                      : make_error(errc::not_ready, no_way()));
        continue;
      }
      if (!j.asked.empty() && at - j.sent > s_.silence) {  // it may be frozen, or cut off
        if (leader_ == j.asked) leader_.clear();
        tried_ = j.asked;
        go(number, j);
      }
      ++it;
    }
    bool waits = false;  // for a session: commands that came while one was opened in vain
    for (const auto& [number, j] : open_) waits = waits || !ready(j);
    resend_unsent();
    if (waits && session_.client() == 0) open_session();
    if (!open_.empty()) look_later();
  }
  std::string no_way() const {
    return replicas_.empty()
               ? "node " + s_.node + " knows no replica of group " + s_.group + ": nothing was done"
               : "group " + s_.group + " has no leader, or it does not answer: nothing was done";
  }

  client_settings s_;
  std::map<std::string, caf::actor> replicas_;
  std::vector<caf::actor> told_, followers_;  // of replicas, of leaders
  std::string leader_, tried_;
  std::uint64_t term_ = 0;
  sessions::requests session_;
  bool opening_ = false, looking_ = false;
  bool held_back_ = false;  // commands, for want of room
  std::uint64_t numbers_ = 0;
  std::map<std::uint64_t, job> open_;
};
}  // namespace

caf::actor spawn_client(caf::actor_system& system, client_settings settings) {
  return system.spawn<in_loop<client>>(std::move(settings));
}
}  // namespace troupe::consensus
