#include "actors/lock/redis_store.hpp"

#include "patterns/encoding.hpp"
#include "patterns/hex.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/in_loop.hpp"
#include "runtime/log.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <caf/all.hpp>
namespace troupe::lock {
struct redis_flush {};
TROUPE_MESSAGE(redis_flush)
struct redis_check {};
TROUPE_MESSAGE(redis_check)
}  // namespace troupe::lock
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::redis_flush)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::redis_check)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::redis_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<troupe::lock::redis_link>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
namespace {
using promise = caf::typed_response_promise<store_answer>;
using kind = redis_reply::kind;
using std::chrono::milliseconds;
constexpr milliseconds patience{2'000};
constexpr milliseconds again{500};  // a question about places that was not answered

std::uint64_t number_in(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 10);
}
// id, record, id, record, ...
line line_of(const std::vector<redis_reply>& flat) {
  line all;
  for (std::size_t i = 1; i < flat.size(); i += 2) {
    std::string_view left{flat[i].text};
    for (int word = 0; word < 3; ++word)
      left.remove_prefix(std::min(left.find(' '), left.size() - 1) + 1);
    auto p = decode<place>(left);
    if (!p) continue;  // somebody else's: it stands in nobody's way
    p->ticket = number_in(flat[i].text);
    all.push_back(std::move(*p));
  }
  std::sort(all.begin(), all.end(),
            [](const place& a, const place& b) { return a.ticket < b.ticket; });
  return all;
}

// What Redis would not do, for who asked.
std::string sentence(const std::string& problem) {
  if (problem.starts_with("OOM"))
    return "the Redis server's memory is full: free some or raise its maxmemory";
  if (problem.starts_with("MISCONF"))
    return "the Redis server cannot save to its disk, and takes nothing new until it can";
  if (problem.starts_with("NOREPLICAS"))
    return "the Redis server wants more replicas at its side than there are "
           "(min-replicas-to-write)";
  if (problem.starts_with("MOVED"))
    return "this node of a Redis Cluster does not keep locks, another does: " + problem;
  return problem.starts_with("the Redis server") ? problem : "the Redis server refuses: " + problem;
}

class redis_store : public caf::event_based_actor {
 public:
  redis_store(caf::actor_config& config, std::string life)
      : caf::event_based_actor{config}, life_{std::move(life)} {}
  const char* name() const override { return "lock-store"; }
  void on_exit() override {
    link_.reset();
    asked_.clear();
    awaits_.clear();
  }
  caf::behavior make_behavior() override {
    return {
        [this](std::shared_ptr<redis_link>& link) { link_ = std::move(link); },
        [this](store_wish& wanted) -> caf::result<store_answer> {
          auto to = make_response_promise<store_answer>();
          std::visit([&](auto& what) { on(what, to); }, wanted.what);
          return to;
        },
        [this](redis_news& news) { hear(news); },
        [this](redis_flush) {
          flushing_ = false;
          if (link_) link_->call(std::exchange(calls_, {}));
        },
        [this](redis_check) {
          if (now() < armed_)
            return;  // an earlier one came after it was armed, and has armed another
          armed_ = instant::max();
          check_due();
        },
    };
  }

 private:
  using on_reply = std::function<void(const std::optional<redis_reply>&)>;
  using reader = std::function<answer(const redis_reply&)>;
  using follower = std::function<void(const answer&)>;
  struct awaiting {
    promise whom;
    await what;
    instant due = instant::max();
    bool asking = false;
  };
  struct own {  // a place that was asked for here
    std::string session{};
    std::uint64_t ticket = 0;
    std::uint64_t heard_since = 0;
  };
  struct lease {
    duration ttl{};
    instant renewed{};  // asked for
  };
  instant now() { return std::chrono::duration_cast<instant>(clock().now().time_since_epoch()); }

  // ---- to Redis and back. All that is asked while this actor has its turn leaves together
  void ask(redis_script what, std::vector<std::string> words, bool promises, on_reply then) {
    asked_.emplace(++numbers_, std::move(then));
    calls_.push_back({numbers_, what, std::move(words), promises});
    if (!std::exchange(flushing_, true)) send(this, redis_flush{});
  }
  // Who asks for something new is told why not; the others ask again: what they have is theirs until its time is over.
  void ask_for(promise to, redis_script what, std::vector<std::string> words, reader read,
               follower then = {}) {
    using s = redis_script;
    const bool declines =
        what == s::open || what == s::stand || what == s::look || what == s::survey;
    const bool promises = what == s::open || what == s::stand || what == s::renew;
    ask(what, std::move(words), promises, [=](const std::optional<redis_reply>& said) mutable {
      auto a = answer_of(said, declines, read);
      if (then) then(a);
      to.deliver(store_answer{std::move(a)});
    });
  }
  static answer answer_of(const std::optional<redis_reply>& said, bool declines,
                          const reader& read) {
    if (!said) return unanswered{};
    if (said->what != kind::problem) return read(*said);
    log::debug("lock", "redis would not", {{"reason", said->text}});
    if (passes(said->text) || !declines) return unanswered{};
    return refused{sentence(said->text)};
  }
  static void give(promise& to, answer what) { to.deliver(store_answer{std::move(what)}); }
  void hear(redis_news& news) {
    if (news.listening) {
      listening_ = *news.listening;
      if (listening_) {
        ++epoch_;
        for (const auto& [number, a] : awaits_) check(number);
      }
    }
    for (auto& r : news.results) {
      const auto found = asked_.find(r.number);
      if (found == asked_.end()) continue;
      const auto then = std::move(found->second);
      asked_.erase(found);
      then(r.said);
    }
    for (const auto& id : news.heard) gone(id);
  }

  // ---- wishes
  void on(const open_session& x, promise to) {
    const auto id = life_ + "." + std::to_string(++sessions_begun_);
    const auto at = now();
    forget_old(at);
    const auto ttl = std::chrono::ceil<milliseconds>(x.ttl);
    ask_for(to, redis_script::open, {id, std::to_string(ttl.count())},
            [this, id, lease = lease{ttl, at}](const redis_reply& r) -> answer {
              if (r.number != 1) return refused{"a session of that name is there already"};
              sessions_[id] = lease;
              return opened{id};
            });
  }
  void on(const renew_session& x, promise to) {
    ask_for(to, redis_script::renew, {x.session},
            [this, s = x.session, at = now()](const redis_reply& r) -> answer {
              if (r.what != kind::list) return forget(s), no_session{};
              if (const auto known = sessions_.find(s); known != sessions_.end())
                known->second.renewed = at;
              give_up_strays(s, r.items);
              return settled{};
            });
  }
  void on(const close_session& x, promise to) {
    forget(x.session);
    ask_for(to, redis_script::close, {x.session}, [](const redis_reply& r) -> answer {
      if (r.number == 0) return no_session{};
      return settled{};
    });
  }
  void on(const stand& x, promise to) {
    if (x.wanted.id.empty()) return give(to, refused{"a place needs an id"});
    auto& mine = own_[x.wanted.id];
    mine = {x.session, mine.ticket, listening_ ? epoch_ : 0};
    ask_for(
        to, redis_script::stand, {x.session, x.lock, x.wanted.id, life_, encode(x.wanted)},
        [](const redis_reply& r) -> answer {
          if (r.number == -1) return no_session{};
          if (r.items.empty()) return refused{"it was given up before it stood"};
          return stood{number_in(r.items.back().text), line_of(r.items), 0};
        },
        [this, id = x.wanted.id](const answer& a) {
          const auto found = own_.find(id);
          if (found == own_.end() || std::holds_alternative<unanswered>(a)) return;
          if (const auto* there = std::get_if<stood>(&a))
            found->second.ticket = there->ticket;
          else
            own_.erase(found);
        });
  }
  void on(const leave_line& x, promise to) {
    ask_for(
        to, redis_script::leave, {x.session, x.lock, x.id, life_},
        [](const redis_reply&) -> answer { return settled{}; },
        [this, id = x.id](const answer& a) {
          if (std::holds_alternative<settled>(a)) gone(id);
        });
  }
  void on(const look& x, promise to) {
    ask_for(to, redis_script::look, {x.lock}, [](const redis_reply& r) -> answer {
      return seen{line_of(r.items), 0};
    });
  }
  void on(const survey&, promise to) {
    ask_for(to, redis_script::survey, {}, [](const redis_reply& r) -> answer {
      surveyed s;
      for (std::size_t i = 0; i + 1 < r.items.size(); i += 2)
        if (auto all = line_of(r.items[i + 1].items); !all.empty())
          s.all[r.items[i].text] = std::move(all);
      return s;
    });
  }

  // ---- waits
  void on(await& x, promise to) {
    if (x.those.empty()) return give(to, settled{});
    const auto number = ++waits_begun_;
    for (const auto& p : x.those) awaited_.emplace(p.id, number);
    auto& a = awaits_[number];
    a = {std::move(to), std::move(x)};
    if (!will_be_heard(a.what)) return check(number);
    auto due = instant::max();  // when their sessions may end, if they do
    for (const auto& p : a.what.those)
      if (const auto s = sessions_.find(own_[p.id].session); s != sessions_.end())
        due = std::min(due, now() + s->second.ttl);
    look_at(number, a, due);
  }
  // They were asked for here, while this store listened without a break: whoever takes one out tells it.
  bool will_be_heard(const await& x) const {
    return listening_ && std::all_of(x.those.begin(), x.those.end(), [&](const place& p) {
             const auto found = own_.find(p.id);
             return found != own_.end() && found->second.ticket == p.ticket &&
                    found->second.heard_since == epoch_;
           });
  }
  void check(std::uint64_t number) {
    auto& a = awaits_.at(number);
    if (std::exchange(a.asking, true)) return;
    std::vector<std::string> words{a.what.lock, life_};
    for (const auto& p : a.what.those) {
      words.push_back(p.id);
      words.push_back(std::to_string(p.ticket));
    }
    ask(redis_script::await, std::move(words), false,
        [this, number, since = epoch_](const std::optional<redis_reply>& said) {
          const auto found = awaits_.find(number);
          if (found == awaits_.end()) return;
          auto& a = found->second;
          a.asking = false;
          if (!said || said->what == kind::problem) return look_at(number, a, now() + again);
          if (said->number == 0) return end(number, settled{});
          if (since != epoch_) return check(number);  // it may have gone unheard
          const auto after = milliseconds{said->number};
          look_at(number, a, said->number < 0 ? instant::max() : now() + after);
        });
  }
  void look_at(std::uint64_t number, awaiting& a, instant due) {
    dues_.erase({a.due, number});
    a.due = due;
    if (due == instant::max()) return;
    dues_.emplace(due, number);
    arm();
  }
  void check_due() {
    const auto at = now();
    while (!dues_.empty() && dues_.begin()->first <= at) {
      const auto number = dues_.begin()->second;
      dues_.erase(dues_.begin());
      check(number);
    }
    arm();
  }
  void arm() {
    if (dues_.empty() || dues_.begin()->first >= armed_) return;
    armed_ = dues_.begin()->first;
    delayed_send(this, std::max(duration{0}, armed_ - now()), redis_check{});
  }
  void gone(const std::string& id) {
    own_.erase(id);
    const auto [from, to] = awaited_.equal_range(id);
    std::vector<std::uint64_t> over;
    for (auto it = from; it != to; ++it) over.push_back(it->second);
    for (const auto number : over) end(number, settled{});
  }
  void end(std::uint64_t number, answer what) {
    const auto found = awaits_.find(number);
    if (found == awaits_.end()) return;
    auto& a = found->second;
    a.whom.deliver(store_answer{std::move(what)});
    dues_.erase({a.due, number});
    for (const auto& p : a.what.those) {
      const auto [from, to] = awaited_.equal_range(p.id);
      for (auto it = from; it != to;)
        it = it->second == number ? awaited_.erase(it) : std::next(it);
    }
    awaits_.erase(found);
  }

  // ---- sessions
  // A place that was left and stands again: a failover has lost that it was left.
  void give_up_strays(const std::string& session, const std::vector<redis_reply>& fields) {
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      const auto& id = fields[i].text;
      const auto& where = fields[i + 1].text;
      const auto space = where.find(' ');
      if (id.empty() || where.substr(0, space) != life_ || own_.contains(id)) continue;
      log::warn("lock", "a place came back", {{"lock", where.substr(space + 1)}, {"place", id}});
      ask(redis_script::leave, {session, where.substr(space + 1), id, life_}, false, [](auto&) {});
    }
  }
  void forget(const std::string& session) {
    sessions_.erase(session);
    std::erase_if(own_, [&](const auto& o) { return o.second.session == session; });
  }
  // Those that nobody has closed.
  void forget_old(instant at) {
    std::vector<std::string> old;
    for (const auto& [id, lease] : sessions_)
      if (lease.renewed + 2 * lease.ttl < at) old.push_back(id);
    for (const auto& id : old) forget(id);
  }

  const std::string life_;  // its inbox, and the beginning of its sessions' names
  std::shared_ptr<redis_link> link_;
  std::vector<redis_call> calls_;  // not sent yet
  std::map<std::uint64_t, on_reply> asked_;
  std::map<std::uint64_t, awaiting> awaits_;
  std::multimap<std::string, std::uint64_t> awaited_;  // by place
  std::set<std::pair<instant, std::uint64_t>> dues_;
  std::map<std::string, own> own_;
  std::map<std::string, lease> sessions_;
  std::uint64_t numbers_ = 0, waits_begun_ = 0, sessions_begun_ = 0;
  std::uint64_t epoch_ = 0;  // of listening without a break
  bool listening_ = false, flushing_ = false;
  instant armed_ = instant::max();
};
}  // namespace

result<caf::actor, std::string> spawn_redis_store(caf::actor_system& system,
                                                  const std::string& store) {
  auto to = redis_address_of(store);
  if (!to) return unexpected{std::move(to.error())};
  const auto life = hex(fresh_seed(system));
  auto made = system.spawn<in_loop<redis_store>>(life);
  const auto tell = [to = caf::actor_cast<caf::weak_actor_ptr>(made)](redis_news news) {
    if (const auto whom = to.lock())
      caf::anon_send(caf::actor_cast<caf::actor>(whom), std::move(news));
  };
  auto link =
      std::make_shared<redis_link>(redis_link_settings{std::move(*to), life, patience}, tell);
  if (auto why = link->ready(patience)) {
    caf::anon_send_exit(made, caf::exit_reason::user_shutdown);
    return unexpected{std::move(*why)};
  }
  caf::anon_send(made, std::move(link));
  return made;
}
}  // namespace troupe::lock
