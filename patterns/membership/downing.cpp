#include "patterns/membership/downing.hpp"

#include <algorithm>
#include <set>
namespace troupe::membership {
namespace {
struct sides {
  std::vector<const record*> ours, theirs;              // present, reachable or not
  std::vector<const record*> our_voices, their_voices;  // of those, who is counted
};

bool has_role(const record& r, const std::string& role) {
  return role.empty() || std::binary_search(r.roles.begin(), r.roles.end(), role);
}

sides sides_of(const view& members, const std::string& role) {
  sides s;
  for (const auto& [id, r] : members) {
    if (!present(r)) continue;
    (reachable(r) ? s.ours : s.theirs).push_back(&r);
    if (counted(r) && has_role(r, role)) {
      (reachable(r) ? s.our_voices : s.their_voices).push_back(&r);
    }
  }
  return s;
}

struct opinion {
  verdict what;
  std::string reason;
  duration after{};
};

std::string of(std::size_t part, std::size_t whole) {
  return std::to_string(part) + " of " + std::to_string(whole) + " counted members reachable";
}

opinion keep_majority(const sides& s) {
  const std::size_t ours = s.our_voices.size(), theirs = s.their_voices.size();
  const auto text = of(ours, ours + theirs);
  if (ours > theirs) return {verdict::down_others, text + ", a majority"};
  if (ours < theirs) return {verdict::down_us, text + ", a minority"};
  if (ours == 0) return {verdict::down_us, "no counted member on either side"};
  const bool lowest_is_ours = s.our_voices.front()->id < s.their_voices.front()->id;
  return {lowest_is_ours ? verdict::down_others : verdict::down_us,
          text + ", the half " + (lowest_is_ours ? "with" : "without") + " the lowest name"};
}

opinion static_quorum(const sides& s, unsigned quorum) {
  const std::size_t ours = s.our_voices.size(), all = ours + s.their_voices.size();
  const auto text = of(ours, all) + ", the quorum is " + std::to_string(quorum);
  if (quorum == 0 || all > 2 * std::size_t{quorum} - 1) {
    return {verdict::down_everyone, text + ": too small for so many members"};
  }
  return {ours >= quorum ? verdict::down_others : verdict::down_us, text};
}

opinion keep_oldest(const sides& s, bool down_if_alone) {
  const auto by_age = [](const record* a, const record* b) { return older(*a, *b); };
  const auto ours = std::min_element(s.our_voices.begin(), s.our_voices.end(), by_age);
  const auto theirs = std::min_element(s.their_voices.begin(), s.their_voices.end(), by_age);
  if (ours == s.our_voices.end() && theirs == s.their_voices.end()) {
    return {verdict::down_us, "no counted member on either side"};
  }
  const bool is_ours =
      theirs == s.their_voices.end() || (ours != s.our_voices.end() && older(**ours, **theirs));
  const auto text = "the oldest, " + (is_ours ? **ours : **theirs).id.name + ", is " +
                    (is_ours ? "reachable" : "unreachable");
  const auto& its = is_ours ? s.our_voices : s.their_voices;
  const auto& others = is_ours ? s.their_voices : s.our_voices;
  // Of two members the oldest stays although it is alone.
  const bool gives_way = down_if_alone && its.size() == 1 && others.size() >= 2;
  return {is_ours != gives_way ? verdict::down_others : verdict::down_us,
          text + (gives_way ? ", but alone" : "")};
}

// Who would be kept without a lease asks first.
opinion lease_majority(const sides& s, duration delay) {
  const opinion larger = keep_majority(s);
  if (s.our_voices.empty()) return {verdict::down_us, "no counted member on this side"};
  if (larger.what == verdict::down_others) {
    return {verdict::acquire, larger.reason + ": asks for the lease at once"};
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(delay).count();
  return {verdict::acquire,
          larger.reason + ": asks for the lease after " + std::to_string(ms) + " ms", delay};
}

opinion judge(const sides& s, const strategy& how) {
  switch (how.kind) {
    case downing::none:
      break;
    case downing::keep_majority:
      return keep_majority(s);
    case downing::static_quorum:
      return static_quorum(s, how.quorum);
    case downing::keep_oldest:
      return keep_oldest(s, how.down_if_alone);
    case downing::down_all:
      return {verdict::down_everyone, "members are unreachable"};
    case downing::lease_majority:
      return lease_majority(s, how.acquire_delay);
  }
  return {verdict::nothing, "no strategy"};
}

void add(std::set<member_id>& down, const std::vector<const record*>& who) {
  for (const record* r : who) down.insert(r->id);
}

using link = std::pair<member_id, member_id>;
std::set<link> cut_links(const view& members) {
  std::set<link> cut;
  for (const auto& [id, r] : members) {
    if (!present(r) || !reachable(r)) continue;
    for (const auto& name : r.cut_off) {
      const record* other = present_by_name(members, name);
      if (other == nullptr || !reachable(*other) || other->id == id) continue;
      cut.insert(id < other->id ? link{id, other->id} : link{other->id, id});
    }
  }
  return cut;
}

std::uint64_t picture_of(const view& members) {
  view seen;
  bool trouble = false;
  for (const auto& [id, r] : members) {
    if (!present(r)) continue;
    seen[id] = {
        .id = id, .state = r.state, .liveness = reachable(r) ? reach::alive : reach::unreachable};
    trouble = trouble || !reachable(r);
  }
  for (const auto& [a, b] : cut_links(members)) {
    trouble = true;
    const member_id both{a.name + '|' + b.name, a.incarnation + '|' + b.incarnation};
    seen[both].id = both;
  }
  return trouble ? std::max<std::uint64_t>(digest(seen), 1) : 0;
}
}  // namespace

std::string_view to_string(downing d) {
  switch (d) {
    case downing::none:
      return "none";
    case downing::keep_majority:
      return "keep-majority";
    case downing::static_quorum:
      return "static-quorum";
    case downing::keep_oldest:
      return "keep-oldest";
    case downing::down_all:
      return "down-all";
    case downing::lease_majority:
      return "lease-majority";
  }
  return "unknown";
}

std::optional<downing> downing_of(std::string_view name) {
  if (name == to_string(downing::none)) return downing::none;
  for (auto d : all_downings) {
    if (name == to_string(d)) return d;
  }
  return std::nullopt;
}

std::string_view to_string(verdict v) {
  switch (v) {
    case verdict::nothing:
      return "nothing";
    case verdict::down_others:
      return "down-others";
    case verdict::down_us:
      return "down-us";
    case verdict::down_everyone:
      return "down-everyone";
    case verdict::acquire:
      return "acquire";
  }
  return "unknown";
}

bool operator==(const decision& a, const decision& b) {
  return a.what == b.what && a.down == b.down && a.reason == b.reason && a.after == b.after;
}

std::vector<member_id> indirectly_connected(const view& members) {
  std::set<link> cut = cut_links(members);
  std::set<member_id> gone;
  while (!cut.empty()) {
    std::map<member_id, std::size_t> degree;
    for (const auto& [a, b] : cut) ++degree[a], ++degree[b];
    std::size_t most = 0;
    for (const auto& [id, d] : degree) most = std::max(most, d);
    for (const auto& [id, d] : degree) {
      if (d == most) gone.insert(id);
    }
    std::erase_if(cut,
                  [&](const link& l) { return gone.contains(l.first) || gone.contains(l.second); });
  }
  return {gone.begin(), gone.end()};
}

decision decide(const view& members, const strategy& how) {
  const sides s = sides_of(members, how.role);
  const auto indirect = indirectly_connected(members);
  if (s.theirs.empty() && indirect.empty()) return {};
  const opinion o = judge(s, how);
  std::set<member_id> down;
  const bool stays = o.what == verdict::down_others || o.what == verdict::acquire;
  if (stays || o.what == verdict::down_everyone) add(down, s.theirs);
  if (o.what == verdict::down_us || o.what == verdict::down_everyone) add(down, s.ours);
  if (stays) down.insert(indirect.begin(), indirect.end());
  std::string reason{to_string(how.kind)};
  reason += ": " + o.reason;
  if (!indirect.empty()) reason += "; links between reachable members are cut";
  return {o.what, {down.begin(), down.end()}, std::move(reason), o.after};
}

decision resolver::step(const view& members, const member_id& self, instant now) {
  due_.reset();
  const std::uint64_t picture = how_.how.kind == downing::none ? 0 : picture_of(members);
  if (picture != picture_) {
    if (picture_ == 0) trouble_since_ = now;
    stable_since_ = now;
    picture_ = picture;
    give_up();
  }
  if (picture == 0) return {};
  const bool flapping = how_.down_all_when_unstable &&
                        stable_since_ - trouble_since_ > how_.stable_after &&
                        now - trouble_since_ >= how_.stable_after + how_.unstable_for;
  if (flapping) {
    give_up();
    auto all = decide(members, {.kind = downing::down_all});
    all.reason = "unstable for too long: all go down";
    return all;
  }
  const bool suspects = std::any_of(members.begin(), members.end(), [](const auto& m) {
    return present(m.second) && m.second.liveness == reach::suspect;
  });
  instant ready = stable_since_ + how_.stable_after + (suspects ? how_.suspects_for : duration{});
  const record* first = oldest(members);
  if (first != nullptr && first->id != self) ready += how_.backup_after;
  if (asked_) return ask_on(members, now);
  if (now >= ready) {
    decision d = decide(members, how_.how);
    if (d.what != verdict::acquire) return d;
    ready += d.after;
    if (now >= ready) return ask(std::move(d), members, self, now);
  }
  due_ = ready;
  return {};
}

decision resolver::ask(decision d, const view& members, const member_id& self, instant now) {
  asked_ = asked{};
  asked_->what = {.number = ++claims_, .by = self, .down = d.down};
  for (const record* r : sides_of(members, {}).ours) {
    if (!std::binary_search(d.down.begin(), d.down.end(), r->id))
      asked_->what.side.push_back(r->id);
  }
  asked_->reason = d.reason;
  asked_->until = now + how_.acquire_within;
  ask_ = asked_->what;
  due_ = asked_->until;
  return d;
}

decision resolver::ask_on(const view& members, instant now) {
  if (now >= asked_->until) {
    const auto why = asked_->failure;
    give_up();
    return go_down(members, "the lease was not got in time" + (why.empty() ? why : ": " + why));
  }
  if (asked_->again && now >= *asked_->again) {
    asked_->again.reset();
    ask_ = asked_->what;
  }
  due_ = std::min(asked_->until, asked_->again.value_or(instant::max()));
  return {};
}

decision resolver::answered(const lease_answer& a, const view& members, instant now) {
  if (!asked_ || a.number != asked_->what.number) return {};
  if (picture_ != picture_of(members)) {
    give_up();
    return {};
  }
  switch (a.what) {
    case lease_outcome::failed:
      asked_->again = now + how_.acquire_again;
      asked_->failure = a.reason;
      due_ = std::min(asked_->until, *asked_->again);
      return {};
    case lease_outcome::refused:
      asked_.reset();
      return go_down(members, "the lease is refused: " + a.reason);
    case lease_outcome::granted:
      break;
  }
  const asked was = *std::exchange(asked_, {});
  return {verdict::down_others, a.down, was.reason + "; got it"};
}

decision resolver::go_down(const view& members, const std::string& why) {
  std::set<member_id> down;
  add(down, sides_of(members, {}).ours);
  return {verdict::down_us,
          {down.begin(), down.end()},
          std::string{to_string(how_.how.kind)} + ": " + why};
}

void resolver::give_up() {
  if (!asked_) return;
  ask_.reset();
  unused_.push_back(asked_->what.number);
  asked_.reset();
}
}  // namespace troupe::membership
