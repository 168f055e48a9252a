#include "runtime/journal/salvage.hpp"

#include "runtime/journal/codec.hpp"

#include <utility>

namespace troupe::journal {
namespace {
// Takes the values as they come, state, snapshot, extent, records, and stops at the first bad record.
struct collector {
  explicit collector(std::string name) : group{std::move(name)} {}

  void wrong(const std::string& what) {
    if (out.told.wrong.empty()) out.told.wrong = what;
  }
  bool state(const std::string& encoded) {
    if (auto one = decode(state_place(group), encoded, 0)) {
      out.found.state = std::move(one->bytes);
      out.told.state = true;
    } else {
      wrong("the state cannot be read: " + std::string{to_string(one.error())});
    }
    return true;
  }
  bool snapshot_value(const std::string& encoded) {
    if (auto one = decode(snapshot_place(group), encoded)) {
      out.found.base = snapshot{one->index, one->term, std::move(one->bytes)};
      next = one->index + 1;
    } else {
      wrong("the snapshot cannot be read: " + std::string{to_string(one.error())});
    }
    return true;
  }
  bool extent_value(const std::string& encoded) {
    if (const auto one = decode(extent_place(group), encoded)) {
      first = one->index;
      last = one->term;
    } else {
      wrong("the extent cannot be read: " + std::string{to_string(one.error())});
    }
    return true;
  }
  bool record_value(std::uint64_t index, const std::string& encoded) {
    const auto name = "record " + std::to_string(index);
    if (last && (index < first || index > *last)) {
      wrong(name + " had been dropped, and is there again");
      return index < first;
    }
    auto& records = out.found.records;
    if (records.empty() ? index > next : index != records.back().index + 1) {
      wrong("record " + std::to_string(records.empty() ? next : records.back().index + 1) +
            " is not there: " + name + " follows");
      return false;
    }
    auto one = decode(record_place(group), encoded, index);
    if (!one) {
      wrong(name + " is not what was written: " + std::string{to_string(one.error())});
      return false;
    }
    records.push_back(std::move(*one));
    return true;
  }
  salvaged end() {
    auto& [found, told] = out;
    const auto base = found.base ? found.base->index : 0;
    const auto there = found.records.empty() ? base : found.records.back().index;
    if (last && there < *last)
      wrong("it ends with " + std::to_string(there) + ", and had records up to " +
            std::to_string(*last));
    if (!found.records.empty() && there < base) {
      wrong("its records end before its snapshot");
      found.records.clear();
    }
    told.name = group;
    told.records = {base, base + 1, base};
    told.bytes = found.state.size();
    if (found.base) {
      told.base_term = found.base->term;
      told.bytes += found.base->bytes.size();
    }
    for (const auto& r : found.records) told.bytes += r.bytes.size();
    if (!found.records.empty()) {
      told.records.first = found.records.front().index;
      told.records.last = there;
      told.last_term = found.records.back().term;
    }
    return std::move(out);
  }

  std::string group;
  salvaged out{};
  std::uint64_t next = 1;  // what the first record has to be at the latest
  std::uint64_t first = 1;
  std::optional<std::uint64_t> last{};
};
}  // namespace

salvaged salvage(const database& from, const std::string& group) {
  collector all{group};
  from.visit(
      group,
      [&](const database::value& v) {
        switch (v.what) {
          case database::value::kind::state:
            return all.state(v.encoded);
          case database::value::kind::snapshot:
            return all.snapshot_value(v.encoded);
          case database::value::kind::extent:
            return all.extent_value(v.encoded);
          case database::value::kind::record:
            return all.record_value(v.index, v.encoded);
        }
        return true;
      },
      [&](const failure& f) { all.wrong(f.sentence); });
  return all.end();
}
}  // namespace troupe::journal
