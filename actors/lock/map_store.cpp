#include "actors/consensus/protocol.hpp"
#include "actors/lock/group_store.hpp"
#include "actors/storage/departures.hpp"
#include "actors/storage/map_client.hpp"
#include "patterns/encoding.hpp"
#include "patterns/lock/keys.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/in_loop.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::late_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
namespace {
class map_store : public group_store {
 public:
  map_store(caf::actor_config& config, caf::actor client, map_store_settings settings)
      : group_store{config, client, settings.prefer, settings.patience},
        gone_{this,
              std::move(client),
              {.prefer = std::move(settings.prefer)},
              [this](std::uint64_t id, storage::departures::end what) { over(id, what); }} {}
  const char* name() const override { return "lock-store"; }
  void on_exit() override {
    gone_.clear();
    group_store::on_exit();
  }
  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& who) { gone_.down(who); });
    return handlers(this).or_else(gone_.handlers());
  }

 private:
  friend group_store;
  // A reply of this kind, or why there is none.
  template <class Kind, class What, class F>
  void give(promise to, const What& what, F made) {
    storage::ask_map(this, client(), storage::endless, what, then<Kind>(std::move(to), made));
  }
  template <class Kind, class F>
  storage::on_reply then(promise to, F made) {
    return [this, number = open(std::move(to)), made](caf::expected<storage::reply> r) {
      close(number, answer_of<Kind>(r, made));
    };
  }
  template <class Kind, class F>
  static answer answer_of(caf::expected<storage::reply>& said, const F& made) {
    if (const auto* what = storage::answer_as<Kind>(said)) return made(*said, *what);
    const auto* no = said ? std::get_if<storage::refused>(&said->what) : nullptr;
    if (no == nullptr) return unanswered{};
    if (no->why == storage::refusal::lease_unknown) return no_session{};
    return refused{storage::explain(no->why)};
  }

  void on(const open_session& x, promise to) {
    const auto ttl = std::chrono::ceil<storage::duration>(x.ttl);
    give<storage::granted>(
        std::move(to), storage::command{storage::lease_grant{ttl, 0}},
        [](auto&, const storage::granted& g) -> answer { return opened{std::to_string(g.id)}; });
  }
  void on(const renew_session& x, promise to) {
    storage::ask_leader(
        this, client(), storage::endless, storage::keepalive{lease_of(x.session)},
        [this, number = open(std::move(to))](caf::expected<storage::host_answer> said) {
          answer how{unanswered{}};
          if (said && std::holds_alternative<storage::kept>(*said)) how = settled{};
          if (said && std::holds_alternative<storage::not_kept>(*said)) how = no_session{};
          close(number, std::move(how));
        });
  }
  void on(const close_session& x, promise to) {
    give<storage::revoked>(std::move(to),
                           storage::command{storage::lease_revoke{lease_of(x.session), 0}},
                           [](auto&, auto&) -> answer { return settled{}; });
  }
  void on(stand& x, promise to) {
    const auto key = key_of(x.lock, x.wanted.id);
    const storage::get all{storage::prefix(keys_of(x.lock))};
    storage::txn t;
    t.when = {storage::absent(key)};
    t.then = {storage::put{key, encode(x.wanted), lease_of(x.session)}, all};
    t.otherwise = {all};
    give<storage::txn_done>(std::move(to), storage::command{std::move(t)},
                            [lock = std::move(x.lock), id = std::move(x.wanted.id)](
                                const storage::reply& r, const storage::txn_done& d) -> answer {
                              const auto* g = std::get_if<storage::got>(&d.replies.back());
                              if (g == nullptr || g->more) return too_long(lock);
                              stood s{0, line_of(*g, lock), r.at};
                              for (const auto& p : s.all)
                                if (p.id == id) s.ticket = p.ticket;
                              return s;
                            });
  }
  void on(const leave_line& x, promise to) {
    const auto key = key_of(x.lock, x.id);
    const storage::command what{storage::erase{storage::one(key), false}};
    storage::ask_map(
        this, client(), storage::endless, what,
        then<storage::erase_done>(std::move(to), [](auto&, auto&) -> answer { return settled{}; }),
        x.yields != 0 ? std::optional{storage::note{key, x.yields}} : std::nullopt);
  }
  void on(const look& x, promise to) {
    give<storage::got>(std::move(to),
                       storage::question{storage::get{storage::prefix(keys_of(x.lock))}},
                       [lock = x.lock](const storage::reply& r, const storage::got& g) -> answer {
                         if (g.more) return too_long(lock);
                         return seen{line_of(g, lock), r.at};
                       });
  }
  void on(const survey&, promise to) {
    give<storage::got>(std::move(to),
                       storage::question{storage::get{storage::prefix(std::string{keys_of_all})}},
                       [](auto&, const storage::got& g) -> answer {
                         surveyed s;
                         for (const auto& kv : g.items)
                           if (const auto whose = lock_in(kv.key))
                             if (auto p = place_of(kv)) s.all[*whose].push_back(std::move(*p));
                         for (auto& [lock, all] : s.all) sort(all);
                         return s;
                       });
  }
  void on(const await& x, promise to) {
    std::vector<std::string> keys;
    for (const auto& p : x.those) keys.push_back(key_of(x.lock, p.id));
    gone_.await(wait(std::move(to), x.lock), std::move(keys), x.from + 1,
                x.own.empty() ? std::string{} : key_of(x.lock, x.own));
  }
  void over(std::uint64_t id, storage::departures::end what) {
    switch (what.what) {
      case storage::departures::how::erased:
        return came(id, what.at);
      case storage::departures::how::noted:
        return end(id, yielded{});
      case storage::departures::how::unknown:
        return end(id, unanswered{});
    }
  }
  // What the replica beside the watch has of the line is a look, if it is no older than the event.
  void came(std::uint64_t id, storage::revision at) {
    const auto* w = waits_for(id);
    if (w == nullptr) return;
    const storage::question all{storage::get{storage::prefix(keys_of(w->lock))}};
    request(gone_.replica(), caf::duration{patience()}, consensus::ask{encode(all), true, false})
        .then(
            [this, id, at](const consensus::answered& r) {
              const auto said = decode<storage::reply>(r.bytes);
              const auto* g = said ? std::get_if<storage::got>(&said->what) : nullptr;
              const auto* w = waits_for(id);
              if (w == nullptr) return;
              if (g == nullptr || g->more || said->at < at) return end(id, settled{});
              end(id, seen{line_of(*g, w->lock), said->at});
            },
            [this, id](const caf::error&) { end(id, settled{}); });
  }
  static storage::lease_id lease_of(const std::string& session) {
    if (session.empty()) return 0;
    const auto id = std::strtoull(session.c_str(), nullptr, 10);
    return id == 0 ? std::numeric_limits<storage::lease_id>::max() : id;
  }
  static std::optional<place> place_of(const storage::key_value& kv) {
    auto p = decode<place>(kv.value);
    if (!p) return std::nullopt;  // somebody else's: it stands in nobody's way
    p->ticket = kv.create_revision;
    return std::move(*p);
  }
  static line line_of(const storage::got& g, const std::string& lock) {
    line all;
    for (const auto& kv : g.items)
      if (lock_in(kv.key) == lock)
        if (auto p = place_of(kv)) all.push_back(std::move(*p));
    sort(all);
    return all;
  }
  storage::departures gone_;

  static refused too_long(const std::string& lock) {
    return {"more stand in line for '" + lock + "' than the map shows at once"};
  }
};
}  // namespace

caf::actor spawn_map_store(caf::actor_system& system, caf::actor client,
                           map_store_settings settings) {
  return system.spawn<in_loop<map_store>>(std::move(client), std::move(settings));
}
}  // namespace troupe::lock
