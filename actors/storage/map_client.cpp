#include "actors/storage/map_client.hpp"

#include "actors/consensus/protocol.hpp"
#include "patterns/encoding.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <utility>

#include <caf/all.hpp>
namespace troupe::storage {
namespace {
// The client underneath has patience of its own, and knows more when it ends.
constexpr std::chrono::minutes long_enough{10};

errc code_of(refusal why) {
  switch (why) {
    case refusal::lease_unknown:
      return errc::not_found;
    case refusal::lease_exists:
      return errc::already_exists;
    case refusal::too_many_leases:
    case refusal::no_space:
      return errc::overloaded;
    case refusal::stale_term:
    case refusal::compacted:
    case refusal::future_revision:
      return errc::refused;
    case refusal::malformed:
    case refusal::key_empty:
    case refusal::key_too_long:
    case refusal::value_too_large:
    case refusal::txn_too_large:
    case refusal::duplicate_key:
    case refusal::not_in_txn:
    case refusal::bad_compare:
    case refusal::lease_reserved:
    case refusal::lease_ambiguous:
    case refusal::ttl_out_of_range:
      return errc::invalid_argument;
  }
  return errc::failed;
}

txn transaction_of(compare_and_set&& x) {
  txn t;
  const auto where = one(x.key);
  if (x.modified) {
    t.when.push_back({where, aspect::mod_revision, relation::equal, *x.modified, {}});
  } else if (x.expected) {
    t.when.push_back({where, aspect::value, relation::equal, 0, std::move(*x.expected)});
  } else {
    t.when.push_back(absent(x.key));
  }
  t.then.emplace_back(put{.key = std::move(x.key), .value = std::move(x.value), .lease = x.lease});
  t.otherwise.emplace_back(get{where});
  return t;
}

set_done outcome_of(const txn_done& done) {
  set_done out{done.succeeded, {}};
  if (done.succeeded || done.replies.empty()) return out;
  const auto* there = std::get_if<got>(&done.replies.front());
  if (there != nullptr && !there->items.empty()) out.there = there->items.front();
  return out;
}

class front : public map_actor::base {
 public:
  front(caf::actor_config& config, caf::actor client)
      : map_actor::base{config}, client_{std::move(client)} {}
  const char* name() const override { return "map"; }
  void on_exit() override { client_ = nullptr; }
  behavior_type make_behavior() override {
    return {
        [this](put& x) { return command_for<put_done>(std::move(x)); },
        [this](erase& x) { return command_for<erase_done>(std::move(x)); },
        [this](get& x) { return question_for<got>(std::move(x)); },
        [this](txn& x) { return command_for<txn_done>(std::move(x)); },
        [this](compare_and_set& x) { return set(std::move(x)); },
        [this](lease_grant& x) { return command_for<granted>(std::move(x)); },
        [this](lease_revoke& x) { return command_for<revoked>(std::move(x)); },
        [this](keepalive& x) { return host_for<kept>(x); },
        [this](time_left& x) { return host_for<remaining>(x); },
        [this](lease_list& x) { return question_for<leases>(x); },
        [this](lease_info& x) { return question_for<lease_state>(x); },
        [this](compact& x) { return command_for<compaction_done>(x); },
        [this](status& x) { return question_for<map_status>(x); },
    };
  }

 private:
  template <class Done>
  using promise = caf::typed_response_promise<revision, Done>;

  template <class Done>
  promise<Done> command_for(command c) {
    return pass<Done>(consensus::command{encode(c)}, [](Done& done) { return std::move(done); });
  }
  template <class Done>
  promise<Done> question_for(question q) {
    return pass<Done>(consensus::question{encode(q)}, [](Done& done) { return std::move(done); });
  }
  promise<set_done> set(compare_and_set x) {
    const command c = transaction_of(std::move(x));
    return pass<set_done>(consensus::command{encode(c)},
                          [](txn_done& done) { return outcome_of(done); });
  }
  template <class Done, class Request, class Shown>
  promise<Done> pass(Request what, Shown shown) {
    auto whom = make_response_promise<revision, Done>();
    deliver_to(whom, std::move(what), shown, &Shown::operator());
    return whom;
  }
  template <class Done, class Request, class Shown, class Found>
  void deliver_to(promise<Done> whom, Request what, Shown shown, Done (Shown::*)(Found&) const) {
    request(client_, long_enough, std::move(what))
        .then(
            [whom, shown](const consensus::reply& r) mutable {
              auto answer = decode<reply>(r.bytes);
              auto* done = answer ? std::get_if<Found>(&answer->what) : nullptr;
              const auto* no = answer ? std::get_if<refused>(&answer->what) : nullptr;
              if (done != nullptr)
                whom.deliver(answer->at, shown(*done));
              else
                whom.deliver(no != nullptr ? to_error(*no) : consensus::senseless());
            },
            [whom](caf::error& why) mutable { whom.deliver(std::move(why)); });
  }
  template <class Done>
  caf::typed_response_promise<Done> host_for(host_question q) {
    auto whom = make_response_promise<Done>();
    request(client_, long_enough, consensus::question{.bytes = encode(q), .host = true})
        .then(
            [whom](const consensus::reply& r) mutable {
              const auto answer = decode<host_answer>(r.bytes);
              const auto* done = answer ? std::get_if<Done>(&*answer) : nullptr;
              const auto* no = answer ? std::get_if<not_kept>(&*answer) : nullptr;
              if (done != nullptr)
                whom.deliver(*done);
              else
                whom.deliver(no != nullptr ? to_error(*no) : consensus::senseless());
            },
            [whom](caf::error& why) mutable { whom.deliver(std::move(why)); });
    return whom;
  }

  caf::actor client_;
};
}  // namespace

map_actor spawn_map(caf::actor_system& system, caf::actor client) {
  return system.spawn<front>(std::move(client));
}

void ask_map(caf::event_based_actor* self, const caf::actor& client,
             std::chrono::milliseconds patience, const command& what, on_reply then,
             const std::optional<note>& ahead) {
  consensus::ask_for<reply>(
      self, client, patience,
      consensus::command{encode(what), ahead ? encode(*ahead) : std::string{}}, std::move(then));
}
void ask_map(caf::event_based_actor* self, const caf::actor& client,
             std::chrono::milliseconds patience, const question& what, on_reply then) {
  consensus::ask_for<reply>(self, client, patience, consensus::question{encode(what)},
                            std::move(then));
}
void ask_leader(caf::event_based_actor* self, const caf::actor& client,
                std::chrono::milliseconds patience, const host_question& what, on_answer then) {
  consensus::ask_for<host_answer>(self, client, patience,
                                  consensus::question{.bytes = encode(what), .host = true},
                                  std::move(then));
}

caf::error to_error(const refused& why) {
  auto sentence = explain(why.why);
  if (why.why == refusal::compacted)
    sentence += " (the oldest revision that can be read is " + std::to_string(why.lowest) + ")";
  return make_error(code_of(why.why), std::move(sentence));
}

caf::error to_error(const not_kept& why) {
  switch (why.why) {
    case keepalive_refusal::not_leader:
      return make_error(errc::not_ready, "the replica that was asked does not lead: try again");
    case keepalive_refusal::unknown:
      return make_error(
          errc::not_found,
          "there is no such lease (any more): what hung on it is gone, take a new one");
    case keepalive_refusal::expired:
      return make_error(errc::refused,
                        "the lease has run out and is being revoked: what hangs on it goes");
  }
  return make_error(errc::failed);
}
}  // namespace troupe::storage
