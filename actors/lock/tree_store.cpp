#include "actors/lock/tree_store.hpp"

#include "actors/consensus/protocol.hpp"
#include "actors/lock/group_store.hpp"
#include "actors/tree/tree_client.hpp"
#include "actors/tree/tree_watcher.hpp"
#include "patterns/encoding.hpp"
#include "patterns/lock/paths.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/in_loop.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <caf/all.hpp>
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::late_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::lock::store_answer)

namespace troupe::lock {
namespace {
using said = caf::expected<tree::reply>;
constexpr int parents_made_max = 4;  // that a reaper takes away again

// NUMBER.SECRET
struct key_of_session {
  tree::session_id id = 0;
  std::string secret{};
};
std::optional<key_of_session> session_of(const std::string& text) {
  key_of_session key;
  if (text.empty()) return key;  // none: it stands until it is taken away
  const auto dot = text.find('.');
  if (dot == std::string::npos) return std::nullopt;
  char* end = nullptr;
  key.id = std::strtoull(text.c_str(), &end, 10);
  if (key.id == 0 || end != text.c_str() + dot) return std::nullopt;
  key.secret = text.substr(dot + 1);
  return key;
}

class tree_store : public group_store {
 public:
  tree_store(caf::actor_config& config, caf::actor client, tree_store_settings settings)
      : group_store{config, std::move(client), std::move(settings.prefer), settings.patience} {}
  const char* name() const override { return "tree-lock-store"; }
  caf::behavior make_behavior() override {
    return handlers(this).or_else(
        [](const tree::watch_set&) {},
        [this](const tree::watch_fired& f) {
          for (const auto& e : f.events)
            if (e.what == tree::change::deleted) return came(f.id, f.at);
        },
        [this](const tree::watch_refused& no) { end(no.id, unanswered{}); });
  }

 private:
  friend group_store;
  template <class What, class F>
  void ask(const What& what, F then) {
    tree::ask_tree(this, client(), tree::endless, what, std::move(then));
  }
  static tree::request under(const key_of_session& whose, tree::command what) {
    return {std::move(what), whose.id, whose.secret, {}};
  }
  // Why it was not done, if it was not; nothing of another kind is expected.
  static answer no_answer(const said& r) {
    const auto* no = r ? std::get_if<tree::refused>(&r->what) : nullptr;
    if (no == nullptr) return unanswered{};
    if (no->why == tree::refusal::session_unknown || no->why == tree::refusal::bad_secret ||
        no->why == tree::refusal::session_needed)
      return no_session{};
    return refused{tree::explain(no->why)};
  }
  static bool refused_as(const said& r, tree::refusal why) {
    const auto* no = tree::answer_as<tree::refused>(r);
    return no != nullptr && no->why == why;
  }

  // ---- sessions
  void on(const open_session& x, promise to) {
    const auto ttl = std::chrono::ceil<tree::duration>(x.ttl);
    const auto secret = tree::fresh_secret(system());
    ask(tree::request{tree::open_session{ttl, secret}, 0, {}, {}},
        [this, number = open(std::move(to)), ttl, secret](const said& r) {
          const auto* is = tree::answer_as<tree::session_opened>(r);
          if (is == nullptr) return close(number, no_answer(r));
          if (is->timeout >= ttl)
            return close(number, opened{std::to_string(is->id) + "." + secret});
          ask(under({is->id, secret}, tree::close_session{}), [](const said&) {});
          close(number, refused{"the tree keeps a session for " +
                                std::to_string(is->timeout.count() / 1'000) +
                                " s at most: take a shorter ttl"});
        });
  }
  void on(const renew_session& x, promise to) {
    const auto key = session_of(x.session);
    const auto number = open(std::move(to));
    if (!key || key->id == 0) return close(number, no_session{});
    tree::ask_leader(this, client(), tree::endless, tree::touch{key->id, key->secret},
                     [this, number](const caf::expected<tree::host_answer>& r) {
                       answer how{unanswered{}};
                       if (r && std::holds_alternative<tree::touched>(*r)) how = settled{};
                       if (r && std::holds_alternative<tree::not_touched>(*r)) how = no_session{};
                       close(number, std::move(how));
                     });
  }
  void on(const close_session& x, promise to) {
    const auto key = session_of(x.session);
    const auto number = open(std::move(to));
    if (!key || key->id == 0) return close(number, no_session{});
    ask(under(*key, tree::close_session{}), [this, number](const said& r) {
      if (tree::answer_as<tree::session_ended>(r) != nullptr) return close(number, settled{});
      close(number, no_answer(r));
    });
  }

  // ---- places
  struct standing {
    std::uint64_t number = 0;
    key_of_session whose{};
    std::string lock{};
    place wanted{};
    int parents_made = 0;
  };
  using standing_ptr = std::shared_ptr<standing>;
  void on(stand& x, promise to) {
    auto key = session_of(x.session);
    const auto number = open(std::move(to));
    if (!key) return close(number, no_session{});
    put(std::make_shared<standing>(
        standing{number, std::move(*key), std::move(x.lock), std::move(x.wanted)}));
  }
  void put(const standing_ptr& s) {
    const auto as = s->whose.id == 0 ? tree::mode::persistent : tree::mode::ephemeral;
    ask(under(s->whose, tree::create{path_of(s->lock, s->wanted.id), encode(s->wanted), as}),
        [this, s](const said& r) {
          if (tree::answer_as<tree::created>(r) != nullptr ||
              refused_as(r, tree::refusal::node_exists))
            return stands(s);
          if (refused_as(r, tree::refusal::no_parent) && ++s->parents_made <= parents_made_max)
            return make_parent(s);
          close(s->number, no_answer(r));
        });
  }
  void make_parent(const standing_ptr& s) {
    ask(tree::request{tree::create{path_of(s->lock), {}, tree::mode::container}, 0, {}, {}},
        [this, s](const said& r) {
          if (!refused_as(r, tree::refusal::no_parent))
            return r ? put(s) : close(s->number, unanswered{});
          ask(tree::request{tree::create{std::string{path_of_all}}, 0, {}, {}},
              [this, s](const said& made) {
                return made ? put(s) : close(s->number, unanswered{});
              });
        });
  }
  void stands(const standing_ptr& s) {
    ask(tree::question{tree::browse{path_of(s->lock)}}, [this, s](const said& r) {
      const auto* all = tree::answer_as<tree::browsed>(r);
      if (all == nullptr) return close(s->number, unanswered{});
      if (all->more) return close(s->number, too_long(s->lock));
      stood done{0, line_of(*all), r->at};
      for (const auto& p : done.all)
        if (p.id == s->wanted.id) done.ticket = p.ticket;
      if (done.ticket == 0) return close(s->number, unanswered{});  // taken away meanwhile
      close(s->number, std::move(done));
    });
  }
  void on(const leave_line& x, promise to) {
    ask(tree::request{tree::erase{path_of(x.lock, x.id), {}}, 0, {}, {}},
        [this, number = open(std::move(to))](const said& r) {
          if (tree::answer_as<tree::erased>(r) != nullptr || refused_as(r, tree::refusal::no_node))
            return close(number, settled{});
          close(number, no_answer(r));
        });
  }

  // ---- lines
  void on(const look& x, promise to) {
    ask(tree::question{tree::browse{path_of(x.lock)}},
        [this, number = open(std::move(to)), lock = x.lock](const said& r) {
          if (const auto* all = tree::answer_as<tree::browsed>(r))
            return all->more ? close(number, too_long(lock))
                             : close(number, seen{line_of(*all), r->at});
          if (refused_as(r, tree::refusal::no_node)) return close(number, seen{{}, r->at});
          close(number, no_answer(r));
        });
  }
  void on(const survey&, promise to) {
    ask(tree::question{tree::browse{.path = std::string{path_of_all}, .below = true}},
        [this, number = open(std::move(to))](const said& r) {
          if (refused_as(r, tree::refusal::no_node)) return close(number, surveyed{});
          const auto* all = tree::answer_as<tree::browsed>(r);
          if (all == nullptr) return close(number, no_answer(r));
          if (all->more)
            return close(number, refused{"more stand in line than the tree shows at once"});
          surveyed s;
          for (const auto& c : all->all) {
            const auto slash = c.name.find('/');
            if (slash == std::string::npos || slash != c.name.rfind('/')) continue;
            if (const auto whose = lock_of_part(c.name.substr(0, slash)))
              if (auto p = place_of(c)) s.all[*whose].push_back(std::move(*p));
          }
          for (auto& [lock, line] : s.all) sort(line);
          close(number, std::move(s));
        });
  }
  void on(const await& x, promise to) {
    const auto id = wait(std::move(to), x.lock);
    auto& w = *waits_for(id);
    for (const auto& p : x.those)
      w.watchers.push_back(
          tree::spawn_tree_watcher(system(), client(), caf::actor_cast<caf::actor>(this),
                                   {.what = {path_of(x.lock, p.id), tree::watch_kind::persistent},
                                    .id = id,
                                    .seen = x.from,
                                    .prefer = prefer()}));
  }
  // What the replica beside the watch has of the line is a look, if it is no older than the event.
  void came(std::uint64_t id, tree::zxid at) {
    const auto* w = waits_for(id);
    if (w == nullptr) return;
    const tree::question all{tree::browse{path_of(w->lock)}};
    request(client(), caf::duration{patience()}, consensus::question{encode(all), true})
        .then(
            [this, id, at](const consensus::reply& r) {
              const auto now = decode<tree::reply>(r.bytes);
              const auto* all = now ? std::get_if<tree::browsed>(&now->what) : nullptr;
              if (all == nullptr || all->more || now->at < at) return end(id, settled{});
              end(id, seen{line_of(*all), now->at});
            },
            [this, id](const caf::error&) { end(id, settled{}); });
  }
  static std::optional<place> place_of(const tree::child& c) {
    auto p = decode<place>(c.data);
    if (!p) return std::nullopt;  // somebody else's: it stands in nobody's way
    p->ticket = c.is.created;
    return std::move(*p);
  }
  static line line_of(const tree::browsed& found) {
    line all;
    for (const auto& c : found.all)
      if (auto p = place_of(c)) all.push_back(std::move(*p));
    sort(all);
    return all;
  }
  static refused too_long(const std::string& lock) {
    return {"more stand in line for '" + lock + "' than the tree shows at once"};
  }
};
}  // namespace

caf::actor spawn_tree_store(caf::actor_system& system, caf::actor client,
                            tree_store_settings settings) {
  return system.spawn<in_loop<tree_store>>(std::move(client), std::move(settings));
}
}  // namespace troupe::lock
