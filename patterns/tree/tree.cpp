#include "patterns/tree/tree.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
namespace troupe::tree {
data_tree::data_tree(tree_settings bounds) : settings_{bounds}, sessions_{bounds.sessions} {
  bytes_ = cost("/", 0);
  nodes_.emplace("/", node{});
}

effect data_tree::apply(const applied& at, const request& r) {
  if (at.index <= at_) return {{at_, refused{refusal::replayed}}, {}};
  at_ = at.index;
  if (r.session != 0) {
    if (auto known = sessions_.check(r.session, r.secret); !known)
      return {{at_, refused{known.error()}}, {}};
  }
  const auto before = time_;
  time_ = std::max(time_, r.time);
  entry e{.at = at.index, .term = at.term, .session = r.session};
  auto what = std::visit([&](const auto& x) { return on(x, e); }, r.what);
  const auto* all = std::get_if<multi_done>(&what);
  if (std::holds_alternative<refused>(what) || (all != nullptr && !all->succeeded)) time_ = before;
  return {{at_, std::move(what)}, std::move(e.events)};
}

effect data_tree::refuse(const applied& at, refusal why) {
  if (at.index <= at_) return {{at_, refused{refusal::replayed}}, {}};
  at_ = at.index;
  return {{at_, refused{why}}, {}};
}

answer data_tree::plain(operation_done done) {
  return std::visit([](auto& x) { return answer{std::move(x)}; }, done);
}

answer data_tree::on(const multi& x, entry& e) {
  if (x.operations.size() > settings_.multi_operations_max)
    return refused{refusal::multi_too_large};
  std::vector<undo> undoing;
  e.undoing = &undoing;
  multi_done done{true, {}};
  for (const auto& op : x.operations) {
    done.results.push_back(std::visit([&](const auto& one) { return perform(one, e); }, op));
    if (!std::holds_alternative<refused>(done.results.back())) continue;
    done.succeeded = false;
    for (auto u = undoing.rbegin(); u != undoing.rend(); ++u) take_back(*u);
    e.events.clear();
    std::fill(done.results.begin(), done.results.end() - 1, refused{refusal::rolled_back});
    done.results.resize(x.operations.size(), refused{refusal::not_tried});
    break;
  }
  e.undoing = nullptr;
  return done;
}

answer data_tree::on(const open_session& x, entry& e) {
  auto opened = sessions_.open(e.at, x);
  if (!opened) return refused{opened.error()};
  return *opened;
}

answer data_tree::on(const close_session&, entry& e) {
  if (e.session == 0) return refused{refusal::session_needed};
  return end_session(e.session, e);
}

answer data_tree::on(const expire_session& x, entry& e) {
  if (x.term != 0 && x.term != e.term) return refused{refusal::stale_term};
  if (sessions_.find(x.id) == nullptr) return refused{refusal::session_unknown};
  return end_session(x.id, e);
}

answer data_tree::on(const reap_container& x, entry& e) {
  const auto it = nodes_.find(x.path);
  if (it == nodes_.end()) return refused{refusal::no_node};
  if (!it->second.container) return refused{refusal::not_a_container};
  if (!idle_.contains(x.path)) return refused{refusal::container_in_use};
  drop(it, e);
  return erased{};
}

session_ended data_tree::end_session(session_id id, entry& e) {
  const auto nodes = sessions_.end(id);
  for (const auto& path : nodes) drop(nodes_.find(path), e);
  return {id, nodes.size()};
}

operation_done data_tree::perform(const create& x, entry& e) {
  const bool sequential = x.as == mode::persistent_sequential || x.as == mode::ephemeral_sequential;
  const bool ephemeral = x.as == mode::ephemeral || x.as == mode::ephemeral_sequential;
  auto path = sequential ? x.path + sequence_text(0) : x.path;
  if (auto ok = check_path(path, settings_.paths); !ok) return refused{ok.error()};
  if (path == "/") return refused{refusal::root};
  if (x.data.size() > settings_.data_bytes_max) return refused{refusal::data_too_large};
  if (ephemeral && e.session == 0) return refused{refusal::session_needed};
  const auto found = nodes_.find(parent_of(path));
  if (found == nodes_.end()) return refused{refusal::no_parent};
  const auto& parent = found->second;
  if (parent.is.owner != 0) return refused{refusal::ephemeral_parent};
  if (sequential) {
    if (parent.creations > sequence_max) return refused{refusal::sequence_exhausted};
    path = x.path + sequence_text(parent.creations);
  }
  if (nodes_.contains(path)) return refused{refusal::node_exists};
  if (parent.is.children >= settings_.children_max) return refused{refusal::too_many_children};
  if (ephemeral && sessions_.full(e.session)) return refused{refusal::too_many_ephemerals};
  if (bytes_ + cost(path, x.data.size()) > settings_.bytes_max) return refused{refusal::no_space};

  node n{.data = x.data, .container = x.as == mode::container};
  n.is.created = n.is.modified = n.is.children_modified = e.at;
  n.is.created_at = n.is.modified_at = time_;
  n.is.owner = ephemeral ? e.session : 0;
  n.is.data_bytes = x.data.size();
  const auto is = n.is;
  bytes_ += cost(path, x.data.size());
  if (ephemeral) sessions_.attach(e.session, path);
  nodes_.emplace(path, std::move(n));
  if (e.undoing != nullptr) e.undoing->emplace_back(undo_create{path});
  e.events.push_back({change::created, path});
  touch_parent(path, true, e);
  return created{std::move(path), is};
}

std::optional<refused> data_tree::missing(const std::string& path,
                                          const std::optional<std::uint64_t>& version) const {
  if (auto ok = check_path(path, settings_.paths); !ok) return refused{ok.error()};
  const auto it = nodes_.find(path);
  if (it == nodes_.end()) return refused{refusal::no_node};
  const auto is = it->second.is.version;
  if (version && *version != is) return refused{refusal::bad_version, is};
  return std::nullopt;
}

operation_done data_tree::perform(const erase& x, entry& e) {
  if (x.path == "/") return refused{refusal::root};
  if (auto why = missing(x.path, x.version)) return *why;
  const auto it = nodes_.find(x.path);
  if (it->second.is.children > 0) return refused{refusal::not_empty};
  drop(it, e);
  return erased{};
}

operation_done data_tree::perform(const set& x, entry& e) {
  if (x.data.size() > settings_.data_bytes_max) return refused{refusal::data_too_large};
  if (auto why = missing(x.path, x.version)) return *why;
  auto& n = nodes_.find(x.path)->second;
  const auto bytes = bytes_ - n.data.size() + x.data.size();
  if (bytes > bytes_ && bytes > settings_.bytes_max) return refused{refusal::no_space};
  if (e.undoing != nullptr) e.undoing->emplace_back(undo_set{x.path, std::move(n.data), n.is});
  bytes_ = bytes;
  n.data = x.data;
  n.is.data_bytes = x.data.size();
  ++n.is.version;
  n.is.modified = e.at;
  n.is.modified_at = time_;
  e.events.push_back({change::data, x.path});
  return set_done{n.is};
}

operation_done data_tree::perform(const check& x, entry&) {
  if (auto why = missing(x.path, x.version)) return *why;
  return checked{};
}

// A node without children goes, whoever wants it.
void data_tree::drop(store::iterator it, entry& e) {
  assert(it != nodes_.end() && it->second.is.children == 0);
  auto was = nodes_.extract(it);
  const auto& path = was.key();
  bytes_ -= cost(path, was.mapped().data.size());
  idle_.erase(path);
  if (was.mapped().is.owner != 0) sessions_.detach(was.mapped().is.owner, path);
  e.events.push_back({change::deleted, path});
  const auto parent = path;
  if (e.undoing != nullptr) e.undoing->emplace_back(undo_remove{std::move(was)});
  touch_parent(parent, false, e);
}

// A child of its parent has come or gone.
void data_tree::touch_parent(std::string_view path, bool came, entry& e) {
  const auto it = nodes_.find(parent_of(path));
  auto& n = it->second;
  if (e.undoing != nullptr) e.undoing->emplace_back(undo_parent{it->first, n.is, n.creations});
  n.creations += came ? 1 : 0;
  n.is.children += came ? 1 : std::uint64_t(-1);
  ++n.is.children_version;
  n.is.children_modified = e.at;
  note_container(it->first, n);
  e.events.push_back({change::children, it->first});
}

void data_tree::note_container(const std::string& path, const node& n) {
  if (!n.container) return;
  if (n.is.children == 0 && n.creations > 0) {
    idle_.insert(path);
  } else {
    idle_.erase(path);
  }
}

void data_tree::take_back(undo& u) {
  if (auto* c = std::get_if<undo_create>(&u)) {
    const auto it = nodes_.find(c->path);
    bytes_ -= cost(c->path, it->second.data.size());
    idle_.erase(c->path);
    if (it->second.is.owner != 0) sessions_.detach(it->second.is.owner, c->path);
    nodes_.erase(it);
  } else if (auto* r = std::get_if<undo_remove>(&u)) {
    const auto it = nodes_.insert(std::move(r->was)).position;
    bytes_ += cost(it->first, it->second.data.size());
    if (it->second.is.owner != 0) sessions_.attach(it->second.is.owner, it->first);
    note_container(it->first, it->second);
  } else if (auto* s = std::get_if<undo_set>(&u)) {
    auto& n = nodes_.find(s->path)->second;
    bytes_ = bytes_ - n.data.size() + s->data.size();
    n.data = std::move(s->data);
    n.is = s->is;
  } else {
    auto& p = std::get<undo_parent>(u);
    const auto it = nodes_.find(p.path);
    it->second.is = p.is;
    it->second.creations = p.creations;
    note_container(it->first, it->second);
  }
}
}  // namespace troupe::tree
