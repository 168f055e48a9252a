#include "cluster/membership_events.hpp"

#include "runtime/error.hpp"

#include <cstdlib>

namespace troupe {
using namespace membership;
namespace {
std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ",") + word;
  return all;
}
}  // namespace

std::uint64_t number_of(const std::string& incarnation) {
  return std::strtoull(incarnation.substr(0, 16).c_str(), nullptr, 16);
}

void write_event(event_log& to, const event& what, downing by) {
  const auto& name = what.member.id.name;
  const auto life = number_of(what.member.id.incarnation);
  switch (what.what) {
    case event_kind::joined:
      return to.write(events::member_joining{name, life});
    case event_kind::up:
      return to.write(events::member_up{name, life});
    case event_kind::leaving:
      return to.write(events::member_leaving{name, life});
    case event_kind::exiting:
      return to.write(events::member_exiting{name, life});
    case event_kind::downed:
      return to.write(events::member_down{name, life, what.reason});
    case event_kind::removed:
      return to.write(events::member_removed{name, life});
    case event_kind::suspected:
      return to.write(events::suspected{name, life, joined(what.member.witnesses)});
    case event_kind::cleared:
      return to.write(events::refuted{name, life});
    case event_kind::unreachable:
      return to.write(events::member_unreachable{name, life});
    case event_kind::reachable:
      return to.write(events::member_reachable{name, life});
    case event_kind::decided:
      return to.write(
          events::downing_decided{std::string{to_string(by)}, joined(what.names), what.reason});
    case event_kind::formed:
    case event_kind::welcomed:
    case event_kind::refused:
    case event_kind::self_downed:
    case event_kind::self_left:
    case event_kind::waiting:
    case event_kind::asks_lease:
      return;
  }
}

void write_event(event_log& to, const remoting::link_up& what) {
  to.write(events::link_up{what.who.name, what.who.session});
}
void write_event(event_log& to, const remoting::link_broken& what) {
  to.write(events::link_broken{what.who.name, what.who.session, what.reason});
}
void write_event(event_log& to, const remoting::link_resumed& what) {
  to.write(events::link_resumed{what.who.name, what.who.session, 0});
}
void write_event(event_log& to, const remoting::link_down& what) {
  to.write(events::link_down{what.who.name, what.who.session, sentence_of(what.reason)});
}
void write_event(event_log& to, const remoting::link_refused& what) {
  to.write(events::link_refused{to_string(what.address), sentence_of(what.reason)});
}
}  // namespace troupe
