#include "runtime/codec/wire.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/error.hpp>
#include <caf/execution_unit.hpp>
#include <caf/message.hpp>

namespace troupe::codec {
namespace {
constexpr char no_handle = 0, hashed_handle = 1;
constexpr auto default_node = static_cast<std::uint64_t>(caf::node_id::default_data::class_id);
}  // namespace

bool wire_writer::fail(failure f, std::string_view detail) {
  if (why_ == failure::none) {
    why_ = f;
    detail_ = detail;
  }
  return false;
}

// The length stands in as many bytes as were set aside for it: a varint with idle leading groups.
void wire_writer::close(frame f) {
  leave();
  auto length = out_.size() - f.at - f.width;
  for (std::uint8_t i = 0; i < f.width; ++i, length >>= 7) {
    out_[f.at + i] = static_cast<char>((length & 0x7f) | (i + 1 < f.width ? 0x80 : 0));
  }
  if (length != 0) fail(failure::too_large);
}

void wire_writer::put_handle(const caf::strong_actor_ptr& x) {
  if (!x) return out_.push_back(no_handle);
  const auto& node = x->nid;
  if (!node || node->implementation_id() != caf::node_id::default_data::class_id) {
    fail(failure::bad_handle, "its node has no identity");
    return;
  }
  auto handle = x;
  if (caf::save_actor(handle, context(), x->aid, node)) {
    fail(failure::bad_handle);
    return;
  }
  const auto& id = static_cast<const caf::node_id::default_data&>(*node);
  if (noted_ != nullptr && node == context()->system().node()) noted_->push_back(x->aid);
  out_.push_back(hashed_handle);
  put_natural(x->aid);
  put_fixed(id.process_id());
  const auto host = id.host_id();
  put_raw(host.data(), host.size());
}

void wire_writer::put_message(const caf::message& x) {
  if (!enter()) return;
  save_content(*this, x);
  leave();
}

void wire_writer::put_error(const caf::error& x) {
  put_natural(x ? x.code() : 0);
  if (!x) return;
  put_fixed(static_cast<std::uint64_t>(x.category()));
  put_message(x.context());
}

caf::error wire_writer::begin_object(std::uint16_t&, std::string& name) {
  enter();
  put_text(name.data(), name.size());
  return error();
}
caf::error wire_writer::end_object() {
  leave();
  return caf::none;
}
caf::error wire_writer::begin_sequence(std::size_t& size) {
  enter();
  put_natural(size);
  return error();
}
caf::error wire_writer::end_sequence() {
  leave();
  return caf::none;
}
caf::error wire_writer::apply_raw(std::size_t size, void* data) {
  put_raw(data, size);
  return caf::none;
}

#define TROUPE_FIXED(Type)                      \
  caf::error wire_writer::apply_impl(Type& x) { \
    put_fixed(x);                               \
    return caf::none;                           \
  }
TROUPE_FIXED(std::int8_t)
TROUPE_FIXED(std::uint8_t)
TROUPE_FIXED(std::int16_t)
TROUPE_FIXED(std::uint16_t)
TROUPE_FIXED(std::int32_t)
TROUPE_FIXED(std::int64_t)
TROUPE_FIXED(float)
TROUPE_FIXED(double)
#undef TROUPE_FIXED
// CAF writes a handle as its id, the atom "default" and its node in pieces, the first of which tells whether it is ours.
caf::error wire_writer::apply_impl(std::uint32_t& x) {
  if (noted_ != nullptr && x == process_ && last_ == default_node) noted_->push_back(before_);
  put_fixed(x);
  return caf::none;
}
caf::error wire_writer::apply_impl(std::uint64_t& x) {
  before_ = std::exchange(last_, x);
  put_fixed(x);
  return caf::none;
}

// Its bytes differ between machines, and padding would leak.
caf::error wire_writer::apply_impl(long double&) {
  fail(failure::refused_type, "long double");
  return error();
}
caf::error wire_writer::apply_impl(std::string& x) {
  put_text(x.data(), x.size());
  return caf::none;
}
caf::error wire_writer::apply_impl(std::u16string& x) {
  put_natural(x.size());
  put_raw(x.data(), x.size() * sizeof(char16_t));
  return caf::none;
}
caf::error wire_writer::apply_impl(std::u32string& x) {
  put_natural(x.size());
  put_raw(x.data(), x.size() * sizeof(char32_t));
  return caf::none;
}

caf::error save_content(wire_writer& out, const caf::type_erased_tuple& content) {
  const auto size = content.size();
  if (size > out.bounds().elements) out.fail(failure::too_many);
  out.put_natural(size);
  for (std::size_t i = 0; i < size && out.why() == failure::none; ++i) {
    const auto type = content.type(i);
    const auto* entry = out.types() != nullptr ? out.types()->find(type) : nullptr;
    if (entry == nullptr) {
      out.fail(failure::unknown_type,
               type.first != 0 ? caf::numbered_type_names[type.first - 1] : type.second->name());
      break;
    }
    if (entry->ref < registered_bit) {
      out.put_fixed(static_cast<std::uint8_t>(entry->ref));
    } else {
      out.put_fixed(__builtin_bswap64(entry->ref));  // its top bit first
    }
    if (type.first == caf::type_nr<caf::message>::value) {
      out.put_message(content.get_as<caf::message>(i));
    } else if (type.first == caf::type_nr<caf::error>::value) {
      out.put_error(content.get_as<caf::error>(i));
    } else if (auto e = content.save(i, out)) {
      out.fail(failure::foreign, entry->name);
    }
  }
  return out.error();
}

caf::error save_content(wire_writer& out, const caf::message& content) {
  if (content.empty()) {
    out.put_natural(0);
    return out.error();
  }
  return save_content(out, content.content());
}
}  // namespace troupe::codec
