// What CAF 0.17 prints by itself goes to the log instead: call it first in an actor's body.
//   caf::behavior worker(caf::event_based_actor* self) {
//     log_for(self, "worker");
//     ...
//   A message that no handler takes is refused as before (sec::unexpected_message) and logged, at most once a second;
//   a down_msg that no handler takes is logged at debug level; an exception ends the actor as before, with its text in
//   the exit reason (sec::runtime_error), and is logged as an error.
#pragma once
#include <string>

#include <caf/fwd.hpp>
namespace troupe {
void log_for(caf::scheduled_actor* self, std::string component);
}  // namespace troupe
