#include "cluster/gateway.hpp"

#include "actors/mapreduce/protocol.hpp"
#include "actors/mapreduce/tracker.hpp"
#include "actors/storage/watcher.hpp"
#include "cluster/elections.hpp"
#include "cluster/management.hpp"
#include "cluster/membership.hpp"
#include "cluster/receptionist.hpp"
#include "cluster/replicated_log.hpp"
#include "cluster/tree_keeper.hpp"
#include "patterns/membership/downing.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/peers.hpp"
#include "runtime/remoting/remoting.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace troupe {
struct greet_again {  // to the gateway itself
  std::string incarnation;
};
struct once_more {
  std::function<void()> what;
};
}  // namespace troupe
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::greet_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::once_more)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_shaken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::want_tree)

namespace troupe {
using namespace management;
using namespace std::chrono_literals;
namespace {
constexpr auto patience = 5s;         // with the node's own actors
constexpr auto ask_again = 500ms;     // a peer that did not say what it offers
constexpr int elections_awaited = 8;  // times that

class gateway : public caf::event_based_actor {
 public:
  gateway(caf::actor_config& config, gateway_parts parts)
      : caf::event_based_actor{config}, parts_{std::move(parts)} {}

  caf::behavior make_behavior() override {
    set_down_handler([](const caf::down_msg&) {});
    send(parts_.membership, membership::subscribe{this});
    remoting::service::of(system()).observe(this);
    return forwarded()
        .or_else(peers())
        .or_else(cluster_requests())
        .or_else(job_requests())
        .or_else(log_requests());
  }
  void on_exit() override {
    parts_ = {};
    peers_.clear();
  }

 private:
  struct peer {
    std::string name{};
    caf::actor gateway{};  // null while there is no link
    bool member = false;   // up or leaving, as far as we know
    bool announced = false;
  };

  // Messages of peers keep their sender; membership's their haste, too.
  template <class Message>
  auto to_membership() {
    return [this](Message& what) {
      return delegate<caf::message_priority::high>(parts_.membership, std::move(what));
    };
  }
  template <class Message>
  auto to_receptionist() {
    return [this](Message& what) { return delegate(parts_.receptionist, std::move(what)); };
  }
  caf::message_handler forwarded() {
    using namespace membership;
    return {to_membership<ping>(),
            to_membership<ping_request>(),
            to_membership<ack>(),
            to_membership<nack>(),
            to_membership<gossip>(),
            to_membership<membership::sync>(),
            to_membership<membership::join>(),
            to_membership<welcome>(),
            to_membership<turned_away>(),
            to_receptionist<receptionist::whole_handles>(),
            to_receptionist<receptionist::change_handles>(),
            to_receptionist<receptionist::beacon>(),
            to_receptionist<receptionist::ask>()};
  }

  // ---- peers
  caf::message_handler peers() {
    return {
        [this](const services_query&) {
          return services_reply{parts_.node, parts_.worker, parts_.log, parts_.names, parts_.elections};
        },
        [this](const membership::event& what) { changed(what); },
        [this](remoting::link_up& up) {
          if (up.who.client || !up.gateway) return;
          auto& p = peer_of(remoting::incarnation_text(up.who.incarnation));
          if (p.gateway == up.gateway) return;  // the same session, dialed under another name
          p.name = up.who.name;
          p.gateway = std::move(up.gateway);
          p.announced = false;
          greet(remoting::incarnation_text(up.who.incarnation));
        },
        [this](const remoting::link_down& down) {
          const auto life = remoting::incarnation_text(down.who.incarnation);
          withdraw(life);
          if (const auto found = peers_.find(life); found != peers_.end()) {
            found->second.gateway = nullptr;
            if (!found->second.member) peers_.erase(found);
          }
        },
        [](const remoting::link_found&) {},
        [this](const remoting::link_broken& broken) {
          send<caf::message_priority::high>(parts_.log, link_shaken{broken.who.name});
          send<caf::message_priority::high>(parts_.elections, link_shaken{broken.who.name});
        },
        [](const remoting::link_resumed&) {},
        [](const remoting::link_refused&) {},
        [this](const greet_again& whom) { greet(whom.incarnation); },
        [](const once_more& again) { again.what(); },
    };
  }
  peer& peer_of(const std::string& life) { return peers_[life]; }

  // Asks a peer that is a member and linked for its worker, and tells the tracker.
  void greet(const std::string& life) {
    const auto found = peers_.find(life);
    if (found == peers_.end() || !found->second.member || !found->second.gateway ||
        found->second.announced)
      return;
    request(found->second.gateway, patience, services_query{parts_.node})
        .then(
            [this, life, asked = found->second.gateway](services_reply& offer) {
              const auto still = peers_.find(life);
              if (still == peers_.end() || still->second.gateway != asked || !still->second.member)
                return;
              still->second.announced = true;
              if (offer.worker) send(parts_.tracker, peer_up{still->second.name, offer.worker});
              if (offer.log) send(parts_.log, peer_up{still->second.name, offer.log});
              if (offer.names) send(parts_.names, peer_up{still->second.name, offer.names});
              if (offer.elections)
                send(parts_.elections, peer_up{still->second.name, offer.elections});
            },
            [this, life](const caf::error&) { delayed_send(this, ask_again, greet_again{life}); });
  }
  void withdraw(const std::string& life) {
    const auto found = peers_.find(life);
    if (found == peers_.end() || !found->second.announced) return;
    found->second.announced = false;
    const auto successor = std::any_of(peers_.begin(), peers_.end(), [&](const auto& other) {
      return other.second.announced && other.second.name == found->second.name;
    });
    if (successor) return;
    send(parts_.tracker, peer_down{found->second.name});
    send(parts_.log, peer_down{found->second.name});
    send(parts_.names, peer_down{found->second.name});
    send(parts_.elections, peer_down{found->second.name});
  }

  void changed(const membership::event& what) {
    using kind = membership::event_kind;
    const auto& who = what.member;
    const auto& life = who.id.incarnation;
    switch (what.what) {
      case kind::joined:
        if (const auto where = remoting::parse_endpoint(who.address))
          parts_.addresses->put(life, *where);
        break;
      case kind::up:
        if (const auto where = remoting::parse_endpoint(who.address))
          parts_.addresses->put(life, *where);
        peer_of(life).member = true;
        peer_of(life).name = who.id.name;
        greet(life);
        break;
      case kind::downed:
      case kind::removed:
        gone(life);
        break;
      case kind::self_downed:
        parts_.ended(ending::downed);
        break;
      case kind::self_left:
        parts_.ended(ending::left);
        break;
      default:
        break;
    }
  }
  void gone(const std::string& life) {
    parts_.addresses->erase(life);
    withdraw(life);
    peers_.erase(life);
  }

  // ---- clients
  // Asks one of the node's own actors and hands its answer, made into a reply, to the client.
  template <class Reply, class Answer, class Request, class F>
  caf::result<Reply> ask(const caf::actor& whom, Request&& what, F&& make) {
    auto promise = make_response_promise<Reply>();
    request(whom, patience, std::forward<Request>(what))
        .then([promise, make](Answer& answer) mutable { promise.deliver(make(answer)); },
              [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
    return promise;
  }

  caf::message_handler cluster_requests() {
    return {
        [this](const members_query&) -> caf::result<members_reply> {
          return ask<members_reply, membership::view_reply>(
              parts_.membership, membership::get_view{},
              [this](const membership::view_reply& seen) {
                return members_reply{parts_.node, parts_.cluster, rows_of(seen)};
              });
        },
        [this](const what_if_query& what) -> caf::result<what_if_reply> {
          auto promise = make_response_promise<what_if_reply>();
          request(parts_.membership, patience, membership::get_view{})
              .then(
                  [this, promise, what](const membership::view_reply& seen) mutable {
                    const auto wrong = unknown_in(seen, what);
                    if (wrong.empty())
                      promise.deliver(reply_of(seen, what));
                    else
                      promise.deliver(make_error(
                          errc::invalid_argument,
                          "no member is named '" + wrong + "': `troupe members` lists them"));
                  },
                  [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
          return promise;
        },
        [this](const leave_order& order) { return leave(order); },
        [this](const down_order& order) -> caf::result<done_reply> {
          return order_of(membership::down{order.name}, order.name + " is down");
        },
        [this](const stop_order& order) -> done_reply {
          log::info("node", "a client ordered the node to stop", {{"why", order.why}});
          parts_.ended(ending::ordered);
          return {parts_.node + " leaves the cluster and ends"};
        },
        [](const stats_query&) { return stats_reply{metrics::expose()}; },
    };
  }
  template <class Order>
  caf::result<done_reply> order_of(Order what, std::string done) {
    auto promise = make_response_promise<done_reply>();
    request(parts_.membership, patience, std::move(what))
        .then([promise, done]() mutable { promise.deliver(done_reply{done}); },
              [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
    return promise;
  }
  caf::result<done_reply> leave(const leave_order& order) {
    const auto said = order.name + " is leaving";
    if (order.name == parts_.node && parts_.ended(ending::ordered)) return done_reply{said};
    const auto to = std::find_if(peers_.begin(), peers_.end(), [&](const auto& p) {
      return p.second.member && p.second.gateway && p.second.name == order.name;
    });
    if (to == peers_.end() || order.name == parts_.node)
      return order_of(membership::leave{order.name}, said);
    auto promise = make_response_promise<done_reply>();
    request(to->second.gateway, patience, order)
        .then([promise](done_reply& done) mutable { promise.deliver(std::move(done)); },
              [this, promise, order, said](const caf::error&) mutable {
                request(parts_.membership, patience, membership::leave{order.name})
                    .then([promise, said]() mutable { promise.deliver(done_reply{said}); },
                          [promise](caf::error& e) mutable { promise.deliver(std::move(e)); });
              });
    return promise;
  }
  static std::string unknown_in(const membership::view_reply& seen, const what_if_query& what) {
    for (const auto& name : what.unreachable) {
      const auto there = [&](const auto& r) { return present(r) && r.id.name == name; };
      if (std::none_of(seen.members.begin(), seen.members.end(), there)) return name;
    }
    return {};
  }
  what_if_reply reply_of(const membership::view_reply& seen, const what_if_query& what) const {
    what_if_reply reply{parts_.node, {}, {}};
    membership::view supposed;
    for (auto r : seen.members) {
      const bool named =
          std::count(what.unreachable.begin(), what.unreachable.end(), r.id.name) > 0;
      if (named && present(r)) r.liveness = membership::reach::unreachable;
      if (present(r) && !reachable(r)) reply.unreachable.push_back(r.id.name);
      supposed.emplace(r.id, std::move(r));
    }
    auto how = parts_.downing;  // its role and the rest hold for all of them
    if (how.quorum == 0) {      // a majority, where no size was set
      const auto voices = std::count_if(supposed.begin(), supposed.end(), [&](const auto& m) {
        const auto& roles = m.second.roles;
        return counted(m.second) &&
               (how.role.empty() || std::count(roles.begin(), roles.end(), how.role) > 0);
      });
      how.quorum = static_cast<unsigned>(voices / 2 + 1);
    }
    const auto judge = [&](membership::downing kind) {
      how.kind = kind;
      const auto would = decide(supposed, how);
      verdict v{std::string{to_string(kind)}, {}, would.reason, kind == parts_.downing.kind};
      for (const auto& id : would.down) v.down.push_back(id.name);
      reply.verdicts.push_back(std::move(v));
    };
    for (const auto kind : membership::all_downings) judge(kind);
    if (parts_.downing.kind == membership::downing::none) judge(membership::downing::none);
    return reply;
  }

  // By way of our tracker, who hands it on to the one that has the job.
  template <class Reply, class Request, class F>
  caf::result<Reply> ask_master(const std::string& job, Request what, bool question, F make) {
    auto promise = make_response_promise<Reply>();
    request(parts_.tracker, patience, std::move(what))
        .then([promise, make](mapreduce::job_status& s) mutable { promise.deliver(make(s)); },
              [this, promise, job, question](const caf::error& why) mutable {
                promise.deliver(of_master(job, question, why));
              });
    return promise;
  }
  // What to tell where a job's master did not answer: whoever is no member any more took its jobs
  // along; another may answer later.
  caf::error of_master(const std::string& job, bool question, const caf::error& why) const {
    const auto master = mapreduce::master_of(job);
    const bool silent = question && outcome_of(why) == outcome::unknown;
    if (master.empty() || master == parts_.node || (!silent && why != errc::unreachable))
      return why;
    const bool member = std::any_of(peers_.begin(), peers_.end(), [&](const auto& other) {
      return other.second.member && other.second.name == master;
    });
    if (!member)
      return make_error(errc::not_found, "job " + job + " ended with its master: node " + master +
                                             " is no member of the cluster any more");
    return make_error(errc::not_ready, "node " + master + ", the master of job " + job +
                                           ", cannot be reached from " + parts_.node +
                                           " at the moment: try again");
  }

  caf::message_handler job_requests() {
    using mapreduce::job_status;
    return {
        [this](submit_order& order) -> caf::result<submit_reply> {
          return ask<submit_reply, job_status>(
              parts_.tracker, mapreduce::submit{std::move(order.job)}, [](const job_status& s) {
                return submit_reply{s.id, s.master, s.masters > 0};
              });
        },
        [this](const job_query& query) -> caf::result<job_reply> {
          return ask_master<job_reply>(query.id, mapreduce::find_job{query.id}, true,
                                       [](job_status& s) {
                                         return job_reply{s.master, std::move(s)};
                                       });
        },
        [this](const jobs_query&) -> caf::result<jobs_reply> {
          return ask<jobs_reply, mapreduce::job_list>(
              parts_.tracker, mapreduce::list_jobs{}, [this](mapreduce::job_list& all) {
                jobs_reply reply{{}, std::move(all.silent)};
                for (const auto& [life, p] : peers_)  // those that the tracker has not met
                  if (p.member && !p.announced && p.name != parts_.node)
                    reply.silent.push_back(p.name);
                for (auto& s : all.jobs) reply.jobs.push_back({s.master, std::move(s)});
                return reply;
              });
        },
        [this](const cancel_order& order) -> caf::result<done_reply> {
          return ask_master<done_reply>(
              order.id, mapreduce::cancel_job{order.id}, false, [](const job_status& s) {
                return done_reply{"job " + s.id + " is " + to_string(s.state)};
              });
        },
    };
  }

  // What an operator wants of the log may take a node that has to catch up. While nobody leads, it is asked again.
  template <class Order>
  caf::result<done_reply> order_log(Order what, std::string done) {
    auto promise = make_response_promise<done_reply>();
    give_log(promise, std::move(what), std::move(done), elections_awaited);
    return promise;
  }
  template <class Order>
  void give_log(caf::typed_response_promise<done_reply> promise, Order what, std::string done,
                int more) {
    request(parts_.log, 60s, what)
        .then([promise,
               done](const consensus::answered&) mutable { promise.deliver(done_reply{done}); },
              [this, promise, what, done, more](caf::error& e) mutable {
                if (e != errc::not_ready || more == 0) {
                  promise.deliver(std::move(e));
                } else {
                  delayed_send(this, ask_again,
                               once_more{[=, this] { give_log(promise, what, done, more - 1); }});
                }
              });
  }
  caf::message_handler log_requests() {
    return {
        [this](const map_query&) {
          return map_reply{parts_.node, parts_.log_client};
        },
        [this](const elections_query&) {
          return elections_reply{parts_.node, parts_.elections};
        },
        [this](const tree_query&) {
          send(parts_.tree_keeper, want_tree{});
          return tree_reply{parts_.node, parts_.tree};
        },
        [this](watch_order& o) {
          storage::spawn_watcher(system(), parts_.log_client, std::move(o.whom),
                                 {.what = std::move(o.what), .id = 1, .prefer = parts_.node});
          return done_reply{"watching"};
        },
        [this](const log_status_query& what) { return delegate(parts_.log, what); },
        [this](const log_add_order& o) {
          return order_log(log_add{o.node, o.learner, false},
                           o.node + (o.learner ? " learns" : " is a voter"));
        },
        [this](const log_remove_order& o) {
          return order_log(log_remove{o.node, false},
                           o.node + " does not belong to the log any more");
        },
        [this](const log_transfer_order& o) {
          return order_log(log_transfer{o.node, false},
                           o.node.empty() ? "another leads" : o.node + " leads");
        },
    };
  }

  gateway_parts parts_;
  std::map<std::string, peer> peers_;  // by incarnation
};
}  // namespace

member_list rows_of(const membership::view_reply& seen) {
  member_list rows;
  for (std::size_t i = 0; i < seen.members.size(); ++i) {
    const auto& r = seen.members[i];
    rows.push_back({r.id.name, r.address, std::string{to_string(r.state)}, r.id.incarnation,
                    r.roles, std::string{to_string(r.liveness)},
                    i < seen.suspicion.size() ? seen.suspicion[i] : 0.0});
  }
  return rows;
}

caf::actor spawn_gateway(caf::actor_system& system, gateway_parts parts) {
  return system.spawn<gateway>(std::move(parts));
}
}  // namespace troupe
