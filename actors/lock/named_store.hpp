// The stores of locks that stand on their own, each by a name that a person can type.
//   sqlite:PATH                              a file, for the processes of one machine
//   postgresql://USER@HOST:PORT/DATABASE     a table in a PostgreSQL server: libpq's URI, and its environment
//   redis://[:PASSWORD@]HOST:PORT[/DATABASE]  a Redis server; ?replicas=N: and N of its replicas (redis_store.hpp)
//   Promises  a store that cannot be used now is refused with a sentence that says what to do; passwords are in none
#pragma once
#include "patterns/result.hpp"

#include <optional>
#include <string>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
namespace troupe::lock {
// Why this is no store's name; nothing: it is one.
std::optional<std::string> mistake_in(const std::string& store);
// Opens it, which may take seconds where a server does not answer.
result<caf::actor, std::string> spawn_named_store(caf::actor_system& system,
                                                  const std::string& store);
// All of them, for help texts.
std::string known_stores();
}  // namespace troupe::lock
