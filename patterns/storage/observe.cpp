#include "patterns/storage/observe.hpp"

#include <utility>
namespace troupe::election {
observer::observer(std::string election, storage::duration retry)
    : election_{std::move(election)}, retry_{retry} {}

void observer::step(const input& in, storage::instant now, observation& out) {
  std::visit([&](const auto& event) { on(event, now, out); }, in);
}

void observer::on(const answered& x, storage::instant now, observation& out) {
  if (awaited_ == 0 || x.id != awaited_) return;
  awaited_ = 0;
  const auto* r = std::get_if<storage::reply>(&x.what);
  const auto* seen = r != nullptr ? std::get_if<storage::got>(&r->what) : nullptr;
  if (seen == nullptr) {
    again_ = now + retry_;
    return;
  }
  if (seen->items.empty()) {
    out.watch = watching{keys_of(election_), true, r->at + 1};
    key_.clear();
    return tell(std::nullopt, out);
  }
  const auto& kv = seen->items.front();
  out.watch = watching{kv.key, false, r->at + 1};
  key_ = kv.key;
  tell(leader{name_in(kv.key).value_or(""), kv.value, kv.create_revision}, out);
}

void observer::on(const unanswered& x, storage::instant now, observation&) {
  if (awaited_ == 0 || x.id != awaited_) return;
  awaited_ = 0;
  again_ = now + retry_;
}

void observer::on(const watched& x, storage::instant, observation& out) {
  if (awaited_ != 0 || again_) return;  // looking anyway
  for (const auto& e : x.events) {
    const bool put = e.what == storage::change::put;
    if (leader_ && put && e.kv.key == key_ && e.kv.create_revision == leader_->token) {
      tell(leader{leader_->name, e.kv.value, leader_->token}, out);
    } else if (leader_ ? e.kv.key == key_ : put) {
      return look(out);
    }
  }
}

void observer::on(const watch_broken&, storage::instant, observation& out) {
  if (awaited_ == 0 && !again_) look(out);
}

void observer::on(const tick&, storage::instant now, observation& out) {
  if (again_ && now >= *again_) look(out);
}

void observer::look(observation& out) {
  again_.reset();
  storage::get g{.keys = storage::prefix(keys_of(election_)), .limit = 1};
  g.by = storage::aspect::create_revision;
  awaited_ = ++last_id_;
  out.send.push_back({awaited_, storage::question{std::move(g)}});
}

void observer::tell(std::optional<leader> who, observation& out) {
  if (told_ && who == leader_) return;
  told_ = true;
  leader_ = std::move(who);
  if (leader_) {
    out.told.emplace_back(*leader_);
  } else {
    out.told.emplace_back(vacant{});
  }
}
}  // namespace troupe::election
