#include "patterns/lock/model_store.hpp"

#include "patterns/encoding.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
namespace troupe::lock {
void model_store::asked(std::uint64_t whom, const ask& in, instant now, std::vector<reply>& out) {
  const auto same = [&](const waiting& w) { return w.whom == whom && w.number == in.number; };
  std::erase_if(waits_, same);
  if (const auto* waits = std::get_if<await>(&in.what)) {
    waits_.push_back({whom, in.number, *waits});
  } else {
    std::visit(
        [&](const auto& x) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(x)>, await>)
            out.push_back({whom, in.number, on(whom, x, now, out)});
        },
        in.what);
  }
  wake(out);
}

void model_store::yield(const leave_line& what, std::vector<reply>& out) {
  if (what.yields == 0) return;
  const auto next = [&](const waiting& w) {
    const bool waits = std::any_of(w.what.those.begin(), w.what.those.end(),
                                   [&](const place& p) { return p.ticket == what.yields; });
    if (!waits || w.what.lock != what.lock || !there(what.lock, w.what.own)) return false;
    out.push_back({w.whom, w.number, yielded{}});
    return true;
  };
  std::erase_if(waits_, next);
}

void model_store::tick(instant now, std::vector<reply>& out) {
  std::vector<std::string> over;
  for (const auto& [id, s] : sessions_)
    if (now >= s.until) over.push_back(id);
  for (const auto& id : over) end(id);
  if (!over.empty()) wake(out);
}

instant model_store::due() const {
  auto next = instant::max();
  for (const auto& [id, s] : sessions_) next = std::min(next, s.until);
  return next;
}

void model_store::restarted(instant now) {
  waits_.clear();
  for (auto& [id, s] : sessions_) s.until = now + s.ttl;
}

const std::string& model_store::session_of(const std::string& lock, const std::string& id) const {
  static const std::string none;
  const auto found = under_.find({lock, id});
  return found == under_.end() ? none : found->second;
}

answer model_store::on(std::uint64_t whom, const open_session& x, instant now,
                       std::vector<reply>&) {
  const auto id = "s" + std::to_string(++opened_);
  sessions_[id] = {whom, x.ttl, now + x.ttl};
  return opened{id};
}

answer model_store::on(std::uint64_t, const renew_session& x, instant now, std::vector<reply>&) {
  const auto found = sessions_.find(x.session);
  if (found == sessions_.end()) return no_session{};
  found->second.until = now + found->second.ttl;
  return settled{};
}

answer model_store::on(std::uint64_t, const close_session& x, instant, std::vector<reply>&) {
  end(x.session);
  return settled{};
}

answer model_store::on(std::uint64_t, const stand& x, instant, std::vector<reply>&) {
  if (!x.session.empty() && !sessions_.contains(x.session)) return no_session{};
  auto& all = lines_[x.lock];
  if (!there(x.lock, x.wanted.id)) {
    all.push_back(x.wanted);
    all.back().ticket = ++moment_;
    under_[{x.lock, x.wanted.id}] = x.session;
  }
  const auto own =
      std::find_if(all.begin(), all.end(), [&](const place& p) { return p.id == x.wanted.id; });
  return stood{own->ticket, all, moment_};
}

answer model_store::on(std::uint64_t, const leave_line& x, instant, std::vector<reply>& out) {
  yield(x, out);
  remove(x.lock, x.id);
  return settled{};
}

answer model_store::on(std::uint64_t, const look& x, instant, std::vector<reply>&) {
  return seen{line_of(x.lock), moment_};
}

answer model_store::on(std::uint64_t, const survey&, instant, std::vector<reply>&) {
  return surveyed{lines_};
}

line model_store::line_of(const std::string& lock) const {
  const auto found = lines_.find(lock);
  return found == lines_.end() ? line{} : found->second;
}

bool model_store::there(const std::string& lock, const std::string& id) const {
  return under_.contains({lock, id});
}

void model_store::remove(const std::string& lock, const std::string& id) {
  if (under_.erase({lock, id}) == 0) return;
  ++moment_;
  auto& all = lines_[lock];
  std::erase_if(all, [&](const place& p) { return p.id == id; });
  if (all.empty()) lines_.erase(lock);
}

void model_store::end(const std::string& session) {
  if (sessions_.erase(session) == 0) return;
  std::vector<std::pair<std::string, std::string>> its;
  for (const auto& [place, whose] : under_)
    if (whose == session) its.push_back(place);
  for (const auto& [lock, id] : its) remove(lock, id);
}

void model_store::wake(std::vector<reply>& out) {
  const auto over = [&](const waiting& w) {
    const auto gone = [&](const place& p) { return !there(w.what.lock, p.id); };
    if (!std::any_of(w.what.those.begin(), w.what.those.end(), gone)) return false;
    out.push_back({w.whom, w.number, settled{}});
    return true;
  };
  std::erase_if(waits_, over);
}

std::string model_store::digest() const {
  auto text = encode(std::tuple{lines_, under_, moment_, opened_});
  for (const auto& [id, s] : sessions_) text += encode(std::tuple{id, s.whose, s.ttl, s.until});
  for (const auto& w : waits_) text += encode(std::tuple{w.whom, w.number, w.what});
  return text;
}
}  // namespace troupe::lock
