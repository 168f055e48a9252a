#include "patterns/consensus/raft/configuration.hpp"

#include "patterns/link/bytes.hpp"

#include <algorithm>
namespace troupe::raft {
namespace {
constexpr std::uint16_t peers_max = 1'000;

void put(link::buffer& out, const std::vector<peer>& group) {
  link::put(out, static_cast<std::uint16_t>(group.size()));
  for (const auto& p : group) {
    link::put(out, p.id);
    link::put_text(out, p.name);
  }
}
std::vector<peer> get(link::byte_reader& in) {
  std::vector<peer> group;
  const auto count = in.get<std::uint16_t>();
  if (count > peers_max) {
    in.take(~std::size_t{0});  // fails
    return group;
  }
  for (std::uint16_t i = 0; i < count && !in.failed(); ++i) {
    peer p;
    p.id = in.get<std::uint64_t>();
    p.name = in.get_text();
    group.push_back(std::move(p));
  }
  return group;
}
void sort(std::vector<peer>& group) {
  std::sort(group.begin(), group.end(), [](const peer& a, const peer& b) { return a.id < b.id; });
  group.erase(std::unique(group.begin(), group.end(),
                          [](const peer& a, const peer& b) { return a.id == b.id; }),
              group.end());
}
}  // namespace

configuration normal(configuration c) {
  sort(c.voters);
  sort(c.outgoing);
  sort(c.learners);
  return c;
}

bool joint(const configuration& c) { return !c.outgoing.empty(); }

std::string encode(const configuration& c) {
  link::buffer out;
  put(out, c.voters);
  put(out, c.outgoing);
  put(out, c.learners);
  return {out.begin(), out.end()};
}

result<configuration, std::string> decode_configuration(std::string_view bytes) {
  link::byte_reader in{{bytes.data(), bytes.size()}};
  configuration c;
  c.voters = get(in);
  c.outgoing = get(in);
  c.learners = get(in);
  if (in.failed() || !in.rest().empty())
    return unexpected{
        std::string{"the bytes of a configuration are cut, or something follows them"}};
  if (c != normal(c)) return unexpected{std::string{"a configuration names a server twice"}};
  return c;
}

const configuration& config_stack::as_of(std::uint64_t index) const {
  auto it = all_.rbegin();
  while (it + 1 != all_.rend() && it->first > index) ++it;
  return it->second;
}

bool config_stack::cut(std::uint64_t from) {
  const auto before = all_.size();
  while (all_.size() > 1 && all_.back().first >= from) all_.pop_back();
  return all_.size() != before;
}

void config_stack::compact(std::uint64_t upto) {
  std::size_t gone = 0;
  while (gone + 1 < all_.size() && all_[gone + 1].first <= upto) ++gone;
  all_.erase(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(gone));
}

void config_stack::restart(configuration base, std::uint64_t index) {
  all_.clear();
  all_.emplace_back(index, normal(std::move(base)));
}
}  // namespace troupe::raft
