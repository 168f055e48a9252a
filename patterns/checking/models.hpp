// The models that histories are judged by. What an operation asks stands in its invocation's value,
// its result in that of its `ok`; a result that is null or repeats the argument claims nothing.
//   model      f         asks           result
//   register_  read                     the value; null before the first write
//              write     value
//   cas        the same, and
//              cas       [old, new]     null, true or [old, new]: it was; false: it was another. A
//                                       `fail` means that it was not done, and claims nothing more
//   queue      enqueue   value
//              dequeue                  the oldest value; null: it was empty
//   lock       acquire                  the fencing token, higher than all before; null: not told
//              release   token or null
//   log        append    value          [offset, value]
//              read      null, offset   all values, or the one there; null beyond the end
//   kv         get                      the value; null where there is none
//              put       value
//              append    text           get's result is then texts behind one another
//              delete
//              cas       [old, new]     as above
// A lock belongs to the process that acquired it. An acquire whose end is unknown may have been
// granted any token.
#pragma once
#include "patterns/checking/model.hpp"

#include <memory>
namespace troupe::checking {
struct register_ {
  using state = value;
  static constexpr bool anonymous = true;
  state initial() const { return {}; }
  std::size_t hash(const state& s) const { return hash_of(s); }
  std::string refusal(const operation& op) const;
  bool observes(const operation& op) const { return op.f == "read"; }
  void ties(const operation& op, list& seen, list& made) const;
  void step(const state& s, const operation& op, std::vector<state>& next) const;
};

struct cas {
  using state = value;
  static constexpr bool anonymous = true;
  state initial() const { return {}; }
  std::size_t hash(const state& s) const { return hash_of(s); }
  std::string refusal(const operation& op) const;
  bool observes(const operation& op) const;
  void ties(const operation& op, list& seen, list& made) const;
  void step(const state& s, const operation& op, std::vector<state>& next) const;
};

struct queue {
  using state = list;
  static constexpr bool anonymous = true;
  state initial() const { return {}; }
  std::size_t hash(const state& s) const;
  std::string refusal(const operation& op) const;
  bool observes(const operation& op) const;
  void ties(const operation& op, list& seen, list& made) const;
  void step(const state& s, const operation& op, std::vector<state>& next) const;
};

struct lock {
  struct state {
    bool held = false;
    bool told = false;        // whether the holder's token is known
    std::int64_t holder = 0;  // a process
    std::int64_t token = 0;   // the last one; if not told, the least that it may have been
    bool operator==(const state&) const = default;
  };
  state initial() const { return {false, false, 0, std::numeric_limits<std::int64_t>::min()}; }
  std::size_t hash(const state& s) const;
  std::string refusal(const operation& op) const;
  void ties(const operation& op, list& seen, list& made) const;
  void step(const state& s, const operation& op, std::vector<state>& next) const;
};

struct log {
  // Logs that begin alike share their beginning.
  struct entry {
    entry(value v, std::shared_ptr<const entry> b);
    ~entry();  // not by recursion: a log is longer than the stack is deep
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    value appended;
    mutable std::shared_ptr<const entry> before;
    std::size_t length;
    std::size_t hash;
  };
  struct state {
    std::shared_ptr<const entry> last{};
    std::size_t length() const { return last ? last->length : 0; }
    bool operator==(const state& other) const;
  };
  static constexpr bool anonymous = true;
  state initial() const { return {}; }
  std::size_t hash(const state& s) const { return s.last ? s.last->hash : 0; }
  std::string refusal(const operation& op) const;
  bool observes(const operation& op) const { return op.f == "read"; }
  void step(const state& s, const operation& op, std::vector<state>& next) const;
};

struct kv {
  using state = value;
  static constexpr bool anonymous = true;
  state initial() const { return {}; }
  std::size_t hash(const state& s) const { return hash_of(s); }
  std::string refusal(const operation& op) const;
  bool observes(const operation& op) const;
  void ties(const operation& op, list& seen, list& made) const;
  void step(const state& s, const operation& op, std::vector<state>& next) const;
};
}  // namespace troupe::checking
