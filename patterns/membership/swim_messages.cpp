// What a member answers to its peers.
#include "patterns/membership/swim_work.hpp"

#include <algorithm>
#include <utility>
namespace troupe::membership {
void swim::on(const message& m, work& w) {
  const header& from = head_of(m);
  if (over_ || from.from.name.empty() || from.from.incarnation.empty() || from.from == id()) return;
  const bool opening = std::holds_alternative<join>(m) || std::holds_alternative<welcome>(m) ||
                       std::holds_alternative<turned_away>(m);
  if (opening || from_member(m, w)) {
    std::visit([&](const auto& x) { on(x, w); }, m);
  }
}

// Is this from a present member of our cluster, and meant for this life of ours? If not, it is
// told.
bool swim::from_member(const message& m, work& w) {
  const header& from = head_of(m);
  const auto refuse = [&](turn_away why, const std::string& meant) {
    turn_away_from(from, why, meant, w);
    return false;
  };
  if (!from.to.empty() && from.to != id().incarnation) {
    if (cluster_ == 0 && from.cluster != 0) bootstrap_.met(from.address, w.now);
    // Somebody looks for the process that was here before us: there is a cluster without us.
    if (cluster_ != 0 && from.cluster != cluster_ && alone_) ask_to_join(from, w);
    return refuse(turn_away::other_incarnation, from.to);
  }
  if (cluster_ == 0) {
    if (from.cluster != 0) bootstrap_.met(from.address, w.now);
    return refuse(turn_away::forming, {});
  }
  if (from.cluster != cluster_) {
    if (alone_ && from.cluster != 0) ask_to_join(from, w);
    return refuse(turn_away::other_cluster, {});
  }
  const record* sender = directory_.find(from.from);
  if (sender == nullptr) return refuse(turn_away::unknown_member, from.from.incarnation);
  if (!present(*sender)) return refuse(turn_away::downed, from.from.incarnation);
  return true;
}

// Alone in a cluster of our own, and another one speaks to us. The answer tells how large it is, and
// so who of the two goes to whom (turn_away::other_cluster).
void swim::ask_to_join(const header& whom, work& w) {
  w.out.send.push_back(
      {whom.address, {}, join{head(whom.from.incarnation), how_.cluster_name, directory_.self()}});
}

void swim::turn_away_from(const header& who, turn_away why, const std::string& meant, work& w) {
  w.out.send.push_back(
      {who.address, who.from.incarnation,
       turned_away{head(who.from.incarnation), why, meant, how_.cluster_name, directory_.size()}});
}

// Whoever refuses does so with each try: the host hears of it once, then now and then.
void swim::report(const header& by, std::string reason, work& w) {
  constexpr std::size_t remembered_max = 64;
  if (reported_.size() >= remembered_max) reported_.clear();
  auto& [last, at] = reported_[by.address];
  if (last == reason && w.now - at < std::chrono::seconds{30}) return;
  last = reason;
  at = w.now;
  record peer;
  peer.id = by.from;
  peer.address = by.address;
  w.out.events.push_back({event_kind::refused, std::move(peer), std::move(reason)});
}

void swim::apply(const std::vector<record>& heard, std::size_t count_max, work& w) {
  const std::size_t count = std::min(heard.size(), count_max);
  for (std::size_t i = 0; i < count; ++i) directory_.apply(heard[i], w.now, w.c);
  settle(w);
}

void swim::on(const ping& m, work& w) {
  apply(m.gossip, gossip_max, w);
  const record* sender = directory_.find(m.head.from);
  if (directory_.over() || sender == nullptr) return;
  send(*sender, ack{head(m.head.from.incarnation), m.sequence, id(), news(m.head.from)}, w);
  compare(m.head, w);
}

void swim::on(const ping_request& m, work& w) {
  apply(m.gossip, gossip_max, w);
  const record* target = directory_.find(m.target);
  if (directory_.over()) return;
  if (target != nullptr && present(*target) && m.target != id()) {
    prober_.mediate(m.head.from, m.sequence, m.target, w.now, w.a);
  }
}

void swim::on(const ack& m, work& w) {
  apply(m.gossip, gossip_max, w);
  const bool directly = m.head.from == m.target;
  instant sent{};
  if (prober_.acked(m.sequence, m.target, directly, health_, w.now, sent, w.a)) {
    directory_.answered(m.target, sent, w.now);
    auto& judge = detectors_[m.target];
    if (judge == nullptr) {
      const duration round = how_.probe_interval * static_cast<std::int64_t>(directory_.size());
      if (how_.detector == options::detection::deadline) {
        judge = std::make_unique<deadline>(round * how_.deadline_rounds);
      } else {
        judge = std::make_unique<phi_accrual>(phi_options{
            .threshold = how_.phi_threshold, .pause_acceptable = round, .first_interval = round});
      }
      judge->heartbeat(w.now);
      silences_.emplace(judge->unavailable_at(), m.target);
    } else {
      judge->heartbeat(w.now);
    }
  }
  if (directly) compare(m.head, w);
}

void swim::on(const nack& m, work&) { prober_.nacked(m.sequence, m.head.from); }

void swim::on(const gossip& m, work& w) { apply(m.updates, members_max, w); }

void swim::on(const sync& m, work& w) {
  apply(m.members, members_max, w);
  const record* sender = directory_.find(m.head.from);
  if (!m.answer || directory_.over() || sender == nullptr) return;
  send(*sender, sync{head(m.head.from.incarnation), whole(), false}, w);
}

void swim::on(const join& m, work& w) {
  const auto refuse = [&](turn_away why) { turn_away_from(m.head, why, m.self.id.incarnation, w); };
  if (m.cluster_name != how_.cluster_name) return refuse(turn_away::other_name);
  if (!valid(m.self) || m.self.id != m.head.from) return refuse(turn_away::invalid);
  if (cluster_ == 0) {
    bootstrap_.forming(m.head.address);
    return refuse(turn_away::forming);
  }
  if (m.head.cluster != 0 && m.head.cluster != cluster_) return refuse(turn_away::other_cluster);
  const record* known = directory_.find(m.self.id);
  if (known != nullptr && !present(*known)) return refuse(turn_away::downed);
  if (known == nullptr) {
    record joiner = m.self;
    joiner.replaces.clear();
    if (const record* namesake = present_by_name(members(), joiner.id.name)) {
      // One process at a time listens on an address: whoever joins from there has taken its place.
      const bool successor = namesake->address == joiner.address || !reachable(*namesake);
      if (!successor || namesake->id == id()) return refuse(turn_away::name_taken);
      joiner.replaces = namesake->id.incarnation;
    }
    bury_namesakes(joiner, w);
    if (m.head.cluster == 0) joiner.state = member_state::joining, joiner.age = 0;
    directory_.admit(std::move(joiner), w.now, w.c);
    next_gossip_ = next_duties_ = w.now;
    settle(w);
  }
  w.out.send.push_back(
      {m.head.address, m.head.from.incarnation, welcome{head(m.head.from.incarnation), whole()}});
}

// Former lives that are down are removed before the next one joins; it names the last of them, so that
// whoever hears of it first removes that one too.
void swim::bury_namesakes(record& joiner, work& w) {
  std::vector<member_id> down;
  const record* last = nullptr;
  for (auto at = members().lower_bound({joiner.id.name, {}});
       at != members().end() && at->first.name == joiner.id.name; ++at) {
    if (present(at->second)) continue;
    if (at->second.state == member_state::down) down.push_back(at->first);
    if (last == nullptr || directory_.entered(last->id) < directory_.entered(at->first)) {
      last = &at->second;
    }
  }
  if (joiner.replaces.empty() && last != nullptr) joiner.replaces = last->id.incarnation;
  for (const auto& life : down) {
    directory_.advance(life, member_state::removed, "its name joins anew", w.now, w.c);
  }
}

void swim::on(const welcome& m, work& w) {
  if (m.head.cluster == 0 || m.head.to != id().incarnation) return;
  if (cluster_ != 0 && cluster_ != m.head.cluster) return;
  const bool newcomer = cluster_ == 0;
  if (newcomer) {
    cluster_ = m.head.cluster;
    w.out.events.push_back({event_kind::welcomed, directory_.self(), {}});
    next_duties_ = next_gossip_ = next_resolve_ = w.now;
    next_sync_ = w.now + how_.sync_interval;
  }
  apply(m.members, members_max, w);
}

void swim::on(const turned_away& m, work& w) {
  if (m.head.to != id().incarnation) return;
  const auto give_up = [&](const std::string& reason) {
    directory_.advance(id(), member_state::down, reason, w.now, w.c);
  };
  const bool ours = cluster_ != 0 && m.head.cluster == cluster_;
  switch (m.reason) {
    case turn_away::forming:
      if (cluster_ == 0) bootstrap_.forming(m.head.address);
      return;
    case turn_away::other_incarnation: {
      const member_id gone{m.head.from.name, m.meant};
      const record* r = directory_.find(gone);
      if (r == nullptr || r->address != m.head.address || gone == id()) return;
      const std::string reason = "its process was restarted as " + to_string(m.head.from);
      directory_.advance(gone, member_state::down, reason, w.now, w.c);
      directory_.advance(gone, member_state::removed, reason, w.now, w.c);
      return;
    }
    case turn_away::unknown_member:
      if (ours && m.meant == id().incarnation) {
        w.out.send.push_back(
            {m.head.address, m.head.from.incarnation,
             join{head(m.head.from.incarnation), how_.cluster_name, directory_.self()}});
      }
      return;
    case turn_away::downed:
      if (m.meant == id().incarnation && (ours || cluster_ == 0)) {
        if (exiting_) {
          directory_.advance(id(), member_state::removed, "left", w.now, w.c);
        } else {
          give_up("declared down by " + m.head.from.name);
        }
      }
      return;
    case turn_away::other_cluster:
      if (elsewhere_.size() < 64) elsewhere_.insert(m.head.address);
      if (alone_ && cluster_ != 0 && (m.members > 1 || cluster_ > m.head.cluster)) {
        return give_up("a cluster of this name runs already: joining it instead");
      }
      if (cluster_ != 0 && m.head.cluster != 0) {
        // We let it in too late: it has formed or joined another, and an incarnation stays in one.
        const std::string reason = "it is in another cluster";
        directory_.advance(m.head.from, member_state::down, reason, w.now, w.c);
        directory_.advance(m.head.from, member_state::removed, reason, w.now, w.c);
      }
      return report(m.head,
                    "another cluster of the same name, '" + m.cluster_name +
                        "', was formed apart: two clusters don't merge; restart the nodes of one",
                    w);
    case turn_away::other_name:
      return report(m.head,
                    "it belongs to the cluster '" + m.cluster_name + "', this node to '" +
                        how_.cluster_name + "'",
                    w);
    case turn_away::name_taken:
      return report(
          m.head, "a living member elsewhere is named '" + id().name + "': choose another name", w);
    case turn_away::invalid:
      return report(m.head, "it finds our name, address or roles beyond its bounds", w);
  }
}
}  // namespace troupe::membership
