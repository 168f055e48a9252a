#include "patterns/tree/sessions.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <variant>
namespace troupe::tree {
namespace {
// Looks at all of it, whatever differs first.
bool equal_secrets(std::string_view a, std::string_view b) {
  unsigned differs = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    differs |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return differs == 0;
}
}  // namespace

result<session_opened, refusal> session_table::open(zxid at, const open_session& x) {
  if (x.secret.size() < settings_.secret_bytes_min || x.secret.size() > settings_.secret_bytes_max)
    return unexpected{refusal::secret_size};
  if (all_.size() >= settings_.sessions_max) return unexpected{refusal::too_many_sessions};
  const auto timeout = std::clamp(x.timeout, settings_.timeout_min, settings_.timeout_max);
  all_.emplace(at, session{timeout, x.secret, {}});
  return session_opened{at, timeout};
}

result<void, refusal> session_table::check(session_id id, std::string_view secret) const {
  const auto* s = find(id);
  if (s == nullptr) return unexpected{refusal::session_unknown};
  if (!equal_secrets(s->secret, secret)) return unexpected{refusal::bad_secret};
  return {};
}

const session_table::session* session_table::find(session_id id) const {
  const auto it = all_.find(id);
  return it == all_.end() ? nullptr : &it->second;
}

bool session_table::full(session_id id) const {
  return all_.at(id).nodes.size() >= settings_.ephemerals_max;
}

void session_table::attach(session_id id, std::string path) {
  nodes_ += all_.at(id).nodes.insert(std::move(path)).second ? 1 : 0;
}

void session_table::detach(session_id id, const std::string& path) {
  if (const auto it = all_.find(id); it != all_.end()) nodes_ -= it->second.nodes.erase(path);
}

std::set<std::string> session_table::end(session_id id) {
  const auto it = all_.find(id);
  assert(it != all_.end());
  auto nodes = std::move(it->second.nodes);
  nodes_ -= nodes.size();
  all_.erase(it);
  return nodes;
}

bool session_table::put_back(session_id id, duration timeout, std::string secret) {
  if (id == 0 || timeout <= duration{0} || secret.empty()) return false;
  return all_.emplace(id, session{timeout, std::move(secret), {}}).second;
}

void session_clock::follow(const effect& done, instant now) {
  if (const auto* opened = std::get_if<session_opened>(&done.answer.what))
    keeper_.lease_granted({opened->id, opened->timeout}, now);
  if (const auto* ended = std::get_if<session_ended>(&done.answer.what))
    keeper_.lease_revoked(ended->id);
}

void session_clock::restored(const session_table& table, instant now) {
  std::vector<storage::granted> all;
  all.reserve(table.size());
  for (const auto& [id, s] : table.all()) all.push_back({id, s.timeout});
  keeper_.restored(all, now);
}

void session_clock::became_leader(std::uint64_t term, instant now) {
  term_ = term;
  keeper_.became_leader(now);
}

std::vector<expire_session> session_clock::tick(instant now) {
  std::vector<expire_session> overdue;
  for (const auto id : keeper_.tick(now)) overdue.push_back({id, term_});
  return overdue;
}
}  // namespace troupe::tree
