#include "patterns/consensus/raft/simulated.hpp"

#include <algorithm>
namespace troupe::raft::simulated {
host::host(const simulation::life& of, std::shared_ptr<place> where)
    : where_(std::move(where)),
      disk_(of.persisted),
      chance_(simulation::derived(of.seed, 1)),
      other_voice_(simulation::derived(of.seed, 3)),
      heard_at_(of.now) {
  const auto first_start = [&] {
    restored r;
    if (where_->journals == 0) r.base.config = where_->first;
    return r;
  };
  auto kept = replay(of.persisted.records(), where_->journal_from, first_start());
  if (!kept) {
    where_->journal_from = of.persisted.records().size();
    ++where_->journals;
    kept = first_start();
  }
  if (auto m = machine::decoded(*kept->base.bytes)) machine_ = *m;
  applied_ = kept->base.index;
  const auto base = kept->base.index;
  core_ = std::make_unique<replica>(where_->id(), where_->how, std::move(*kept), of.seed, of.now);
  where_->judge->started(where_->id(), where_->self, *core_);
  if (base > 0) where_->judge->restored_to(where_->id(), base, machine_);
}

void host::receive(member, message m, instant now, output& out) {
  if (m.to != where_->id()) return;  // for one whose journal is lost
  where_->judge->arrived(m.from, m.to, m.what);
  const before was{*core_};
  const bool asked = std::holds_alternative<vote_request>(m.what);
  const bool answers = std::holds_alternative<append_reply>(m.what) ||
                       std::holds_alternative<heartbeat_reply>(m.what) ||
                       std::holds_alternative<snapshot_reply>(m.what);
  const bool leads = std::holds_alternative<append_request>(m.what) ||
                     std::holds_alternative<heartbeat>(m.what) ||
                     std::holds_alternative<snapshot_part>(m.what);
  if (asked) {
    const envelope kept = m;
    core_->step(received{m.from, std::move(m.what)}, now, did_);
    judge_loyalty(kept, was, now);
  } else {
    core_->step(received{m.from, std::move(m.what)}, now, did_);
  }
  if (leads && core_->leader() == m.from) {
    heard_of_ = m.from;
    heard_at_ = now;
  }
  where_->judge->stepped(was, *core_, did_);
  if (answers) where_->judge->counted(*core_, m.from);
  carry_out(out);
  if (taken_ && chance_.below(2) == 0) step(*std::exchange(taken_, {}), now, out);
}

// Unless the leader itself has asked for it.
void host::judge_loyalty(const envelope& m, const before& was, instant now) {
  const auto& asks = std::get<vote_request>(m.what);
  const bool hears = was.as == role::leader || now < heard_at_ + where_->how.election;
  if (asks.transfer || !hears || asks.term <= was.term) return;
  const bool granted = std::any_of(did_.send.begin(), did_.send.end(), [](const letter& l) {
    const auto* reply = std::get_if<vote_reply>(&l.what);
    return reply && reply->granted;
  });
  if (granted || core_->term() > was.term)
    where_->judge->complain(claim::loyal, "server " + std::to_string(where_->id()) +
                                              " hears a leader, and listened to " +
                                              std::to_string(m.from));
}

void host::command_given(const command& c, instant now, output& out) {
  std::visit([&](const auto& what) { on(what, now, out); }, c);
}

void host::on(const request& r, instant now, output& out) {
  const auto cookie = ++cookies_;
  if (r.what == act::read) {
    reads_.push_back({r, where_->judge->committed(), cookie, 0});
    return step(read{cookie}, now, out);
  }
  pending_[r.client] = r.sequence;
  proposed_[cookie] = r;
  step(propose{{{cookie, encode(r)}}}, now, out);
}

void host::on(const set_members& c, instant now, output& out) {
  step(change{++cookies_, c.voters, c.learners}, now, out);
}
void host::on(const hand_over& c, instant now, output& out) {
  step(transfer{++cookies_, c.to}, now, out);
}
void host::on(const burst& c, instant now, output& out) {
  propose all;
  for (std::uint32_t i = 0; i < c.count; ++i)
    all.commands.push_back({++cookies_, std::string(1 + cookies_ % 7, '.')});
  step(std::move(all), now, out);
}

void host::tick(instant now, output& out) {
  step(raft::tick{}, now, out);
  if (taken_) step(*std::exchange(taken_, {}), now, out);
}

void host::persisted(std::uint64_t upto, instant now, output& out) {
  std::uint64_t number = 0;
  for (; !syncing_.empty() && syncing_.front().position <= upto; syncing_.pop_front()) {
    number = syncing_.front().number;
    where_->judge->synced(where_->id(), syncing_.front());
  }
  if (number > 0) step(raft::persisted{number}, now, out);
}

void host::lost(member peer, std::uint32_t, instant now, output& out) {
  if (heard_of_ != 0 && whose(heard_of_) == peer && !where_->how.lease_reads)
    heard_at_ = now - where_->how.election;
  if (core_->leader() != 0 && whose(core_->leader()) == peer)
    step(raft::lost{core_->leader()}, now, out);
}

void host::step(input in, instant now, output& out) {
  const before was{*core_};
  core_->step(std::move(in), now, did_);
  where_->judge->stepped(was, *core_, did_);
  carry_out(out);
}

void host::carry_out(output& out) {
  const auto id = where_->id();
  if (where_->rephrases)
    for (auto& l : other_voice_.beside(*core_, did_.send_now))
      did_.send_now.push_back(std::move(l));
  for (auto& l : did_.send_now)
    out.send_now.push_back({whose(l.to), {id, l.to, std::move(l.what)}});
  if (did_.persist) {
    out.persist.push_back(encode(*did_.persist));
    syncing_.push_back(footprint_of(*did_.persist, disk_.size() + out.persist.size()));
  }
  for (auto& l : did_.send) out.send.push_back({whose(l.to), {id, l.to, std::move(l.what)}});
  for (auto& e : did_.events) out.events.push_back(e);
  for (const auto& t : did_.taken) proposed_.erase(t.cookie);
  const auto hint = [](server leader) {
    return leader == 0 ? std::optional<member>{} : std::optional{whose(leader)};
  };
  for (const auto& no : did_.turned_away) {
    if (const auto p = proposed_.find(no.cookie); p != proposed_.end()) {
      where_->asking->refused(p->second, hint(no.leader));
      proposed_.erase(p);
    }
    const auto r = std::find_if(reads_.begin(), reads_.end(),
                                [&](const asked& a) { return a.cookie == no.cookie; });
    if (r == reads_.end()) continue;
    where_->asking->refused(r->what, hint(no.leader));
    reads_.erase(r);
  }
  for (const auto& yes : did_.reads) {
    for (auto& r : reads_) {
      if (r.cookie != yes.cookie) continue;
      where_->judge->answered_read(id, yes.index, r.floor);
      r.index = std::max<std::uint64_t>(yes.index, 1);
    }
  }
  if (did_.restore) {
    machine_ = machine::decoded(*did_.restore->bytes).value_or(machine{});
    applied_ = did_.restore->index;
    where_->judge->restored_to(id, applied_, machine_);
    taken_.reset();
  }
  apply(did_.committed);
  if (!did_.reads.empty() || did_.committed > 0) answer_reads();
  did_.clear();
  if (!taken_ && core_->wants_snapshot(applied_))
    taken_ = snapshotted{applied_, std::make_shared<const std::string>(machine_.encoded())};
}

void host::apply(std::uint64_t upto) {
  while (applied_ < upto) {
    const auto& e = core_->entries().at(++applied_);
    const auto r = e.kind == entry_kind::command ? decode_request(e.bytes) : std::nullopt;
    effect did;
    if (r)
      did = machine_.apply(*r);
    else
      machine_.pass(applied_);
    where_->judge->applied(where_->id(), applied_, machine_, r ? &*r : nullptr, did);
    if (!r || pending_[r->client] != r->sequence) continue;
    pending_[r->client] = 0;
    where_->asking->answered(*r, did.done, 0);
  }
}

void host::answer_reads() {
  std::erase_if(reads_, [&](const asked& r) {
    if (r.index == 0 || r.index > applied_) return false;
    where_->asking->answered(r.what, true, machine_.value(r.what.key));
    return true;
  });
}

void host::describe(const event& e, std::string& fields) {
  using simulation::append_field;
  append_field(fields, "event", e.kind == event_kind::became ? to_string(e.as) : to_string(e.kind));
  append_field(fields, "term", static_cast<std::int64_t>(e.term));
  if (e.index != 0) append_field(fields, "index", static_cast<std::int64_t>(e.index));
  if (e.whom != 0) append_field(fields, "server", static_cast<std::int64_t>(e.whom));
}
}  // namespace troupe::raft::simulated
