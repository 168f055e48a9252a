// How groups follow the log: the node that leads one compares its members to the log's, and asks for one step at a time.
#include "cluster/group_keeper.hpp"
#include "patterns/consensus/following.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <caf/all.hpp>

namespace troupe {
using namespace std::chrono_literals;
using consensus::answered, consensus::group_status;
namespace {
constexpr auto an_answer = 2s;
constexpr auto a_change = 10s;
}  // namespace

void group_keeper::follow(const std::string& name, group& g) {
  if (!log_keeper_ || std::exchange(g.asking, true)) return;
  const auto over = [this, name] { groups_.at(name).asking = false; };
  request(g.replica, an_answer, consensus::status_query{})
      .then(
          [=, this](const group_status& own) {
            if (own.leader != s_.node) return over();
            request(log_keeper_, an_answer, log_status_query{})
                .then(
                    [=, this, is = own.config](const group_status& log) {
                      over();
                      bring_closer(name, log.config, is);
                    },
                    [over](const caf::error&) { over(); });
          },
          [over](const caf::error&) { over(); });
}

void group_keeper::bring_closer(const std::string& name, const raft::configuration& wanted,
                                const raft::configuration& is) {
  auto& g = groups_.at(name);
  const auto here = [&](const raft::peer& p) {
    if (p.name == s_.node) return true;
    const auto at = peers_.find(p.name);
    if (at == peers_.end()) return false;
    if (at->second.replicas.contains(name)) return true;
    if (at->second.keeper) send(at->second.keeper, group_start{name});
    return false;
  };
  const auto step = raft::next_step(wanted, is, here);
  if (!step) return;
  consensus::change_members order;
  if (step->what == raft::step_after::kind::learn)
    order.add_learners.push_back(step->who);
  else if (step->what == raft::step_after::kind::vote)
    order.add_voters.push_back(step->who);
  else
    order.remove.push_back(step->who.name);
  g.asking = true;
  request(g.replica, a_change, std::move(order))
      .then(
          [this, name, step](const answered& a) {
            groups_.at(name).asking = false;
            if (a.what == consensus::verdict::done)
              log::info("log", "a group follows the log",
                        {{"group", name},
                         {"node", step->who.name},
                         {"step", static_cast<int>(step->what)}});
          },
          [this, name](const caf::error&) { groups_.at(name).asking = false; });  // and again
}

// The leader's, if there is one; `here`: that of this node's replica.
caf::result<group_status> group_keeper::status(const log_status_query& wanted) {
  auto promise = make_response_promise<group_status>();
  const auto failed = [promise](caf::error& e) mutable { promise.deliver(std::move(e)); };
  const auto found = groups_.find(wanted.group);
  if (found != groups_.end() && found->second.replica) {
    request(found->second.replica, an_answer, consensus::status_query{})
        .then(
            [=, this](group_status& s) mutable {
              const auto leader = peers_.find(s.leader);
              if (wanted.here || leader == peers_.end() || !leader->second.keeper)
                return void(promise.deliver(std::move(s)));
              request(leader->second.keeper, an_answer, log_status_query{true, wanted.group})
                  .then([promise](group_status& l) mutable { promise.deliver(std::move(l)); },
                        failed);
            },
            failed);
    return promise;
  }
  for (const auto& [node, p] : peers_) {
    if (wanted.here || !p.keeper || !p.replicas.contains(wanted.group)) continue;
    request(p.keeper, an_answer * 2, wanted)
        .then([promise](group_status& s) mutable { promise.deliver(std::move(s)); }, failed);
    return promise;
  }
  promise.deliver(make_error(errc::not_found, "no node that node " + s_.node +
                                                  " knows has a replica of a group '" +
                                                  wanted.group + "'"));
  return promise;
}
}  // namespace troupe
