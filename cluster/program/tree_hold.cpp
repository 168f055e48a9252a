#include "cluster/program/tree_hold.hpp"

#include "actors/tree/tree_client.hpp"
#include "actors/tree/tree_watcher.hpp"
#include "cluster/program/child.hpp"
#include "cluster/program/client.hpp"
#include "cluster/program/json.hpp"
#include "runtime/codec/inspect.hpp"

#include <csignal>
#include <iostream>
#include <optional>

#include <caf/all.hpp>

namespace troupe::program {
namespace {
using clock = std::chrono::steady_clock;
using json = nlohmann::ordered_json;

// Opens a session, creates, runs, and closes it.
class holding {
 public:
  holding(client& with, caf::actor tree, tree::create wanted, const std::vector<std::string>& command, milliseconds ttl, bool as_json)
      : command_{command}, ttl_{ttl}, as_json_{as_json}, path_{wanted.path}, self_{with.system()} {
    const auto owner = caf::actor_cast<caf::actor>(self_);
    tree_ = tree::spawn_tree(with.system(), std::move(tree), owner, {.timeout = ttl, .margin = ttl / 10});
    // Answered into this one's mailbox, where what becomes of the session comes, too.
    asker_ = with.system().spawn([tree = tree_, owner, wanted = std::move(wanted)](caf::event_based_actor* self) {
      self->request(tree, caf::infinite, wanted)
          .then([=](tree::zxid at, const tree::created& made) { self->send(owner, at, made); },
                [=](const caf::error& why) { self->send(owner, why); });
    });
  }
  int run() {
    bool told = false;
    while (!over_) {
      self_->receive([&](tree::zxid at, const tree::created& made) { begin(at, made); }, [](const tree::session_held&) {},
                     [&](const tree::session_lost& l) { lose(l); },
                     [&](const caf::error& why) { over_ = static_cast<int>(fail(exit_code::not_acquired, path_ + ": " + sentence_of(why))); },
                     caf::after(milliseconds{10}) >> [] {});
      if (over_) break;
      if (runs_) {
        if (const auto code = runs_->ended()) over_ = *code;
        if (interrupted() && !std::exchange(told, true)) runs_->signal(SIGTERM);
      } else if (interrupted()) {
        over_ = static_cast<int>(there_ ? exit_code::done : exit_code::not_acquired);
      }
    }
    // The node need not wait for the session to run out.
    self_->monitor(tree_);
    self_->send(tree_, tree::leave_session{});
    bool gone = false;
    self_->receive_while([&, last = clock::now() + milliseconds{1'000}] { return !gone && clock::now() < last; })(
        [&](const caf::down_msg&) { gone = true; }, [](tree::zxid, const tree::created&) {}, [](const tree::session_held&) {},
        [](const tree::session_lost&) {}, [](const caf::error&) {}, caf::after(milliseconds{50}) >> [] {});
    return *over_;
  }

 private:
  void begin(tree::zxid at, const tree::created& made) {
    there_ = true;
    path_ = made.path;
    if (as_json_)
      std::cout << one_line({{"event", "created"}, {"path", path_}, {"zxid", at}, {"session", made.is.owner}}) << std::endl;
    else if (command_.empty())
      std::cout << path_ << std::endl;
    if (command_.empty()) return;
    runs_ = child::start(command_, {{"TROUPE_NODE", path_}, {"TROUPE_FENCE", std::to_string(made.is.created)}});
    if (!runs_) over_ = static_cast<int>(fail(exit_code::wrapper, "the system does not start another process"));
  }
  void lose(const tree::session_lost& l) {
    if (!there_) return;  // another session is opened
    if (as_json_) std::cout << one_line({{"event", "lost"}, {"path", path_}, {"why", l.sentence}}) << std::endl;
    if (runs_) runs_->end(ttl_ / 20);  // a half of the margin
    over_ = static_cast<int>(fail(exit_code::lost, path_ + ": the session was lost (" + l.sentence + ")" + (runs_ ? ": the command was ended" : "")));
  }

  const std::vector<std::string>& command_;
  milliseconds ttl_;
  bool as_json_, there_ = false;
  std::string path_;
  caf::scoped_actor self_;
  tree::tree_actor tree_;
  caf::actor asker_;
  std::optional<child> runs_;
  std::optional<int> over_;
};

void show(const tree::watch_fired& f, bool as_json) {
  for (const auto& e : f.events)
    if (as_json)
      std::cout << one_line({{"event", to_string(e.what)}, {"path", e.path}, {"zxid", f.at}}) << std::endl;
    else
      std::cout << to_string(e.what) << '\t' << e.path << std::endl;
}
}  // namespace

exit_code hold_node(const target& to, const tree::create& wanted, const std::vector<std::string>& command, milliseconds ttl, bool as_json) {
  if (ttl < std::chrono::seconds{2} || ttl > std::chrono::hours{24}) return fail(exit_code::usage, "--ttl: from 2s to 24h, as the tree keeps sessions");
  catch_interrupts();
  auto connected = client::connect(to);
  if (!connected) return fail(exit_code::not_acquired, connected.error().sentence);
  auto tree = (*connected)->tree();
  if (!tree) return fail(exit_code::not_acquired, tree.error().sentence);
  return static_cast<exit_code>(holding{**connected, std::move(*tree), wanted, command, ttl, as_json}.run());
}

exit_code watch_node(const target& to, const tree::watch& what, bool once, bool as_json) {
  catch_interrupts();
  return with_client(to, [&](client& with) {
    const auto tree = with.tree();
    if (!tree) return fail(tree.error());
    caf::scoped_actor self{with.system()};
    const auto watcher = tree::spawn_tree_watcher(with.system(), *tree, caf::actor_cast<caf::actor>(self), {.what = what, .prefer = with.node()});
    self->monitor(*tree);
    std::optional<exit_code> over;
    tree::zxid upto = 0;
    while (!over && !interrupted())
      self->receive(
          [&](const tree::watch_set& set) {
            upto = set.at;
            if (as_json) std::cout << one_line({{"event", "watching"}, {"path", what.path}, {"zxid", set.at}}) << std::endl;
          },
          [&](const tree::watch_fired& f) {
            if (over) return;
            upto = f.at;
            show(f, as_json);
            if (once) over = exit_code::done;
          },
          [&](const tree::watch_refused& no) { over = fail(exit_code::not_done, what.path + ": " + tree::explain(no.why)); },
          [&](const caf::down_msg&) {
            over = fail(exit_code::no_node, "node " + with.node() + " does not answer any more; up to zxid " + std::to_string(upto) + " all was shown");
          },
          caf::after(milliseconds{100}) >> [] {});
    caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
    return over.value_or(exit_code::done);
  });
}
}  // namespace troupe::program
