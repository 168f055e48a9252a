#include "patterns/mapreduce/book.hpp"

#include "patterns/encoding.hpp"

#include <string>
#include <string_view>
namespace troupe::mapreduce::book {
namespace {
constexpr std::string_view root = "/troupe/mapreduce/";

struct head {  // of a plan: all but its splits
  std::uint32_t pages = 0;
  std::vector<std::string> cuts{};
  std::string token{};
  bool skip_bad_records = false;
  std::string name{};
  std::uint64_t library_sum = 0;
};
TROUPE_MESSAGE(head, pages, cuts, token, skip_bad_records, name, library_sum)
struct page {
  std::vector<split> splits{};
};
TROUPE_MESSAGE(page, splits)
struct counter {
  std::uint32_t masters = 0;
};
TROUPE_MESSAGE(counter, masters)
struct noted {
  fact what{};
};
TROUPE_MESSAGE(noted, what)

std::string page_key(const std::string& id, std::size_t number) {
  const auto digits = std::to_string(number);
  return job(id) + "splits-" + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}
std::size_t size_of(const split& s) {
  std::size_t bytes = 16;
  for (const auto& p : s.pieces) bytes += p.path.size() + 40;
  return bytes;
}
}  // namespace

std::string masters() { return std::string{root} + "masters/"; }
std::string open() { return std::string{root} + "open/"; }
std::string ended() { return std::string{root} + "ended/"; }
std::string job(const std::string& id) { return std::string{root} + "jobs/" + id + '/'; }

entry spec(const job_spec& of) { return {job(of.id) + "spec", encode(of)}; }
entry count(const std::string& id, std::uint32_t masters) {
  return {job(id) + "masters", encode(counter{masters})};
}
std::uint32_t counted(const std::string& value) {
  const auto read = decode<counter>(value);
  return read ? read->masters : 0;
}
entry recorded(const std::string& id, const fact& what) {
  return {job(id) + "fact/" + key_of(what), encode(noted{what})};
}
entry end(const std::string& id, const ending& how) { return {job(id) + "ending", encode(how)}; }

std::vector<entry> plan(const std::string& id, const job_plan& made) {
  std::vector<entry> all;
  page now;
  std::size_t bytes = 0;
  const auto turn = [&] {
    if (now.splits.empty()) return;
    all.emplace_back(page_key(id, all.size()), encode(now));
    now.splits.clear();
    bytes = 0;
  };
  for (const auto& s : made.splits) {
    const auto more = size_of(s);
    if (bytes + more > page_bytes) turn();
    now.splits.push_back(s);
    bytes += more;
  }
  turn();
  const head first{static_cast<std::uint32_t>(all.size()),
                   made.cuts,
                   made.token,
                   made.skip_bad_records,
                   made.name,
                   made.library_sum};
  all.emplace_back(job(id) + "plan", encode(first));  // last: without it there is no plan
  return all;
}

result<file, std::string> read(const std::string& id, const std::vector<storage::key_value>& all) {
  file whole;
  bool has_spec = false;
  std::optional<head> first;
  std::vector<split> splits;
  std::uint32_t pages = 0;
  for (const auto& kv : all) {
    const auto name = std::string_view{kv.key}.substr(job(id).size());
    const auto take = [&](auto made, auto&& use) {
      if (!made) return false;
      use(std::move(*made));
      return true;
    };
    bool sound = true;
    if (name == "spec") {
      sound = has_spec =
          take(decode<job_spec>(kv.value), [&](auto x) { whole.spec = std::move(x); });
    } else if (name == "masters") {
      sound = take(decode<counter>(kv.value), [&](auto x) { whole.record.masters = x.masters; });
    } else if (name == "plan") {
      sound = take(decode<head>(kv.value), [&](auto x) { first = std::move(x); });
    } else if (name == "ending") {
      sound = take(decode<ending>(kv.value), [&](auto x) { whole.end = std::move(x); });
    } else if (name.starts_with("splits-")) {
      ++pages;
      sound = take(decode<page>(kv.value), [&](auto x) {
        for (auto& s : x.splits) splits.push_back(std::move(s));
      });
    } else if (name.starts_with("fact/")) {
      sound = take(decode<noted>(kv.value),
                   [&](auto x) { whole.record.facts.push_back(std::move(x.what)); });
    }
    if (!sound)
      return unexpected{"what the log has at " + kv.key + " makes no sense to this version"};
  }
  if (!has_spec) return unexpected{"the log has no job " + id};
  if (first && pages >= first->pages)
    whole.plan = job_plan{std::move(splits),       std::move(first->cuts), std::move(first->token),
                          first->skip_bad_records, std::move(first->name), first->library_sum};
  return whole;
}
}  // namespace troupe::mapreduce::book
