#include "patterns/membership/simulated.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>
namespace troupe::membership {
using namespace std::chrono_literals;
using simulation::member;

simulated::simulated(const simulation::life& of, const options& how, std::shared_ptr<place> where)
    : where_(std::move(where)) {
  record self = where_->self;
  self.id.incarnation = self.id.name + '-' + std::to_string(of.number);
  if (!of.rebuilt) where_->known.clear();
  core_ = std::make_unique<swim>(how, self, where_->seeds, where_->known, of.seed, of.now);
}

void simulated::receive(member, message m, instant now, output& out) {
  core_->step(std::move(m), now, did_);
  carry_out(out);
}

void simulated::command_given(const command& c, instant now, output& out) {
  std::visit([&](const auto& what) { core_->step(what, now, did_); }, c);
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
  for (auto& e : did_.events) {
    if (e.what == event_kind::self_left) out.stop = true;
    if (e.what == event_kind::self_downed) {
      where_->known = core_->known_addresses();
      out.stop = true;
      out.again = 100ms;
    }
    out.events.push_back(std::move(e));
  }
  did_.send.clear();
  did_.events.clear();
  did_.refused.clear();
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
    : world(seed, usual, lines), how_(std::move(how)) {}

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
  always("S1 S2: what a view says of an incarnation never goes back",
         [this](const world&, member m) { return backwards(m); });
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
  if (before.life != lives(m)) before = {lives(m), {}};
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
  return {};
}

std::string town::accused(member, duration settled) {
  judged_ = std::min(judged_, events().size());  // some may have been forgotten
  for (; judged_ < events().size(); ++judged_) {
    const auto& e = events()[judged_];
    const bool verdict = e.what.what == event_kind::unreachable;
    const auto calm = calm_since();
    if (!verdict || !calm || now() - *calm < settled || usual().loss > 0) continue;
    const auto whom = book_->by_address.find(e.what.member.address);
    if (whom == book_->by_address.end() || at(whom->second) == nullptr) continue;
    if (at(whom->second)->id() == e.what.member.id) {
      return to_string(e.what.member.id) + " is called unreachable by " + name_of(e.node) +
             ", and answers";
    }
  }
  return {};
}
}  // namespace troupe::membership
