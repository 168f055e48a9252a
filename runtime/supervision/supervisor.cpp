#include "runtime/supervision/supervisor.hpp"

#include "runtime/actor_log.hpp"
#include "runtime/chance.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

#include <deque>
#include <map>
#include <stdexcept>

#include <caf/all.hpp>

namespace troupe::supervision {
namespace {
namespace rules = troupe::supervisor;
struct wake_up {
  std::uint64_t generation = 0;
};
TROUPE_MESSAGE(wake_up, generation)

rules::ending ending_of(const caf::error& reason) {
  if (!reason || reason == caf::exit_reason::normal) return rules::ending::normal;
  if (reason == caf::exit_reason::user_shutdown) return rules::ending::shutdown;
  return rules::ending::abnormal;
}

std::string_view name_of(rules::phase p) {
  switch (p) {
    case rules::phase::idle:
      return "idle";
    case rules::phase::waiting:
      return "waiting";
    case rules::phase::starting:
      return "starting";
    case rules::phase::running:
      return "running";
    case rules::phase::stopping:
      return "stopping";
    case rules::phase::killing:
      return "killing";
  }
  return "";
}

caf::error to_error(rules::refusal r) {
  switch (r) {
    case rules::refusal::already_exists:
      return make_error(errc::already_exists, "a child of this name exists already");
    case rules::refusal::not_found:
      return make_error(errc::not_found, "there is no child of this name");
    case rules::refusal::running:
      return make_error(errc::refused, "the child is running: stop it first");
    case rules::refusal::restarting:
      return make_error(errc::not_ready, "the child is just restarting");
    case rules::refusal::invalid:
      return make_error(errc::invalid_argument,
                        "a child needs a name and a way to spawn it, and may be significant only "
                        "if it can end for "
                        "good under an automatic shutdown");
    case rules::refusal::start_failed:
      return make_error(errc::failed, "the child could not be started");
    case rules::refusal::stopping:
      return make_error(errc::refused, "the supervisor is stopping");
  }
  return make_error(errc::failed);
}

std::vector<rules::child_spec> specs_of(const std::vector<child>& children) {
  std::vector<rules::child_spec> specs;
  for (const auto& c : children) specs.push_back(c.spec);
  return specs;
}

std::uint64_t seed_of(const options& how, caf::actor_system& system) {
  return how.seed != 0 ? how.seed : fresh_seed(system);
}

class supervisor_actor : public caf::event_based_actor {
 public:
  supervisor_actor(caf::actor_config& config, options how, std::vector<child> children)
      : caf::event_based_actor(config),
        how_(std::move(how)),
        refused_(check(children)),
        core_(how_.how, refused_ ? std::vector<rules::child_spec>{} : specs_of(children),
              seed_of(how_, system())) {
    for (auto& c : children) factories_[c.spec.id] = std::move(c.spawn);
  }
  const char* name() const override { return "supervisor"; }

  caf::behavior make_behavior() override {
    if (refused_) {
      quit(to_error(*refused_));
      return {};
    }
    log_for(this, "supervisor");
    // Not links: an actor that receives an exit_msg drops its link, and we would not hear of its end.
    set_down_handler([this](const caf::down_msg& m) { on_down(m); });
    set_exit_handler([this](const caf::exit_msg& m) {
      if (m.reason == caf::exit_reason::kill) return quit(m.reason);
      ending_ = m.reason;
      step(rules::shut_down{});
    });
    step(rules::start{});
    return {
        [this](const wake_up& in) {
          if (in.generation == generation_) step(rules::tick{});
        },
        [this](const which_children&) { return list(); },
        [this](const find_child& in) { return find(in.id); },
        [this](const watch_child& in) { return watch(in); },
        [this](add_child& in) {
          if (!in.added.spawn) return refuse(rules::refusal::invalid);
          // a name that is taken keeps its own way to spawn: the core refuses, see `reply`
          auto spec = in.added.spec;
          added_[tickets_ + 1] = {spec.id, std::move(in.added.spawn)};
          return command(rules::add_child{0, std::move(spec)});
        },
        [this](const stop_child& in) {
          return command(rules::stop_child{0, in.id});
        },
        [this](const restart_child& in) {
          return command(rules::restart_child{0, in.id});
        },
        [this](const delete_child& in) {
          return command(rules::delete_child{0, in.id});
        },
    };
  }
  void on_exit() override {
    for (const auto& [address, run] : runs_) caf::anon_send_exit(address, caf::exit_reason::kill);
    handles_.clear();
    runs_.clear();
    watchers_.clear();
    factories_.clear();
    promises_.clear();
  }

 private:
  struct run {
    std::string id;
    std::uint64_t number = 0;
  };
  struct addition {
    std::string id;
    factory spawn;
  };

  std::optional<rules::refusal> check(const std::vector<child>& children) const {
    for (const auto& c : children)
      if (!c.spawn) return rules::refusal::invalid;
    return rules::check(how_.how, specs_of(children));
  }

  void step(rules::input in) {
    inputs_.push_back(std::move(in));
    if (stepping_) return;
    stepping_ = true;
    while (!inputs_.empty()) {
      const auto next = std::move(inputs_.front());
      inputs_.pop_front();
      rules::output out;
      core_.step(next, clock().now().time_since_epoch(), out);
      carry_out(out);
    }
    stepping_ = false;
  }

  void carry_out(const rules::output& out) {
    for (const auto& r : out.replies) reply(r);
    for (const auto& e : out.events) tell(e);
    for (const auto& a : out.act) act(a);
    if (out.ended) end(*out.ended);
    ++generation_;
    if (!out.wake) return;
    const auto now = clock().now().time_since_epoch();
    delayed_send(this, std::max<caf::timespan>(*out.wake - now, caf::timespan{0}),
                 wake_up{generation_});
  }

  void act(const rules::action& a) {
    if (a.what == rules::verb::launch) return start_child(a);
    const auto found = handles_.find(a.id);
    if (found == handles_.end()) return;
    const bool kill = a.what == rules::verb::kill;
    send_exit(found->second, kill ? caf::exit_reason::kill : caf::exit_reason::user_shutdown);
  }

  void start_child(const rules::action& a) {
    caf::actor handle;
    std::string why = "its factory gave no handle";
    try {
      if (reached(failpoint::supervisor_launch)) throw std::runtime_error{"a failpoint"};
      handle = spawn_of(a.id)(this);
      reached(failpoint::supervisor_launched);
    } catch (const std::exception& e) {
      why = e.what();
    }
    if (!handle) {
      log::error("supervisor", "a child could not start",
                 {{"supervisor", how_.name}, {"child", a.id}, {"reason", why}});
      last_failure_ = "'" + a.id + "' could not start: " + why;
      return step(rules::start_failed{a.id, a.run});
    }
    runs_[handle.address()] = {a.id, a.run};
    handles_[a.id] = handle;
    unlink_from(handle);  // were it linked, its end would look like a wish that we end
    monitor(handle);
    how_.events->write(events::child_started{how_.name, a.id});
    for_watchers(a.id, child_up{a.id, handle});
    step(rules::started{a.id, a.run});
  }

  factory& spawn_of(const std::string& id) {
    for (auto& [ticket, added] :
         added_)  // the core runs one command at a time, in order of the tickets
      if (added.id == id && !factories_.count(id)) return added.spawn;
    return factories_.at(id);
  }

  void on_down(const caf::down_msg& m) {
    drop_watcher(m.source);
    const auto found = runs_.find(m.source);
    if (found == runs_.end()) return;
    const auto ended = std::move(found->second);
    runs_.erase(found);
    const auto reason = sentence_of(m.reason);
    how_.events->write(events::child_ended{how_.name, ended.id, reason});
    const auto held = handles_.find(ended.id);
    if (held != handles_.end() && held->second.address() == m.source) {
      handles_.erase(held);
      for_watchers(ended.id, child_down{ended.id});
    }
    const auto how = ending_of(m.reason);
    if (how == rules::ending::abnormal) {
      last_failure_ = "'" + ended.id + "': " + reason;
      log::warn("supervisor", "a child ended",
                {{"supervisor", how_.name}, {"child", ended.id}, {"reason", reason}});
    }
    step(rules::exited{ended.id, ended.number, how});
  }

  void end(rules::end why) {
    switch (why) {
      case rules::end::shut_down:
        return quit(ending_ ? ending_ : caf::make_error(caf::exit_reason::user_shutdown));
      case rules::end::auto_shut_down:
        return quit(caf::exit_reason::user_shutdown);
      case rules::end::escalated:
        return quit(make_error(errc::failed, "supervisor '" + how_.name +
                                                 "' gave up, since a child kept failing, last " +
                                                 last_failure_));
      case rules::end::start_failed:
        return quit(make_error(errc::failed, "supervisor '" + how_.name +
                                                 "' could not start: child " + last_failure_));
    }
  }

  void tell(const rules::event& e) {
    static log::once_per quiet{std::chrono::seconds{1}};
    switch (e.what) {
      case rules::note::restarting:
        metrics::counter("troupe_supervisor_restarts_total", "Restarts of children.",
                         {{"supervisor", how_.name}})
            .add();
        quiet.info("supervisor", "restarting",
                   {{"supervisor", how_.name}, {"child", e.id}, {"delay", e.delay}});
        return;
      case rules::note::abandoned:
        metrics::counter("troupe_supervisor_abandoned_total",
                         "Children that survived being killed.", {{"supervisor", how_.name}})
            .add();
        handles_.erase(e.id);
        for_watchers(e.id, child_down{e.id});
        return log::error("supervisor", "a child survives being killed and is abandoned",
                          {{"supervisor", how_.name}, {"child", e.id}});
      case rules::note::gave_up:
        how_.events->write(events::supervisor_gave_up{how_.name, e.id});
        return log::error("supervisor", "gave up",
                          {{"supervisor", how_.name}, {"child", e.id}, {"last", last_failure_}});
    }
  }

  caf::result<void> refuse(rules::refusal r) { return to_error(r); }

  template <class Command>
  caf::result<void> command(Command c) {
    c.ticket = ++tickets_;
    auto promise = make_response_promise();
    promises_[c.ticket] = promise;
    step(rules::command{std::move(c)});
    return promise;
  }

  void reply(const rules::reply& r) {
    const auto added = added_.find(r.ticket);
    if (added != added_.end()) {
      if (!r.refused) factories_[added->second.id] = std::move(added->second.spawn);
      added_.erase(added);
    }
    const auto found = promises_.find(r.ticket);
    if (found == promises_.end()) return;
    if (r.refused)
      found->second.deliver(to_error(*r.refused));
    else
      found->second.deliver(caf::unit);
    promises_.erase(found);
    forget_factories();
  }

  // of children that the core has forgotten
  void forget_factories() {
    std::map<std::string, factory> kept;
    for (const auto& c : core_.children())
      if (auto at = factories_.find(c.spec.id); at != factories_.end())
        kept.insert(factories_.extract(at));
    factories_ = std::move(kept);
  }

  child_list list() const {
    child_list all;
    for (const auto& c : core_.children()) {
      const auto found = handles_.find(c.spec.id);
      all.children.push_back({c.spec.id, found == handles_.end() ? caf::actor{} : found->second,
                              std::string{name_of(c.at)}, c.restarts});
    }
    return all;
  }

  bool known(const std::string& id) const {
    for (const auto& c : core_.children())
      if (c.spec.id == id) return true;
    return false;
  }

  caf::result<caf::actor> find(const std::string& id) const {
    const auto found = handles_.find(id);
    if (found != handles_.end()) return found->second;
    if (known(id)) return make_error(errc::not_ready, "'" + id + "' is not running at the moment");
    return make_error(errc::not_found, "there is no child named '" + id + "'");
  }

  caf::result<void> watch(const watch_child& in) {
    if (!in.watcher) return make_error(errc::invalid_argument, "a watcher is missing");
    if (!known(in.id))
      return make_error(errc::not_found, "there is no child named '" + in.id + "'");
    monitor(in.watcher);
    watchers_.emplace(in.id, in.watcher);
    const auto found = handles_.find(in.id);
    if (found != handles_.end()) send(in.watcher, child_up{in.id, found->second});
    return caf::unit;
  }

  template <class Message>
  void for_watchers(const std::string& id, const Message& message) {
    const auto [first, last] = watchers_.equal_range(id);
    for (auto at = first; at != last; ++at) send(at->second, message);
  }

  void drop_watcher(const caf::actor_addr& gone) {
    for (auto at = watchers_.begin(); at != watchers_.end();)
      at = at->second.address() == gone ? watchers_.erase(at) : std::next(at);
  }

  options how_;
  std::optional<rules::refusal> refused_;
  rules::core core_;
  std::map<std::string, factory> factories_;
  std::map<std::uint64_t, addition> added_;          // by ticket, until the core has answered
  std::map<std::string, caf::actor> handles_;        // of what runs
  std::map<caf::actor_addr, run> runs_;              // and whose it is
  std::multimap<std::string, caf::actor> watchers_;  // by child
  std::map<std::uint64_t, caf::response_promise> promises_;
  std::uint64_t tickets_ = 0;
  std::uint64_t generation_ = 0;  // of the timer
  std::deque<rules::input> inputs_;
  bool stepping_ = false;
  std::string last_failure_;
  caf::error ending_;
};

struct stable_state {
  caf::actor supervisor;
  caf::actor child;
};

caf::behavior stable(caf::stateful_actor<stable_state>* self, const caf::actor& supervisor,
                     const std::string& id) {
  self->state.supervisor = supervisor;
  self->monitor(supervisor);
  self->set_down_handler(
      [=](const caf::down_msg&) { self->quit(caf::exit_reason::user_shutdown); });
  self->set_default_handler([=](caf::scheduled_actor*,
                                caf::message_view& view) -> caf::result<caf::message> {
    auto content = view.move_content_to_message();
    if (!self->state.child) {
      static log::once_per quiet{std::chrono::seconds{10}};
      quiet.warn("supervisor", "a message came while its receiver was not running",
                 {{"child", id}});
      return make_error(errc::not_ready, "'" + id + "' is restarting: try again in a moment");
    }
    auto promise = self->make_response_promise();
    if (self->current_message_id().is_urgent_message())
      return promise.delegate<caf::message_priority::high>(self->state.child, std::move(content)),
             promise;
    return promise.delegate<caf::message_priority::normal>(self->state.child, std::move(content)),
           promise;
  });
  const auto give_up = [=](const caf::error& e) { self->quit(e); };
  self->request(supervisor, std::chrono::seconds{10},
                watch_child{id, caf::actor_cast<caf::actor>(self)})
      .then([] {}, give_up);
  return {
      [=](const child_up& up) {
        if (self->current_sender() == self->state.supervisor) self->state.child = up.handle;
      },
      [=](const child_down&) {
        if (self->current_sender() == self->state.supervisor) self->state.child = nullptr;
      },
  };
}
}  // namespace

caf::actor spawn_supervisor(caf::actor_system& system, options how, std::vector<child> children) {
  return system.spawn<supervisor_actor>(std::move(how), std::move(children));
}

child nested(supervisor::child_spec spec, options how, std::vector<child> children) {
  spec.shutdown = std::nullopt;
  return {std::move(spec), [how, children](caf::event_based_actor* parent) {
            return spawn_supervisor(parent->system(), how, children);
          }};
}

caf::actor stable_handle(caf::actor_system& system, const caf::actor& supervisor,
                         const std::string& id) {
  return system.spawn(stable, supervisor, id);
}
}  // namespace troupe::supervision
