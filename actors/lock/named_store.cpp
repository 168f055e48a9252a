#include "actors/lock/named_store.hpp"

#include "actors/lock/database_store.hpp"
#include "actors/lock/postgres_connection.hpp"
#include "actors/lock/redis_store.hpp"

#include <string_view>
#include <vector>

#include <caf/all.hpp>
namespace troupe::lock {
namespace {
using opened_store = result<caf::actor, std::string>;
struct kind {
  std::vector<std::string_view> prefixes;
  std::string_view form;  // as a person writes it
  opened_store (*open)(caf::actor_system& system, const std::string& store);
  std::optional<std::string> (*mistake)(const std::string& store) = nullptr;
};

opened_store sqlite_store(caf::actor_system& system, const std::string& store) {
  return spawn_sqlite_store(system, store.substr(store.find(':') + 1));
}

std::optional<std::string> redis_mistake(const std::string& store) {
  const auto at = redis_address_of(store);
  return at ? std::nullopt : std::optional{at.error()};
}

std::optional<std::string> postgres_mistake(const std::string& store) {
  const auto name = pg_connection::name_of(store);
  return name ? std::nullopt : std::optional{name.error()};
}

const std::vector<kind>& kinds() {
  static const std::vector<kind> all{
      {{"sqlite:"}, "sqlite:PATH", &sqlite_store},
      {{"postgresql://", "postgres://"},
       "postgresql://USER@HOST:PORT/DATABASE",
       &spawn_postgres_store,
       &postgres_mistake},
      {{"redis://"},
       "redis://[:PASSWORD@]HOST[:PORT][/DATABASE]",
       &spawn_redis_store,
       &redis_mistake},
  };
  return all;
}

const kind* kind_of(const std::string& store) {
  for (const auto& k : kinds())
    for (const auto prefix : k.prefixes)
      if (store.starts_with(prefix) && store.size() > prefix.size()) return &k;
  return nullptr;
}
}  // namespace

std::string known_stores() {
  std::string all;
  for (const auto& k : kinds()) all += (all.empty() ? "" : ", ") + std::string{k.form};
  return all;
}

// What comes before the colon is shown, and nothing else of it: the rest may hold a password.
std::optional<std::string> mistake_in(const std::string& store) {
  if (const auto* k = kind_of(store)) return k->mistake ? k->mistake(store) : std::nullopt;
  return "'" + store.substr(0, store.find(':')) + "' is no store of locks: it is one of " +
         known_stores();
}

opened_store spawn_named_store(caf::actor_system& system, const std::string& store) {
  if (auto why = mistake_in(store)) return unexpected{std::move(*why)};
  return kind_of(store)->open(system, store);
}
}  // namespace troupe::lock
