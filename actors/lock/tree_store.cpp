#include "actors/lock/tree_store.hpp"

#include "actors/consensus/protocol.hpp"
#include "actors/lock/group_store.hpp"
#include "actors/tree/tree_client.hpp"
#include "actors/tree/tree_watcher.hpp"
#include "patterns/encoding.hpp"
#include "patterns/lock/paths.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/digest.hpp"
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
constexpr int parents_made_max = 4;             // that a reaper takes away again
constexpr std::chrono::milliseconds slow{200};  // nobody waits for the end of a reading that is
constexpr paths where{sha256};

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
    ask(under(s->whose, tree::create{where.of(s->lock, s->wanted.id), encode(s->wanted), as}),
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
    ask(under({}, tree::create{where.of(s->lock), where.data_of(s->lock), tree::mode::container}),
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
    read(s->lock, false, [this, s](const said& r, const line* all) {
      if (all == nullptr) return close(s->number, no_line(r, s->lock));
      stood done{0, *all, r->at};
      for (const auto& p : done.all)
        if (p.id == s->wanted.id) done.ticket = p.ticket;
      if (done.ticket == 0) return close(s->number, unanswered{});  // taken away meanwhile
      close(s->number, std::move(done));
    });
  }
  void on(const leave_line& x, promise to) {
    ask(tree::request{tree::erase{where.of(x.lock, x.id), {}}, 0, {}, {}},
        [this, number = open(std::move(to))](const said& r) {
          if (tree::answer_as<tree::erased>(r) != nullptr || refused_as(r, tree::refusal::no_node))
            return close(number, settled{});
          close(number, no_answer(r));
        });
  }

  // ---- lines
  // Who asks for a line while it is being read is answered by the next reading: many who stand at once read it few times.
  using reader = std::function<void(const said&, const line*)>;  // null: why, says the answer
  struct reading {                                               // the last one that was begun
    std::uint64_t number = 0;
    caf::actor_clock::time_point since{};
    std::vector<reader> next{};
  };
  using line_key = std::pair<std::string, bool>;
  using readings = std::map<line_key, reading>;
  // `near`: as the replica beside this has it will do. That is answered within patience: who awaits has no other.
  void read(const std::string& lock, bool near, reader then) {
    const auto [of, anew] = readings_.try_emplace({lock, near});
    of->second.next.push_back(std::move(then));
    if (anew || clock().now() - of->second.since > slow) begin(of);
  }
  void begin(readings::iterator of) {
    const auto& [lock, near] = of->first;
    auto& r = of->second;
    r.number = ++readings_begun_;
    r.since = clock().now();
    const tree::question all{tree::browse{where.of(lock)}};
    const auto time =
        near ? std::chrono::ceil<std::chrono::milliseconds>(patience()) : tree::endless;
    consensus::ask_for<tree::reply>(
        this, client(), time, consensus::question{encode(all), near},
        [this, key = of->first, number = r.number, those = std::exchange(r.next, {})](said r) {
          go_on(key, number);
          std::optional<line> all;
          if (refused_as(r, tree::refusal::no_node)) all.emplace();
          if (const auto* is = tree::answer_as<tree::browsed>(r); is != nullptr && !is->more)
            all = line_of(*is);
          for (const auto& then : those) then(r, all ? &*all : nullptr);
        });
  }
  void go_on(const line_key& key, std::uint64_t read) {
    const auto of = readings_.find(key);
    if (of == readings_.end() || of->second.number != read) return;
    if (of->second.next.empty())
      readings_.erase(of);
    else
      begin(of);
  }
  static answer no_line(const said& r, const std::string& lock) {
    if (tree::answer_as<tree::browsed>(r) == nullptr) return no_answer(r);
    return refused{"more stand in line for '" + lock + "' than the tree shows at once"};
  }
  void on(const look& x, promise to) {
    read(x.lock, false,
         [this, number = open(std::move(to)), lock = x.lock](const said& r, const line* all) {
           if (all == nullptr) return close(number, no_line(r, lock));
           close(number, seen{*all, r->at});
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
          std::map<std::string, std::string, std::less<>> locks;  // by their parts: they come first
          for (const auto& c : all->all) {
            const auto slash = c.name.find('/');
            if (slash == std::string::npos) {
              if (auto whose = where.lock_in(c.name, c.data)) locks[c.name] = std::move(*whose);
              continue;
            }
            const auto whose = locks.find(std::string_view{c.name}.substr(0, slash));
            if (whose == locks.end() || slash != c.name.rfind('/')) continue;
            if (auto p = place_of(c)) s.all[whose->second].push_back(std::move(*p));
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
                                   {.what = {where.of(x.lock, p.id), tree::watch_kind::persistent},
                                    .id = id,
                                    .seen = x.from,
                                    .prefer = prefer()}));
  }
  // What the replica beside the watch has of the line is a look, if it is no older than the event.
  void came(std::uint64_t id, tree::zxid at) {
    const auto* w = waits_for(id);
    if (w == nullptr) return;
    read(w->lock, true, [this, id, at](const said& r, const line* all) {
      if (all == nullptr || r->at < at) return end(id, settled{});
      end(id, seen{*all, r->at});
    });
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

  readings readings_;
  std::uint64_t readings_begun_ = 0;
};
}  // namespace

caf::actor spawn_tree_store(caf::actor_system& system, caf::actor client,
                            tree_store_settings settings) {
  return system.spawn<in_loop<tree_store>>(std::move(client), std::move(settings));
}
}  // namespace troupe::lock
