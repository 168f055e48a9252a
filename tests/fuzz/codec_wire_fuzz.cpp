// room: runtime
// The reader of message contents, over any bytes: it ends within its limits, what it holds is what it estimates, and what
// was read can be written and read again.
#include "patterns/message.hpp"
#include "runtime/codec/inspect.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

// bytes in use, where a sanitizer counts them
extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace codec_fuzz {
enum class role : std::uint8_t { follower, candidate, leader };
TROUPE_ENUM(role, follower, candidate, leader)
struct entry {
  std::uint64_t term = 0;
  std::string data;
};
TROUPE_MESSAGE(entry, term, data)
struct everything {
  bool flag = false;
  std::int8_t tiny = 0;
  std::uint16_t small = 0;
  std::int64_t large = 0;
  float single = 0;
  double real = 0;
  std::string text;
  role from = role::follower;
  std::vector<std::uint8_t> bytes;
  std::vector<entry> entries;
  std::vector<double> reals;
  std::map<std::string, std::vector<double>> tree;
  std::set<std::int32_t> numbers;
  std::optional<entry> maybe;
  std::array<std::uint16_t, 3> three{};
  std::tuple<bool, double> two;
  std::variant<std::monostate, entry, double> choice;
  std::vector<bool> bits;
  std::chrono::milliseconds age{};
};
TROUPE_MESSAGE(everything, flag, tiny, small, large, single, real, text, from, bytes, entries,
               reals, tree, numbers, maybe, three, two, choice, bits, age)
struct node {
  std::vector<node> children;
};
TROUPE_MESSAGE(node, children)
struct letter {
  caf::actor from;
  caf::strong_actor_ptr to;
  caf::actor_addr copy;
  caf::error why;
  caf::message content;
  std::map<std::uint32_t, caf::message> more;
};
TROUPE_MESSAGE(letter, from, to, copy, why, content, more)
// has an inspect of its own
struct foreign {
  std::uint32_t n = 0;
  std::vector<caf::actor> who;
  std::vector<std::string> words;
  std::map<std::string, std::uint16_t> counts;
  caf::node_id where;
  caf::message content;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, foreign& x) {
  return f(caf::meta::type_name("foreign"), x.n, x.who, x.words, x.counts, x.where, x.content);
}

constexpr std::array<std::uint8_t, 20> host{1, 2, 3};
struct config : caf::actor_system_config {
  config() {
    set("scheduler.policy", caf::atom("testing"));
    add_message_type<entry>("f.entry");
    add_message_type<everything>("f.all");
    add_message_type<node>("f.node");
    add_message_type<letter>("f.letter");
    add_message_type<foreign>("f.foreign");
  }
};
// Peers' handles are null here: what matters is which ids it takes to get one.
struct no_proxies final : caf::proxy_registry::backend {
  caf::strong_actor_ptr make_proxy(caf::node_id, caf::actor_id) override { return nullptr; }
  void set_last_hop(caf::node_id*) override {}
};
// One system for all inputs, with an actor that handles may name; it lives as long as the process.
struct world {
  config cfg;
  caf::actor_system system{cfg};
  no_proxies backend;
  caf::proxy_registry proxies{system, backend};
  std::unique_ptr<troupe::codec::type_table> types;
  caf::scoped_execution_unit context{&system};
  caf::actor resident;
  world() {
    const_cast<caf::node_id&>(system.node()) = caf::make_node_id(7, host);
    context.proxy_registry_ptr(&proxies);
    types = std::make_unique<troupe::codec::type_table>(system);
    resident = system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
    system.registry().put(resident.id(), caf::actor_cast<caf::strong_actor_ptr>(resident));
  }
  static world& get() {
    static auto& only = *new world;
    return only;
  }
};
}  // namespace codec_fuzz

using namespace codec_fuzz;
using namespace troupe::codec;

namespace {
std::vector<char> written(world& w, const caf::message& content) {
  std::vector<char> out;
  wire_writer writer{&w.context, w.types.get(), out};
  if (save_content(writer, content)) std::abort();
  return out;
}
std::size_t in_use() {
  return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes() : 0;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto& w = world::get();
  const node_hook nodes = [&](const caf::node_id& id) -> caf::node_id {
    const auto& parts = static_cast<const caf::node_id::default_data&>(*id);
    switch (parts.process_id() % 4) {
      case 0:
        return caf::node_id{};  // a session nobody knows
      case 1:
        return caf::make_node_id(8, host);
      default:
        return w.system.node();
    }
  };
  constexpr std::uint64_t memory_max = 1 << 22;
  wire_reader reader{&w.context,
                     w.types.get(),
                     reinterpret_cast<const char*>(data),
                     size,
                     {.nodes = &nodes, .bounds = {.memory = memory_max}}};
  caf::message content;
  const auto before = in_use();
  const auto e = load_content(reader, content);
  w.proxies.clear();
  const auto held = in_use() - before;
  if (static_cast<bool>(e) != (reader.why() != failure::none)) std::abort();
  if (e && !content.empty()) std::abort();
  if (reader.left() > size) std::abort();
  // vectors double, and an allocation has a least size: within a factor, and within the bytes of an error
  if (before != 0 && held > 4 * reader.memory() + 4096 && held < (std::size_t{1} << 62))
    std::abort();
  if (e) return 0;
  const auto first = written(w, content);
  wire_reader again{&w.context, w.types.get(), first.data(), first.size()};
  caf::message copy;
  if (load_content(again, copy) || again.left() > 0) std::abort();
  if (written(w, copy) != first) std::abort();
  return 0;
}
