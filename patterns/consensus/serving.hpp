// Which replica of a group serves one who listens to it (a watch): one at a time, and another when it is gone, silent,
// or out of touch with the others.
// Source: the clients of ZooKeeper (P. Hunt et al., USENIX ATC 2010) and of etcd v3, which go on at another server.
//   Promises  while one is wanted and there are replicas, one serves, after a tick at the latest; one that said nothing
//             for two ticks, or twice that it is out of touch while there are others, is left with the tick
//             the leader's replica comes first, then the preferred one, but neither after it was left, until it comes up
//             anew or is elected; then the others in turn
//   Assumes   a tick and a ping each `silence`
//   news   | nobody serves | one serves
//   up     | serve         | it, with another handle: left for the next; a better one, if `follows`: there
//   down   | -             | it: another
//   leads  | serve         | a better one, if `follows`: there
//   wanted | serve         | a better one, if `follows`: there
//   closed | -             | another; exhausted, when all were gone to since the last of the other news
//   again  | serve         | a better one, if `follows`: there
//   tick   | serve         | ping; silent or out of touch: another
#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <utility>
namespace troupe {
class serving {
 public:
  struct settings {
    std::string prefer{};
    bool follows = false;    // goes to a better one also from one that serves well
    std::uint64_t seed = 0;  // picks the first, where none is better
  };
  struct output {
    bool leave = false;   // first
    std::string serve{};  // the node that serves from now on
    bool ping = false;
    bool exhausted = false;  // again() some time later, or the tick
    bool operator==(const output&) const = default;
  };
  explicit serving(settings s) : s_{std::move(s)} {}

  output up(const std::string& node) {  // with another handle: what an earlier one served is gone
    nodes_.insert(node);
    left_.erase(node);
    attempts_ = 0;
    return node == serving_ ? another() : again();
  }
  output down(const std::string& node) {
    nodes_.erase(node);
    left_.erase(node);
    attempts_ = 0;
    return node == serving_ ? another() : output{};
  }
  output leads(const std::string& node) {  // empty: nobody
    leader_ = node;
    left_.erase(node);
    return again();
  }
  output wanted(bool is) {  // if not, who serves stays, and nobody is gone to
    wanted_ = is;
    return again();
  }
  void heard() { heard_ = true; }
  void ponged(bool in_touch) {
    heard_ = true;
    out_of_touch_ = in_touch ? 0 : out_of_touch_ + 1;
  }
  output closed() { return serving_.empty() ? output{} : leave(); }
  output again() {
    attempts_ = 0;
    const auto* best = wanted_ && s_.follows ? better() : nullptr;
    const bool stays = !serving_.empty() && (best == nullptr || *best == serving_);
    return stays ? output{} : another();
  }
  output tick() {
    attempts_ = 0;
    silences_ = std::exchange(heard_, false) ? 0 : silences_ + 1;
    if (serving_.empty()) return another();
    const bool lost = silences_ >= 2 || (out_of_touch_ >= 2 && nodes_.size() > 1);
    return lost ? leave() : output{.ping = true};
  }

 private:
  output leave() {
    left_.insert(serving_);
    return another();
  }
  output another() {
    output out{.leave = !std::exchange(serving_, {}).empty()};
    if (!wanted_ || nodes_.empty()) return out;
    out.exhausted = attempts_ >= nodes_.size();
    if (out.exhausted) return out;
    ++attempts_;
    silences_ = out_of_touch_ = 0;
    heard_ = false;
    out.serve = serving_ = last_ = choose();
    return out;
  }
  std::string choose() const {
    if (const auto* best = better()) return *best;
    const auto at = last_.empty() ? std::next(nodes_.begin(),
                                              static_cast<std::ptrdiff_t>(s_.seed % nodes_.size()))
                                  : nodes_.upper_bound(last_);
    return at == nodes_.end() ? *nodes_.begin() : *at;
  }
  const std::string* better() const {
    for (const auto* node : {&leader_, &s_.prefer})
      if (nodes_.contains(*node) && !left_.contains(*node)) return node;
    return nullptr;
  }

  settings s_;
  std::set<std::string> nodes_, left_;  // left: as silent, out of touch or closed
  std::string leader_, serving_, last_;
  std::size_t attempts_ = 0;
  bool wanted_ = false, heard_ = false;
  int silences_ = 0, out_of_touch_ = 0;
};
}  // namespace troupe
