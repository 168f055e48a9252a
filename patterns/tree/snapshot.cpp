// The tree's state as bytes: zxid and time, sessions, and each node in order of the paths.
#include "patterns/encoding.hpp"
#include "patterns/tree/tree.hpp"

#include <limits>
#include <utility>
namespace troupe::tree {
namespace {
struct stored_session {
  session_id id = 0;
  duration timeout{};
  std::string secret{};
};
TROUPE_MESSAGE(stored_session, id, timeout, secret)
struct head {
  std::uint64_t form = 1;
  zxid at = 0;
  instant time{};
  std::vector<stored_session> sessions{};
};
TROUPE_MESSAGE(head, form, at, time, sessions)
struct stored {
  std::string path{};
  std::string data{};
  stat is{};
  std::uint64_t creations = 0;
  bool container = false;
};
TROUPE_MESSAGE(stored, path, data, is, creations, container)

constexpr auto unbounded = std::numeric_limits<std::uint32_t>::max();

// What a node says of itself is what the tree could have written.
bool sound(const stored& n, const head& h) {
  const auto& is = n.is;
  if (!check_path(n.path, {unbounded, unbounded})) return false;
  const bool root = n.path == "/";
  if ((is.created == 0) != root || is.created > is.modified || is.created > is.children_modified)
    return false;
  if (is.modified > h.at || is.children_modified > h.at) return false;
  if (is.created_at > is.modified_at || is.modified_at > h.time) return false;
  if (is.data_bytes != n.data.size()) return false;
  if (is.children > n.creations || n.creations >= std::uint64_t{1} << 62) return false;
  if (is.children_version != 2 * n.creations - is.children) return false;
  return is.owner == 0 || (!root && n.creations == 0 && !n.container && is.owner < is.created);
}
}  // namespace

std::string data_tree::snapshot() const {
  head h{.at = at_, .time = time_};
  h.sessions.reserve(sessions_.size());
  for (const auto& [id, s] : sessions_.all()) h.sessions.push_back({id, s.timeout, s.secret});
  std::string out;
  out.reserve(bytes_);
  encode_to(out, h);
  encode_natural(out, nodes_.size());
  for (const auto& [path, n] : nodes_)
    encode_to(out, stored{path, n.data, n.is, n.creations, n.container});
  return out;
}

result<void, std::string> data_tree::restore(std::string_view bytes) {
  const auto unreadable = [](std::string why) {
    return unexpected{"the tree's snapshot cannot be read: " + std::move(why)};
  };
  decoder in{bytes, {.memory = std::numeric_limits<std::uint64_t>::max()}};
  head h;
  std::size_t count = 0;
  if (!in.get(h) || !in.get_count(count)) return unreadable(to_string(in.failure()));
  if (h.form != 1)
    return unreadable("it has form " + std::to_string(h.form) + ", written by a newer version");
  data_tree fresh{settings_};
  fresh.at_ = h.at;
  fresh.time_ = h.time;
  fresh.nodes_.clear();
  fresh.bytes_ = 0;
  for (auto& s : h.sessions) {
    if (s.id > h.at || !fresh.sessions_.put_back(s.id, s.timeout, std::move(s.secret)))
      return unreadable("a session is there twice, or is not sound");
  }
  std::map<std::string, std::uint64_t, std::less<>>
      counted;  // children, of those that say they have any
  for (; count > 0; --count) {
    stored n;
    if (!in.get(n)) return unreadable(to_string(in.failure()));
    if (!fresh.nodes_.empty() && n.path <= fresh.nodes_.rbegin()->first)
      return unreadable("its nodes are not in order");
    if (!sound(n, h)) return unreadable("a node is not sound");
    if (n.path != "/") {
      const auto parent = counted.find(parent_of(n.path));
      if (parent == counted.end()) return unreadable("a node is without its parent");
      ++parent->second;
    }
    if (n.is.owner != 0) {
      if (fresh.sessions_.find(n.is.owner) == nullptr)
        return unreadable("a node's session is not there");
      fresh.sessions_.attach(n.is.owner, n.path);
    }
    if (n.is.children > 0) counted.emplace(n.path, 0);
    fresh.bytes_ += cost(n.path, n.data.size());
    const auto it =
        fresh.nodes_.emplace_hint(fresh.nodes_.end(), std::move(n.path),
                                  node{std::move(n.data), n.is, n.creations, n.container});
    fresh.note_container(it->first, it->second);
  }
  if (!in.finish()) return unreadable(to_string(in.failure()));
  if (fresh.nodes_.empty() || fresh.nodes_.begin()->first != "/")
    return unreadable("it has no root");
  for (const auto& [path, children] : counted) {
    if (fresh.look(path)->children != children)
      return unreadable("a node has other children than it says");
  }
  *this = std::move(fresh);
  return {};
}
}  // namespace troupe::tree
