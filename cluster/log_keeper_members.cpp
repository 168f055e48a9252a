// Who belongs to the log: an operator's orders, carried out by the keeper beside the leader.
#include "cluster/log_keeper.hpp"
#include "cluster/tree_keeper.hpp"
#include "patterns/consensus/raft/quorum.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <algorithm>

#include <caf/all.hpp>

namespace troupe {
using namespace std::chrono_literals;
using consensus::answered, consensus::group_status;
namespace {
constexpr auto patience = 30s;  // with a node that catches up
constexpr auto an_answer = 10s;
}  // namespace

caf::error log_keeper::no_log() const {
  if (!founder_.self().cluster.empty())
    return make_error(errc::not_ready, "the log has no leader at the moment, or node " + s_.node +
                                           " does not know it: try again");
  if (founder_.waits())
    return make_error(errc::refused, "the log has not begun: " + std::to_string(founder_.here()) +
                                         " of " + std::to_string(founder_.self().expects) +
                                         " nodes are here that are to be its first voters");
  return make_error(
      errc::refused,
      "this cluster has no replicated log: start its first voters, three mostly, with "
      "--bootstrap-expect 3");
}

const log_keeper::peer* log_keeper::leaders_peer() {
  const auto found = peers_.find(leads_.node);
  return found == peers_.end() || !found->second.keeper ? nullptr : &found->second;
}

template <class Order>
caf::result<answered> log_keeper::at_leader(Order wanted,
                                            caf::result<answered> (log_keeper::*here)(Order&)) {
  if (leads_.node == s_.node && replica_) return (this->*here)(wanted);
  const auto* const to = leaders_peer();
  if (!to || wanted.forwarded) return no_log();
  wanted.forwarded = true;
  auto promise = make_response_promise<answered>();
  request(to->keeper, patience + an_answer, std::move(wanted))
      .then([promise](answered& a) mutable { promise.deliver(std::move(a)); },
            [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
  return promise;
}

caf::result<answered> log_keeper::add(log_add& wanted) {
  return at_leader(wanted, &log_keeper::add_here);
}
caf::result<answered> log_keeper::remove(log_remove& wanted) {
  return at_leader(wanted, &log_keeper::remove_here);
}
caf::result<answered> log_keeper::transfer(log_transfer& wanted) {
  return at_leader(wanted, &log_keeper::transfer_here);
}

caf::result<answered> log_keeper::add_here(log_add& wanted) {
  if (wanted.node != s_.node && !peers_.contains(wanted.node))
    return make_error(errc::not_found,
                      "no member is named '" + wanted.node + "': `troupe members` lists them");
  const auto who = wanted.node == s_.node ? founder_.self().life : peers_.at(wanted.node).who.life;
  const auto number = ++numbers_;
  joining j{wanted, make_response_promise<answered>(), now() + patience};
  j.asking = true;
  const auto promise = j.whom;
  joining_.emplace(number, std::move(j));
  const auto begin = [this, number] {
    if (const auto still = joining_.find(number); still != joining_.end())
      still->second.asking = false;
    help(number);
    look_later();
  };
  request(replica_, an_answer, consensus::status_query{})
      .then(
          [=, this, learner = wanted.learner](const group_status& s) {
            const auto still = joining_.find(number);
            if (still == joining_.end() || learner || !raft::holds(s.config.voters, who))
              return begin();
            still->second.whom.deliver(answered{});  // it votes already
            joining_.erase(still);
          },
          [begin](const caf::error&) { begin(); });
  return promise;
}

caf::result<answered> log_keeper::remove_here(log_remove& wanted) {
  auto promise = make_response_promise<answered>();
  request(replica_, an_answer, consensus::status_query{})
      .then(
          [this, promise, wanted](const group_status& s) mutable {
            const auto named = [&](const raft::peer& p) { return p.name == wanted.node; };
            const auto& c = s.config;
            if (std::none_of(c.voters.begin(), c.voters.end(), named) &&
                std::none_of(c.learners.begin(), c.learners.end(), named))
              promise.deliver(
                  make_error(errc::not_found, "'" + wanted.node +
                                                  "' does not belong to the log: `troupe log "
                                                  "status` lists who does"));
            else
              hand(promise, consensus::change_members{{}, {}, {wanted.node}});
          },
          [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
  return promise;
}

caf::result<answered> log_keeper::transfer_here(log_transfer& wanted) {
  auto promise = make_response_promise<answered>();
  hand(promise, consensus::hand_over{wanted.node});
  return promise;
}

template <class Order>
void log_keeper::hand(caf::typed_response_promise<answered> promise, Order order) {
  request(replica_, an_answer, std::move(order))
      .then(
          [this, promise](answered& a) mutable {
            if (a.what == consensus::verdict::done)
              promise.deliver(std::move(a));
            else if (a.what == consensus::verdict::unsure)
              promise.deliver(make_error(errc::unknown_outcome,
                                         "the leader changed meanwhile: `troupe log status` "
                                         "shows what came of it"));
            else
              promise.deliver(no_log());
          },
          [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
}

caf::result<group_status> log_keeper::status(const log_status_query& wanted) {
  if (!wanted.group.empty()) {
    auto told = make_response_promise<group_status>();
    request(wanted.group == tree_group ? tree_ : groups_, 10s, wanted)
        .then([told](group_status& s) mutable { told.deliver(std::move(s)); },
              [told](caf::error& e) mutable { told.deliver(std::move(e)); });
    return told;
  }
  const auto* const leader = leaders_peer();
  const bool here = replica_ && (wanted.here || leads_.node == s_.node || !leader);
  if (!here && (wanted.here || !leader)) return no_log();
  auto promise = make_response_promise<group_status>();
  const auto deliver = [promise](group_status& s) mutable { promise.deliver(std::move(s)); };
  const auto failed = [promise](caf::error& e) mutable { promise.deliver(std::move(e)); };
  if (here)
    request(replica_, 2s, consensus::status_query{}).then(deliver, failed);
  else
    request(leader->keeper, 2s, log_status_query{true}).then(deliver, failed);
  return promise;
}

void log_keeper::help_joining() {
  std::vector<std::uint64_t> all;
  for (const auto& [number, j] : joining_) all.push_back(number);
  for (const auto number : all) help(number);
}

// One step further: its replica starts, learns, and is made a voter when it has caught up.
void log_keeper::help(std::uint64_t number) {
  const auto found = joining_.find(number);
  if (found == joining_.end() || found->second.asking) return;
  auto& j = found->second;
  const auto end = [&](auto what) {
    j.whom.deliver(std::move(what));
    joining_.erase(found);
  };
  if (now() >= j.until)
    return end(
        make_error(errc::failed,
                   j.wanted.node + (j.learns ? " learns, but has not caught up in time: try again"
                                             : " has not started its replica in time: is it up?")));
  const auto p = peers_.find(j.wanted.node);
  const bool ours = j.wanted.node == s_.node;
  if (!ours && (p == peers_.end() || !p->second.replica)) {
    if (p != peers_.end()) send(p->second.keeper, log_start_replica{founder_.self().cluster});
    return;
  }
  const raft::peer who{ours ? founder_.self().life : p->second.who.life, j.wanted.node};
  const bool promotes = j.learns;
  j.asking = true;
  consensus::change_members order;
  (promotes ? order.add_voters : order.add_learners).push_back(who);
  const auto go_on = [this, number](bool learns, std::optional<caf::expected<answered>> last) {
    const auto still = joining_.find(number);
    if (still == joining_.end()) return;
    still->second.asking = false;
    still->second.learns = still->second.learns || learns;
    if (!last) return look_later();
    if (*last)
      still->second.whom.deliver(std::move(**last));
    else
      still->second.whom.deliver(std::move(last->error()));
    joining_.erase(still);
  };
  request(replica_, an_answer, std::move(order))
      .then(
          [=, this, learner = j.wanted.learner](answered& a) {
            if (a.what != consensus::verdict::done)
              return go_on(false, caf::expected<answered>{no_log()});
            if (promotes || learner) return go_on(true, caf::expected<answered>{a});
            go_on(true, std::nullopt);
            help(number);
          },
          [=, learner = j.wanted.learner](caf::error& e) {
            if (e == errc::already_exists)
              return go_on(true, promotes || learner
                                     ? std::optional{caf::expected<answered>{answered{}}}
                                     : std::nullopt);
            if (e == errc::not_ready) return go_on(false, std::nullopt);
            go_on(false, caf::expected<answered>{e});
          });
}
}  // namespace troupe
