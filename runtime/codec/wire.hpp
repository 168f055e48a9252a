// The form that message contents have between nodes: what CAF's inspection writes, in our own bytes.
//   wire_writer out{context, &table, bytes};                     // bytes: std::vector<char>, appended to
//   if (auto e = save_content(out, content)) ...                 // content: caf::type_erased_tuple or caf::message
//   wire_reader in{context, &table, bytes.data(), bytes.size(), {.nodes = &translate}};
//   caf::message content;
//   if (auto e = load_content(in, content)) ...                  // in.why() is the exact failure
// What the caller provides:
//   table    type_table{system}, one per actor system
//   context  an execution unit of the system; while reading, one whose proxy_registry_ptr() finds the peers' proxies.
//            Writing only asks it for the system: one scoped_execution_unit may serve all threads.
//   nodes    a function applied to the node id of every handle (and to bare node ids) before it is resolved, so that a
//            session number can be put into ids of the peer and taken out of our own; may be null
// Promises
//   - a described struct is framed by its length: a reader that knows fewer fields skips the rest, one that knows more
//     keeps their defaults; integers may be widened
//   - whatever the bytes, reading ends within limits (runtime/codec/failure.hpp): nothing is allocated for a count that
//     the bytes left could not hold, in.memory() estimates what the decoded values hold
//   - floats travel as their bits; an enumerator not on its TROUPE_ENUM list is refused
//   - an unknown type is failure::unknown_type and in.unknown() its reference, for an answer to the sender; CAF's own
//     control messages are failure::refused_type
// Form: integers as varints (signed ones zigzag), bool one byte, floats 4 or 8 bytes, strings, byte vectors, sequences and
// maps behind their count, optional behind 0 or 1, a struct behind its length, a variant behind its index. What has an
// inspect function of its own is written as CAF walks it, with integers at full width. All little endian.
#pragma once
#include "runtime/codec/failure.hpp"
#include "runtime/codec/traverse.hpp"
#include "runtime/codec/type_table.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <typeinfo>
#include <vector>

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/deserializer.hpp>
#include <caf/fwd.hpp>
#include <caf/node_id.hpp>
#include <caf/serializer.hpp>
#include <caf/type_erased_tuple.hpp>
namespace troupe::codec {
static_assert(std::endian::native == std::endian::little, "the wire copies numbers as they are");
// caf::actor, typed_actor, actor_addr
template <class T>
concept actor_handle = requires(const T& x) {
  T::has_weak_ptr_semantics;
  x.node();
  x.id();
};
using node_hook = std::function<caf::node_id(const caf::node_id&)>;

class wire_writer final : public caf::serializer {
 public:
  static constexpr bool positional = true;
  struct frame {
    std::size_t at = 0;
    std::uint8_t width = 0;
  };
  // `types` may be null where no message is written.
  wire_writer(caf::execution_unit* context, const type_table* types, std::vector<char>& out,
              limits bounds = {})
      : caf::serializer(context), out_(out), types_(types), limits_(bounds) {}
  // The writer behind a plain serializer, if it is one.
  static wire_writer* behind(caf::serializer& f) {
    return typeid(f) == typeid(wire_writer) ? static_cast<wire_writer*>(&f) : nullptr;
  }
  failure why() const { return why_; }
  caf::error error() const { return to_error(why_, detail_); }
  const type_table* types() const { return types_; }
  const limits& bounds() const { return limits_; }
  // The ids of our own system's actors whose handles are written from now on, one each time, go there as well; `process`
  // is the process id in our own node's id, which no other handle has.
  void note_handles(std::vector<std::uint64_t>* ids, std::uint32_t process) {
    noted_ = ids;
    process_ = process;
  }
  bool fail(failure f, std::string_view detail = {});
  bool enter() { return ++depth_ <= limits_.depth || fail(failure::too_deep); }
  void leave() { --depth_; }

  void put_raw(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    out_.insert(out_.end(), bytes, bytes + size);
  }
  template <class T>
  void put_fixed(T x) {
    put_raw(&x, sizeof x);
  }
  void put_natural(std::uint64_t x) {
    char bytes[10];
    std::size_t n = 0;
    for (; x >= 0x80; x >>= 7) bytes[n++] = static_cast<char>(x | 0x80);
    bytes[n++] = static_cast<char>(x);
    put_raw(bytes, n);
  }
  void put_integer(std::int64_t x) {
    put_natural((static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63));
  }
  void put_bool(bool x) { out_.push_back(x ? 1 : 0); }
  void put_real(float x) { put_fixed(x); }
  void put_real(double x) { put_fixed(x); }
  void put_text(const char* data, std::size_t size) {
    put_natural(size);
    put_raw(data, size);
  }
  void put_blob(const char* data, std::size_t size) { put_text(data, size); }
  template <class T>
  void put_reals(const std::vector<T>& xs) {
    put_natural(xs.size());
    put_raw(xs.data(), xs.size() * sizeof(T));
  }
  void put_present(bool x) { put_bool(x); }
  void put_tag(std::uint64_t) {}
  void begin_array(std::size_t n) { put_natural(n); }
  void begin_map(std::size_t n) { put_natural(n); }
  void end_array() {}
  void begin_product(std::size_t) {}
  void end_product() {}
  template <class T>
  frame begin_struct(const T& x, std::size_t) {
    const auto most = bound(x);
    return open(most < 0x80 ? 1 : most < (1U << 21) ? 3 : 5);
  }
  void end_struct(frame f) { close(f); }
  void put_handle(const caf::strong_actor_ptr& x);
  template <class T>
  void put_other(const T& x) {
    if constexpr (std::same_as<T, caf::strong_actor_ptr>) {
      put_handle(x);
    } else if constexpr (std::same_as<T, caf::message>) {
      put_message(x);
    } else if constexpr (std::same_as<T, caf::error>) {
      put_error(x);
    } else if constexpr (actor_handle<T>) {
      put_handle(caf::actor_cast<caf::strong_actor_ptr>(x));
    } else if (auto e = (*this)(const_cast<T&>(x))) {
      fail(failure::foreign);
    }
  }
  void put_message(const caf::message& x);
  void put_error(const caf::error& x);

  // what CAF's inspection calls
  caf::error begin_object(std::uint16_t& number, std::string& name) override;
  caf::error end_object() override;
  caf::error begin_sequence(std::size_t& size) override;
  caf::error end_sequence() override;
  caf::error apply_raw(std::size_t size, void* data) override;

 protected:
  caf::error apply_impl(std::int8_t& x) override;
  caf::error apply_impl(std::uint8_t& x) override;
  caf::error apply_impl(std::int16_t& x) override;
  caf::error apply_impl(std::uint16_t& x) override;
  caf::error apply_impl(std::int32_t& x) override;
  caf::error apply_impl(std::uint32_t& x) override;
  caf::error apply_impl(std::int64_t& x) override;
  caf::error apply_impl(std::uint64_t& x) override;
  caf::error apply_impl(float& x) override;
  caf::error apply_impl(double& x) override;
  caf::error apply_impl(long double& x) override;
  caf::error apply_impl(std::string& x) override;
  caf::error apply_impl(std::u16string& x) override;
  caf::error apply_impl(std::u32string& x) override;

 private:
  frame open(std::uint8_t width) {
    enter();
    const frame f{out_.size(), width};
    out_.resize(out_.size() + width);
    return f;
  }
  void close(frame f);

  std::vector<char>& out_;
  const type_table* types_;
  limits limits_;
  std::vector<std::uint64_t>* noted_ = nullptr;
  std::uint32_t process_ = 0;
  std::uint64_t
      last_ = 0,
      before_ =
          0;  // of the numbers CAF's inspection gave: an actor's id, then the atom of its node
  std::uint32_t depth_ = 0;
  failure why_ = failure::none;
  std::string detail_;
};

struct reader_options {
  const node_hook* nodes = nullptr;
  limits bounds{};
};

class wire_reader final : public caf::deserializer {
 public:
  static constexpr bool positional = true;
  struct frame {
    const char* outer_end = nullptr;
  };
  wire_reader(caf::execution_unit* context, const type_table* types, const char* data,
              std::size_t size, reader_options options = {})
      : caf::deserializer(context),
        pos_(data),
        end_(data + size),
        types_(types),
        options_(options) {}
  static wire_reader* behind(caf::deserializer& f) {
    return typeid(f) == typeid(wire_reader) ? static_cast<wire_reader*>(&f) : nullptr;
  }
  failure why() const { return why_; }
  caf::error error() const { return to_error(why_, detail_); }
  type_ref unknown() const { return unknown_; }     // of failure::unknown_type
  std::uint64_t memory() const { return memory_; }  // held by what was decoded, estimated
  std::size_t left() const { return static_cast<std::size_t>(end_ - pos_); }
  const char* position() const { return pos_; }
  const type_table* types() const { return types_; }
  const limits& bounds() const { return options_.bounds; }
  bool fail(failure f, std::string_view detail = {});
  bool fail_unknown(type_ref ref);
  bool enter() { return ++depth_ <= options_.bounds.depth || fail(failure::too_deep); }
  void leave() { --depth_; }
  std::uint32_t depth() const { return depth_; }
  // After CAF has read a value that began at this depth: it forgets the errors of messages inside other values, and leaves
  // those messages open.
  bool complete(std::uint32_t begun, std::string_view detail = {}) {
    return why_ == failure::none && (depth_ == begun || fail(failure::foreign, detail));
  }
  bool charge(std::size_t bytes) {
    memory_ += bytes;
    return memory_ <= options_.bounds.memory || fail(failure::too_large);
  }

  bool get_raw(void* data, std::size_t size) {
    if (size > left()) return fail(failure::truncated);
    if (size > 0) std::memcpy(data, pos_, size);
    pos_ += size;
    return true;
  }
  template <class T>
  bool get_fixed(T& x) {
    return get_raw(&x, sizeof x);
  }
  bool get_natural(std::uint64_t& x) {
    if (pos_ != end_ && static_cast<unsigned char>(*pos_) < 0x80) {
      x = static_cast<unsigned char>(*pos_++);
      return true;
    }
    return get_long_natural(x);
  }
  bool get_integer(std::int64_t& x) {
    std::uint64_t raw = 0;
    if (!get_natural(raw)) return false;
    x = static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
    return true;
  }
  bool get_bool(bool& x) {
    if (pos_ == end_) return fail(failure::truncated);
    const auto raw = static_cast<unsigned char>(*pos_++);
    x = raw == 1;
    return raw <= 1 || fail(failure::bad_value);
  }
  bool get_real(float& x) { return get_fixed(x); }
  bool get_real(double& x) { return get_fixed(x); }
  // a count of things that take at least `each` bytes
  bool get_count(std::size_t& n, std::size_t each = 1) {
    std::uint64_t raw = 0;
    if (!get_natural(raw)) return false;
    if (raw > left() / each) return fail(failure::truncated);
    n = static_cast<std::size_t>(raw);
    return true;
  }
  template <class Bytes>
  bool get_bytes(Bytes& x) {
    std::size_t n = 0;
    if (!get_count(n) || !charge(n)) return false;
    const auto* first = reinterpret_cast<const typename Bytes::value_type*>(pos_);
    x.assign(first, first + n);
    pos_ += n;
    return true;
  }
  template <class T>
  bool get_reals(std::vector<T>& xs) {
    std::size_t n = 0;
    if (!get_count(n, sizeof(T)) || !charge(n * sizeof(T))) return false;
    xs.resize(n);
    return get_raw(xs.data(), n * sizeof(T));
  }
  bool get_present(bool& x) { return get_bool(x); }
  bool begin_array(std::size_t& n) { return get_count(n); }
  bool begin_map(std::size_t& n) { return get_count(n); }
  bool end_array() { return true; }
  bool begin_product(std::size_t) { return true; }
  bool end_product() { return true; }
  bool begin_struct(frame& f) {
    std::size_t n = 0;
    if (!get_count(n) || !enter()) return false;
    f.outer_end = end_;
    end_ = pos_ + n;
    return true;
  }
  bool at_end(const frame&) const { return pos_ == end_; }
  bool end_struct(const frame& f) {
    if (why_ != failure::none) return false;
    pos_ = end_;  // fields that this version does not know
    end_ = f.outer_end;
    leave();
    return true;
  }
  bool get_handle(caf::strong_actor_ptr& x);
  bool get_message(caf::message& x);
  bool get_error(caf::error& x);
  template <class T>
  bool get_other(T& x) {
    if constexpr (std::same_as<T, caf::strong_actor_ptr>) {
      return get_handle(x);
    } else if constexpr (std::same_as<T, caf::message>) {
      return get_message(x);
    } else if constexpr (std::same_as<T, caf::error>) {
      return get_error(x);
    } else if constexpr (actor_handle<T>) {
      caf::strong_actor_ptr handle;
      if (!get_handle(handle)) return false;
      x = caf::actor_cast<T>(handle);
      return true;
    } else {
      const auto depth = depth_;
      if (auto e = (*this)(x)) return fail(failure::foreign);
      return complete(depth);
    }
  }

  caf::error begin_object(std::uint16_t& number, std::string& name) override;
  caf::error end_object() override;
  caf::error begin_sequence(std::size_t& size) override;
  caf::error end_sequence() override;
  caf::error apply_raw(std::size_t size, void* data) override;

 protected:
  caf::error apply_impl(std::int8_t& x) override;
  caf::error apply_impl(std::uint8_t& x) override;
  caf::error apply_impl(std::int16_t& x) override;
  caf::error apply_impl(std::uint16_t& x) override;
  caf::error apply_impl(std::int32_t& x) override;
  caf::error apply_impl(std::uint32_t& x) override;
  caf::error apply_impl(std::int64_t& x) override;
  caf::error apply_impl(std::uint64_t& x) override;
  caf::error apply_impl(float& x) override;
  caf::error apply_impl(double& x) override;
  caf::error apply_impl(long double& x) override;
  caf::error apply_impl(std::string& x) override;
  caf::error apply_impl(std::u16string& x) override;
  caf::error apply_impl(std::u32string& x) override;

 private:
  bool get_long_natural(std::uint64_t& x);
  template <class T>
  caf::error fixed(T& x) {
    return get_fixed(x) ? caf::none : error();
  }
  template <class T>
  caf::error wide_text(T& x);

  const char* pos_;
  const char* end_;
  const type_table* types_;
  reader_options options_;
  std::uint32_t depth_ = 0;
  std::uint64_t memory_ = 0;
  type_ref unknown_ = 0;
  failure why_ = failure::none;
  std::string detail_;
  // CAF writes a node id as the atom "default", its process id and 20 bytes, one by one
  bool node_begun_ = false;
  std::uint8_t host_left_ = 0;
  std::array<std::uint8_t, caf::node_id::default_data::host_id_size> host_{};
};

// A message's elements, each behind its type. Both return the writer's or reader's error.
caf::error save_content(wire_writer& out, const caf::type_erased_tuple& content);
caf::error save_content(wire_writer& out, const caf::message& content);
// Reads one message; bytes that follow are the caller's (in.left()).
caf::error load_content(wire_reader& in, caf::message& content);
}  // namespace troupe::codec
