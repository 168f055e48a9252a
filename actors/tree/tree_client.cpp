#include "actors/tree/tree_client.hpp"

#include "actors/consensus/protocol.hpp"
#include "patterns/encoding.hpp"
#include "patterns/hex.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <optional>
#include <utility>

#include <caf/all.hpp>
namespace troupe::tree {
struct client_tick {
  instant due{};
};
TROUPE_MESSAGE(client_tick, due)
}  // namespace troupe::tree
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::tree::client_tick)

namespace troupe::tree {
namespace {
using std::chrono::milliseconds;
// The client underneath has patience of its own, and knows more when it ends.
constexpr std::chrono::minutes long_enough{10};

errc code_of(refusal why) {
  switch (why) {
    case refusal::no_node:
    case refusal::no_parent:
    case refusal::session_unknown:
    case refusal::no_watch:
      return errc::not_found;
    case refusal::node_exists:
      return errc::already_exists;
    case refusal::bad_secret:
    case refusal::leaders_only:
      return errc::unauthorized;
    case refusal::too_many_children:
    case refusal::sequence_exhausted:
    case refusal::no_space:
    case refusal::too_many_sessions:
    case refusal::too_many_ephemerals:
    case refusal::too_many_watches:
      return errc::overloaded;
    case refusal::behind:
      return errc::not_ready;
    case refusal::replayed:
    case refusal::root:
    case refusal::not_empty:
    case refusal::bad_version:
    case refusal::ephemeral_parent:
    case refusal::session_needed:
    case refusal::stale_term:
    case refusal::not_a_container:
    case refusal::container_in_use:
    case refusal::rolled_back:
    case refusal::not_tried:
      return errc::refused;
    case refusal::malformed:
    case refusal::path_relative:
    case refusal::path_trailing_slash:
    case refusal::path_empty_part:
    case refusal::path_dot_part:
    case refusal::path_character:
    case refusal::path_too_long:
    case refusal::path_too_deep:
    case refusal::data_too_large:
    case refusal::multi_too_large:
    case refusal::secret_size:
      return errc::invalid_argument;
  }
  return errc::failed;
}

class front : public caf::event_based_actor {
 public:
  front(caf::actor_config& config, caf::actor client, caf::actor owner,
        const tree_client_settings& settings)
      : caf::event_based_actor{config},
        client_{std::move(client)},
        owner_{std::move(owner)},
        s_{settings} {
    assert(s_.timeout == duration{0} || shrunk(s_.timeout) > duration{0});
  }
  const char* name() const override { return "tree"; }
  void on_exit() override {
    client_ = nullptr;
    owner_ = nullptr;
    turn_away();
  }

  caf::behavior make_behavior() override {
    monitor(owner_);
    set_down_handler([this](const caf::down_msg&) { leave_off(); });
    if (keeps()) open();
    return {
        [this](create& x) { return command_for<created>(std::move(x)); },
        [this](erase& x) { return command_for<erased>(std::move(x)); },
        [this](set& x) { return command_for<set_done>(std::move(x)); },
        [this](check& x) { return command_for<checked>(std::move(x)); },
        [this](multi& x) { return command_for<multi_done>(std::move(x)); },
        [this](sync& x) { return command_for<synced>(x); },
        [this](get& x) { return question_for<got>(std::move(x)); },
        [this](exists& x) { return question_for<found>(std::move(x)); },
        [this](children& x) { return question_for<names>(std::move(x)); },
        [this](browse& x) { return question_for<browsed>(std::move(x)); },
        [this](leave_session) -> caf::result<void> {
          auto whom = make_response_promise();
          leaving_.push_back(whom);
          leave_off();
          return whom;
        },
        [this](const client_tick& t) {
          if (armed_ != t.due) return;  // an earlier one was armed since
          armed_.reset();
          look();
        },
    };
  }

 private:
  template <class Done>
  using promise = caf::typed_response_promise<zxid, Done>;
  struct job {
    instant until{};
    std::function<void(const caf::error*)> go;  // null: it may
  };

  bool keeps() const { return s_.timeout > duration{0}; }
  duration shrunk(duration timeout) const {
    return timeout - timeout * s_.drift_per_mille / 1'000 - s_.margin;
  }
  instant now() {  // not after the time as it is: deadlines are early rather than late
    return std::chrono::floor<instant>(clock().now().time_since_epoch());
  }

  // ---- requests
  template <class Done>
  promise<Done> command_for(command what) {
    auto whom = make_response_promise<zxid, Done>();
    if (over_) {
      whom.deliver(make_error(errc::cancelled, "the session was left: nothing was done"));
    } else if (!keeps() || id_ != 0) {
      give<Done>(whom, std::move(what));
    } else if (waiting_.size() >= s_.waiting) {
      whom.deliver(make_error(errc::overloaded, std::to_string(s_.waiting) +
                                                    " commands wait for a session with the "
                                                    "tree: try again later"));
    } else {
      waiting_.push_back({now() + s_.patience,
                          [this, whom, what = std::move(what)](const caf::error* why) mutable {
                            if (why != nullptr)
                              whom.deliver(*why);
                            else
                              give<Done>(whom, std::move(what));
                          }});
      arm();
    }
    return whom;
  }
  template <class Done>
  void give(promise<Done> whom, command what) {
    const auto session = id_;
    pass<Done>(whom, consensus::command{encode(tree::request{std::move(what), id_, secret_, {}})},
               session);
  }
  template <class Done>
  promise<Done> question_for(question q) {
    auto whom = make_response_promise<zxid, Done>();
    pass<Done>(whom, consensus::question{.bytes = encode(q)}, 0);
    return whom;
  }
  template <class Done, class What>
  void pass(promise<Done> whom, What what, session_id session) {
    ++under_way_;
    request(client_, long_enough, std::move(what))
        .then(
            [this, whom, session](const consensus::reply& r) mutable {
              auto answer = decode<reply>(r.bytes);
              auto* done = answer ? std::get_if<Done>(&answer->what) : nullptr;
              const auto* no = answer ? std::get_if<refused>(&answer->what) : nullptr;
              if (no != nullptr && no->why == refusal::session_unknown && session != 0 &&
                  session == id_)
                lose(session_loss::gone, explain(no->why));
              if (done != nullptr)
                whom.deliver(answer->at, std::move(*done));
              else
                whom.deliver(no != nullptr ? to_error(*no) : consensus::senseless());
              answered();
            },
            [this, whom](caf::error& why) mutable {
              whom.deliver(std::move(why));
              answered();
            });
  }
  void answered() {
    --under_way_;
    end_if_over();
  }

  // ---- the session
  void open() {
    const auto sent = now();
    const auto attempt = ++attempt_;
    auto secret = fresh_secret(system());
    again_ = sent + s_.timeout;  // what nobody knows of expires
    ask_tree(this, client_, s_.timeout, tree::request{open_session{s_.timeout, secret}, 0, {}, {}},
             [this, sent, attempt, secret](caf::expected<reply> said) {
               if (over_ || attempt != attempt_) return;
               const auto* is = answer_as<session_opened>(said);
               if (is == nullptr || now() >= sent + shrunk(is->timeout)) {
                 again_ = now() + s_.timeout / 10;
                 return arm();
               }
               begin(*is, sent, secret);
             });
    arm();
  }
  void begin(const session_opened& is, instant sent, const std::string& secret) {
    id_ = is.id;
    timeout_ = is.timeout;
    secret_ = secret;
    deadline_ = sent + shrunk(timeout_);
    next_ = sent + timeout_ / 3;
    send(owner_, session_held{id_, timeout_});
    for (auto& j : std::exchange(waiting_, {})) j.go(nullptr);
    arm();
  }
  void keep() {
    const auto sent = now();
    next_ = sent + timeout_ / 3;
    ask_leader(this, client_, timeout_, touch{id_, secret_},
               [this, sent, id = id_](caf::expected<host_answer> said) {
                 if (id != id_) return;
                 if (!said) {
                   next_ = std::min(next_, now() + timeout_ / 10);
                   return arm();
                 }
                 if (const auto* no = std::get_if<not_touched>(&*said))
                   return lose(session_loss::gone, explain(no->why));
                 const auto& t = std::get<touched>(*said);
                 deadline_ = std::max(deadline_, sent + shrunk(t.timeout));
               });
  }
  void lose(session_loss why, std::string sentence) {
    send<caf::message_priority::high>(
        owner_, session_lost{std::exchange(id_, 0), why, std::move(sentence)});
    secret_.clear();
    if (!over_) open();
  }

  void look() {
    const auto at = now();
    while (!waiting_.empty() && waiting_.front().until <= at) {
      const auto why = make_error(errc::not_ready,
                                  "no session with the tree could be opened in time: nothing was "
                                  "done");
      auto j = std::move(waiting_.front());
      waiting_.pop_front();
      j.go(&why);
    }
    if (over_ || !keeps()) return;
    if (id_ == 0) {
      if (at >= again_) open();
    } else if (at >= deadline_) {
      lose(session_loss::lapsed, "no touch of the session was confirmed in time");
    } else if (at >= next_) {
      keep();
    }
    arm();
  }
  void arm() {
    auto due = id_ == 0 ? again_ : std::min(deadline_, next_);
    if (!waiting_.empty()) due = std::min(due, waiting_.front().until);
    if (armed_ && *armed_ <= due) return;
    armed_ = due;
    const auto at = clock().now().time_since_epoch();
    delayed_send(this, due > at ? due - at : caf::timespan{0}, client_tick{due});
  }

  void leave_off() {
    if (std::exchange(over_, true)) return end_if_over();
    turn_away();
    if (id_ == 0) return end_if_over();
    ++under_way_;
    ask_tree(this, client_, timeout_,
             tree::request{close_session{}, std::exchange(id_, 0), secret_, {}},
             [this](const caf::expected<reply>&) { answered(); });  // else it expires
  }
  void turn_away() {
    const auto why = make_error(errc::cancelled, "the session was left: nothing was done");
    for (auto& j : std::exchange(waiting_, {})) j.go(&why);
  }
  void end_if_over() {
    if (!over_ || under_way_ > 0) return;
    for (auto& whom : std::exchange(leaving_, {})) whom.deliver(caf::unit);
    quit();
  }

  caf::actor client_, owner_;
  tree_client_settings s_;
  session_id id_ = 0;  // 0: none
  duration timeout_{};
  std::string secret_;
  std::uint64_t attempt_ = 0;
  instant deadline_{}, next_{}, again_{};
  std::optional<instant> armed_;
  std::deque<job> waiting_;  // for a session, by their time
  std::size_t under_way_ = 0;
  bool over_ = false;
  std::vector<caf::response_promise> leaving_;
};
}  // namespace

tree_actor spawn_tree(caf::actor_system& system, caf::actor client, caf::actor owner,
                      tree_client_settings settings) {
  return caf::actor_cast<tree_actor>(
      system.spawn<front>(std::move(client), std::move(owner), settings));
}

void ask_tree(caf::event_based_actor* self, const caf::actor& client, milliseconds patience,
              const request& what, on_reply then) {
  consensus::ask_for<reply>(self, client, patience, consensus::command{encode(what)},
                            std::move(then));
}
void ask_tree(caf::event_based_actor* self, const caf::actor& client, milliseconds patience,
              const question& what, on_reply then) {
  consensus::ask_for<reply>(self, client, patience, consensus::question{.bytes = encode(what)},
                            std::move(then));
}
void ask_leader(caf::event_based_actor* self, const caf::actor& client, milliseconds patience,
                const host_question& what, on_answer then) {
  consensus::ask_for<host_answer>(self, client, patience,
                                  consensus::question{.bytes = encode(what), .host = true},
                                  std::move(then));
}
std::string fresh_secret(caf::actor_system& system) {
  auto secret = hex(fresh_seed(system));
  return secret += hex(fresh_seed(system));
}

caf::error to_error(const refused& why) {
  auto sentence = explain(why.why);
  if (why.why == refusal::bad_version)
    sentence += " (it is at version " + std::to_string(why.version) + ")";
  return make_error(code_of(why.why), std::move(sentence));
}

void register_tree_client_types(caf::actor_system_config& config) {
  config.add_message_type<create>("tree.create")
      .add_message_type<created>("tree.created")
      .add_message_type<erase>("tree.erase")
      .add_message_type<erased>("tree.erased")
      .add_message_type<set>("tree.put")
      .add_message_type<set_done>("tree.put_done")
      .add_message_type<check>("tree.check")
      .add_message_type<checked>("tree.checked")
      .add_message_type<multi>("tree.multi")
      .add_message_type<multi_done>("tree.multi_done")
      .add_message_type<sync>("tree.sync")
      .add_message_type<synced>("tree.synced")
      .add_message_type<get>("tree.get")
      .add_message_type<got>("tree.got")
      .add_message_type<exists>("tree.exists")
      .add_message_type<found>("tree.found")
      .add_message_type<children>("tree.children")
      .add_message_type<names>("tree.names")
      .add_message_type<browse>("tree.browse")
      .add_message_type<browsed>("tree.browsed")
      .add_message_type<session_held>("tree.held")
      .add_message_type<session_lost>("tree.lost")
      .add_message_type<leave_session>("tree.leave");
}
}  // namespace troupe::tree
