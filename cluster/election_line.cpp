// Contenders at one node: who enters, who acts, what they and those who look on are told.
#include "cluster/election_keeper.hpp"
#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <algorithm>

#include <caf/all.hpp>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::stand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::election::renew)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::beat_elections)

namespace troupe {
namespace {
constexpr std::size_t early_max = 1'000;

std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& n : names) all += (all.empty() ? "" : ", ") + n;
  return all;
}
}  // namespace

election_keeper::line::instant election_keeper::now() {
  return std::chrono::duration_cast<line::instant>(clock().now().time_since_epoch());
}

caf::message_handler election_keeper::client_requests() {
  return {
      [this](election_enter& wish) { return enter(wish); },
      [this](const election_withdraw& what) { withdraw(what.election, what.who); },
      [this](const election_here& what) {
        const auto at = elections_.find(what.election);
        if (at == elections_.end()) return;
        for (const auto& [number, who] : at->second.entered)
          if (who == what.who) return drive(what.election, at->second, line::heard{number});
      },
      [this](const election_follow& what) -> caf::result<election_view> {
        const auto at = elections_.find(what.election);
        if (at == elections_.end())
          return make_error(errc::not_ready,
                            "node " + s_.node + " knows no election '" + what.election + "' yet");
        if (what.whom) {
          monitor(what.whom);
          at->second.followers.push_back(what.whom);
        }
        return view_of(what.election, at->second);
      },
  };
}

// The charter may be in the map and on its way to this node.
caf::result<void> election_keeper::enter(election_enter& wish) {
  if (elections_.contains(wish.election)) {
    if (auto no = enter_now(wish)) return std::move(*no);
    return caf::unit;
  }
  if (early_.size() >= early_max)
    return make_error(errc::overloaded, "too many contenders wait for elections that node " +
                                            s_.node + " does not know: try again later");
  auto whom = make_response_promise();
  if (wish.who) monitor(wish.who);
  early_.push_back({std::move(wish), whom});
  return whom;
}

void election_keeper::serve_early(const std::string& election) {
  std::vector<early> later;
  for (auto& x : std::exchange(early_, {})) {
    if (x.wish.election != election) {
      later.push_back(std::move(x));
    } else if (auto no = enter_now(x.wish)) {
      x.whom.deliver(std::move(*no));
    } else {
      x.whom.deliver(caf::unit);
    }
  }
  early_ = std::move(later);
}

std::optional<caf::error> election_keeper::enter_now(const election_enter& wish) {
  auto& e = elections_.at(wish.election);
  if (!e.votes)
    return make_error(errc::refused,
                      "node " + s_.node + (e.observes ? " only observes" : " has no part in") +
                          " the election '" + wish.election +
                          "': enter at one of its members (--at), " + listed(e.charter.members));
  if (!wish.who) return make_error(errc::invalid_argument, "nobody enters");
  const auto number = ++numbers_;
  e.entered.emplace(number, wish.who);
  monitor(wish.who);
  drive(wish.election, e, line::entered{number});
  changed(wish.election, e);
  return std::nullopt;
}

void election_keeper::gone(const caf::actor_addr& who) {
  early_.erase(std::remove_if(early_.begin(), early_.end(),
                              [&](const early& x) { return x.wish.who.address() == who; }),
               early_.end());
  for (auto& [election, e] : elections_) {
    e.followers.erase(std::remove_if(e.followers.begin(), e.followers.end(),
                                     [&](const auto& f) { return f.address() == who; }),
                      e.followers.end());
    for (const auto& [number, contender] : std::map{e.entered})
      if (contender.address() == who) withdraw(election, contender);
  }
}

void election_keeper::withdraw(const std::string& election, const caf::actor& who) {
  for (auto it = early_.begin(); it != early_.end();) {
    if (it->wish.election != election || it->wish.who != who) {
      ++it;
      continue;
    }
    it->whom.deliver(make_error(errc::refused, "it has withdrawn"));
    it = early_.erase(it);
  }
  const auto at = elections_.find(election);
  if (at == elections_.end()) return;
  auto& e = at->second;
  for (const auto& [number, contender] : e.entered) {
    if (contender != who) continue;
    const auto left = number;
    e.entered.erase(left);
    drive(election, e, line::left{left});
    return changed(election, e);
  }
}

void election_keeper::drive(const std::string& election, held& e, const line::input& in) {
  line::output out;
  e.contenders.step(in, now(), out);
  for (const auto& x : out.ended) {
    const auto at = e.entered.find(x.who);
    if (at == e.entered.end()) continue;
    log::info("election", "a contender is dethroned",
              {{"election", election}, {"term", x.term}, {"silent", x.silent}});
    send(at->second,
         election_dethroned{election, x.term,
                            x.silent ? "node " + s_.node + " has not heard from it in time"
                                     : "node " + s_.node + " leads no more"});
    e.entered.erase(at);
  }
  if (e.elector && out.eager) send(e.elector, election::stand{*out.eager});
  if (e.elector && out.renew) send(e.elector, election::renew{});
  for (const auto& x : out.begun) {
    log::info("election", "a contender is chosen", {{"election", election}, {"term", x.term}});
    send(e.entered.at(x.who),
         election_chosen{election, x.term,
                         e.which->majority ? election_fence(e.founded, x.term) : 0});
  }
  if (!out.ended.empty() || out.renew) changed(election, e);
  beat_later();
}

// Whether another member has a contender: who leads without one gives way then.
void election_keeper::look_at_others(const std::string& election, held& e) {
  const auto eager = std::any_of(peers_.begin(), peers_.end(), [&](const auto& p) {
    const auto row = p.second.rows.find(election);
    return row != p.second.rows.end() && row->second.founded == e.founded &&
           row->second.seat.contenders > 0;
  });
  drive(election, e, line::others{eager});
  for (const auto& f : e.followers) send(f, view_of(election, e));
}

void election_keeper::changed(const std::string& election, held& e) {
  if (e.votes || e.observes)
    for (const auto& [node, p] : peers_) present(p.keeper, false);
  look_at_others(election, e);
}

// Tells who acts that it still may, and notices who does not answer.
void election_keeper::beat() {
  beating_ = false;
  std::vector<std::string> all;
  for (const auto& [election, e] : elections_) all.push_back(election);
  for (const auto& election : all) {
    auto& e = elections_.at(election);
    drive(election, e, line::tick{});
    if (const auto acting = e.contenders.acting())
      send(e.entered.at(acting->who), election_still{election, acting->term});
  }
  beat_later();
}

void election_keeper::beat_later() {
  if (beating_) return;
  std::chrono::milliseconds period{0};
  for (const auto& [election, e] : elections_) {
    if (e.contenders.due() == line::instant::max()) continue;
    const std::chrono::milliseconds own{std::max(1U, e.charter.patience_ms / 5)};
    if (period.count() == 0 || own < period) period = own;
  }
  if (period.count() == 0) return;
  beating_ = true;
  delayed_send(this, period, beat_elections{});
}

election_seat election_keeper::own_seat(const held& e) const {
  return {s_.node,
          !e.elector    ? "absent"
          : e.own.rests ? "resting"
                        : std::string{to_string(e.own.as)},
          e.own.leader, e.own.term, static_cast<std::uint32_t>(e.contenders.size())};
}

election_view election_keeper::view_of(const std::string& election, const held& e) const {
  election_view view{s_.node, election, e.charter.algorithm, {}, 0, 0, {}};
  for (const auto* group : {&e.charter.members, &e.charter.observers})
    for (const auto& node : *group) {
      election_seat seat{node, "absent", {}, 0, 0};
      if (node == s_.node) {
        seat = own_seat(e);
      } else if (const auto p = peers_.find(node); p != peers_.end()) {
        const auto row = p->second.rows.find(election);
        if (row != p->second.rows.end() && row->second.founded == e.founded)
          seat = row->second.seat;
      }
      if (seat.as == "leading" && seat.term >= view.term) {
        view.leader = node;
        view.term = seat.term;
      }
      view.seats.push_back(std::move(seat));
    }
  if (!view.leader.empty() && e.which->majority) view.fence = election_fence(e.founded, view.term);
  return view;
}
}  // namespace troupe
