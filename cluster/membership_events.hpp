// What membership writes to the event log: changes of members, decisions, and news of the links to other nodes.
#pragma once
#include "patterns/membership/downing.hpp"
#include "patterns/membership/events.hpp"
#include "runtime/event_log.hpp"
#include "runtime/remoting/remoting.hpp"

#include <cstdint>
#include <string>
namespace troupe {
std::uint64_t number_of(const std::string& incarnation);  // for the event log: 64 of its bits

void write_event(event_log& to, const membership::event& what, membership::downing by);
void write_event(event_log& to, const remoting::link_up& what);
void write_event(event_log& to, const remoting::link_broken& what);
void write_event(event_log& to, const remoting::link_resumed& what);
void write_event(event_log& to, const remoting::link_down& what);
void write_event(event_log& to, const remoting::link_refused& what);
}  // namespace troupe
