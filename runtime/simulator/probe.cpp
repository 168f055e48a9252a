#include "runtime/simulator/probe.hpp"
namespace troupe::laboratory {
namespace {
using watch_atom = caf::atom_constant<caf::atom("watch")>;
}  // namespace

probe::probe(clockwork& time, caf::actor_system& on) : time_{&time} {
  self_ = on.spawn([got = got_](caf::event_based_actor* self) -> caf::behavior {
    self->set_down_handler([got](caf::down_msg& gone) { got->push_back(caf::make_message(std::move(gone))); });
    self->set_default_handler(
        [got](caf::scheduled_actor*, caf::message_view& what) -> caf::result<caf::message> {
          got->push_back(what.move_content_to_message());
          return caf::message{};
        });
    return {[=](watch_atom, const caf::actor& whom) { self->monitor(whom); }};
  });
}

void probe::monitor(const caf::actor& whom) {
  caf::anon_send(self_, watch_atom::value, whom);
  time_->run_until([] { return false; }, {});
}

void probe::wait(duration limit) {
  time_->run_until([&] { return !got_->empty(); }, limit, std::chrono::milliseconds{1});
}

bool probe::nothing_within(duration limit) {
  wait(limit);
  return got_->empty();
}

std::string probe::next() const { return got_->empty() ? std::string{} : caf::to_string(got_->front()); }
}  // namespace troupe::laboratory
