#include "runtime/codec/type_table.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/type_erased_tuple.hpp>
#include <caf/uniform_type_info_map.hpp>

namespace troupe::codec {
namespace {
// A type's place in this list is its reference: append only.
constexpr std::array<std::string_view, 34> own_names{
    "",         "@actor",    "@actorvec", "@addr",      "@addrvec", "@atom",
    "@charbuf", "@duration", "@error",    "@i16",       "@i32",     "@i64",
    "@i8",      "@message",  "@node",     "@str",       "@strmap",  "@strong_actor_ptr",
    "@strset",  "@strvec",   "@timespan", "@timestamp", "@u16",     "@u16str",
    "@u32",     "@u32str",   "@u64",      "@u8",        "@unit",    "@weak_actor_ptr",
    "bool",     "double",    "float",     "@ldouble"};
constexpr std::array<std::string_view, 11> refused_names{
    "@down",       "@downstream_msg",  "@exit",    "@group",        "@group_down",
    "@message_id", "@open_stream_msg", "@timeout", "@upstream_msg", "@config_value",
    "@ldouble"};
}  // namespace

type_ref ref_of(std::string_view name) {
  std::uint64_t hash =
      14695981039346656037U;  // FNV-1a, then mixed, since short names differ in few bits
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93U;
  hash ^= hash >> 32;
  return hash | registered_bit;
}

bool refused_in_messages(std::string_view name) {
  return std::find(refused_names.begin(), refused_names.end(), name) != refused_names.end() ||
         name.starts_with("stream<");
}

type_table::type_table(caf::actor_system& system) {
  const auto& config = system.config();
  entries_.reserve(caf::type_nrs + config.type_names_by_rtti.size());
  by_number_.resize(caf::type_nrs);
  for (std::uint16_t number = 1; number < caf::type_nrs; ++number) {
    const auto& name = system.types().portable_name(number, nullptr);
    const auto place = std::find(own_names.begin(), own_names.end(), name);
    if (place == own_names.end() || refused_in_messages(name)) continue;
    const auto make = [types = &system.types(), number] { return types->make_value(number); };
    entries_.push_back({static_cast<type_ref>(place - own_names.begin()), false, name, make});
    by_number_[number] = &entries_.back();
    by_ref_.emplace(entries_.back().ref, &entries_.back());
  }
  for (const auto& [type, name] : config.type_names_by_rtti) {
    const auto factory = config.value_factories_by_name.find(name);
    if (refused_in_messages(name) || factory == config.value_factories_by_name.end()) continue;
    entries_.push_back({ref_of(name), name.starts_with("bulk."), name, factory->second});
    const auto* added = &entries_.back();
    const auto [place, fresh] = by_ref_.emplace(added->ref, added);
    if (!fresh && (place->second == nullptr || place->second->name != name)) {
      place->second = nullptr;  // one of two names that share a hash is in nobody's table
    }
    by_address_.emplace(type.name(), added);
    by_mangled_.emplace(type.name(), added);
  }
  std::erase_if(by_address_, [&](const auto& one) { return find(one.second->ref) == nullptr; });
  std::erase_if(by_mangled_, [&](const auto& one) { return find(one.second->ref) == nullptr; });
}

const type_table::entry* type_table::find(caf::rtti_pair type) const {
  if (type.first != 0) return type.first < by_number_.size() ? by_number_[type.first] : nullptr;
  if (const auto near = by_address_.find(type.second->name()); near != by_address_.end()) {
    return near->second;
  }
  const auto far = by_mangled_.find(type.second->name());
  return far != by_mangled_.end() ? far->second : nullptr;
}

const type_table::entry* type_table::find(type_ref ref) const {
  const auto found = by_ref_.find(ref);
  return found != by_ref_.end() ? found->second : nullptr;
}

bool type_table::bulk(const caf::type_erased_tuple& content) const {
  if (content.empty()) return false;
  const auto type = content.type(0);
  if (type.first != 0) return false;
  const auto* found = find(type);
  return found != nullptr && found->bulk;
}

std::string type_table::name_of(type_ref ref) const {
  if (const auto* found = find(ref)) return found->name;
  char digits[24];
  std::snprintf(digits, sizeof digits, "type %016" PRIx64, ref);
  return digits;
}
}  // namespace troupe::codec
