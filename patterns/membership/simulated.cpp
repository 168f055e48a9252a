#include "patterns/membership/simulated.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>
namespace troupe::membership {
using namespace std::chrono_literals;
using simulation::member;

namespace {
// S1: a life that was replaced, and is present where its successor is known.
std::string beside_its_successor(const view& members) {
  for (const auto& [id, r] : members) {
    if (r.replaces.empty()) continue;
    const auto former = members.find({id.name, r.replaces});
    if (former == members.end() || !present(former->second)) continue;
    return to_string(former->first) + " is present beside " + to_string(id) + ", its successor";
  }
  return {};
}

// S2: what whoever speaks so must be told.
std::optional<turn_away> owed(const swim& core, const message& m) {
  const header& head = head_of(m);
  const bool opening = std::holds_alternative<join>(m) || std::holds_alternative<welcome>(m) ||
                       std::holds_alternative<turned_away>(m);
  const bool own = head.from == core.id();  // to a former life at its own address
  if (opening || own || core.where() == standing::over) return {};
  if (!head.to.empty() && head.to != core.id().incarnation) return turn_away::other_incarnation;
  if (core.where() != standing::member || head.cluster != core.cluster()) return {};
  const auto sender = core.members().find(head.from);
  if (sender == core.members().end() || present(sender->second)) return {};
  return turn_away::downed;
}
}  // namespace

simulated::simulated(const simulation::life& of, const options& how, std::shared_ptr<place> where)
    : where_(std::move(where)) {
  record self = where_->self;
  self.id.incarnation = self.id.name + '-' + std::to_string(of.number);
  if (!of.rebuilt) where_->known = where_->noted;
  core_ = std::make_unique<swim>(how, self, where_->seeds, where_->known, of.seed, of.now);
}

void simulated::receive(member, message m, instant now, output& out) {
  if (const auto why = owed(*core_, m)) {
    const header head = head_of(m);
    const auto version = core_->version();
    core_->step(std::move(m), now, did_);
    wrong_ = unanswered(*why, head, version);
  } else {
    core_->step(std::move(m), now, did_);
  }
  carry_out(out);
}

std::string simulated::unanswered(turn_away why, const header& to, std::uint64_t version) const {
  if (core_->where() == standing::over) return {};  // it found that out with this step
  const auto& meant = why == turn_away::downed ? to.from.incarnation : to.to;
  const bool told = std::any_of(did_.send.begin(), did_.send.end(), [&](const outgoing& o) {
    const auto* said = std::get_if<turned_away>(&o.what);
    return said != nullptr && o.incarnation == to.from.incarnation && said->reason == why &&
           said->meant == meant;
  });
  const auto what = to_string(to.from) + (why == turn_away::downed ? ", which is down" : "") +
                    ", spoke to " + (to.to.empty() ? "anybody" : to.to) + " and was ";
  if (!told) return what + "not told";
  return core_->version() == version ? std::string{} : what + "heard";
}

void simulated::command_given(const command& c, instant now, output& out) {
  if (const auto* told = std::get_if<lease_told>(&c)) {
    if (told->incarnation != core_->id().incarnation) return;
    core_->step(told->what, now, did_);
  } else if (const auto* l = std::get_if<leave>(&c)) {
    core_->step(*l, now, did_);
  } else {
    core_->step(std::get<down>(c), now, did_);
  }
  carry_out(out);
}

void simulated::tick(instant now, output& out) {
  core_->step(membership::tick{}, now, did_);
  carry_out(out);
}

void simulated::lost(member peer, std::uint32_t its_life, instant now, output& out) {
  const auto incarnation = where_->book->names.at(peer) + '-' + std::to_string(its_life);
  core_->step(link_hint{.incarnation = incarnation}, now, did_);
  carry_out(out);
}

instant simulated::due() const { return core_->due(); }

void simulated::carry_out(output& out) {
  for (auto& o : did_.send) {
    const auto to = where_->book->by_address.find(o.address);
    if (to != where_->book->by_address.end()) out.send.push_back({to->second, std::move(o.what)});
  }
  for (const auto& order : did_.lease) where_->lease(core_->id().incarnation, order);
  for (auto& e : did_.events) {
    if (e.what == event_kind::self_left) out.stop = true;
    if (e.what == event_kind::self_downed) {
      where_->known = core_->known_addresses();
      out.stop = true;
      out.again = 100ms;
    }
    out.events.push_back(std::move(e));
  }
  if (!did_.events.empty() && where_->notes && core_->where() == standing::member) {
    where_->noted = core_->present_addresses();
  }
  did_.send.clear();
  did_.events.clear();
  did_.refused.clear();
  did_.lease.clear();
}

// By the names that a node's event log gives them (runtime/events.hpp).
void simulated::describe(const event& e, std::string& fields) {
  const auto name = [&]() -> std::string {
    switch (e.what) {
      case event_kind::joined:
        return "member_joining";
      case event_kind::downed:
        return "member_down";
      case event_kind::suspected:
        return "suspected";
      case event_kind::cleared:
        return "refuted";
      case event_kind::decided:
        return "downing_decided";
      case event_kind::asks_lease:
        return "lease_asked";
      default:
        return "member_" + std::string{to_string(e.what)};
    }
  };
  const auto& incarnation = e.member.id.incarnation;  // name-number
  simulation::append_field(fields, "event", name());
  simulation::append_field(fields, "member", e.member.id.name);
  simulation::append_field(
      fields, "incarnation",
      std::strtoll(incarnation.c_str() + incarnation.rfind('-') + 1, nullptr, 10));
  simulation::append_field(fields, "generation", static_cast<std::int64_t>(e.member.generation));
  if (!e.names.empty()) {
    std::string names;
    for (const auto& one : e.names) names += (names.empty() ? "" : ",") + one;
    simulation::append_field(fields, "down", names);
  }
  if (!e.reason.empty()) simulation::append_field(fields, "reason", e.reason);
}

town::town(std::uint64_t seed, options how, simulation::conditions usual, bool lines)
    : world(seed, usual, lines),
      how_(std::move(how)),
      lease_(simulation::derived(seed, 0x6c65617365), simulated_lease::conditions{}) {}

simulation::conditions town::usually() { return {.lateness_max = 5ms}; }

std::string town::name_of(member m) {
  auto name = simulation::name_of(m);
  return std::string(name.size() < 3 ? 3 - name.size() : 0, 'a') + name;
}

void town::cluster(std::uint32_t n, std::uint32_t seeds) {
  std::vector<std::string> addresses;
  for (member m = 0; m < seeds; ++m) addresses.push_back(name_of(m) + ":1");
  for (std::uint32_t i = 0; i < n; ++i) join(addresses);
}

member town::join(std::vector<std::string> seeds, std::vector<std::string> roles) {
  const auto name = name_of(size());
  auto where = std::make_shared<simulated::place>();
  where->self = {.id = {name, {}}, .address = name + ":1", .roles = std::move(roles)};
  where->seeds = std::move(seeds);
  where->book = book_;
  where->notes = notes_;
  where->lease = [this, m = size()](const std::string& incarnation, const lease_order& what) {
    lease_ordered(m, incarnation, what);
  };
  book_->names.push_back(name);
  book_->by_address[where->self.address] = size();
  before_.emplace_back();
  const auto make = [this, where](const simulation::life& of) {
    return simulated{of, how_, where};
  };
  return add(make, true, name);
}

const swim* town::at(member m) const {
  const auto* host = world::at(m);
  return host == nullptr ? nullptr : &host->core();
}

bool town::one_view(std::size_t members) const {
  std::size_t count = 0;
  const swim* first = nullptr;
  for (member m = 0; m < size(); ++m) {
    const swim* core = at(m);
    if (core == nullptr || core->where() != standing::member) continue;
    ++count;
    std::size_t up = 0;
    for (const auto& [id, r] : core->members()) {
      if (!present(r)) continue;
      if (r.state != member_state::up || r.liveness != reach::alive) return false;
      ++up;
    }
    if (first == nullptr) first = core;
    if (up != members || core->cluster() != first->cluster()) return false;
    for (const auto& [id, r] : first->members()) {
      if (!present(r)) continue;
      const auto other = core->members().find(id);
      if (other == core->members().end() || other->second.age != r.age) return false;
    }
  }
  return count == members;
}

bool town::one_view_a_cluster() const {
  std::map<std::uint64_t, std::vector<const swim*>> clusters;
  for (member m = 0; m < size(); ++m) {
    if (at(m) == nullptr) continue;
    if (at(m)->where() != standing::member) return false;
    clusters[at(m)->cluster()].push_back(at(m));
  }
  for (const auto& [cluster, cores] : clusters) {
    for (const swim* core : cores) {
      std::size_t up = 0;
      for (const auto& [id, r] : core->members()) {
        if (!present(r)) continue;
        if (r.state != member_state::up || r.liveness != reach::alive) return false;
        ++up;
      }
      const auto known = [&](const swim* other) {
        const auto r = core->members().find(other->id());
        return r != core->members().end() && present(r->second);
      };
      if (up != cores.size() || !std::all_of(cores.begin(), cores.end(), known)) return false;
    }
  }
  return true;
}

std::size_t town::count(event_kind kind) const {
  return static_cast<std::size_t>(std::count_if(
      events().begin(), events().end(), [&](const seen& s) { return s.what.what == kind; }));
}

void town::claim_views() {
  always("S2: the dead have no voice, and are told",
         [this](const world&, member m) { return world::at(m)->wrong(); });
  always("S3: a verdict takes its time, or two witnesses",
         [this](const world&, member m) { return hasty(m); });
  always("S1: what a view says of an incarnation never goes back", [this](const world&, member m) {
    const auto version = at(m)->version();
    auto& before = before_[m];
    before.changed = before.life != lives(m) || before.version != version;
    auto wrong = before.changed ? backwards(m) : std::string{};
    before.version = version;
    return wrong;
  });
  always("S6: no two live that have given each other up", [this](const world&, member m) {
    return before_[m].changed ? both_live(m) : std::string{};
  });
  always("S5: views with one digest are one view", [this](const world&, member m) {
    return before_[m].changed ? ambiguous(m) : std::string{};
  });
}

void town::claim_calm(duration settled, duration converged, bool merging) {
  always("S3: nobody is accused who answers",
         [this, settled](const world&, member m) { return accused(m, settled); });
  within("L2: members that can talk have one view", converged, [this, merging](const world&) {
    std::size_t running = 0;
    for (member m = 0; m < size(); ++m) running += at(m) != nullptr ? 1 : 0;
    if (merging ? one_view(running) : one_view_a_cluster()) return std::string{};
    std::string views;
    for (member m = 0; m < size(); ++m) {
      if (at(m) == nullptr) continue;
      views += name_of(m) + " (" + std::string{to_string(at(m)->where())} + ", cluster " +
               std::to_string(at(m)->cluster() % 1000) + ") sees";
      for (const auto& [id, r] : at(m)->members()) {
        if (r.state == member_state::removed) continue;
        views += ' ' + to_string(id) + '=' + std::string{to_string(r.state)} + '/' +
                 std::string{to_string(r.liveness)};
      }
      views += "; ";
    }
    return views;
  });
}

// Both lists are in order of ids, and seldom differ.
std::string town::backwards(member m) {
  auto& before = before_[m];
  if (before.life != lives(m)) before = {.life = lives(m)};
  const auto complain = [&](const mark& was, const record& is, const char* what) {
    return to_string(is.id) + ": " + what + ", from " + std::string{to_string(was.state)} + '/' +
           std::string{to_string(was.liveness)} + '/' + std::to_string(was.generation) + " to " +
           std::string{to_string(is.state)} + '/' + std::string{to_string(is.liveness)} + '/' +
           std::to_string(is.generation);
  };
  auto at = before.marks.begin();
  for (const auto& [id, r] : this->at(m)->members()) {
    while (at != before.marks.end() && at->id < id) at = before.marks.erase(at);  // forgotten
    if (at == before.marks.end() || !(at->id == id)) {
      at = 1 + before.marks.insert(at, {id, r.state, r.generation, r.liveness});
      continue;
    }
    mark& was = *at++;
    if (r.state < was.state) return complain(was, r, "state went back");
    if (r.generation < was.generation) return complain(was, r, "generation went back");
    if (r.generation == was.generation && present(r) && r.liveness < was.liveness) {
      return complain(was, r, "reachable again without a word of its own");
    }
    was.state = r.state;
    was.generation = r.generation;
    was.liveness = r.liveness;
  }
  return beside_its_successor(this->at(m)->members());
}

// One with the same digest is enough: it was compared with the next when it came to it.
std::string town::ambiguous(member m) const {
  const auto& mine = *at(m);
  const auto counts = [](const auto& entry) { return entry.second.state != member_state::removed; };
  for (member other = 0; other < size(); ++other) {
    if (other == m || at(other) == nullptr || at(other)->digest() != mine.digest()) continue;
    const view& theirs = at(other)->members();
    for (const auto& [id, r] : mine.members()) {
      if (r.state == member_state::removed) continue;
      const auto same = theirs.find(id);
      if (same == theirs.end() || same->second.state != r.state || same->second.age != r.age ||
          same->second.generation != r.generation || reachable(same->second) != reachable(r)) {
        return name_of(other) + " has the same digest, and differs in " + to_string(id);
      }
    }
    const auto mine_count = std::count_if(mine.members().begin(), mine.members().end(), counts);
    if (mine_count != std::count_if(theirs.begin(), theirs.end(), counts)) {
      return name_of(other) + " has the same digest, and knows others";
    }
    break;
  }
  return {};
}

std::string town::hasty(member) {
  weighed_ = std::min(weighed_, events().size());  // some may have been forgotten
  for (; weighed_ < events().size(); ++weighed_) {
    const auto& [when, node, e] = events()[weighed_];
    const auto& r = e.member;
    if (e.what == event_kind::suspected) {
      auto& d = doubts_[{r.id, r.generation}];
      if (d.own.empty()) d.first = when;
      d.own[node] = local(node);
    }
    if (e.what != event_kind::unreachable) continue;
    const auto& d = doubts_[{r.id, r.generation}];
    // clocks run up to 5 % fast
    if (d.own.empty() || when - d.first < how_.suspicion_min * 9 / 10) {
      return to_string(r.id) + " was doubted by nobody for so long";
    }
    const auto own = d.own.find(node);
    if (r.witnesses.size() < 2 &&
        (own == d.own.end() || local(node) - own->second < how_.suspicion_min)) {
      return to_string(r.id) + " is called unreachable on one witness's word";
    }
  }
  return {};
}

std::string town::accused(member, duration settled) {
  judged_ = std::min(judged_, events().size());  // some may have been forgotten
  for (; judged_ < events().size(); ++judged_) {
    const auto& e = events()[judged_];
    const bool down = e.what.what == event_kind::downed;
    const bool verdict = down || e.what.what == event_kind::unreachable;
    const auto calm = calm_since();
    if (!verdict || !calm || now() - *calm < settled || usual().loss > 0) continue;
    const auto whom = book_->by_address.find(e.what.member.address);
    if (whom == book_->by_address.end() || at(whom->second) == nullptr) continue;
    const swim &accused = *at(whom->second), *by = at(e.node);
    // one of another cluster has its place there
    const bool elsewhere = down && (by == nullptr || by->cluster() != accused.cluster());
    if (accused.id() == e.what.member.id && accused.where() == standing::member && !elsewhere) {
      return to_string(e.what.member.id) + " is called " + (down ? "down" : "unreachable") +
             " by " + name_of(e.node) + ", and answers";
    }
  }
  return {};
}
}  // namespace troupe::membership
