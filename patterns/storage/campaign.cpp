#include "patterns/storage/campaign.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
namespace troupe::election {
namespace {
constexpr std::size_t keepalives_max = 4;  // under way; the oldest is given up for a newer one
constexpr std::size_t departures_max = 16;
}  // namespace

candidate::candidate(std::string election, std::string name, settings bounds)
    : election_{std::move(election)}, name_{std::move(name)}, settings_{bounds} {
  assert(settings_.margin < settings_.ttl);
}

void candidate::step(const input& in, storage::instant now, output& out) {
  if (lease_ != 0 && now >= deadline_) {
    if (leading()) {
      lose(loss::lapsed, now, out);
    } else {
      begin_again(now, out);
    }
  }
  std::visit([&](const auto& event) { on(event, now, out); }, in);
}

void candidate::on(const campaign& x, storage::instant now, output& out) {
  if (state_ != state::idle) return out.refused.push_back(refusal::already_campaigning);
  value_ = x.value;
  grant(now, out);
}

void candidate::on(const proclaim& x, storage::instant, output& out) {
  if (!leading()) return out.refused.push_back(refusal::not_leading);
  proclaiming_ = proclamation{.value = x.value};  // one that is under way shows by mod_revision
  put_value(out);
}

void candidate::on(const resign&, storage::instant now, output& out) {
  if (state_ == state::idle) return out.refused.push_back(refusal::not_campaigning);
  if (leading()) return lose(loss::resigned, now, out);
  stand_down(true, now, out);
}

void candidate::on(const answered& x, storage::instant now, output& out) {
  if (const auto sent = keepalives_.find(x.id); sent != keepalives_.end()) {
    const auto when = sent->second;
    keepalives_.erase(sent);
    return kept(when, std::holds_alternative<renewed>(x.what), now, out);
  }
  const auto* r = std::get_if<storage::reply>(&x.what);
  if (r == nullptr) return;
  if (proclaiming_ && proclaiming_->id == x.id) return valued(*r, now, out);
  if (std::erase_if(leaving_, [&](const auto& l) { return l.second.id == x.id; }) > 0) return;
  if (awaited_ == 0 || awaited_ != x.id) {  // nobody waits for it: but a lease it gave must go
    const auto* late = std::get_if<storage::granted>(&r->what);
    if (late != nullptr && late->id != lease_) leave(late->id, now, out);
    return;
  }
  awaited_ = 0;
  if (state_ == state::granting) return granted(*r, now, out);
  if (state_ == state::entering) return entered(*r, now, out);
  looked(*r, now, out);
}

void candidate::on(const unanswered& x, storage::instant now, output&) {
  if (keepalives_.erase(x.id) > 0) {
    next_keepalive_ = std::min(next_keepalive_, now + settings_.retry);
  } else if (proclaiming_ && proclaiming_->id == x.id) {
    proclaiming_->id = 0;
    proclaiming_->again = now + settings_.retry;
  } else if (awaited_ != 0 && awaited_ == x.id) {
    awaited_ = 0;
    again_ = now + settings_.retry;
  }
  for (auto& [lease, d] : leaving_) {
    if (d.id != x.id) continue;
    d.id = 0;
    d.again = now + settings_.retry;
  }
}

void candidate::on(const watched& x, storage::instant now, output& out) {
  for (const auto& e : x.events) {
    if (state_ == state::waiting && e.kv.key != key_ && e.what == storage::change::erased)
      return look(now, out);
    if (!leading() || e.kv.key != key_) continue;
    if (e.what == storage::change::erased || e.kv.create_revision != created_)
      return lose(loss::key_gone, now, out);
    modified_ = std::max(modified_, e.kv.mod_revision);
  }
}

void candidate::on(const watch_broken&, storage::instant now, output& out) {
  if (state_ == state::waiting || leading()) look(now, out);
}

void candidate::on(const tick&, storage::instant now, output& out) {
  if (again_ && now >= *again_) ask_again(now, out);
  if (lease_ != 0 && now >= next_keepalive_) keep_alive(now, out);
  if (proclaiming_ && proclaiming_->id == 0 && now >= proclaiming_->again) put_value(out);
  std::erase_if(leaving_, [&](const auto& l) { return now >= l.second.until; });
  for (auto& [lease, d] : leaving_) {
    if (d.id == 0 && now >= d.again)
      d.id = ask(storage::command{storage::lease_revoke{lease}}, out);
  }
}

std::optional<storage::instant> candidate::due() const {
  std::optional<storage::instant> first = again_;
  const auto by = [&](storage::instant t) { first = first ? std::min(*first, t) : t; };
  if (lease_ != 0) by(std::min(deadline_, next_keepalive_));
  if (proclaiming_ && proclaiming_->id == 0) by(proclaiming_->again);
  for (const auto& [lease, d] : leaving_) by(d.id == 0 ? std::min(d.again, d.until) : d.until);
  return first;
}

void candidate::granted(const storage::reply& r, storage::instant now, output& out) {
  if (const auto* no = std::get_if<storage::refused>(&r.what)) return refused(no->why, now, out);
  const auto* given = std::get_if<storage::granted>(&r.what);
  if (given == nullptr) return;
  lease_ = given->id;
  key_ = key_of(election_, name_, lease_);
  deadline_ = sent_ + settings_.ttl - settings_.margin;
  next_keepalive_ = sent_ + settings_.ttl / 3;
  if (now >= deadline_) return begin_again(now, out);
  enter(now, out);
}

void candidate::entered(const storage::reply& r, storage::instant now, output& out) {
  if (const auto* no = std::get_if<storage::refused>(&r.what)) return refused(no->why, now, out);
  const auto* done = std::get_if<storage::txn_done>(&r.what);
  if (done == nullptr) return;
  created_ = modified_ = r.at;
  if (!done->succeeded) {  // an earlier copy of this request was
    const auto* there =
        done->replies.empty() ? nullptr : std::get_if<storage::got>(&done->replies.front());
    if (there == nullptr || there->items.empty()) return begin_again(now, out);
    created_ = there->items.front().create_revision;
    modified_ = there->items.front().mod_revision;
  }
  look(now, out);
}

void candidate::looked(const storage::reply& r, storage::instant now, output& out) {
  if (const auto* no = std::get_if<storage::refused>(&r.what)) return refused(no->why, now, out);
  const auto* seen = std::get_if<storage::got>(&r.what);
  if (seen == nullptr) return;
  const auto& items = seen->items;
  if (items.empty() || items[0].key != key_ || items[0].create_revision != created_)
    return leading() ? lose(loss::key_gone, now, out) : begin_again(now, out);
  modified_ = std::max(modified_, items[0].mod_revision);
  const bool first = items.size() == 1;
  out.watch = watching{first ? key_ : items[1].key, false, r.at + 1};
  out.unwatch = false;
  if (leading()) return;
  state_ = first ? state::leading : state::waiting;
  if (first) out.told.emplace_back(elected{created_});
}

void candidate::kept(storage::instant sent, bool renewed, storage::instant now, output& out) {
  if (renewed) {
    deadline_ = std::max(deadline_, sent + settings_.ttl - settings_.margin);
  } else if (leading()) {
    lose(loss::lease_gone, now, out);
  } else {
    begin_again(now, out);
  }
}

void candidate::valued(const storage::reply& r, storage::instant now, output& out) {
  proclaiming_->id = 0;
  if (const auto* no = std::get_if<storage::refused>(&r.what)) return refused(no->why, now, out);
  const auto* done = std::get_if<storage::txn_done>(&r.what);
  if (done == nullptr || done->replies.empty()) return;
  if (done->succeeded) {
    modified_ = r.at;
  } else {  // an earlier request of ours, taken for lost, came between; or the key is gone
    const auto* there = std::get_if<storage::got>(&done->replies.front());
    if (there == nullptr || there->items.empty() ||
        there->items.front().create_revision != created_)
      return lose(loss::key_gone, now, out);
    modified_ = there->items.front().mod_revision;
    if (there->items.front().value != proclaiming_->value) return put_value(out);
  }
  value_ = std::move(proclaiming_->value);
  proclaiming_.reset();
  out.told.emplace_back(proclaimed{});
}

void candidate::refused(storage::refusal why, storage::instant now, output& out) {
  if (why == storage::refusal::lease_unknown)
    return leading() ? lose(loss::lease_gone, now, out) : begin_again(now, out);
  out.told.emplace_back(declined{why});
  proclaiming_.reset();
  if (!leading()) stand_down(true, now, out);
}

void candidate::ask_again(storage::instant now, output& out) {
  if (state_ == state::granting) return grant(now, out);
  if (state_ == state::entering) return enter(now, out);
  look(now, out);
}

void candidate::grant(storage::instant now, output& out) {
  state_ = state::granting;
  sent_ = now;
  again_.reset();
  awaited_ = ask(storage::command{storage::lease_grant{settings_.ttl, 0}}, out);
}

void candidate::enter(storage::instant now, output& out) {
  state_ = state::entering;
  sent_ = now;
  again_.reset();
  storage::txn t;
  t.when.push_back(storage::absent(key_));
  t.then.emplace_back(storage::put{.key = key_, .value = value_, .lease = lease_});
  t.otherwise.emplace_back(storage::get{storage::one(key_)});
  awaited_ = ask(storage::command{std::move(t)}, out);
}

// While leading as well, to see whether the key is still there.
void candidate::look(storage::instant now, output& out) {
  if (!leading()) state_ = state::looking;
  sent_ = now;
  again_.reset();
  storage::get g{.keys = storage::prefix(keys_of(election_)), .limit = 2, .keys_only = true};
  g.by = storage::aspect::create_revision;
  g.sorted = storage::order::descending;
  g.create_max = created_;
  awaited_ = ask(storage::question{std::move(g)}, out);
}

void candidate::put_value(output& out) {
  using storage::aspect, storage::relation;
  storage::txn t;
  t.when.push_back({storage::one(key_), aspect::create_revision, relation::equal, created_, {}});
  t.when.push_back({storage::one(key_), aspect::mod_revision, relation::equal, modified_, {}});
  t.then.emplace_back(storage::put{.key = key_, .value = proclaiming_->value, .keep_lease = true});
  t.otherwise.emplace_back(storage::get{storage::one(key_)});
  proclaiming_->id = ask(storage::command{std::move(t)}, out);
}

void candidate::keep_alive(storage::instant now, output& out) {
  next_keepalive_ = now + settings_.ttl / 3;
  if (keepalives_.size() >= keepalives_max) keepalives_.erase(keepalives_.begin());
  keepalives_[ask(keepalive{lease_}, out)] = now;
}

void candidate::begin_again(storage::instant now, output& out) {
  stand_down(true, now, out);
  grant(now, out);
}

void candidate::lose(loss why, storage::instant now, output& out) {
  out.told.emplace_back(lost{created_, why});
  stand_down(why != loss::lease_gone, now, out);
}

void candidate::stand_down(bool revoke, storage::instant now, output& out) {
  if (revoke && lease_ != 0) leave(lease_, now, out);
  if (state_ == state::waiting || leading()) {
    out.watch.reset();
    out.unwatch = true;
  }
  state_ = state::idle;
  lease_ = 0;
  created_ = modified_ = 0;
  awaited_ = 0;
  again_.reset();
  keepalives_.clear();
  proclaiming_.reset();
}

void candidate::leave(lease_id lease, storage::instant now, output& out) {
  if (leaving_.size() >= departures_max) return;  // it runs out by itself
  leaving_[lease] = {ask(storage::command{storage::lease_revoke{lease}}, out), now,
                     now + settings_.ttl};
}

std::uint64_t candidate::ask(decltype(request::what) what, output& out) {
  out.send.push_back({++last_id_, std::move(what)});
  return last_id_;
}
}  // namespace troupe::election
