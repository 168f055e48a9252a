#include "patterns/consensus/zab/fast_election.hpp"

#include <functional>
namespace troupe::zab {
using namespace election;

fast_election::fast_election(server self, ensemble of, const options& how, settled before,
                             std::uint64_t life)
    : self_{self},
      of_{std::move(of)},
      how_{how},
      settled_{before},
      life_{life},
      round_{before.round},
      newest_{before.round} {}

void fast_election::step(const input& in, instant now, output& out) {
  std::visit([&](const auto& event) { on(event, now, out); }, in);
}

instant fast_election::due() const {
  if (!begun_) return instant::max();
  if (as_ == standing::looking) return settle_at_ ? std::min(*settle_at_, again_at_) : again_at_;
  if (how_.beat == duration{}) return instant::max();
  if (as_ == standing::leading) return std::min(beat_at_, silent_at());
  return heard_ + how_.silence;
}

void fast_election::on(const look& in, instant now, output& out) {
  begun_ = true;
  if (voter()) own_ = in.own;
  look_anew(now, out);
}

void fast_election::on(const weigh& in, instant, output&) {
  if (voter()) own_ = in.own;
}

void fast_election::look_anew(instant now, output& out) {
  as_ = standing::looking;
  leader_ = 0;
  established_ = false;
  votes_.clear();
  outside_.clear();
  joined_.clear();
  again_ = how_.again;
  if (voter()) round_ = ++newest_;
  out.events.push_back({event_kind::looking, round_, 0});
  choose(own_, now, out);
}

void fast_election::choose(const vote& v, instant now, output& out) {
  choice_ = v;
  settle_at_.reset();
  if (voter()) votes_[self_] = v;
  tell_voters(out);
  again_at_ = now + again_;
  count(now, out);  // alone
}

// Messages may overtake each other, or come from a former life.
bool fast_election::stale(server from, const notification& n) {
  const std::pair word{n.life, n.number};
  auto& last = words_[from];
  if (word <= last) return true;
  last = word;
  return false;
}

void fast_election::on(const heard& in, instant now, output& out) {
  const auto& n = in.what;
  if (!begun_ || in.from == self_ || !of_.holds(in.from) || stale(in.from, n)) return;
  if (n.as == standing::looking) return take_vote(in.from, n, now, out);
  if (n.as != standing::observing && of_.votes(in.from)) take_word(in.from, n, now, out);
}

void fast_election::take_vote(server from, const notification& n, instant now, output& out) {
  if (!voter()) return;
  if (as_ != standing::looking) {
    if (from == leader_ && n.round > round_ && how_.beat > duration{}) {
      newest_ = std::max(newest_, n.round - 1);  // it leads no more
      return look_anew(now, out);
    }
    return tell(from, sent_.answers, out);
  }
  if (!of_.votes(from) || !of_.votes(n.choice.leader)) return;
  if (n.round < round_) return tell(from, sent_.answers, out);
  votes_[from] = n.choice;
  if (n.round > round_) {  // what was said in an older one does not count
    votes_.clear();
    votes_[from] = n.choice;
    round_ = newest_ = std::max(newest_, n.round);
    return choose(std::max(own_, n.choice), now, out);
  }
  if (n.choice > choice_) return choose(n.choice, now, out);
  count(now, out);
}

void fast_election::count(instant now, output& out) {
  const auto agrees = [&](server s) {
    const auto found = votes_.find(s);
    return found != votes_.end() && found->second == choice_;
  };
  if (!of_.quorum_says(agrees)) return settle_at_.reset();
  if (votes_.size() == of_.voters.size()) return settle(choice_.leader, round_, now, out);
  if (!settle_at_) settle_at_ = now + how_.settle;
}

// Of one who follows or leads.
void fast_election::take_word(server from, const notification& n, instant now, output& out) {
  const bool leads = n.as == standing::leading && n.choice.leader == from;
  newest_ = std::max(newest_, n.round);
  if (as_ == standing::leading) {
    if (n.choice.leader != self_ || n.round != round_) return;
    joined_[from] = now;
    return establish(out);
  }
  if (as_ != standing::looking) {
    if (!leads || from != leader_ || n.round != round_) return;
    heard_ = now;
    if (as_ == standing::following && how_.beat > duration{}) tell(from, sent_.beats, out);
    return;
  }
  const auto before = outside_.find(from);
  const bool news =
      before == outside_.end() || before->second.as != n.as || before->second.round != n.round;
  outside_[from] = n;
  // It has a quorum's votes, and ours is among them, or would be.
  if (leads && n.round == round_ && choice_.leader == from) return settle(from, round_, now, out);
  if (leads && news) tell_voters(out);                 // who follows it will say so
  const auto leader = outside_.find(n.choice.leader);  // itself must say so: it may be gone
  if (leader == outside_.end() || leader->second.as != standing::leading) return;
  const auto round = leader->second.round;
  const auto agrees = [&](server s) {
    const auto found = outside_.find(s);
    // Where rounds bind nobody, those who follow may have decided in another than it did
    // (ZOOKEEPER-1732).
    return found != outside_.end() && found->second.choice.leader == n.choice.leader &&
           (!how_.once || found->second.round == round);
  };
  if (of_.quorum_says(agrees)) settle(n.choice.leader, round, now, out);
}

void fast_election::settle(server leader, std::uint64_t round, instant now, output& out) {
  const settled word{round, leader};
  leader_ = leader;
  round_ = round;
  heard_ = beat_at_ = now;
  settle_at_.reset();
  choice_.leader = leader;
  // Who has given its word to another, or for a later round, looks on until the next.
  const bool may = voter() && (!how_.once || round > settled_.round || word == settled_);
  as_ = !may ? standing::observing : leader == self_ ? standing::leading : standing::following;
  if (may && how_.once && word != settled_) out.persist = settled_ = word;
  out.events.push_back({event_kind::decided, round, leader});
  if (as_ == standing::following) return tell(leader, sent_.joins, out);
  if (as_ != standing::leading) return;
  joined_[self_] = now;
  for (const auto& [s, n] : outside_)
    if (n.choice.leader == self_ && n.round == round_) joined_[s] = now;
  establish(out);
}

void fast_election::establish(output& out) {
  if (established_ || !of_.quorum_says([&](server s) { return joined_.contains(s); })) return;
  established_ = true;
  out.events.push_back({event_kind::established, round_, self_});
}

void fast_election::on(const lost& in, instant now, output& out) {
  if (!begun_ || in.peer == self_) return;
  votes_.erase(in.peer);
  outside_.erase(in.peer);
  joined_.erase(in.peer);
  const bool deserted = as_ == standing::looking ? choice_.leader == in.peer : leader_ == in.peer;
  const bool leads_nobody = as_ == standing::leading && established_ &&
                            !of_.quorum_says([&](server s) { return joined_.contains(s); });
  if (deserted || leads_nobody) return look_anew(now, out);
  if (as_ == standing::looking) count(now, out);
}

void fast_election::on(const tick&, instant now, output& out) {
  if (now < due()) return;
  if (as_ == standing::looking) {
    if (settle_at_ && now >= *settle_at_) return settle(choice_.leader, round_, now, out);
    again_ = std::min(2 * again_, how_.again_max);
    again_at_ = now + again_;
    return tell_voters(out);
  }
  if (now >= (as_ == standing::leading ? silent_at() : heard_ + how_.silence))
    return look_anew(now, out);
  beat_at_ = now + how_.beat;
  for (const auto* group : {&of_.voters, &of_.observers})
    for (const auto s : *group)
      if (s != self_) tell(s, sent_.beats, out);
}

// When a quorum has not been heard of for too long.
instant fast_election::silent_at() const {
  std::vector<instant> all;
  for (const auto s : of_.voters) {
    const auto found = joined_.find(s);
    if (s != self_)
      all.push_back(found == joined_.end() ? heard_ : std::max(found->second, heard_));
  }
  if (all.empty()) return instant::max();
  std::sort(all.begin(), all.end(), std::greater<>{});
  return all[of_.quorum() - 2] + how_.silence;
}

void fast_election::tell(server to, std::uint64_t& kind, output& out) {
  out.send.push_back({to, {choice_, as_, round_, life_, ++number_}});
  ++kind;
}

void fast_election::tell_voters(output& out) {
  for (const auto s : of_.voters)
    if (s != self_) tell(s, sent_.votes, out);
}

std::string fast_election::digest() const {
  std::string all;
  const auto add = [&](const auto&... numbers) { ((all += std::to_string(numbers) + ' '), ...); };
  const auto add_vote = [&](const vote& v) {
    add(v.epoch, v.last.epoch, v.last.counter, v.leader);
  };
  add(static_cast<int>(as_), begun_, round_, newest_, leader_, established_, settled_.round,
      settled_.leader, number_, heard_.count(), again_at_.count(), beat_at_.count(), again_.count(),
      settle_at_ ? settle_at_->count() : -1);
  add_vote(choice_);
  for (const auto& [s, w] : words_) add(s, w.first, w.second);
  all += '/';
  for (const auto& [s, v] : votes_) add(s), add_vote(v);
  all += '/';
  for (const auto& [s, n] : outside_) {
    add(s, static_cast<int>(n.as), n.round);
    add_vote(n.choice);
  }
  all += '/';
  for (const auto& [s, at] : joined_) add(s, at.count());
  return all;
}
}  // namespace troupe::zab
