// Part of locks_actor.hpp: several locks, all or none.
#include "actors/lock/locks_actor.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <utility>
namespace troupe::lock {
caf::result<taken_all> locks_actor::on(const take_all& wanted) {
  auto whom = caf::actor_cast<caf::actor>(current_sender());  // before the promise takes it
  auto promise = make_response_promise<taken_all>();
  auto all = in_order(wanted.locks);
  if (!all) {
    promise.deliver(make_error(errc::invalid_argument, all.error()));
    return promise;
  }
  if (going_) {
    promise.deliver(make_error(errc::not_ready, "these locks have been given back for good"));
    return promise;
  }
  const auto wait = wanted.wait.count() < 0 ? for_ever : duration{wanted.wait};
  const auto id = ++set_ids_;
  const auto count = all->size();
  auto& s = sets_
                .emplace(id, set{several{count, wait, now()}, std::move(*all),
                                 owner_of(wanted.owner), std::move(whom), promise})
                .first->second;
  if (s.whom) watch(s.whom);
  several_output out;
  s.core.begin(now(), out);
  obey(id, out);
  return promise;
}

// The last that was taken so, if it was more than once.
caf::result<returned> locks_actor::on(const put_back_all& what) {
  auto promise = make_response_promise<returned>();
  auto names = what.names;
  std::sort(names.begin(), names.end());
  const auto same = [&](const auto& entry) {
    const auto& s = entry.second;
    return s.core.held() && s.owner == owner_of(what.owner) &&
           std::equal(names.begin(), names.end(), s.locks.begin(), s.locks.end(),
                      [](const std::string& n, const want& w) { return n == w.lock; });
  };
  const auto found = std::find_if(sets_.rbegin(), sets_.rend(), same);
  if (found == sets_.rend()) {
    promise.deliver(returned{false});
    return promise;
  }
  found->second.returns.push_back(promise);
  several_output out;
  found->second.core.give_up(out);
  obey(found->first, out);
  return promise;
}

// What a step here leads to may come back at once: the set is looked up anew each time.
void locks_actor::obey(std::uint64_t id, several_output& out) {
  const auto found = sets_.find(id);
  if (found == sets_.end()) return;
  auto& s = found->second;
  tell_set(s, out);
  const auto locks = s.locks;
  const auto owner = s.owner;
  const auto whom = s.whom;
  const auto awaited = s.cookie;
  if (out.over) sets_.erase(found);
  for (const auto i : out.put_back) {
    const auto cookie = ++cookies_;
    returns_[cookie] = [this, id, i](bool) {
      const auto its = sets_.find(id);
      if (its == sets_.end()) return;
      several_output then;
      its->second.core.put_back(i, then);
      obey(id, then);
    };
    step(held_by(owner, locks[i]), release{cookie});
  }
  for (const auto i : out.give_up) step(held_by(owner, locks[i]), give_up{awaited});
  if (!out.take) return;
  const auto cookie = ++cookies_;
  s.cookie = cookie;
  take_one(owner, locks[out.take->which], whom, out.take->wait, cookie,
           [this, id](const outcome& o) {
             const auto its = sets_.find(id);
             if (its == sets_.end()) return;
             several_output then;
             if (o.fence != 0)
               its->second.core.taken(o.fence, now(), then);
             else
               its->second.core.refused(o.no.why, o.no.sentence, then);
             obey(id, then);
           });
}

void locks_actor::tell_set(set& s, const several_output& out) {
  if (out.all) {
    taken_all all;
    for (std::size_t i = 0; i < s.locks.size(); ++i)
      all.fences[s.locks[i].lock] = s.core.fences()[i];
    s.told = true;
    s.asked.deliver(std::move(all));
  }
  if (!out.over) return;
  if (!s.told) s.asked.deliver(to_error(out.failed ? *out.failed : declined{}));
  for (auto& r : s.returns) r.deliver(returned{true});
}

void locks_actor::lost_of_sets(const key& k, const std::string& why) {
  const auto& [owner, name, as] = k;
  std::vector<std::pair<std::uint64_t, std::size_t>> those;
  for (const auto& [id, s] : sets_)
    for (std::size_t i = 0; i < s.core.fences().size(); ++i)
      if (s.owner == owner && s.locks[i].lock == name && s.locks[i].as == as)
        those.emplace_back(id, i);
  for (const auto& [id, which] : those) {
    const auto found = sets_.find(id);
    if (found == sets_.end()) continue;
    const auto sentence = "'" + name + "', taken with it, is lost: " + why;
    const auto told = found->second.told;
    several_output out;
    found->second.core.lost(which, "'" + name + "' is lost: " + why, out);
    for (const auto i : out.put_back)
      if (told)
        tell_lost(held_by(owner, found->second.locks[i]), found->second.core.fences()[i], sentence);
    obey(id, out);
  }
}

void locks_actor::leave_sets(const caf::actor_addr& who) {
  std::vector<std::uint64_t> those;
  for (const auto& [id, s] : sets_)
    if (s.whom && s.whom.address() == who) those.push_back(id);
  for (const auto id : those) {
    const auto found = sets_.find(id);
    if (found == sets_.end()) continue;
    several_output out;
    found->second.core.give_up(out);
    obey(id, out);
  }
}
}  // namespace troupe::lock
