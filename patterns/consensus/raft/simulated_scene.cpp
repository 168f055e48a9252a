#include "patterns/consensus/raft/simulated_scene.hpp"

#include "patterns/consensus/raft/quorum.hpp"

#include <algorithm>
#include <utility>
namespace troupe::raft::simulated {
namespace {
std::string at(std::uint64_t index) { return " at index " + std::to_string(index); }
std::string name(server id) { return "server " + std::to_string(id); }

std::uint64_t digest_after(std::uint64_t before, const entry& e) {
  const auto what = simulation::digest_of(e.bytes, before + (e.term << 2));
  return simulation::derived(what, static_cast<std::uint64_t>(e.kind));
}

// A heartbeat and a part of a snapshot are answered before the term is durable: neither answer lets
// anything happen that a server of an older term could undo.
std::uint64_t promised_term(const message& what) {
  if (std::holds_alternative<heartbeat_reply>(what) || std::holds_alternative<snapshot_reply>(what))
    return 0;
  if (const auto* asks = std::get_if<vote_request>(&what); asks && asks->pre) return asks->term - 1;
  if (const auto* says = std::get_if<vote_reply>(&what); says && says->pre && says->granted)
    return 0;  // the term to come, of who asked
  return std::visit([](const auto& m) { return m.term; }, what);
}

std::optional<answers> answer_in(const message& what) {
  if (const auto* a = std::get_if<append_reply>(&what))
    return answers{a->term, a->round, a->accepted ? a->index : 0};
  if (const auto* h = std::get_if<heartbeat_reply>(&what)) return answers{h->term, h->round, 0};
  if (const auto* p = std::get_if<snapshot_reply>(&what)) return answers{p->term, p->round, 0};
  return {};
}
}  // namespace

void scene::started(server id, member where, const replica& core) {
  auto& s = servers_[id];
  s.where = where;
  if (core.term() < s.told)
    complain(claim::never_fall, name(id) + " came back in term " + std::to_string(core.term()) +
                                    ", after it had spoken in " + std::to_string(s.told));
  s.term = core.term();
  s.state = {core.term(), core.vote()};
  s.last = core.entries().last();
  s.config = core.config();
  if (decided_.voters.empty()) decided_ = s.config;
  const auto base = core.base().index;
  s.digests.resize(std::min<std::size_t>(s.digests.size(), base + 1));
  s.digests.resize(base + 1);
  for (const auto& [term, digest] : entries_.at(base))
    if (term == core.base().term) s.digests[base] = digest;
  for (auto i = base + 1; i <= s.last; ++i) push(s, id, i, core.entries().at(i));
}

void scene::arrived(server from, server to, const message& what) {
  const auto found = servers_.find(from);
  if (found == servers_.end()) return;
  auto& s = found->second;
  if (const auto answer = answer_in(what)) answers_[{from, to}].add(*answer);
  const auto term = promised_term(what);
  s.told = std::max(s.told, term);
  if (s.term < term)
    complain(claim::never_fall, name(from) + " is in term " + std::to_string(s.term) +
                                    ", after it had spoken in " + std::to_string(term));
  if (const auto* vote = std::get_if<vote_reply>(&what); vote && vote->granted && !vote->pre) {
    const auto known = votes_.try_emplace({vote->term, from}, to);
    if (known.first->second != to)
      complain(claim::elected, name(from) + " voted twice in term " + std::to_string(vote->term));
    if (s.state.term < vote->term || (s.state.term == vote->term && s.state.vote != to))
      complain(claim::durable, name(from) + "'s vote of term " + std::to_string(vote->term));
  }
  if (const auto* reply = std::get_if<append_reply>(&what); reply && reply->accepted) {
    if (s.state.term < reply->term || (s.state.term == reply->term && s.last < reply->index))
      complain(claim::durable, name(from) + " acknowledged what is not" + at(reply->index));
  }
}

void scene::stepped(const before& was, const replica& core, const output& out) {
  auto& s = servers_[core.self()];
  if (core.term() < was.term || core.commit() < was.commit ||
      (core.term() == was.term && was.vote != 0 && core.vote() != was.vote))
    complain(claim::never_fall, name(core.self()) + " went back in term, vote or commit index");
  s.term = core.term();
  const bool leads = core.as() == role::leader;
  const bool led_before = was.as == role::leader && was.term == core.term();
  if (leads && led_before && core.entries().last() < was.last)
    complain(claim::append_only, name(core.self()) + " cut its log" + at(was.last));
  if (out.persist) wrote(s, core, *out.persist, leads && led_before);
  if (leads && !led_before) led(s, core);
  if (core.commit() > was.commit) commits(s, was, core);
  if (core.durable() > s.last)
    complain(claim::durable,
             name(core.self()) + " takes more of its log for durable than is" + at(core.durable()));
  configured(s, was, core, out);
}

void scene::wrote(server_seen& s, const replica& core, const record& r, bool leads) {
  if (leads && (r.cut || r.restart))
    complain(claim::append_only, name(core.self()) + " cut its log");
  if (r.base && r.restart) {
    s.digests.resize(r.base->index + 1);
    s.digests.back() = 0;
    if (r.base->index < entries_.size())
      for (const auto& [term, digest] : entries_[r.base->index])
        if (term == r.base->term) s.digests.back() = digest;
    if (s.digests.back() == 0)
      complain(claim::matching,
               name(core.self()) + " took a snapshot of what nobody had" + at(r.base->index));
  }
  if (r.cut) s.digests.resize(std::min<std::size_t>(s.digests.size(), *r.cut));
  for (std::size_t i = 0; i < r.entries.size(); ++i)
    push(s, core.self(), r.first + i, r.entries[i]);
}

void scene::push(server_seen& s, server id, std::uint64_t index, const entry& e) {
  if (s.digests.size() != index)
    return complain(claim::matching, name(id) + " left a gap before its entry" + at(index));
  const auto digest = digest_after(s.digests.back(), e);
  s.digests.push_back(digest);
  if (entries_.size() <= index) entries_.resize(index + 1);
  for (const auto& [term, known] : entries_[index]) {
    if (term != e.term) continue;
    if (known != digest)
      complain(claim::matching, name(id) + "'s log differs from another's in what they share" +
                                    at(index) + ", term " + std::to_string(term));
    return;
  }
  entries_[index].emplace_back(e.term, digest);
}

void scene::configured(server_seen& s, const before& was, const replica& core, const output& out) {
  const bool touched = std::any_of(out.events.begin(), out.events.end(),
                                   [](const event& e) { return e.kind == event_kind::configured; });
  const auto is_config = [](const entry& e) { return e.kind == entry_kind::configuration; };
  if (!touched &&
      (!out.persist || (!out.persist->cut && std::none_of(out.persist->entries.begin(),
                                                          out.persist->entries.end(), is_config))))
    return;
  const auto& log = core.entries();
  for (auto i = log.last(); i > log.base(); --i) {
    const auto& e = log.at(i);
    if (e.kind != entry_kind::configuration) continue;
    const auto c = decode_configuration(e.bytes);
    if (!c || !(*c == core.config()))
      complain(claim::in_force, name(core.self()) + " goes by another than the one" + at(i));
    break;
  }
  if (s.config == core.config()) return;
  const auto former = std::exchange(s.config, core.config());
  if (core.as() != role::leader || log.last() <= was.last) return;
  std::uint64_t pending = 0;
  for (auto i = std::max(core.commit(), log.base()) + 1; i <= log.last(); ++i)
    pending += log.at(i).kind == entry_kind::configuration ? 1 : 0;
  if (pending > 1)
    complain(claim::one_change,
             name(core.self()) + " has " + std::to_string(pending) + " under way");
  const bool entering = joint(s.config) && !joint(former) && s.config.outgoing == former.voters;
  const bool leaving = joint(former) && !joint(s.config) && s.config.voters == former.voters;
  if (s.config.voters != former.voters && !entering)
    complain(claim::one_change, name(core.self()) + " changed voters" + at(log.last()) +
                                    " without the former ones' consent");
  else if (joint(former) && !leaving)
    complain(claim::one_change, name(core.self()) + " left a joint configuration for another");
}

void scene::led(server_seen& s, const replica& core) {
  const auto id = core.self();
  const auto term = core.term();
  const auto [known, anew] = leaders_.try_emplace(term, id);
  if (known->second != id)
    complain(claim::one_leader, name(id) + " leads in term " + std::to_string(term) +
                                    ", and so did " + name(known->second));
  else if (!anew)
    complain(claim::one_leader, name(id) + " leads in term " + std::to_string(term) + " again");
  if (votes_.try_emplace({term, id}, id).first->second != id)
    complain(claim::elected, name(id) + " voted twice in term " + std::to_string(term));
  const auto voted = [&](server v) {
    const auto vote = votes_.find({term, v});
    return vote != votes_.end() && vote->second == id;
  };
  if (!quorum_says(core.config(), voted))
    complain(claim::elected, name(id) + " leads term " + std::to_string(term) + " without");
  if (s.state.term != term || s.state.vote != id)
    complain(claim::durable, name(id) + "'s vote for itself in term " + std::to_string(term));
  std::uint64_t needed = 0;
  for (const auto& [earlier, upto] : by_term_)
    if (earlier < term) needed = std::max(needed, upto);
  const auto& log = core.entries();
  const auto base = log.base();
  const bool has = needed <= base ? base > committed() || s.digests[base] == canon_[base]
                                  : log.last() >= needed && s.digests[needed] == canon_[needed];
  if (!has)
    complain(claim::complete, name(id) + ", leader of term " + std::to_string(term) +
                                  ", lacks what was committed" + at(needed));
}

bool scene::holds(server voter, std::uint64_t index, std::uint64_t digest) const {
  const auto found = servers_.find(voter);
  if (found == servers_.end()) return false;
  const auto& s = found->second;
  return s.last >= index && s.digests.size() > index && s.digests[index] == digest;
}

// A joint configuration that ended with this step: both its majorities had it.
bool scene::left_by_both(const server_seen& s, const replica& core) const {
  if (!joint(s.config) || joint(core.config())) return true;
  const auto& log = core.entries();
  int found = 0;
  for (auto i = log.last(); i > log.base(); --i) {
    if (log.at(i).kind != entry_kind::configuration || ++found < 2) continue;
    return quorum_says(s.config, [&](server v) { return holds(v, i, s.digests[i]); });
  }
  return true;
}

void scene::commits(server_seen& s, const before& was, const replica& core) {
  const auto id = core.self();
  const auto upto = core.commit();
  const auto digest = s.digests.at(upto);
  const bool counted =
      core.as() == role::leader || (was.as == role::leader && was.term == core.term());
  if (counted) {
    if (!quorum_says(core.config(), [&](server v) { return holds(v, upto, digest); }) ||
        !left_by_both(s, core))
      complain(claim::by_quorum, name(id) + " committed without a quorum" + at(upto));
    if (core.entries().term(upto) != core.term())
      complain(claim::by_quorum,
               name(id) + " committed by count what is of an older term" + at(upto));
    by_term_[core.term()] = upto;
    const auto& log = core.entries();
    for (auto i = upto; i > std::max({decided_at_, was.commit, log.base()}); --i) {
      if (log.at(i).kind != entry_kind::configuration) continue;
      if (auto c = decode_configuration(log.at(i).bytes)) decided_ = std::move(*c);
      decided_at_ = i;
      break;
    }
  }
  const auto known = std::min(upto, committed());
  if (known > core.base().index && s.digests[known] != canon_[known])
    complain(claim::same, name(id) + " holds another entry to be committed" + at(known));
  for (auto i = committed() + 1; i <= upto; ++i)
    canon_.push_back(i >= core.base().index ? s.digests[i] : 0);
}

void scene::counted(const replica& core, server from) {
  const auto* p = core.as() == role::leader ? core.follower(from) : nullptr;
  if (!p) return;
  auto told = answers_[{from, core.self()}];
  if (told.term != core.term()) told = {};
  const auto match = p->match();
  if (match > told.index || p->round > told.round)
    return complain(claim::counted, name(core.self()) + " counts what " + name(from) +
                                        " has not told it in term " + std::to_string(core.term()));
  const auto& follower = servers_[from];
  if (follower.term != core.term() || match < core.base().index) return;
  const auto& digests = servers_[core.self()].digests;
  if (!holds(from, match, digests.at(match)))
    complain(claim::counted, name(core.self()) + " takes it for held by " + name(from) +
                                 " what is not" + at(match));
}

void scene::synced(server id, const footprint& f) {
  auto& s = servers_[id];
  if (f.last) s.last = *f.last;
  if (f.state) s.state = *f.state;
}

void scene::applied(server id, std::uint64_t index, const machine& after, const request* r,
                    effect did) {
  if (states_.size() <= index) states_.resize(index + 1);
  auto& known = states_[index];
  if (known == 0) {
    known = after.digest();
    if (!r || !did.anew) return;
    if (r->sequence <= done_[r->client])
      complain(claim::once, "request " + std::to_string(r->sequence) + " of client " +
                                std::to_string(r->client) + " had its effect again" + at(index));
    done_[r->client] = r->sequence;
  } else if (known != after.digest()) {
    complain(claim::same, name(id) + " is not what others were" + at(index));
  }
}

void scene::restored_to(server id, std::uint64_t index, const machine& m) {
  if (index >= states_.size() || states_[index] != m.digest())
    complain(claim::same, name(id) + " was restored to what nobody was" + at(index));
}

void scene::answered_read(server id, std::uint64_t index, std::uint64_t floor) {
  if (index < floor)
    complain(claim::reads, name(id) + " answered a read by index " + std::to_string(index) +
                               ", and " + std::to_string(floor) + " was committed when it came");
}
}  // namespace troupe::raft::simulated
