#include "patterns/checking/models.hpp"

#include <algorithm>
#include <initializer_list>

namespace troupe::checking {
namespace {
std::string one_of(const operation& op, std::string_view model,
                   std::initializer_list<std::string_view> known) {
  if (std::find(known.begin(), known.end(), op.f) != known.end()) return {};
  std::string text = "is none of the model " + std::string{model} + ":";
  for (const auto f : known) text += ' ' + std::string{f};
  return text;
}

bool is_pair(const value& x) { return x.elements() && x.elements()->size() == 2; }

// A compare-and-set that says it has compared, and found another value.
bool differed(const operation& op) {
  return op.f == "cas" && op.ok() && op.out.truth() && !*op.out.truth();
}

std::string refusal_of_cas(const operation& op) {
  if (op.f != "cas") return {};
  if (!is_pair(op.in)) return "is a cas whose value is not a list [old, new]";
  if (op.ok() && !op.out.empty() && !op.out.truth() && op.out != op.in)
    return "is a cas whose result is not null, true, false or [old, new]";
  return {};
}

void step_cas(const value& s, const operation& op, std::vector<value>& next) {
  const bool equal = s == *op.in.at(0);
  if (!op.ok()) return next.push_back(equal ? *op.in.at(1) : s);
  if (equal == differed(op)) return;
  next.push_back(equal ? *op.in.at(1) : s);
}

// Marks that no value of a history equals: what they stand for is that of its object alone.
value mark(std::string_view name) { return list{value{list{}}, value{name}}; }

// What changes a register makes its value, and one of the reasons why it is no other.
void ties_of_change(const value& made_value, list& made) {
  made.push_back(made_value);
  made.push_back(mark("change"));
}

void ties_of_cas(const operation& op, list& seen, list& made) {
  if (differed(op)) return seen.push_back(mark("change"));
  seen.push_back(*op.in.at(0));
  ties_of_change(*op.in.at(1), made);
}
}  // namespace

std::string register_::refusal(const operation& op) const {
  return one_of(op, "register", {"read", "write"});
}

void register_::ties(const operation& op, list& seen, list& made) const {
  (op.f == "write" ? made : seen).push_back(op.f == "write" ? op.in : op.out);
}

void register_::step(const state& s, const operation& op, std::vector<state>& next) const {
  if (op.f == "write")
    next.push_back(op.in);
  else if (!op.ok() || op.out == s)
    next.push_back(s);
}

std::string cas::refusal(const operation& op) const {
  auto text = one_of(op, "cas", {"read", "write", "cas"});
  return text.empty() ? refusal_of_cas(op) : text;
}

bool cas::observes(const operation& op) const { return op.f == "read" || differed(op); }

void cas::ties(const operation& op, list& seen, list& made) const {
  if (op.f == "cas") return ties_of_cas(op, seen, made);
  if (op.f == "write") return ties_of_change(op.in, made);
  seen.push_back(op.out);
}

void cas::step(const state& s, const operation& op, std::vector<state>& next) const {
  if (op.f == "cas") return step_cas(s, op, next);
  register_{}.step(s, op, next);
}

std::string queue::refusal(const operation& op) const {
  auto text = one_of(op, "queue", {"enqueue", "dequeue"});
  if (text.empty() && op.f == "enqueue" && op.in.empty()) return "enqueues nothing";
  return text;
}

std::size_t queue::hash(const state& s) const {
  std::size_t sum = s.size();
  for (const auto& x : s) sum = mixed(sum, hash_of(x));
  return sum;
}

bool queue::observes(const operation& op) const {
  return op.f == "dequeue" && op.ok() && op.out.empty();
}

// Who put a value in and who took it out stay together; a dequeue of unknown end may have taken any.
void queue::ties(const operation& op, list& seen, list& made) const {
  if (op.f == "enqueue") {
    made.push_back(op.in);
    seen.push_back(list{value{list{}}, op.in});
    seen.push_back(mark("taken"));
  } else if (!op.ok()) {
    made.push_back(mark("taken"));
  } else if (!op.out.empty()) {
    seen.push_back(op.out);
    made.push_back(list{value{list{}}, op.out});
  }
}

void queue::step(const state& s, const operation& op, std::vector<state>& next) const {
  if (op.f == "enqueue") {
    next.push_back(s);
    next.back().push_back(op.in);
  } else if (s.empty()) {
    if (!op.ok() || op.out.empty()) next.push_back(s);
  } else if (!op.ok() || op.out == s.front()) {
    next.emplace_back(s.begin() + 1, s.end());
  }
}

std::string lock::refusal(const operation& op) const {
  auto text = one_of(op, "lock", {"acquire", "release"});
  if (!text.empty()) return text;
  const auto& token = op.f == "release" ? op.in : op.out;
  if (!token.empty() && !token.integer()) return "has a fencing token that is not a whole number";
  return {};
}

std::size_t lock::hash(const state& s) const {
  return mixed(mixed(static_cast<std::size_t>(s.holder), static_cast<std::size_t>(s.token)),
               (s.held ? 1U : 0U) + (s.told ? 2U : 0U));
}

// A critical section stays or goes as a whole; where tokens are not told, all that the process did.
void lock::ties(const operation& op, list& seen, list& made) const {
  const auto of = [&](std::string_view what, const value& token = {}) {
    return value{list{value{list{}}, value{what}, value{op.process}, token}};
  };
  const auto& token = op.f == "release" ? op.in : op.out;
  if (op.f == "acquire") {
    if (token.empty())
      seen = {of("release")};
    else
      seen = {of("release", token), of("release untold")};
    made = {of("acquire"), token.empty() ? of("acquire untold") : of("acquire", token)};
  } else {
    if (token.empty())
      seen = {of("acquire")};
    else
      seen = {of("acquire", token), of("acquire untold")};
    made = {of("release"), token.empty() ? of("release untold") : of("release", token)};
  }
}

void lock::step(const state& s, const operation& op, std::vector<state>& next) const {
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  if (op.f == "acquire") {
    if (s.held || s.token == last) return;
    const auto* const token = op.ok() ? op.out.integer() : nullptr;
    if (token && *token <= s.token) return;
    next.push_back({true, token != nullptr, op.process, token ? *token : s.token + 1});
    return;
  }
  if (!s.held || s.holder != op.process) {
    if (!op.ok()) next.push_back(s);  // refused
    return;
  }
  const auto* const token = op.in.integer();
  if (token && (s.told ? *token != s.token : *token < s.token)) {
    if (!op.ok()) next.push_back(s);
    return;
  }
  next.push_back({false, false, 0, token ? *token : s.token});
}

log::entry::entry(value v, std::shared_ptr<const entry> b)
    : appended{std::move(v)},
      before{std::move(b)},
      length{before ? before->length + 1 : 1},
      hash{mixed(before ? before->hash : 0, hash_of(appended))} {}

log::entry::~entry() {
  auto next = std::move(before);
  while (next && next.use_count() == 1) next = std::exchange(next->before, nullptr);
}

bool log::state::operator==(const state& other) const {
  if (length() != other.length()) return false;
  const auto* a = last.get();
  const auto* b = other.last.get();
  for (; a != b; a = a->before.get(), b = b->before.get())
    if (a->hash != b->hash || a->appended != b->appended) return false;
  return true;
}

std::string log::refusal(const operation& op) const {
  auto text = one_of(op, "log", {"append", "read"});
  if (!text.empty() || !op.ok()) return text;
  if (op.f == "append" && !op.out.empty() && op.out != op.in &&
      !(is_pair(op.out) && op.out.at(0)->integer()))
    return "is an append whose result is not null or [offset, value]";
  if (op.f == "read" && !op.in.empty() && !op.in.integer())
    return "is a read of an offset that is not a whole number";
  if (op.f == "read" && op.in.empty() && !op.out.elements())
    return "is a read of the whole log whose result is not a list";
  return {};
}

namespace {
bool reads(const log::state& s, const operation& op) {
  const auto* at = s.last.get();
  if (const auto* const offset = op.in.integer()) {
    const auto size = static_cast<std::int64_t>(s.length());
    if (*offset < 0 || *offset >= size) return op.out.empty();
    for (auto left = size - 1 - *offset; left > 0; --left) at = at->before.get();
    return at->appended == op.out;
  }
  const auto& all = *op.out.elements();
  if (all.size() != s.length()) return false;
  for (auto i = all.size(); i-- > 0; at = at->before.get())
    if (at->appended != all[i]) return false;
  return true;
}
}  // namespace

void log::step(const state& s, const operation& op, std::vector<state>& next) const {
  if (op.f == "read") {
    if (!op.ok() || reads(s, op)) next.push_back(s);
    return;
  }
  if (op.ok() && op.out != op.in && is_pair(op.out) &&
      (op.out.at(0)->integer() == nullptr || *op.out.at(1) != op.in ||
       *op.out.at(0) != value{s.length()}))
    return;
  next.push_back({std::make_shared<const entry>(op.in, s.last)});
}

std::string kv::refusal(const operation& op) const {
  auto text = one_of(op, "kv", {"get", "put", "append", "delete", "cas"});
  if (!text.empty()) return text;
  if (op.f == "append" && !op.in.text()) return "appends what is not a text";
  return refusal_of_cas(op);
}

bool kv::observes(const operation& op) const { return op.f == "get" || differed(op); }

// A text that was appended to rests upon every change before it.
void kv::ties(const operation& op, list& seen, list& made) const {
  if (op.f == "cas") {
    ties_of_cas(op, seen, made);
    if (!differed(op)) seen.push_back(mark("append"));
  } else if (op.f == "get") {
    seen.push_back(op.out);
    seen.push_back(mark("append"));
  } else if (op.f == "append") {
    seen.push_back(mark("change"));
    made.push_back(mark("append"));
    made.push_back(mark("change"));
  } else {
    ties_of_change(op.f == "put" ? op.in : value{}, made);
  }
}

void kv::step(const state& s, const operation& op, std::vector<state>& next) const {
  if (op.f == "put")
    next.push_back(op.in);
  else if (op.f == "delete")
    next.emplace_back();
  else if (op.f == "cas")
    step_cas(s, op, next);
  else if (op.f == "get" && (!op.ok() || op.out == s))
    next.push_back(s);
  else if (op.f == "append" && (s.empty() || s.text()))
    next.emplace_back((s.text() ? *s.text() : "") + *op.in.text());
}
}  // namespace troupe::checking
