#include "actors/storage/names.hpp"

#include "actors/storage/map_client.hpp"
#include "actors/storage/watcher.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/peers.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <caf/all.hpp>
namespace troupe {
struct take_again {  // to itself
  std::string name{};
  std::uint64_t number = 0;
  bool overdue = false;
};
TROUPE_MESSAGE(take_again, name, number, overdue)
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::take_again)

namespace troupe {
namespace {
constexpr std::size_t name_max = 128;

std::string key_of(const std::string& name) { return names_prefix + name; }
caf::error taken_by(const std::string& name, const std::string& node) {
  return make_error(errc::already_exists, "the name '" + name + "' is held by node " + node +
                                              ": find_name tells the actor; it is free once that "
                                              "has released it, or its node's lease has run out");
}

class names_actor : public caf::event_based_actor {
 public:
  names_actor(caf::actor_config& config, caf::actor client, names_settings settings)
      : caf::event_based_actor{config}, client_{std::move(client)}, s_{std::move(settings)} {}
  const char* name() const override { return "names"; }
  void on_exit() override {
    for (auto& [name, e] : book_) refuse(e, make_error(errc::not_ready, ending()));
    if (watcher_) caf::anon_send_exit(watcher_, caf::exit_reason::user_shutdown);
    book_.clear();
    holders_.clear();
    peers_.clear();
    client_ = watcher_ = nullptr;
  }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) { down(gone.source); });
    return caf::message_handler{
        [this](take_name& x) { return take(x); },
        [this](find_name& x) { return find(x.name); },
        [this](const release_name& x) { return release(x.name); },
        [this](retire_names) { return retire(); },
        [this](const where_is_name& x) -> caf::result<caf::actor> {
          const auto found = book_.find(x.name);
          if (found == book_.end() || !found->second.is_held(x.token))
            return not_here(x.name, s_.node);
          return found->second.owner;
        },
        [this](peer_up& peer) { peers_[peer.id] = std::move(peer.handle); },
        [this](const peer_down& peer) { peers_.erase(peer.id); },
    }
        .or_else(of_leases())
        .or_else(of_watch());
  }

 private:
  enum class state : std::uint8_t { looking, leasing, taking, held, leaving };
  struct entry {
    bool is_held(std::uint64_t by) const { return now == state::held && token == by; }
    state now = state::looking;
    std::uint64_t number = 0;  // of this attempt
    caf::actor owner{}, holder{};
    storage::lease_id lease = 0;
    std::uint64_t token = 0;  // once it is held
    bool knows = false;       // the owner has to be told nothing more
    std::vector<caf::typed_response_promise<name_taken>> takers{};
    std::vector<caf::response_promise> leavers{};
  };
  using place = std::map<std::string, entry>::iterator;

  // ---- taking
  caf::result<name_taken> take(take_name& x) {
    if (retiring_) return make_error(errc::not_ready, ending());
    if (const auto wrong = name_problem(x.name); !wrong.empty())
      return make_error(errc::invalid_argument, "the name '" + x.name + "' " + wrong);
    if (!x.who || x.who.node() != system().node())
      return make_error(errc::invalid_argument,
                        "a name is taken for an actor of node " + s_.node +
                            " itself: for others, ask the names actor of their node");
    const auto [at, fresh] = book_.try_emplace(x.name);
    auto& e = at->second;
    if (!fresh && (e.owner != x.who || e.now == state::leaving)) return taken_by(x.name, s_.node);
    if (e.now == state::held) return name_taken{x.name, e.token};
    auto promise = make_response_promise<name_taken>();
    e.takers.push_back(promise);
    if (!fresh) return promise;
    e.number = ++numbers_;
    e.owner = std::move(x.who);
    delayed_send(this, s_.patience, take_again{x.name, e.number, true});
    look(x.name, e.number);
    monitor(e.owner);  // if it is dead already, this tells at once
    return promise;
  }
  // What an answer is for, if it still waits for that.
  std::optional<place> waiting(const std::string& name, std::uint64_t number, state in) {
    const auto found = book_.find(name);
    if (found == book_.end() || found->second.number != number || found->second.now != in)
      return std::nullopt;
    return found;
  }

  void look(const std::string& name, std::uint64_t number) {
    ask(storage::question{storage::get{storage::one(key_of(name))}},
        [this, name, number](const caf::expected<storage::reply>& r) {
          const auto at = waiting(name, number, state::looking);
          if (!at) return;
          if (!r) return again(name, number);
          const auto* seen = std::get_if<storage::got>(&r->what);
          if (seen == nullptr) return give_up(*at, no_sense(*r));
          if (!seen->items.empty()) return give_up(*at, taken_by(name, seen->items[0].value));
          auto& e = (*at)->second;
          auto how = s_.lease;
          how.revoked_with_owner = false;  // owners of names may act on when this actor has ended
          e.holder = storage::spawn_lease_holder(system(), client_, this, how);
          e.now = state::leasing;
          holders_[e.holder.address()] = name;
          monitor(e.holder);
        });
  }
  void put(const std::string& name, const entry& e) {
    const auto key = key_of(name);
    storage::txn t;
    t.when.push_back(storage::absent(key));
    t.then.emplace_back(storage::put{.key = key, .value = s_.node, .lease = e.lease});
    t.otherwise.emplace_back(storage::get{storage::one(key)});
    ask(storage::command{std::move(t)},
        [this, name, number = e.number](const caf::expected<storage::reply>& r) {
          const auto at = waiting(name, number, state::taking);
          if (!at) return;
          if (!r) return again(name, number);  // it may be there: an earlier copy has our lease
          const auto* done = std::get_if<storage::txn_done>(&r->what);
          if (done == nullptr) return give_up(*at, no_sense(*r));
          if (done->succeeded) return hold(*at, r->at);
          const auto* there =
              done->replies.empty() ? nullptr : std::get_if<storage::got>(&done->replies.front());
          if (there == nullptr || there->items.empty()) return again(name, number);
          const auto& kv = there->items.front();
          if (kv.lease == (*at)->second.lease) return hold(*at, kv.create_revision);
          give_up(*at, taken_by(name, kv.value));
        });
  }
  void hold(place at, std::uint64_t token) {
    auto& e = at->second;
    e.now = state::held;
    e.token = token;
    log::info("names", "taken", {{"name", at->first}, {"token", token}});
    for (auto& whom : std::exchange(e.takers, {})) whom.deliver(name_taken{at->first, token});
    if (!watcher_) watch(token + 1);
  }
  void again(const std::string& name, std::uint64_t number) {
    delayed_send(this, s_.retry, take_again{name, number, false});
  }
  void give_up(place at, const caf::error& why) {
    refuse(at->second, why);
    at->second.knows = true;
    leave(at);
  }
  static void refuse(entry& e, const caf::error& why) {
    for (auto& whom : std::exchange(e.takers, {})) whom.deliver(why);
  }

  // ---- giving back
  caf::result<void> release(const std::string& name) {
    const auto found = book_.find(name);
    if (found == book_.end())
      return make_error(errc::not_found, "node " + s_.node + " does not hold the name '" + name +
                                             "': only its holder's node can release it");
    auto& e = found->second;
    if (current_sender() == caf::actor_cast<caf::strong_actor_ptr>(e.owner)) e.knows = true;
    auto promise = make_response_promise();  // which takes the sender
    e.leavers.push_back(promise);
    refuse(e,
           make_error(errc::cancelled, "the name '" + name + "' was released before it was taken"));
    leave(found);
    return promise;
  }
  caf::result<void> retire() {
    retiring_ = true;
    auto promise = make_response_promise();
    retirers_.push_back(promise);
    std::vector<std::string> all;
    for (const auto& [name, e] : book_) all.push_back(name);
    for (const auto& name : all) {
      const auto at = book_.find(name);
      refuse(at->second, make_error(errc::not_ready, ending()));
      leave(at);
    }
    retired();
    return promise;
  }
  void leave(place at) {
    auto& e = at->second;
    if (e.now == state::leaving) return;
    if (!e.holder) return forget(at);
    e.knows = e.knows || e.now != state::held;
    e.now = state::leaving;
    send(e.holder, storage::release_lease{});  // which says lease_lost, and ends
  }
  void forget(place at) {
    auto e = std::move(at->second);
    book_.erase(at);
    for (auto& whom : e.leavers) whom.deliver(caf::unit);
    retired();
  }
  void retired() {
    if (!retiring_ || !book_.empty()) return;
    for (auto& whom : std::exchange(retirers_, {})) whom.deliver(caf::unit);
  }
  void lose(place at, name_loss why) {
    auto& e = at->second;
    log::warn("names", "lost",
              {{"name", at->first}, {"token", e.token}, {"reason", to_string(why)}});
    if (!std::exchange(e.knows, true))
      send<caf::message_priority::high>(e.owner, name_lost{at->first, e.token, why});
  }

  void down(const caf::actor_addr& who) {
    if (const auto held = holders_.find(who); held != holders_.end()) {
      const auto at = book_.find(held->second);
      holders_.erase(held);
      if (at == book_.end()) return;
      refuse(at->second, make_error(errc::not_ready, unanswered(at->first)));
      if (at->second.now == state::held) lose(at, name_loss::gone);
      return forget(at);
    }
    std::vector<std::string> owned;
    for (const auto& [name, e] : book_)
      if (e.owner.address() == who) owned.push_back(name);
    for (const auto& name : owned)
      give_up(book_.find(name),
              make_error(errc::cancelled,
                         "the actor that was to have the name '" + name + "' has ended"));
  }

  // ---- leases
  caf::message_handler of_leases() {
    return {
        [this](const storage::lease_held& l) {
          const auto at = of_sender();
          if (!at || (*at)->second.now != state::leasing) return;
          (*at)->second.lease = l.lease;
          (*at)->second.now = state::taking;
          put((*at)->first, (*at)->second);
        },
        [this](const storage::lease_lost& l) -> caf::result<void> {
          const auto at = of_sender();
          if (!at) return caf::unit;
          return let_go(*at, l);
        },
        [this](const take_again& x) {
          const auto at = book_.find(x.name);
          if (at == book_.end() || at->second.number != x.number) return;
          auto& e = at->second;
          if (x.overdue) {
            if (e.now < state::held) give_up(at, make_error(errc::not_ready, unanswered(x.name)));
          } else if (e.now == state::looking) {
            look(x.name, e.number);
          } else if (e.now == state::taking) {
            put(x.name, e);
          } else if (e.now == state::held) {
            check(x.name, e.number);
          }
        },
    };
  }
  std::optional<place> of_sender() {
    const auto found = holders_.find(caf::actor_cast<caf::actor_addr>(current_sender()));
    if (found == holders_.end()) return std::nullopt;
    const auto at = book_.find(found->second);
    if (at == book_.end()) return std::nullopt;
    return at;
  }
  // The lease's holder ends after this, and with it the entry. A lease that is given back is revoked
  // once this is answered.
  caf::result<void> let_go(place at, const storage::lease_lost& l) {
    auto& e = at->second;
    if (l.why == storage::lease_loss::released) {
      if (std::exchange(e.knows, true)) return caf::unit;
      auto promise = make_response_promise();
      request<caf::message_priority::high>(e.owner, caf::infinite,
                                           name_lost{at->first, e.token, name_loss::released})
          .then([promise]() mutable { promise.deliver(caf::unit); },
                [promise](const caf::error&) mutable { promise.deliver(caf::unit); });
      return promise;
    }
    refuse(e, l.why == storage::lease_loss::refused
                  ? make_error(errc::refused,
                               "no lease for the name '" + at->first + "': " + l.sentence)
                  : make_error(errc::not_ready, unanswered(at->first)));
    if (e.now == state::held)
      lose(at, l.why == storage::lease_loss::lapsed ? name_loss::lapsed : name_loss::gone);
    e.now = state::leaving;
    return caf::unit;
  }

  // ---- keys that somebody deletes
  void watch(storage::revision from) {
    watcher_ = storage::spawn_watcher(
        system(), client_, this,
        {.what = {.keys = storage::prefix(names_prefix), .from = from}, .prefer = s_.node});
  }
  caf::message_handler of_watch() {
    return {
        [](const storage::watch_created&) {},
        [](const storage::watch_progress&) {},
        [this](const storage::watch_events& w) {
          for (const auto& change : w.events)
            if (change.what == storage::change::erased)
              erased(change.kv.key.substr(std::string_view{names_prefix}.size()), w.at);
        },
        [this](const storage::watch_ended&) {
          watch(0);
          for (const auto& [name, e] : book_)
            if (e.now == state::held) check(name, e.number);
        },
    };
  }
  void erased(const std::string& name, storage::revision at) {
    const auto found = book_.find(name);
    if (found == book_.end() || found->second.now != state::held || found->second.token > at)
      return;
    lose(found, name_loss::deleted);
    leave(found);
  }
  // What the watch has missed.
  void check(const std::string& name, std::uint64_t number) {
    ask(storage::question{storage::get{storage::one(key_of(name))}},
        [this, name, number](const caf::expected<storage::reply>& r) {
          const auto at = waiting(name, number, state::held);
          if (!at) return;
          const auto* seen = storage::answer_as<storage::got>(r);
          if (seen == nullptr) return again(name, number);
          const auto& all = seen->items;
          if (all.empty() || all[0].create_revision != (*at)->second.token) erased(name, r->at);
        });
  }

  // ---- finding
  caf::result<name_found> find(const std::string& name) {
    auto promise = make_response_promise<name_found>();
    ask(storage::question{storage::get{storage::one(key_of(name))}},
        [this, name, promise](const caf::expected<storage::reply>& r) mutable {
          const auto* seen = storage::answer_as<storage::got>(r);
          if (!r)
            promise.deliver(make_error(errc::not_ready, unanswered(name)));
          else if (seen == nullptr)
            promise.deliver(no_sense(*r));
          else if (seen->items.empty())
            promise.deliver(make_error(errc::not_found, "nobody holds the name '" + name + "'"));
          else
            locate({name, seen->items[0].value, seen->items[0].create_revision}, promise);
        });
    return promise;
  }
  void locate(name_found found, caf::typed_response_promise<name_found> whom) {
    const auto mine = book_.find(found.name);
    const auto peer = peers_.find(found.node);
    if (mine != book_.end() && mine->second.is_held(found.token)) {
      found.who = mine->second.owner;
      whom.deliver(std::move(found));
    } else if (found.node == s_.node) {
      whom.deliver(not_here(found.name, found.node));
    } else if (peer == peers_.end()) {
      whom.deliver(make_error(errc::unreachable, "the name '" + found.name + "' is held by node " +
                                                     found.node + ", which node " + s_.node +
                                                     " does not reach at the moment"));
    } else {
      request(peer->second, s_.patience, where_is_name{found.name, found.token})
          .then(
              [whom, found](caf::actor& who) mutable {
                found.who = std::move(who);
                whom.deliver(std::move(found));
              },
              [whom](caf::error& why) mutable { whom.deliver(std::move(why)); });
    }
  }

  // ---- the map
  template <class Request>
  void ask(const Request& what, storage::on_reply then) {
    storage::ask_map(this, client_, s_.patience, what, std::move(then));
  }
  static caf::error no_sense(const storage::reply& r) {
    if (const auto* no = std::get_if<storage::refused>(&r.what)) return storage::to_error(*no);
    return make_error(errc::corrupted, "the map's answer makes no sense");
  }
  static caf::error not_here(const std::string& name, const std::string& node) {
    return make_error(errc::not_ready, "the name '" + name + "' is node " + node +
                                           "'s, and no actor there has it at the moment: it is "
                                           "being taken or given back, or that node began anew");
  }
  static std::string unanswered(const std::string& name) {
    return "the replicated map did not answer in time: the name '" + name +
           "' was not taken or found";
  }
  std::string ending() const { return "node " + s_.node + " is ending: it takes no names"; }

  caf::actor client_;
  names_settings s_;
  std::map<std::string, entry> book_;               // by name
  std::map<caf::actor_addr, std::string> holders_;  // of leases, and their names
  std::map<std::string, caf::actor> peers_;         // by node
  std::uint64_t numbers_ = 0;
  caf::actor watcher_;
  bool retiring_ = false;
  std::vector<caf::response_promise> retirers_;
};
}  // namespace

std::string name_problem(const std::string& name) {
  if (!name.empty() && name.size() <= name_max &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; }))
    return {};
  return "is none: it takes 1 to " + std::to_string(name_max) +
         " bytes, without blanks and control characters";
}

caf::actor spawn_names(caf::actor_system& system, caf::actor client, names_settings settings) {
  return system.spawn<names_actor>(std::move(client), std::move(settings));
}

void register_names_types(caf::actor_system_config& config) {
  config.add_message_type<take_name>("name.take")
      .add_message_type<name_taken>("name.taken")
      .add_message_type<find_name>("name.find")
      .add_message_type<name_found>("name.found")
      .add_message_type<release_name>("name.release")
      .add_message_type<name_lost>("name.lost")
      .add_message_type<where_is_name>("name.where");
}
}  // namespace troupe
