#include "actors/link/channel_thread.hpp"

#include "actors/link/channel.hpp"
#include "runtime/codec/inspect.hpp"
#include "runtime/error.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include <caf/all.hpp>

// These go from a thread to its own pump and never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::channel::write)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::channel::finish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::channel::consumed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::channel::abort)

namespace troupe::channel {
namespace {
using attach_atom = caf::atom_constant<caf::atom("chan_meet")>;

struct pump_state {
  static inline const char* name = "channel_pump";
  std::unique_ptr<channels> all{};
};
using pump = caf::stateful_actor<pump_state>;

// Once: the first word is the last.
template <class State>
void settle(State& shared, caf::error why) {
  {
    std::lock_guard guard{shared.mutex};
    if (shared.over) return;
    shared.over = true;
    shared.error = std::move(why);
  }
  shared.changed.notify_all();
}

caf::error killed(errc code, const caf::error& reason) {
  return make_error(
      code, "the actor that speaks for this side of the channel was ended: " + sentence_of(reason));
}
}  // namespace

struct writer::state {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t written = 0;
  std::uint64_t acknowledged = 0;
  bool finishing = false;
  bool over = false;
  caf::error error;
};

namespace {
template <class State>
caf::behavior write_pump(pump* self, std::shared_ptr<State> shared, id channel,
                         const caf::actor& sink, settings s) {
  // an exit message from whoever holds our handle ends us without `over`
  self->attach_functor([shared](const caf::error& reason) {
    const bool finishing = [&] {
      std::lock_guard guard{shared->mutex};
      return shared->finishing;
    }();
    // the receiver may have taken the end, and nobody is left to hear of it
    settle(*shared, killed(finishing ? errc::unknown_outcome : errc::failed, reason));
  });
  self->state.all = std::make_unique<channels>(self);
  auto* all = self->state.all.get();
  all->on_empty([=] { self->quit(); });
  self->set_down_handler([all](const caf::down_msg& d) { all->down(d); });
  const auto over = [=](caf::error why) { settle(*shared, std::move(why)); };
  const auto progress = [=](std::uint64_t acknowledged) {
    {
      std::lock_guard guard{shared->mutex};
      shared->acknowledged = acknowledged;
    }
    shared->changed.notify_all();
  };
  all->open_source(channel, sink, {.space = {}, .over = over, .progress = progress}, s);
  const auto with = [=](auto&& f) {
    if (auto* source = all->find_source(channel)) f(*source);
  };
  return caf::message_handler{
      [=](write& in) { with([&](source& out) { out.write(std::move(in.data)); }); },
      [=](const finish&) { with([](source& out) { out.finish(); }); },
      [=](const abort& in) { with([&](source& out) { out.abort(in.sentence); }); },
      [=](attach_atom, const caf::actor& to) { with([&](source& out) { out.attach(to); }); },
  }
      .or_else(all->handlers());
}
}  // namespace

writer::writer(caf::actor_system& system, id channel, const caf::actor& sink, settings s)
    : settings_{s}, state_{std::make_shared<state>()} {
  pump_ = system.spawn(write_pump<state>, state_, channel, sink, s);
}

writer::~writer() { abort("its writer is gone"); }

caf::error writer::over() const {
  if (!state_->over) return caf::none;
  return state_->error ? state_->error : make_error(errc::refused, "the channel is finished");
}

caf::error writer::push(std::string bytes) {
  {
    std::unique_lock lock{state_->mutex};
    state_->changed.wait(lock, [&] {
      return state_->over || state_->written - state_->acknowledged < settings_.buffer;
    });
    if (auto e = over()) return e;
    state_->written += bytes.size();
  }
  caf::anon_send(pump_, channel::write{std::move(bytes)});
  return caf::none;
}

caf::error writer::write(std::string_view bytes) {
  {
    std::lock_guard lock{state_->mutex};
    if (auto e = over()) return e;  // at once, not when the chunk is full
  }
  while (!bytes.empty()) {
    const auto take = std::min(bytes.size(), settings_.chunk - gathered_.size());
    if (gathered_.empty()) gathered_.reserve(settings_.chunk);
    gathered_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (gathered_.size() < settings_.chunk) break;
    if (auto e = push(std::exchange(gathered_, {}))) return e;
  }
  return caf::none;
}

caf::error writer::flush() {
  return gathered_.empty() ? caf::error{} : push(std::exchange(gathered_, {}));
}

caf::error writer::finish() {
  if (auto e = flush()) return e;
  {
    std::lock_guard lock{state_->mutex};
    state_->finishing = true;
  }
  caf::anon_send(pump_, channel::finish{});
  std::unique_lock lock{state_->mutex};
  state_->changed.wait(lock, [&] { return state_->over; });
  return state_->error;
}

void writer::abort(std::string sentence) {
  caf::anon_send(pump_, channel::abort{std::move(sentence)});
}
void writer::attach(const caf::actor& sink) { caf::anon_send(pump_, attach_atom::value, sink); }
std::uint64_t writer::acknowledged() const {
  std::lock_guard guard{state_->mutex};
  return state_->acknowledged;
}

struct reader::state {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> data;
  bool over = false;
  caf::error error;
};

namespace {
template <class State>
caf::behavior read_pump(pump* self, std::shared_ptr<State> shared, id channel, settings s) {
  self->attach_functor(
      [shared](const caf::error& reason) { settle(*shared, killed(errc::failed, reason)); });
  self->state.all = std::make_unique<channels>(self);
  auto* all = self->state.all.get();
  all->on_empty([=] { self->quit(); });
  self->set_down_handler([=](const caf::down_msg& d) { all->down(d); });
  const auto data = [=](std::string bytes) {
    {
      std::lock_guard guard{shared->mutex};
      shared->data.push_back(std::move(bytes));
    }
    shared->changed.notify_all();
  };
  const auto over = [=](caf::error why) { settle(*shared, std::move(why)); };
  all->open_sink(channel, {.data = data, .over = over}, s);
  const auto with = [=](auto&& f) {
    if (auto* sink = all->find_sink(channel)) f(*sink);
  };
  return caf::message_handler{
      [=](const consumed& in) { with([&](sink& to) { to.consumed(in.bytes); }); },
      [=](const abort& in) { with([&](sink& to) { to.abort(in.sentence); }); },
      [=](attach_atom, const caf::actor& to) { with([&](sink& in) { in.attach(to); }); },
  }
      .or_else(all->handlers());
}
}  // namespace

reader::reader(caf::actor_system& system, id channel, settings s)
    : quantum_{std::max<std::size_t>(s.window / 8, 1)}, state_{std::make_shared<state>()} {
  pump_ = system.spawn(read_pump<state>, state_, channel, s);
}

reader::~reader() { abort("its reader is gone"); }

bool reader::read(std::string& bytes) {
  std::unique_lock lock{state_->mutex};
  if (unreported_ > 0 && (unreported_ >= quantum_ || state_->data.empty())) {
    lock.unlock();
    caf::anon_send(pump_, consumed{std::exchange(unreported_, 0)});
    lock.lock();
  }
  state_->changed.wait(lock, [&] { return state_->over || !state_->data.empty(); });
  if (state_->data.empty() || state_->error) return false;
  bytes = std::move(state_->data.front());
  state_->data.pop_front();
  unreported_ += bytes.size();
  return true;
}

caf::error reader::error() const {
  std::lock_guard guard{state_->mutex};
  return state_->error;
}
void reader::abort(std::string sentence) {
  caf::anon_send(pump_, channel::abort{std::move(sentence)});
}
void reader::attach(const caf::actor& source) { caf::anon_send(pump_, attach_atom::value, source); }
}  // namespace troupe::channel
