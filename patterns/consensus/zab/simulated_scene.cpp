#include "patterns/consensus/zab/simulated.hpp"
namespace troupe::zab::simulated {
namespace {
std::string name(server s) { return simulation::name_of(member_of(s)); }
std::string at(zxid z) {
  return " at " + std::to_string(z.epoch) + ":" + std::to_string(z.counter);
}
}  // namespace

bool scene::holds(const restored& r, zxid z) {
  return z <= r.base.at ||
         std::any_of(r.log.rbegin(), r.log.rend(), [&](const transaction& t) { return t.at == z; });
}

void scene::started(const replica& core, const restored& durable, std::uint32_t) {
  auto& s = seen_[core.self()];
  if (durable.state.accepted < s.durable.state.accepted ||
      durable.state.current < s.durable.state.current)
    complain(claim::never_fall, name(core.self()) + " came back with an older epoch");
  s.durable = durable;
  s.state = durable.state;
  s.committed = {};
  s.established = false;
}

void scene::proposed(const transaction& t) {
  if (!proposed_.try_emplace(t.at, t.bytes).second)
    complain(claim::integrity, "two transactions were proposed" + at(t.at));
}

void scene::cut(server id, const history& log, zxid upto) {
  for (auto i = log.after(upto); i < log.size(); ++i)
    if (in_canon_.contains(log[i].at))
      complain(claim::kept, name(id) + " truncates what was applied" + at(log[i].at));
}

void scene::said(server id, const message& m) {
  if (const auto* info = std::get_if<follower_info>(&m))
    seen_[id].session = std::max(seen_[id].session, info->session);
}

void scene::arrived(server from, const message& m) {
  const auto& s = seen_[from];
  const auto durable = [&](std::uint64_t session, zxid last) {
    if (session == s.session && !holds(s.durable, last))
      complain(claim::durable, name(from) + " has acknowledged what is not" + at(last));
  };
  if (const auto* a = std::get_if<ack>(&m)) durable(a->session, a->last);
  if (const auto* a = std::get_if<ack_new_leader>(&m)) durable(a->session, a->last);
  if (const auto* a = std::get_if<ack_epoch>(&m); a && s.durable.state.accepted < a->epoch)
    complain(claim::durable, name(from) + " has accepted an epoch that is not");
}

void scene::applied(server id, const machine& after, const transaction& t) {
  const auto n = after.count;
  if (n <= canon_.size()) {
    if (canon_[n - 1] != t.at || digests_[n] != after.digest)
      complain(claim::order, name(id) + " applies another than others did" + at(t.at));
    return;
  }
  const auto known = proposed_.find(t.at);
  if (known == proposed_.end() || known->second != t.bytes)
    complain(claim::integrity, name(id) + " applies what nobody proposed" + at(t.at));
  const auto last = canon_.empty() ? zxid{} : canon_.back();
  const bool next = t.at.epoch == last.epoch ? t.at.counter == last.counter + 1
                                             : t.at.epoch > last.epoch && t.at.counter == 1;
  if (!next)
    complain(claim::primary, name(id) + " applies, after the one" + at(last) + ", that" + at(t.at));
  if (!of_.quorum_says([&](server v) { return holds(seen_[v].durable, t.at); }))
    complain(claim::durable, name(id) + " applies what no quorum has on disk" + at(t.at));
  canon_.push_back(t.at);
  in_canon_.insert(t.at);
  digests_.push_back(after.digest);
}

void scene::restored_to(server id, const machine& m) {
  if (m.count > canon_.size() || digests_[m.count] != m.digest)
    complain(claim::order, name(id) + " was restored to what nobody was" + at(m.last));
}

void scene::read(server id, zxid asked_at, zxid answer) {
  if (answer < asked_at)
    complain(claim::fresh,
             name(id) + " reads" + at(answer) + " after one had applied that" + at(asked_at));
}

void scene::stepped(const replica& core, std::uint32_t life) {
  auto& s = seen_[core.self()];
  const auto& state = core.state();
  if (state.accepted < s.state.accepted || state.current < s.state.current ||
      core.committed() < s.committed)
    complain(claim::never_fall, "those of " + name(core.self()) + " did");
  s.state = state;
  s.committed = core.committed();
  if (core.established() && !s.established) established(core, life);
  s.established = core.established();
}

void scene::established(const replica& core, std::uint32_t life) {
  const auto id = core.self();
  const auto epoch = core.epoch();
  const auto text = " in epoch " + std::to_string(epoch);
  const auto known = leaders_.try_emplace(epoch, id, life);
  if (!known.second)
    complain(claim::one,
             name(id) + " leads" + text + ", and so did " + name(known.first->second.first));
  // Of whom some may have turned to a later one meanwhile.
  const auto accepted = [&](server v) {
    const auto& d = seen_[v].durable.state;
    return d.accepted > epoch || (d.accepted == epoch && d.by == id);
  };
  const auto current = [&](server v) { return seen_[v].durable.state.current >= epoch; };
  if (!of_.quorum_says(accepted) || !of_.quorum_says(current))
    complain(claim::one, name(id) + " leads without a quorum" + text);
  const auto& log = core.log();
  for (const auto z : canon_)
    if (z > log.base() && z.epoch < epoch && !log.has(z))
      return complain(claim::agreement,
                      name(id) + ", leader" + text + ", lacks what was applied" + at(z));
}
}  // namespace troupe::zab::simulated
