// Reading the tree as this replica has it.
#include "patterns/tree/tree.hpp"

#include <algorithm>
#include <utility>
namespace troupe::tree {
reply data_tree::query(const question& q) const {
  return {at_, std::visit([&](const auto& x) { return ask(x); }, q)};
}

const stat* data_tree::look(std::string_view path) const {
  const auto it = nodes_.find(path);
  return it == nodes_.end() ? nullptr : &it->second.is;
}

void data_tree::walk(std::string_view path, const visitor& f) const {
  const auto top = nodes_.find(path);
  if (top == nodes_.end() || !f(top->first, top->second.is)) return;
  const auto prefix = below(path);
  // names that go on with less than a slash stand between a node and what is below it
  for (auto it = nodes_.upper_bound(prefix); it != nodes_.end() && it->first.starts_with(prefix);
       ++it) {
    if (!f(it->first, it->second.is)) return;
  }
}

answer data_tree::ask(const get& x) const {
  if (auto ok = check_path(x.path, settings_.paths); !ok) return refused{ok.error()};
  const auto it = nodes_.find(x.path);
  if (it == nodes_.end()) return refused{refusal::no_node};
  return got{it->second.data, it->second.is};
}

answer data_tree::ask(const exists& x) const {
  if (auto ok = check_path(x.path, settings_.paths); !ok) return refused{ok.error()};
  const auto* is = look(x.path);
  return is == nullptr ? found{} : found{*is};
}

template <class F>
void data_tree::each_child(std::string_view path, std::string_view after, bool deep, F f) const {
  const auto prefix = below(path);
  auto it = nodes_.upper_bound(prefix + std::string{after});
  while (it != nodes_.end() && it->first.starts_with(prefix)) {
    const auto name = std::string_view{it->first}.substr(prefix.size());
    if (const auto slash = name.find('/'); !deep && slash != std::string_view::npos) {
      // below a child: go on behind all of that, the next character after the slash
      it = nodes_.lower_bound(prefix + std::string{name.substr(0, slash)} + char('/' + 1));
      continue;
    }
    if (!f(name, it->second)) return;
    ++it;
  }
}

answer data_tree::ask(const children& x) const {
  if (auto ok = check_path(x.path, settings_.paths); !ok) return refused{ok.error()};
  const auto* is = look(x.path);
  if (is == nullptr) return refused{refusal::no_node};
  names out{.is = *is};
  auto budget = settings_.reply_bytes_max;
  each_child(x.path, x.after, false, [&](std::string_view name, const node&) {
    const auto size = name.size() + 8;
    out.more = (x.limit != 0 && out.all.size() == x.limit) || size > budget;
    if (out.more) return false;
    budget -= size;
    out.all.emplace_back(name);
    return true;
  });
  return out;
}

// A child that alone is larger than a reply may be comes alone: who asks on gets further.
answer data_tree::ask(const browse& x) const {
  if (auto ok = check_path(x.path, settings_.paths); !ok) return refused{ok.error()};
  const auto* is = look(x.path);
  if (is == nullptr) return refused{refusal::no_node};
  browsed out{.is = *is};
  auto budget = settings_.reply_bytes_max;
  each_child(x.path, x.after, x.below, [&](std::string_view name, const node& n) {
    const auto size = name.size() + 128 + (x.data ? n.data.size() : 0);
    out.more = (x.limit != 0 && out.all.size() == x.limit) || (size > budget && !out.all.empty());
    if (out.more) return false;
    budget -= std::min<std::uint64_t>(budget, size);
    out.all.push_back({std::string{name}, n.is, x.data ? n.data : std::string{}});
    return true;
  });
  return out;
}

answer data_tree::ask(const session_info& x) const {
  if (auto known = sessions_.check(x.id, x.secret); !known) return refused{known.error()};
  const auto& s = *sessions_.find(x.id);
  return session_is{x.id, s.timeout, s.nodes.size()};
}

template <class Paths>
names data_tree::listed(const Paths& all) const {
  names out;
  auto budget = settings_.reply_bytes_max;
  for (const auto& path : all) {
    out.more = path.size() + 8 > budget;
    if (out.more) break;
    budget -= path.size() + 8;
    out.all.push_back(path);
  }
  return out;
}

answer data_tree::ask(const ephemerals& x) const {
  const auto* s = sessions_.find(x.id);
  if (s == nullptr) return refused{refusal::session_unknown};
  return listed(s->nodes);
}

answer data_tree::ask(const reapable&) const { return listed(idle_); }

answer data_tree::ask(const status&) const {
  return tree_status{nodes_.size(), sessions_.size(), sessions_.nodes(), bytes_, time_};
}
}  // namespace troupe::tree
