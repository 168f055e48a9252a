#include "runtime/codec/wire.hpp"

#include <algorithm>

#include <caf/detail/dynamic_message_data.hpp>
#include <caf/error.hpp>
#include <caf/execution_unit.hpp>
#include <caf/make_counted.hpp>
#include <caf/message.hpp>

namespace troupe::codec {
namespace {
constexpr std::uint8_t no_handle = 0, hashed_handle = 1;
constexpr auto default_node = static_cast<std::uint64_t>(caf::node_id::default_data::class_id);
// what a message costs before its elements' own bytes: its data, and a value object an element
constexpr std::size_t message_bytes = 96, element_bytes = 48;

// "@<>+@str+x" is how CAF names the elements of a message inside a value with an inspect function of its own.
bool names_refused(std::string_view names) {
  while (!names.empty()) {
    const auto end = std::min(names.find('+'), names.size());
    if (refused_in_messages(names.substr(0, end))) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}
}  // namespace

bool wire_reader::fail(failure f, std::string_view detail) {
  if (why_ == failure::none) {
    why_ = f;
    detail_ = detail;
  }
  return false;
}

bool wire_reader::fail_unknown(type_ref ref) {
  if (why_ == failure::none) unknown_ = ref;
  return fail(failure::unknown_type, types_ != nullptr ? types_->name_of(ref) : "");
}

bool wire_reader::get_long_natural(std::uint64_t& x) {
  x = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (pos_ == end_) return fail(failure::truncated);
    const auto byte = static_cast<std::uint64_t>(static_cast<unsigned char>(*pos_++));
    if (shift == 63 && byte > 1) return fail(failure::bad_value);
    x |= (byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return fail(failure::bad_value);
}

bool wire_reader::get_handle(caf::strong_actor_ptr& x) {
  std::uint8_t kind = 0;
  std::uint64_t id = 0;
  std::uint32_t process = 0;
  caf::node_id::default_data::host_id_type host{};
  x = nullptr;
  if (!get_fixed(kind)) return false;
  if (kind == no_handle) return true;
  if (kind != hashed_handle) return fail(failure::bad_handle);
  if (!get_natural(id) || !get_fixed(process) || !get_raw(host.data(), host.size())) return false;
  auto node = caf::make_node_id(process, host);
  if (options_.nodes != nullptr) node = (*options_.nodes)(node);
  return !caf::load_actor(x, context(), id, node) || fail(failure::bad_handle);
}

bool wire_reader::get_message(caf::message& x) {
  if (!enter()) return false;
  load_content(*this, x);
  leave();
  return why_ == failure::none;
}

bool wire_reader::get_error(caf::error& x) {
  std::uint64_t code = 0, category = 0;
  caf::message context;
  x = caf::none;
  if (!get_natural(code)) return false;
  if (code == 0) return true;
  if (code > 0xff) return fail(failure::bad_value);
  if (!get_fixed(category) || !get_message(context)) return false;
  x = caf::error{static_cast<std::uint8_t>(code), static_cast<caf::atom_value>(category),
                 std::move(context)};
  return true;
}

caf::error wire_reader::begin_object(std::uint16_t& number, std::string& name) {
  number = 0;
  if (enter() && get_bytes(name) && names_refused(name)) fail(failure::refused_type, name);
  if (name == "@<>") leave();  // an empty message: CAF does not end it
  return error();
}
caf::error wire_reader::end_object() {
  leave();
  return caf::none;
}
// CAF does not say what the elements are: a string is the largest of the common ones.
caf::error wire_reader::begin_sequence(std::size_t& size) {
  size = 0;
  if (enter() && get_count(size)) charge(size * sizeof(std::string));
  return error();
}
caf::error wire_reader::end_sequence() {
  leave();
  return caf::none;
}
caf::error wire_reader::apply_raw(std::size_t size, void* data) {
  get_raw(data, size);
  return error();
}

caf::error wire_reader::apply_impl(std::int8_t& x) { return fixed(x); }
caf::error wire_reader::apply_impl(std::uint8_t& x) {
  if (host_left_ == 0) return fixed(x);
  x = host_[host_.size() - host_left_--];
  return caf::none;
}
caf::error wire_reader::apply_impl(std::int16_t& x) { return fixed(x); }
caf::error wire_reader::apply_impl(std::uint16_t& x) { return fixed(x); }
caf::error wire_reader::apply_impl(std::int32_t& x) { return fixed(x); }
// Handles and node ids outside described structs are read by CAF's own functions, in pieces: the hook sees the whole id
// when its first piece is asked for, and the pieces of what it answered are handed out.
caf::error wire_reader::apply_impl(std::uint32_t& x) {
  if (!std::exchange(node_begun_, false) || options_.nodes == nullptr) return fixed(x);
  if (!get_fixed(x) || !get_raw(host_.data(), host_.size())) return error();
  const auto node = (*options_.nodes)(caf::make_node_id(x, host_));
  if (!node || node->implementation_id() != caf::node_id::default_data::class_id) {
    fail(failure::bad_handle);
    return error();
  }
  const auto& id = static_cast<const caf::node_id::default_data&>(*node);
  x = id.process_id();
  host_ = id.host_id();
  host_left_ = static_cast<std::uint8_t>(host_.size());
  return caf::none;
}
caf::error wire_reader::apply_impl(std::int64_t& x) { return fixed(x); }
caf::error wire_reader::apply_impl(std::uint64_t& x) {
  auto e = fixed(x);
  node_begun_ = !e && x == default_node;
  return e;
}
caf::error wire_reader::apply_impl(float& x) { return fixed(x); }
caf::error wire_reader::apply_impl(double& x) { return fixed(x); }
caf::error wire_reader::apply_impl(long double&) {
  fail(failure::refused_type, "long double");
  return error();
}
caf::error wire_reader::apply_impl(std::string& x) {
  get_bytes(x);
  return error();
}
template <class T>
caf::error wire_reader::wide_text(T& x) {
  constexpr auto each = sizeof(typename T::value_type);
  std::size_t n = 0;
  if (get_count(n, each) && charge(n * each)) {
    x.resize(n);
    get_raw(x.data(), n * each);
  }
  return error();
}
caf::error wire_reader::apply_impl(std::u16string& x) { return wide_text(x); }
caf::error wire_reader::apply_impl(std::u32string& x) { return wide_text(x); }

namespace {
bool load_ref(wire_reader& in, type_ref& ref) {
  std::uint8_t first = 0;
  if (!in.get_fixed(first)) return false;
  ref = first;
  if (first < 0x80) return true;
  std::array<std::uint8_t, 7> rest{};
  if (!in.get_raw(rest.data(), rest.size())) return false;
  for (const auto byte : rest) ref = (ref << 8) | byte;
  return true;
}

bool load_element(wire_reader& in, caf::type_erased_value_ptr& x) {
  type_ref ref = 0;
  if (!load_ref(in, ref)) return false;
  const auto* entry = in.types() != nullptr ? in.types()->find(ref) : nullptr;
  if (entry == nullptr) return in.fail_unknown(ref);
  if (!in.charge(element_bytes)) return false;
  x = entry->make();
  switch (x->type_nr()) {
    case caf::type_nr<caf::message>::value:
      return in.get_message(*static_cast<caf::message*>(x->get_mutable()));
    case caf::type_nr<caf::error>::value:
      return in.get_error(*static_cast<caf::error*>(x->get_mutable()));
    default:
      const auto depth = in.depth();
      if (x->load(in)) return in.fail(failure::foreign, entry->name);
      return in.complete(depth, entry->name);
  }
}
}  // namespace

caf::error load_content(wire_reader& in, caf::message& content) {
  std::size_t size = 0;
  content.reset();
  if (!in.get_count(size)) return in.error();
  if (size > in.bounds().elements) in.fail(failure::too_many);
  if (size == 0 || !in.charge(message_bytes)) return in.error();
  auto data = caf::make_counted<caf::detail::dynamic_message_data>();
  for (; size > 0 && in.why() == failure::none; --size) {
    caf::type_erased_value_ptr element;
    if (!load_element(in, element)) break;
    data->append(std::move(element));
  }
  if (in.why() == failure::none)
    content = caf::message{caf::detail::message_data::cow_ptr{std::move(data)}};
  return in.error();
}
}  // namespace troupe::codec
