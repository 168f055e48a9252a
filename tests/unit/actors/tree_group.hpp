// The coordination tree's replicas in one simulated system, their users' requests, and a watcher.
#pragma once
#include "actors/tree/tree_replica.hpp"
#include "patterns/encoding.hpp"
#include "zab_group.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>
namespace troupe::test {
struct tree_shape {
  zab_shape zab{};
  tree::tree_settings bounds{};
  tree::watch_settings watches{};
  tree::duration reap{500};
};
struct opened {
  tree::session_id id = 0;
  std::string secret{};
};

class tree_group : public zab_group {
 public:
  explicit tree_group(tree_shape shape = {})
      : zab_group{shape.zab,
                  [this, shape](caf::actor_system& system, consensus::zab_settings s) {
                    return system.spawn<tree::tree_replica>(
                        tree::tree_replica_settings{.zab = std::move(s),
                                                    .bounds = shape.bounds,
                                                    .watches = shape.watches,
                                                    .reap = shape.reap,
                                                    .wall = [this] { return now(); }});
                  },
                  types} {}
  static void types(caf::actor_system_config& config) {
    zab_types(config);
    tree::register_tree_types(config);
  }
  // Through a client, and time goes on.
  caf::expected<tree::reply> command(const caf::actor& by, tree::command what,
                                     const opened& under = {}) {
    return decoded<tree::reply>(request<consensus::reply>(
        by, consensus::command{encode(tree::request{std::move(what), under.id, under.secret})}));
  }
  caf::expected<tree::reply> question(const caf::actor& by, const tree::question& what) {
    return decoded<tree::reply>(request<consensus::reply>(by, consensus::question{encode(what)}));
  }
  caf::expected<tree::host_answer> host(const tree::host_question& what) {
    return decoded<tree::host_answer>(
        request<consensus::reply>(client, consensus::question{encode(what), false, true}));
  }
  // What is refused, or failed, is nothing.
  template <class Done>
  std::optional<Done> make(tree::command what, const opened& under = {}) {
    return as<Done>(command(client, std::move(what), under));
  }
  std::optional<tree::refusal> refused(tree::command what, const opened& under = {}) {
    const auto no = as<tree::refused>(command(client, std::move(what), under));
    return no ? std::optional{no->why} : std::nullopt;
  }
  std::optional<std::string> get(const std::string& path) {
    const auto found = as<tree::got>(question(client, tree::get{path}));
    return found ? std::optional{found->data} : std::nullopt;
  }
  std::vector<std::string> children(const std::string& path) {
    const auto found = as<tree::names>(question(client, tree::children{.path = path}));
    return found ? found->all : std::vector<std::string>{"?"};
  }
  // What a replica has, and when: no time goes on.
  template <class Done, class Question>
  std::optional<Done> at(int i, Question what, tree::zxid* when = nullptr) {
    const auto got = sim.ask<consensus::answered>(
        replica(i), consensus::ask{encode(tree::question{what}), true});
    if (!got) return std::nullopt;
    auto r = decode<tree::reply>(got->bytes);
    if (when && r) *when = r->at;
    return as<Done>(r ? caf::expected<tree::reply>{std::move(*r)} : make_error(errc::corrupted));
  }
  opened open_session(tree::duration timeout) {
    const std::string secret(16, static_cast<char>('a' + ++sessions_));
    const auto done = make<tree::session_opened>(tree::open_session{timeout, secret});
    return done ? opened{done->id, secret} : opened{};
  }
  bool touch(const opened& s) {
    const auto done = host(tree::touch{s.id, s.secret});
    return done && std::holds_alternative<tree::touched>(*done);
  }
  template <class Done, class Reply>
  static std::optional<Done> as(const Reply& said) {
    const auto* done = said ? std::get_if<Done>(&said->what) : nullptr;
    return done ? std::optional<Done>{*done} : std::nullopt;
  }

 private:
  template <class What>
  static caf::expected<What> decoded(const caf::expected<consensus::reply>& got) {
    if (!got) return got.error();
    auto what = decode<What>(got->bytes);
    if (!what) return make_error(errc::corrupted);
    return std::move(*what);
  }
  int sessions_ = 0;
};

// What a watcher was told, and whether what it was told of could be read at once where it watches.
struct watch_log {
  std::vector<tree::watch_set> set{};
  std::vector<tree::watch_refused> refused{};
  std::vector<tree::watch_fired> fired{};
  std::vector<tree::watch_closed> closed{};
  std::vector<tree::watch_pong> pongs{};
  tree::zxid seen = 0;
  std::size_t reads = 0;
  std::vector<std::string> unread{};
  std::string events() const {
    std::string all;
    for (const auto& f : fired) {
      all += std::to_string(f.id) + (f.last ? "!" : "");
      for (const auto& e : f.events) all += ' ' + std::string{to_string(e.what)} + ' ' + e.path;
      all += '\n';
    }
    return all;
  }
};
inline caf::actor spawn_watcher(tree_group& g, std::shared_ptr<watch_log> log) {
  return g.sim.spawn([log](caf::event_based_actor* self) {
    return caf::behavior{
        [=](const tree::watch_set& x) {
          log->set.push_back(x);
          log->seen = std::max(log->seen, x.at);
        },
        [=](const tree::watch_refused& x) { log->refused.push_back(x); },
        [=](const tree::watch_closed& x) { log->closed.push_back(x); },
        [=](const tree::watch_pong& x) { log->pongs.push_back(x); },
        [=](const tree::watch_fired& x) {
          log->fired.push_back(x);
          log->seen = std::max(log->seen, x.at);
          const auto to = caf::actor_cast<caf::actor>(self->current_sender());
          for (const auto& e : x.events) {
            self->request(to, caf::infinite,
                          consensus::ask{encode(tree::question{tree::exists{e.path}}), true})
                .then(
                    [=](const consensus::answered& a) {
                      const auto r = decode<tree::reply>(a.bytes);
                      ++log->reads;
                      if (!r || r->at < x.at) log->unread.push_back(e.path);
                    },
                    [](const caf::error&) {});
          }
        },
        // Its own words to a replica come from it.
        [=](const caf::actor& to, const tree::remove_watch& x) { self->send(to, x); },
        [=](const caf::actor& to, const tree::watch_ping& x) { self->send(to, x); },
    };
  });
}
}  // namespace troupe::test
