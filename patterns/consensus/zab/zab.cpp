#include "patterns/consensus/zab/zab.hpp"
namespace troupe::zab {
replica::replica(server self, ensemble of, const options& how, restored from, std::uint64_t life,
                 instant now, output& out)
    : self_{self},
      of_{std::move(of)},
      how_{how},
      life_{life},
      election_{self, of_, how.choosing, {}, life},
      state_{from.state},
      base_{std::move(from.base)} {
  log_.restart(base_.at);
  for (auto& t : from.log) log_.append(std::move(t));
  durable_ = log_.last();
  committed_ = base_.at;
  look(now, out);
}

void replica::step(input in, instant now, output& out) {
  std::visit([&](auto& event) { on(event, now, out); }, in);
}

instant replica::due() const {
  if (phase_ == phase::election) return election_.due();
  return leads() ? std::min(beat_at_, silent_at()) : beat_at_;
}

void replica::on(received& in, instant now, output& out) {
  if (in.from == self_ || !of_.holds(in.from)) return;
  std::visit([&](auto& m) { receive(in.from, m, now, out); }, in.what);
}

void replica::receive(server from, notification& m, instant now, output& out) {
  // A leader that looks for one has given up.
  if (m.as == standing::looking && from == leader_ && m.round > election_.round()) look(now, out);
  choose(election::heard{from, m}, now, out);
}

void replica::look(instant now, output& out) {
  leader_ = 0;
  session_ = 0;
  epoch_ = 0;
  others_.clear();
  turn_reads_away(out);
  synchronising_ = false;
  early_.clear();
  enter(phase::election, out);
  choose(election::look{{state_.current, log_.last(), self_}}, now, out);
}

void replica::choose(const election::input& in, instant now, output& out) {
  election::output did;
  election_.step(in, now, did);
  for (auto& l : did.send) out.send.push_back({l.to, l.what});
  // Its word need not be durable: epochs are, and a quorum confirms them.
  if (phase_ != phase::election || election_.leader() == 0) return;
  leader_ = election_.leader();
  since_ = heard_ = beat_at_ = now;
  enter(phase::discovery, out);
  if (leads()) return choose_epoch(out);
  session_ = (life_ << 32U) + ++sessions_;
  follow(now, out);
}

void replica::enter(phase p, output& out) {
  phase_ = p;
  out.events.push_back({event_kind::entered, p, state_.accepted, leader_, {}});
}

void replica::on(propose& in, instant now, output& out) {
  bool any = false, overflow = false;
  for (auto& c : in.commands) {
    const auto no = [&](refusal why) { out.turned_away.push_back({c.cookie, why, leader_}); };
    const auto next = log_.last().epoch == epoch_ ? log_.last().counter : 0;
    if (!established()) {
      no(refusal::not_leader);
    } else if (next == how_.counter_max) {
      no(refusal::new_epoch_needed);
      overflow = true;
    } else if (uncommitted_ >= how_.uncommitted_max) {
      no(refusal::overloaded);
    } else {
      const zxid at{epoch_, next + 1};
      append({at, std::move(c.bytes)}, out);
      out.taken.push_back({c.cookie, at});
      ++uncommitted_;
      any = true;
    }
  }
  if (any) serve(out);
  if (overflow) look(now, out);
}

void replica::on(persisted& in, instant now, output& out) {
  synced_ = std::max(synced_, in.number);
  for (; !syncing_.empty() && syncing_.front().number <= synced_; syncing_.pop_front())
    durable_ = syncing_.front().last;
  if (!leads()) return;
  if (phase_ == phase::discovery) discovered(now, out);
  establish(out);
  advance(out);
}

void replica::on(snapshotted& in, instant, output& out) {
  if (in.at <= base_.at || in.at > committed_ || !log_.has(in.at)) return;
  base_ = {in.at, std::move(in.bytes)};
  log_.compact(in.at);
  to_persist(out).base = base_;
}

void replica::on(lost& in, instant now, output& out) {
  if (phase_ == phase::election) return choose(election::lost{in.peer}, now, out);
  if (in.peer == leader_) return look(now, out);
  others_.erase(in.peer);
}

void replica::on(tick&, instant now, output& out) {
  if (phase_ == phase::election) return choose(election::tick{}, now, out);
  if (now < due()) return;
  if (leads()) return beat(now, out);
  if (now - heard_ >= how_.silence || (phase_ != phase::broadcast && now - since_ >= how_.begin))
    return look(now, out);
  follow(now, out);
}

void replica::commit_to(zxid upto, output& out) {
  upto = std::min(upto, log_.last());
  if (upto <= committed_) return;
  committed_ = upto;
  out.committed = upto;
  out.events.push_back({event_kind::committed, phase_, state_.accepted, leader_, upto});
}

void replica::append(transaction t, output& out) {
  to_persist(out).appended.push_back(t);
  log_.append(std::move(t));
  syncing_.back().last = log_.last();
}

record& replica::to_persist(output& out) {
  if (!out.persist) {
    out.persist.emplace();
    out.persist->number = ++records_;
    syncing_.push_back({records_, log_.last()});
  }
  return *out.persist;
}

std::string replica::digest() const {
  std::string all = election_.digest() + '#';
  const auto add = [&](const auto&... numbers) { ((all += std::to_string(numbers) + ' '), ...); };
  const auto add_zxid = [&](zxid z) { add(z.epoch, z.counter); };
  add(static_cast<int>(phase_), leader_, state_.accepted, state_.by, state_.current, records_,
      synced_, session_, sessions_, synchronising_, epoch_, heard_.count(), since_.count(),
      beat_at_.count(), asked_, reads_.size());
  add_zxid(committed_), add_zxid(durable_), add_zxid(log_.base());
  for (std::size_t i = 0; i < log_.size(); ++i) add_zxid(log_[i].at);
  for (const auto& [z, what] : early_) add_zxid(z);
  for (const auto& [s, f] : others_) {
    all += '/';
    add(s, f.session, f.accepted, static_cast<int>(f.at), f.counts, f.current,
        f.how ? static_cast<int>(*f.how) : -1, f.confirmed, f.heard.count());
    for (const auto z : {f.last, f.from, f.upto, f.acked, f.sent, f.was}) add_zxid(z);
  }
  return all;
}
}  // namespace troupe::zab
