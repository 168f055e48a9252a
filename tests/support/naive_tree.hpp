// The coordination tree as one would write it without a thought for time or memory: each entry works
// on a copy of everything, and all is found by looking at all of it. What the real one must equal.
#pragma once
#include "patterns/tree/tree.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>
namespace troupe::test {
class naive_tree {
 public:
  explicit naive_tree(tree::tree_settings bounds) : settings_{bounds} { now_.nodes["/"]; }

  tree::effect apply(const applied& at, const tree::request& r) {
    if (at.index <= now_.at) return {{now_.at, no(refusal::replayed)}, {}};
    now_.at = at.index;
    auto then = now_;
    then.time = std::max(then.time, r.time);
    events_.clear();
    auto what = with_session(then, at, r);
    const auto* all = std::get_if<tree::multi_done>(&what);
    if (std::holds_alternative<tree::refused>(what) || (all != nullptr && !all->succeeded)) {
      events_.clear();
    } else {
      now_ = then;
    }
    return {{now_.at, what}, events_};
  }
  tree::reply query(const tree::question& q) const {
    return {now_.at, std::visit([&](const auto& x) { return ask(x); }, q)};
  }
  tree::zxid at() const { return now_.at; }
  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const auto& [path, n] : now_.nodes) all.push_back(path);
    return all;
  }
  std::optional<tree::stat> look(const std::string& path) const {
    const auto it = now_.nodes.find(path);
    if (it == now_.nodes.end()) return {};
    return shown(now_, path);
  }

 private:
  using refusal = tree::refusal;
  struct node {
    std::string data{};
    tree::mode as = tree::mode::persistent;
    tree::zxid created = 0, modified = 0, children_modified = 0;
    tree::instant created_at{}, modified_at{};
    std::uint64_t sets = 0, came = 0, went = 0;
    tree::session_id owner = 0;
  };
  struct session {
    tree::duration timeout{};
    std::string secret{};
  };
  struct state {
    tree::zxid at = 0;
    tree::instant time{};
    std::map<std::string, node> nodes;
    std::map<tree::session_id, session> sessions;
  };

  static tree::refused no(refusal why, std::uint64_t version = 0) { return {why, version}; }
  static std::string parent(const std::string& path) {
    const auto up = path.substr(0, path.rfind('/'));
    return up.empty() ? "/" : up;
  }
  static std::uint64_t children_of(const state& s, const std::string& path) {
    std::uint64_t count = 0;
    for (const auto& [other, n] : s.nodes) count += other != "/" && parent(other) == path ? 1 : 0;
    return count;
  }
  static std::uint64_t nodes_of(const state& s, tree::session_id id) {
    std::uint64_t count = 0;
    for (const auto& [path, n] : s.nodes) count += n.owner == id ? 1 : 0;
    return count;
  }
  static std::uint64_t bytes_of(const state& s) {
    std::uint64_t sum = 0;
    for (const auto& [path, n] : s.nodes) sum += path.size() + n.data.size() + tree::node_overhead;
    return sum;
  }
  static tree::stat shown(const state& s, const std::string& path) {
    const auto& n = s.nodes.at(path);
    return {n.created,           n.modified,    n.children_modified,
            n.created_at,        n.modified_at, n.sets,
            n.came + n.went,     n.owner,       n.data.size(),
            children_of(s, path)};
  }

  std::optional<refusal> bad(const std::string& path) const {
    if (path.empty() || path[0] != '/') return refusal::path_relative;
    if (path.size() > settings_.paths.bytes_max) return refusal::path_too_long;
    if (path == "/") return {};
    if (path.back() == '/') return refusal::path_trailing_slash;
    std::vector<std::string> parts{""};
    for (const char c : path.substr(1)) {
      if (c == '/')
        parts.emplace_back();
      else
        parts.back() += c;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].empty()) return refusal::path_empty_part;
      if (parts[i] == "." || parts[i] == "..") return refusal::path_dot_part;
      for (const char c : parts[i])
        if (c < ' ' || c == '\x7f') return refusal::path_character;  // only ASCII is drawn
      if (i >= settings_.paths.depth_max) return refusal::path_too_deep;
    }
    return {};
  }

  tree::answer with_session(state& s, const applied& at, const tree::request& r) {
    if (r.session != 0) {
      const auto it = s.sessions.find(r.session);
      if (it == s.sessions.end()) return no(refusal::session_unknown);
      if (it->second.secret != r.secret) return no(refusal::bad_secret);
    }
    if (const auto* m = std::get_if<tree::multi>(&r.what)) return all_of(s, *m, r.session);
    if (const auto* o = std::get_if<tree::open_session>(&r.what)) {
      if (o->secret.size() < settings_.sessions.secret_bytes_min ||
          o->secret.size() > settings_.sessions.secret_bytes_max)
        return no(refusal::secret_size);
      if (s.sessions.size() >= settings_.sessions.sessions_max)
        return no(refusal::too_many_sessions);
      const auto timeout = std::min(std::max(o->timeout, settings_.sessions.timeout_min),
                                    settings_.sessions.timeout_max);
      s.sessions[at.index] = {timeout, o->secret};
      return tree::session_opened{at.index, timeout};
    }
    if (std::holds_alternative<tree::close_session>(r.what)) {
      if (r.session == 0) return no(refusal::session_needed);
      return end(s, r.session);
    }
    if (const auto* x = std::get_if<tree::expire_session>(&r.what)) {
      if (x->term != 0 && x->term != at.term) return no(refusal::stale_term);
      if (s.sessions.count(x->id) == 0) return no(refusal::session_unknown);
      return end(s, x->id);
    }
    if (const auto* x = std::get_if<tree::reap_container>(&r.what)) {
      const auto it = s.nodes.find(x->path);
      if (it == s.nodes.end()) return no(refusal::no_node);
      if (it->second.as != tree::mode::container) return no(refusal::not_a_container);
      if (it->second.came == 0 || children_of(s, x->path) > 0) return no(refusal::container_in_use);
      gone(s, x->path);
      return tree::erased{};
    }
    if (std::holds_alternative<tree::sync>(r.what)) return tree::synced{};
    tree::operation op;
    if (const auto* x = std::get_if<tree::create>(&r.what)) op = *x;
    if (const auto* x = std::get_if<tree::erase>(&r.what)) op = *x;
    if (const auto* x = std::get_if<tree::set>(&r.what)) op = *x;
    if (const auto* x = std::get_if<tree::check>(&r.what)) op = *x;
    return std::visit([](const auto& x) { return tree::answer{x}; }, one(s, op, r.session));
  }

  tree::answer all_of(state& s, const tree::multi& m, tree::session_id session) {
    if (m.operations.size() > settings_.multi_operations_max) return no(refusal::multi_too_large);
    tree::multi_done done{true, {}};
    for (const auto& op : m.operations) {
      if (!done.succeeded) {
        done.results.emplace_back(no(refusal::not_tried));
        continue;
      }
      auto r = one(s, op, session);
      if (std::holds_alternative<tree::refused>(r)) {
        done.succeeded = false;
        for (auto& before : done.results) before = no(refusal::rolled_back);
      }
      done.results.push_back(r);
    }
    return done;
  }

  tree::operation_done one(state& s, const tree::operation& op, tree::session_id session) {
    if (const auto* c = std::get_if<tree::create>(&op)) return make(s, *c, session);
    if (const auto* r = std::get_if<tree::erase>(&op)) {
      if (r->path == "/") return no(refusal::root);
      if (auto why = missing(s, r->path, r->version)) return *why;
      if (children_of(s, r->path) > 0) return no(refusal::not_empty);
      gone(s, r->path);
      return tree::erased{};
    }
    if (const auto* c = std::get_if<tree::check>(&op)) {
      if (auto why = missing(s, c->path, c->version)) return *why;
      return tree::checked{};
    }
    const auto& x = std::get<tree::set>(op);
    if (x.data.size() > settings_.data_bytes_max) return no(refusal::data_too_large);
    if (auto why = missing(s, x.path, x.version)) return *why;
    auto& n = s.nodes[x.path];
    const bool grows = x.data.size() > n.data.size();
    n.data = x.data;
    if (grows && bytes_of(s) > settings_.bytes_max) return no(refusal::no_space);
    ++n.sets;
    n.modified = s.at;
    n.modified_at = s.time;
    events_.push_back({tree::change::data, x.path});
    return tree::set_done{shown(s, x.path)};
  }

  tree::operation_done make(state& s, const tree::create& c, tree::session_id session) {
    const bool numbered =
        c.as == tree::mode::persistent_sequential || c.as == tree::mode::ephemeral_sequential;
    const bool ephemeral =
        c.as == tree::mode::ephemeral || c.as == tree::mode::ephemeral_sequential;
    auto path = c.path + (numbered ? "0000000000" : "");
    if (auto why = bad(path)) return no(*why);
    if (path == "/") return no(refusal::root);
    if (c.data.size() > settings_.data_bytes_max) return no(refusal::data_too_large);
    if (ephemeral && session == 0) return no(refusal::session_needed);
    if (s.nodes.count(parent(path)) == 0) return no(refusal::no_parent);
    auto& up = s.nodes[parent(path)];
    if (up.owner != 0) return no(refusal::ephemeral_parent);
    if (numbered) {
      char digits[16];
      std::snprintf(digits, sizeof digits, "%010llu", static_cast<unsigned long long>(up.came));
      path = c.path + digits;
    }
    if (s.nodes.count(path) == 1) return no(refusal::node_exists);
    if (children_of(s, parent(path)) >= settings_.children_max)
      return no(refusal::too_many_children);
    if (ephemeral && nodes_of(s, session) >= settings_.sessions.ephemerals_max)
      return no(refusal::too_many_ephemerals);
    node n;
    n.data = c.data;
    n.as = c.as;
    n.created = n.modified = n.children_modified = s.at;
    n.created_at = n.modified_at = s.time;
    n.owner = ephemeral ? session : 0;
    s.nodes[path] = n;
    if (bytes_of(s) > settings_.bytes_max) return no(refusal::no_space);
    ++up.came;
    up.children_modified = s.at;
    events_.push_back({tree::change::created, path});
    events_.push_back({tree::change::children, parent(path)});
    return tree::created{path, shown(s, path)};
  }

  std::optional<tree::refused> missing(const state& s, const std::string& path,
                                       const std::optional<std::uint64_t>& version) const {
    if (auto why = bad(path)) return no(*why);
    const auto it = s.nodes.find(path);
    if (it == s.nodes.end()) return no(refusal::no_node);
    if (version && *version != it->second.sets) return no(refusal::bad_version, it->second.sets);
    return {};
  }
  void gone(state& s, const std::string& path) {
    s.nodes.erase(path);
    auto& up = s.nodes.at(parent(path));
    ++up.went;
    up.children_modified = s.at;
    events_.push_back({tree::change::deleted, path});
    events_.push_back({tree::change::children, parent(path)});
  }
  tree::session_ended end(state& s, tree::session_id id) {
    std::vector<std::string> mine;
    for (const auto& [path, n] : s.nodes)
      if (n.owner == id) mine.push_back(path);
    for (const auto& path : mine) gone(s, path);
    s.sessions.erase(id);
    return {id, mine.size()};
  }

  tree::answer ask(const tree::get& x) const {
    if (auto why = bad(x.path)) return no(*why);
    if (!look(x.path)) return no(refusal::no_node);
    return tree::got{now_.nodes.at(x.path).data, *look(x.path)};
  }
  tree::answer ask(const tree::exists& x) const {
    if (auto why = bad(x.path)) return no(*why);
    return tree::found{look(x.path)};
  }
  tree::answer ask(const tree::children& x) const {
    if (auto why = bad(x.path)) return no(*why);
    if (!look(x.path)) return no(refusal::no_node);
    std::vector<std::string> all;
    for (const auto& [path, n] : now_.nodes) {
      const auto name = path.substr(path.rfind('/') + 1);
      if (path != "/" && parent(path) == x.path && name > x.after) all.push_back(name);
    }
    std::sort(all.begin(), all.end());
    const bool more = x.limit != 0 && all.size() > x.limit;
    if (more) all.resize(x.limit);
    return tree::names{all, more, *look(x.path)};
  }
  tree::answer ask(const tree::browse& x) const {
    if (auto why = bad(x.path)) return no(*why);
    if (!look(x.path)) return no(refusal::no_node);
    const auto prefix = x.path == "/" ? x.path : x.path + "/";
    std::map<std::string, tree::child> all;
    for (const auto& [path, n] : now_.nodes) {
      if (path == "/" || path.compare(0, prefix.size(), prefix) != 0) continue;
      const auto name = path.substr(prefix.size());
      if (name > x.after && (x.below || name.find('/') == std::string::npos))
        all[name] = {name, *look(path), x.data ? n.data : std::string{}};
    }
    tree::browsed out{.is = *look(x.path)};
    for (auto& [name, c] : all) {
      out.more = x.limit != 0 && out.all.size() == x.limit;
      if (out.more) break;
      out.all.push_back(std::move(c));
    }
    return out;
  }
  tree::answer ask(const tree::session_info& x) const {
    const auto it = now_.sessions.find(x.id);
    if (it == now_.sessions.end()) return no(refusal::session_unknown);
    if (it->second.secret != x.secret) return no(refusal::bad_secret);
    return tree::session_is{x.id, it->second.timeout, nodes_of(now_, x.id)};
  }
  tree::answer ask(const tree::ephemerals& x) const {
    if (now_.sessions.count(x.id) == 0) return no(refusal::session_unknown);
    tree::names out;
    for (const auto& [path, n] : now_.nodes)
      if (n.owner == x.id) out.all.push_back(path);
    return out;
  }
  tree::answer ask(const tree::reapable&) const {
    tree::names out;
    for (const auto& [path, n] : now_.nodes)
      if (n.as == tree::mode::container && n.came > 0 && n.came == n.went) out.all.push_back(path);
    return out;
  }
  tree::answer ask(const tree::status&) const {
    std::uint64_t owned = 0;
    for (const auto& [path, n] : now_.nodes) owned += n.owner != 0 ? 1 : 0;
    return tree::tree_status{now_.nodes.size(), now_.sessions.size(), owned, bytes_of(now_),
                             now_.time};
  }

  tree::tree_settings settings_;
  state now_;
  std::vector<tree::event> events_;
};
}  // namespace troupe::test
