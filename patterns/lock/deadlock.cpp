#include "patterns/lock/deadlock.hpp"

#include <algorithm>
#include <set>
namespace troupe::lock {
namespace {
using graph = std::map<std::string, std::vector<wait>>;  // by owner

bool one_at_a_time(const place& p) { return p.as == mode::exclusive; }

// Those that hold, and of those between as far as one that waits for all before it: a long line has few edges.
void add_waits(const std::string& name, const line& l, graph& edges) {
  const auto head = std::find_if(l.begin(), l.end(), one_at_a_time);
  const auto waits = head == l.begin() ? std::next(l.begin()) : head;
  for (auto p = waits; p != l.end(); ++p) {
    const auto add = [&](const place& before) {
      if (one_at_a_time(*p) || one_at_a_time(before))
        edges[p->owner].push_back({p->owner, name, p->ticket, before.owner});
    };
    std::for_each(l.begin(), waits, add);
    for (auto before = p; before != waits;) {
      add(*--before);
      if (one_at_a_time(*before)) break;
    }
  }
}

graph waits_of(const lines& all) {
  graph edges;
  for (const auto& [name, l] : all) {
    if (l.empty()) continue;
    if (std::none_of(l.begin(), l.end(), [](const place& p) { return p.as == mode::permits; })) {
      add_waits(name, l, edges);
      continue;
    }
    for (const auto& p : l)
      for (const auto& before : in_the_way(l, p.ticket))
        edges[p.owner].push_back({p.owner, name, p.ticket, before.owner});
  }
  return edges;
}

// The first circle on the way from `from`, depth first; none: empty. What is known to lead to none is `clear`.
std::vector<wait> circle_from(const std::string& from, const graph& edges,
                              std::set<std::string>& clear) {
  struct step {
    std::string owner;
    std::size_t next = 0;
  };
  std::vector<step> path{{from}};
  std::set<std::string> on_path{from};
  while (!path.empty()) {
    auto& top = path.back();
    const auto found = edges.find(top.owner);
    if (found == edges.end() || top.next == found->second.size()) {
      clear.insert(top.owner);
      on_path.erase(top.owner);
      path.pop_back();
      continue;
    }
    const auto& edge = found->second[top.next++];
    if (clear.contains(edge.holder)) continue;
    if (!on_path.contains(edge.holder)) {
      on_path.insert(edge.holder);
      path.push_back({edge.holder});
      continue;
    }
    const auto first = std::find_if(path.begin(), path.end(),
                                    [&](const step& s) { return s.owner == edge.holder; });
    std::vector<wait> circle;
    for (auto s = first; s != path.end(); ++s) circle.push_back(edges.at(s->owner)[s->next - 1]);
    return circle;
  }
  return {};
}
}  // namespace

std::vector<deadlock> deadlocks(const lines& all) {
  const auto edges = waits_of(all);
  std::set<std::string> clear;
  std::vector<deadlock> found;
  for (const auto& [owner, its] : edges) {
    if (clear.contains(owner)) continue;
    auto circle = circle_from(owner, edges, clear);
    if (circle.empty()) continue;
    for (const auto& w : circle) clear.insert(w.owner);
    const auto youngest =
        std::max_element(circle.begin(), circle.end(),
                         [](const wait& a, const wait& b) { return a.ticket < b.ticket; });
    found.push_back({circle, youngest->owner, youngest->lock, youngest->ticket});
  }
  std::sort(found.begin(), found.end(),
            [](const deadlock& a, const deadlock& b) { return a.ticket < b.ticket; });
  return found;
}

std::string explain(const deadlock& d) {
  std::string text;
  for (const auto& w : d.circle) {
    if (!text.empty()) text += "; ";
    text += w.owner + " waits for '" + w.lock + "', held by " + w.holder;
  }
  return text;
}
}  // namespace troupe::lock
