#include "actors/lock/database_plan.hpp"

#include <map>
#include <utility>
namespace troupe::lock {
namespace {
template <class... F>
struct each_of : F... {
  using F::operator()...;
};
template <class... F>
each_of(F...) -> each_of<F...>;

sql_value or_nothing(const std::string& session) {
  return session.empty() ? sql_value{} : sql_value{session};
}
std::int64_t number(const sql_value& v) {
  const auto* n = std::get_if<std::int64_t>(&v);
  return n == nullptr ? 0 : *n;
}
std::string bytes(const sql_value& v) {
  const auto* b = std::get_if<std::string>(&v);
  return b == nullptr ? std::string{} : *b;
}
place place_of(const std::vector<sql_value>& row) {
  return {.ticket = static_cast<std::uint64_t>(number(row[0])),
          .owner = bytes(row[1]),
          .as = static_cast<mode>(number(row[2])),
          .count = static_cast<std::uint32_t>(number(row[3])),
          .capacity = static_cast<std::uint32_t>(number(row[4])),
          .id = bytes(row[5])};
}
std::int64_t micros(duration d) {  // no less than it
  return std::chrono::ceil<std::chrono::microseconds>(d).count() + 1;
}
bool too_long(const std::string& lock, const std::string& id = {}) {
  return lock.size() > name_bytes_max || id.size() > name_bytes_max;
}
}  // namespace

std::optional<answer> answer_at_once(const wish& what) {
  if (const auto* s = std::get_if<stand>(&what)) {
    if (too_long(s->lock, s->wanted.id) || s->wanted.owner.size() > owner_bytes_max)
      return refused{"a database keeps names of locks up to " + std::to_string(name_bytes_max) +
                     " bytes, and of owners up to " + std::to_string(owner_bytes_max)};
  } else if (const auto* l = std::get_if<leave_line>(&what)) {
    if (too_long(l->lock, l->id)) return settled{};  // it was not there
  } else if (const auto* k = std::get_if<look>(&what)) {
    if (too_long(k->lock)) return seen{};
  } else if (const auto* a = std::get_if<await>(&what)) {
    if (a->those.empty()) return settled{};
    for (const auto& p : a->those)
      if (p.ticket == 0) return settled{};  // nobody stands under that
  }
  return std::nullopt;
}

plan plan_for(const std::vector<wish>& all, const std::function<std::string()>& fresh) {
  plan p;
  std::map<std::string, std::size_t> lines;
  std::optional<std::size_t> everything;
  const auto change = [&](sql_order what) {
    p.changes.push_back(std::move(what));
    return p.changes.size() - 1;
  };
  const auto line_of = [&](const std::string& lock) {
    const auto [at, fresh_one] = lines.try_emplace(lock, p.looks.size());
    if (fresh_one) p.looks.push_back({sql::line, {lock}});
    return at->second;
  };
  for (const auto& w : all)
    p.parts.push_back(std::visit(
        each_of{
            [&](const open_session& x) -> plan::part {
              return {.change = change({sql::open_session, {fresh(), micros(x.ttl)}})};
            },
            [&](const renew_session& x) -> plan::part {
              return {.change = change({sql::renew, {x.session}})};
            },
            [&](const close_session& x) -> plan::part {
              return {.change = change({sql::close, {x.session}})};
            },
            [&](const stand& x) -> plan::part {
              const auto& w = x.wanted;
              return {.change = change({sql::stand,
                                        {or_nothing(x.session), x.lock, w.id, w.owner,
                                         static_cast<std::int64_t>(w.as), std::int64_t{w.count},
                                         std::int64_t{w.capacity}}}),
                      .look = line_of(x.lock)};
            },
            [&](const leave_line& x) -> plan::part {
              return {.change = change({sql::leave, {x.lock, x.id, or_nothing(x.session)}})};
            },
            [&](const look& x) -> plan::part { return {.look = line_of(x.lock)}; },
            [&](const survey&) -> plan::part {
              if (!everything) {
                everything = p.looks.size();
                p.looks.push_back({sql::survey, {}});
              }
              return {.look = everything};
            },
            [](const await&) -> plan::part { return {}; },
        },
        w));
  return p;
}

std::optional<answer> answer_to(const wish& what, const plan& asked, const plan::part& its,
                                const sql_outcome& got) {
  static const sql_rows none;
  const auto& changed = its.change ? got.changed[*its.change] : none;
  const auto& seen_ = its.look ? got.seen[*its.look] : none;
  return std::visit(
      each_of{
          [&](const open_session&) -> std::optional<answer> {
            return opened{bytes(asked.changes[*its.change].with[0])};
          },
          [&](const renew_session&) -> std::optional<answer> {
            return changed.empty() ? answer{no_session{}} : settled{};
          },
          [&](const close_session&) -> std::optional<answer> {
            return changed.empty() || number(changed[0][0]) != 0 ? answer{no_session{}} : settled{};
          },
          [&](const stand&) -> std::optional<answer> {
            if (changed.empty()) return no_session{};
            stood s{static_cast<std::uint64_t>(number(changed[0][0])), line_in(seen_)};
            if (find(s.all, s.ticket) == nullptr)
              return unanswered{};  // gone already: asked again, it stands
            return s;
          },
          [&](const leave_line&) -> std::optional<answer> { return settled{}; },
          [&](const look&) -> std::optional<answer> { return seen{line_in(seen_)}; },
          [&](const survey&) -> std::optional<answer> {
            surveyed s;
            for (const auto& row : seen_) s.all[bytes(row[6])].push_back(place_of(row));
            return s;
          },
          [](const await&) -> std::optional<answer> { return std::nullopt; },
      },
      what);
}

// Who is refused gives up: only who has nothing yet may be told so for what may be mended.
answer answer_to(const wish& what, const sql_failure& why) {
  const bool gives_up = std::holds_alternative<open_session>(what) ||
                        std::holds_alternative<stand>(what) || std::holds_alternative<survey>(what);
  if (gives_up && why.how == sql_failure::kind::refused) return refused{why.why};
  return unanswered{};
}

line line_in(const sql_rows& rows) {
  line all;
  for (const auto& row : rows) all.push_back(place_of(row));
  return all;
}

tickets gone_in(const plan& asked, const sql_outcome& got) {
  auto gone = got.swept;
  for (std::size_t i = 0; i < asked.changes.size(); ++i)
    if (const auto what = asked.changes[i].what; what == sql::close || what == sql::leave)
      for (const auto& row : got.changed[i])
        if (const auto ticket = number(row[0]); ticket > 0)
          gone.push_back(static_cast<std::uint64_t>(ticket));
  return gone;
}
}  // namespace troupe::lock
