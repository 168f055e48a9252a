// How message types are named on the wire: one byte for CAF's own, eight bytes for registered ones.
// The eight bytes are a hash of the name given to add_message_type, so that encoding needs no state that two threads, two
// lanes or a new session would have to agree on, and both sides may register in any order.
//   Promises  a reference never changes its meaning between versions; a name this process does not know is found out
//             (failure::unknown_type), and the sender, told of the reference, can name it: name_of
//   Beware    two names with one hash are both refused here. Types registered after the table was made are not in it.
// Immutable once made, so any number of threads may use it. Make one per actor system, when its configuration is complete.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <caf/fwd.hpp>
#include <caf/rtti_pair.hpp>
#include <caf/type_erased_value.hpp>
namespace troupe::codec {
using type_ref = std::uint64_t;  // 1 to 127: CAF's own; with the top bit: registered; 0: none
constexpr type_ref registered_bit = type_ref{1} << 63;

type_ref ref_of(std::string_view registered_name);

// Whether a peer may put this into a message: CAF's own control messages make a receiver crash or lie to it.
bool refused_in_messages(std::string_view portable_name);

class type_table {
 public:
  struct entry {
    type_ref ref = 0;
    bool bulk = false;  // its name begins with "bulk."
    std::string name{};
    std::function<caf::type_erased_value_ptr()> make{};
  };
  explicit type_table(caf::actor_system& system);

  const entry* find(caf::rtti_pair type) const;  // null: not registered, or refused
  const entry* find(type_ref ref) const;         // null: unknown
  // A message whose first element is registered as "bulk.something" travels behind all others.
  bool bulk(const caf::type_erased_tuple& content) const;
  std::string name_of(type_ref ref) const;  // of an unknown one its digits

 private:
  std::vector<entry> entries_;
  std::vector<const entry*> by_number_;  // CAF's type number
  std::unordered_map<type_ref, const entry*> by_ref_;
  std::unordered_map<const void*, const entry*> by_address_;  // of the type's mangled name
  std::unordered_map<std::string_view, const entry*>
      by_mangled_;  // for a second copy in a shared library
};
}  // namespace troupe::codec
