// The node's journal store, for parts beside the log (cluster/log_keeper.hpp has it, and opens it when it is first needed).
#pragma once
#include "runtime/journal/journal.hpp"
namespace troupe {
struct store_query {};  // answered with store_here, inside the process
struct store_here {
  journal::store_ptr store;
};
}  // namespace troupe
