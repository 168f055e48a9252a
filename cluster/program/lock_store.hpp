// Where locks, latches and barriers are kept, as --store says it: in the cluster that is named by the usual options, or in a
// store that needs none.
#pragma once
#include "cluster/program/client.hpp"

#include <memory>
#include <string>
namespace troupe::program {
class lock_store {
 public:
  static answer<std::unique_ptr<lock_store>> open(const std::string& store, const target& to);
  virtual ~lock_store() = default;
  virtual caf::actor_system& system() = 0;
  virtual const caf::actor& actor() const = 0;
};
void add_store(CLI::App& verb, std::string& store);
// In whose name one stands: what was given, or the host and the process.
std::string owner_or_own(const std::string& given);
}  // namespace troupe::program
