#include "cluster/program/lasting_way.hpp"

#include "actors/consensus/protocol.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <caf/all.hpp>
namespace troupe::program {
struct look_again {};
TROUPE_MESSAGE(look_again)
}  // namespace troupe::program
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::program::look_again)

namespace troupe::program {
namespace {
using std::chrono::milliseconds;

const caf::actor& handle_in(const management::map_reply& r) { return r.map; }
const caf::actor& handle_in(const management::tree_reply& r) { return r.tree; }

template <class Query, class Reply>
class lasting_way final : public caf::event_based_actor {
 public:
  lasting_way(caf::actor_config& config, std::vector<remoting::endpoint> nodes, caf::actor first)
      : caf::event_based_actor{config}, nodes_{std::move(nodes)}, way_{std::move(first)} {}
  const char* name() const override { return "lasting-way"; }
  void on_exit() override {
    way_ = nullptr;
    gateways_.clear();
    told_.clear();
    followers_.clear();
  }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& gone) {
      for (auto* all : {&told_, &followers_})
        std::erase_if(*all, [&](const caf::actor& whom) { return whom.address() == gone.source; });
      if (!way_ || way_.address() != gone.source) return;
      way_ = nullptr;
      look();
    });
    monitor(way_);
    remoting::service::of(system()).observe(this);
    return {
        [this](consensus::command& what) { return pass(std::move(what)); },
        [this](consensus::question& what) { return pass(std::move(what)); },
        [this](consensus::tell_replicas& wish) { tell(wish, told_); },
        [this](consensus::tell_leader& wish) { tell(wish, followers_); },
        [this](remoting::link_up& up) {
          if (!up.gateway) return;
          auto& gateway = gateways_[session_of(up.who)] = std::move(up.gateway);
          if (!way_) ask(gateway);
        },
        [this](const remoting::link_down& down) { gateways_.erase(session_of(down.who)); },
        [](const remoting::link_found&) {},
        [](const remoting::link_broken&) {},
        [](const remoting::link_resumed&) {},
        [](const remoting::link_refused&) {},
        [this](look_again) {
          looking_ = false;
          look();
        },
    };
  }

 private:
  using session = std::pair<caf::node_id, std::uint32_t>;
  static session session_of(const remoting::peer& who) { return {who.incarnation, who.session}; }

  template <class Request>
  caf::result<consensus::reply> pass(Request what) {
    if (!way_) return make_error(errc::not_ready, "no node of those that were named is reached");
    delegate(way_, std::move(what));
    return caf::delegated<consensus::reply>{};  // by the node's
  }

  template <class Wish>
  void tell(Wish& wish, std::vector<caf::actor>& those) {
    if (way_) send(way_, wish);
    monitor(wish.whom);
    those.push_back(std::move(wish.whom));
  }

  void look() {
    if (way_ || std::exchange(looking_, true)) return;
    for (const auto& node : nodes_) remoting::service::of(system()).connect(node);
    for (const auto& [_, gateway] : gateways_) ask(gateway);
    delayed_send(this, milliseconds{200}, look_again{});
  }
  void ask(const caf::actor& gateway) {
    request(gateway, milliseconds{2'000}, Query{})
        .then([this](const Reply& r) { go_by(handle_in(r)); }, [](const caf::error&) {});
    request(gateway, milliseconds{2'000}, management::members_query{})
        .then([this](const management::members_reply& r) { know_addresses(system(), r); },
              [](const caf::error&) {});
  }
  void go_by(const caf::actor& way) {
    if (way_ || !way) return;
    way_ = way;
    monitor(way_);
    for (const auto& whom : told_) send(way_, consensus::tell_replicas{whom});
    for (const auto& whom : followers_) send(way_, consensus::tell_leader{whom});
  }

  std::vector<remoting::endpoint> nodes_;
  caf::actor way_;  // null: none is reached
  std::map<session, caf::actor> gateways_;
  std::vector<caf::actor> told_, followers_;  // of replicas, of leaders
  bool looking_ = false;
};
}  // namespace

caf::actor lasting_map(caf::actor_system& system, std::vector<remoting::endpoint> nodes, caf::actor first) {
  return system.spawn<lasting_way<management::map_query, management::map_reply>>(std::move(nodes), std::move(first));
}
caf::actor lasting_tree(caf::actor_system& system, std::vector<remoting::endpoint> nodes, caf::actor first) {
  return system.spawn<lasting_way<management::tree_query, management::tree_reply>>(std::move(nodes), std::move(first));
}

void know_addresses(caf::actor_system& system, const management::members_reply& seen) {
  std::map<std::string, remoting::endpoint> book;
  for (const auto& m : seen.members)
    if (const auto where = remoting::parse_endpoint(m.address)) book.emplace(m.incarnation, *where);
  remoting::service::of(system).directory(
      [book = std::move(book)](const caf::node_id& id) -> std::optional<remoting::endpoint> {
        const auto found = book.find(remoting::incarnation_text(remoting::incarnation_of(id)));
        return found == book.end() ? std::nullopt : std::optional{found->second};
      });
}
}  // namespace troupe::program
