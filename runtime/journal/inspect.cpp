#include "runtime/journal/inspect.hpp"

#include "runtime/journal/codec.hpp"
#include "runtime/journal/recovery.hpp"
#include "runtime/journal/salvage.hpp"

#include <algorithm>

namespace troupe::journal {
namespace fs = std::filesystem;
namespace {
std::string text(std::uint64_t number) { return std::to_string(number); }

// The first part of the sentence: `verify` need not point to itself.
std::string plainly(const failure& f) { return f.sentence.substr(0, f.sentence.find("; `troupe")); }

void judge_logs(report& all, const directory& place, const log_scan& logs) {
  if (const auto bad = damage_of(place, logs)) all.wrong.push_back(plainly(*bad));
  if (logs.end == log_end::torn)
    all.notes.push_back("the last " + text(logs.behind) + " bytes of " + logs.file.string() +
                        " are torn (" + logs.why +
                        "): the next start cuts them, unless they were "
                        "acknowledged");
}

void judge_groups(report& all, const database& data) {
  const auto groups = data.groups();
  if (!groups) return all.wrong.push_back(plainly(groups.error()));
  for (const auto& g : *groups) all.groups.push_back(salvage(data, g).told);
  if (const auto tables = data.check_tables(); !tables)
    all.wrong.push_back(plainly(tables.error()));
}
}  // namespace

fs::path journal_directory(const fs::path& given) {
  std::error_code ignored;
  return !fs::exists(given / "identity", ignored) && fs::is_directory(given / "journal", ignored)
             ? given / "journal"
             : given;
}

bool report::sound() const {
  return wrong.empty() && std::all_of(groups.begin(), groups.end(),
                                      [](const group_report& g) { return g.wrong.empty(); });
}

result<report, failure> verify(const fs::path& given) {
  auto place = directory::take(journal_directory(given), directory::purpose::look);
  if (!place) return unexpected{std::move(place.error())};
  report all;
  all.directory = place->path();
  if (place->unmade()) {
    all.notes.push_back("it was never finished: the next start makes it anew");
    return all;
  }
  const auto of = place->read_identity();
  if (!of && of.error().why == cause::other_format) return unexpected{of.error()};
  if (of)
    all.of = *of;
  else
    all.wrong.push_back(plainly(of.error()));
  const auto logs = scan_kept_logs(*place);
  if (!logs)
    all.wrong.push_back(logs.error());
  else
    judge_logs(all, *place, *logs);
  auto data = database::open({.directory = place->path()}, database::purpose::look);
  if (!data) {
    all.wrong.push_back(plainly(data.error()));
    return all;
  }
  judge_groups(all, **data);
  if (of)
    if (const auto gone = end_is_missing(*place, *of, (*data)->last()))
      all.wrong.push_back(plainly(*gone));
  return all;
}

result<void, failure> show(const fs::path& given, const std::string& group, std::uint64_t from,
                           const std::function<bool(const shown&)>& each) {
  auto place = directory::take(journal_directory(given), directory::purpose::look);
  if (!place) return unexpected{std::move(place.error())};
  if (place->unmade()) return {};
  auto data = database::open({.directory = place->path()}, database::purpose::look);
  if (!data) return unexpected{std::move(data.error())};
  auto groups = (*data)->groups();
  if (!groups) return unexpected{std::move(groups.error())};
  if (!group.empty()) {
    if (std::find(groups->begin(), groups->end(), group) == groups->end())
      return unexpected{failure{cause::missing, "the journal " + place->path().string() +
                                                    " has no group '" + group + "'"}};
    *groups = {group};
  }
  bool more = true;
  std::optional<failure> unreadable;
  for (const auto& g : *groups) {
    if (!more) break;
    (*data)->visit(
        g,
        [&](const database::value& v) {
          using kind = database::value::kind;
          if (v.what == kind::extent || (v.what == kind::record && v.index < from)) return true;
          shown one{.group = g, .index = v.index};
          one.what = v.what == kind::state      ? shown::kind::state
                     : v.what == kind::snapshot ? shown::kind::snapshot
                                                : shown::kind::record;
          auto found = v.what == kind::state      ? decode(state_place(g), v.encoded, 0)
                       : v.what == kind::snapshot ? decode(snapshot_place(g), v.encoded)
                                                  : decode(record_place(g), v.encoded, v.index);
          if (found) {
            one.index = found->index;
            one.term = found->term;
            one.bytes = std::move(found->bytes);
          } else {
            one.wrong = to_string(found.error());
          }
          return more = each(one);
        },
        [&](const failure& f) {
          if (!unreadable) unreadable = f;
        });
  }
  if (unreadable) return unexpected{*unreadable};
  return {};
}
}  // namespace troupe::journal
