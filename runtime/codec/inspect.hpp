// CAF's inspection of every described struct (TROUPE_MESSAGE), and of std::optional.
// Include it in every source that registers or sends such structs as CAF messages, before the first use:
//   #include "runtime/codec/inspect.hpp"
//   void register_types(caf::actor_system_config& cfg) { cfg.add_message_type<probe>("swim.probe"); }
//   self->send(peer, probe{7, "b"});
// The registered name is what travels (see type_table.hpp): give it its area's prefix, and never reuse one for another
// struct. Under our own wire (wire.hpp) a struct's fields are framed by their length; under any other serializer the struct
// is one string that holds just those bytes, so that floats, which CAF 0.17.6 packs wrongly or for ever, are bits there too.
#pragma once
#include "runtime/codec/wire.hpp"

#include <optional>
#include <string>
#include <vector>
namespace caf {
template <troupe::described T>
error inspect(serializer& f, T& x) {
  using namespace troupe::codec;
  if (auto* out = wire_writer::behind(f)) {
    save(*out, x);
    return out->error();
  }
  std::vector<char> bytes;
  wire_writer out{f.context(), nullptr, bytes};
  save(out, x);
  if (auto e = out.error()) return e;
  std::string text{bytes.begin(), bytes.end()};
  return f(text);
}

template <troupe::described T>
error inspect(deserializer& f, T& x) {
  using namespace troupe::codec;
  if (auto* in = wire_reader::behind(f)) {
    if (in->charge(sizeof x)) load(*in, x);
    return in->error();
  }
  std::string text;
  if (auto e = f(text)) return e;
  wire_reader in{f.context(), nullptr, text.data(), text.size()};
  load(in, x);
  return in.error();
}

template <class T>
error inspect(serializer& f, std::optional<T>& x) {
  auto present = x.has_value();
  return present ? f(present, *x) : f(present);
}

template <class T>
error inspect(deserializer& f, std::optional<T>& x) {
  auto present = false;
  x.reset();
  if (auto e = f(present)) return e;
  return present ? f(x.emplace()) : none;
}
}  // namespace caf
