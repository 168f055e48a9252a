#include "patterns/consensus/sessions.hpp"

#include "patterns/encoding.hpp"

#include <utility>
#include <vector>
namespace troupe::sessions {
namespace {
struct stored_session {
  std::uint64_t client = 0;
  std::uint64_t used = 0;
  std::uint64_t lowest = 1;
  std::map<std::uint64_t, std::string> replies{};
};
TROUPE_MESSAGE(stored_session, client, used, lowest, replies)
struct stored_table {
  std::uint64_t expired = 0;
  std::vector<stored_session> sessions{};
  std::string inner{};
};
TROUPE_MESSAGE(stored_table, expired, sessions, inner)
}  // namespace

table::table(std::unique_ptr<state_machine> inner, settings bounds)
    : inner_{std::move(inner)}, settings_{bounds} {}

std::string table::apply(const applied& at, std::string_view command) {
  const auto e = decode<entry>(command);
  return encode(e ? step(at, *e) : reply{.what = outcome::malformed});
}

reply table::step(const applied& at, const entry& e) {
  if (e.what == kind::plain) return {.bytes = inner_->apply(at, e.command)};
  if (e.what == kind::open) {
    touch(at.index, sessions_[at.index], at.index);
    expire_until_within(at.index);
    return {.what = outcome::opened, .client = at.index};
  }
  const auto found = sessions_.find(e.client);
  if (e.what == kind::close) {
    if (found != sessions_.end()) forget(found);
    return {.what = outcome::closed, .client = e.client};
  }
  if (found == sessions_.end()) return {.what = outcome::session_expired, .client = e.client};
  auto& s = found->second;
  touch(e.client, s, at.index);
  acknowledge(s, e.acknowledged_below);
  if (e.sequence < s.lowest) return {.what = outcome::acknowledged, .client = e.client};
  if (const auto before = s.replies.find(e.sequence); before != s.replies.end())
    return {.client = e.client, .bytes = before->second};
  if (e.sequence - s.lowest >= settings_.window)
    return {.what = outcome::window_full, .client = e.client};
  auto bytes = inner_->apply(at, e.command);
  reply_bytes_ += bytes.size();
  s.replies.emplace(e.sequence, bytes);
  expire_until_within(e.client);
  return {.client = e.client, .bytes = std::move(bytes)};
}

void table::touch(std::uint64_t client, session& s, std::uint64_t index) {
  by_use_.erase(s.used);
  s.used = index;
  by_use_[index] = client;
}

void table::acknowledge(session& s, std::uint64_t below) {
  if (below <= s.lowest) return;
  s.lowest = below;
  const auto end = s.replies.lower_bound(below);
  for (auto it = s.replies.begin(); it != end; it = s.replies.erase(it))
    reply_bytes_ -= it->second.size();
}

void table::forget(store::iterator it) {
  for (const auto& [sequence, bytes] : it->second.replies) reply_bytes_ -= bytes.size();
  by_use_.erase(it->second.used);
  sessions_.erase(it);
}

// Least recently used by the log's order, never the one whose entry this is.
void table::expire_until_within(std::uint64_t keep) {
  while (sessions_.size() > settings_.sessions_max || reply_bytes_ > settings_.reply_bytes_max) {
    const auto oldest = by_use_.begin()->second;
    if (oldest == keep) return;  // touched last: it is alone
    forget(sessions_.find(oldest));
    ++expired_;
  }
}

std::string table::snapshot() const {
  stored_table all{expired_, {}, inner_->snapshot()};
  all.sessions.reserve(sessions_.size());
  for (const auto& [client, s] : sessions_)
    all.sessions.push_back({client, s.used, s.lowest, s.replies});
  std::string out;
  out.reserve(all.inner.size() + reply_bytes_ + 64 * (sessions_.size() + 1));
  encode_to(out, all);
  return out;
}

result<void, std::string> table::restore(std::string_view bytes) {
  auto all = decode<stored_table>(bytes);
  if (!all) return unexpected{"the session table cannot be read: " + to_string(all.error())};
  store sessions;
  std::map<std::uint64_t, std::uint64_t> by_use;
  std::uint64_t reply_bytes = 0;
  for (auto& s : all->sessions) {
    for (const auto& [sequence, stored] : s.replies) reply_bytes += stored.size();
    const bool fresh =
        by_use.emplace(s.used, s.client).second &&
        sessions.emplace(s.client, session{s.used, s.lowest, std::move(s.replies)}).second;
    if (!fresh) return unexpected{std::string{"the session table names a session twice"}};
  }
  if (auto inner = inner_->restore(all->inner); !inner) return inner;
  sessions_ = std::move(sessions);
  by_use_ = std::move(by_use);
  reply_bytes_ = reply_bytes;
  expired_ = all->expired;
  return {};
}

entry requests::next(std::string command) {
  open_.insert(++last_);
  return {kind::request, client_, last_, *open_.begin(), std::move(command)};
}
}  // namespace troupe::sessions
