#include "runtime/remoting/association.hpp"

#include "runtime/error.hpp"
#include "runtime/remoting/content.hpp"
#include "runtime/remoting/hub.hpp"
#include "runtime/remoting/identity.hpp"
#include "runtime/remoting/proxy.hpp"

#include <algorithm>

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/system_messages.hpp>

namespace troupe::remoting {
namespace {
constexpr std::size_t batch_bytes = 64 * 1024;
// Marks of the outbox: messages, answers to requests, and what keeps both sides' books right.
constexpr unsigned messages = 1, answers = 2, books = 3;

// Of our actors whose handles the message under way names, one each time: should it not leave, they are taken back.
thread_local std::vector<caf::actor_id> named;

void answer(const caf::mailbox_element& request, caf::error why) {
  if (request.sender)
    request.sender->enqueue(
        caf::make_mailbox_element(nullptr, request.mid.response_id(), {}, std::move(why)), nullptr);
}

// Tells the peer of the end of one of ours; matched by its session, so that it can be taken away again.
class watcher final : public caf::attachable {
 public:
  struct token {
    static constexpr std::size_t token_type = 0x74726f75;
    const association* who;
  };
  watcher(std::weak_ptr<association> session, const association* who, caf::actor_id id)
      : session_{std::move(session)}, who_{who}, id_{id} {}
  void actor_exited(const caf::error& reason, caf::execution_unit*) override {
    if (auto session = session_.lock()) session->tell_down(id_, reason);
  }
  bool matches(const caf::attachable::token& what) override {
    return what.subtype == token::token_type && static_cast<const token*>(what.ptr)->who == who_;
  }

 private:
  std::weak_ptr<association> session_;
  const association* who_;
  caf::actor_id id_;
};
}  // namespace

association::association(std::shared_ptr<hub> home, const link::incarnation& peer,
                         std::uint32_t number)
    : home_{std::move(home)},
      peer_{peer},
      number_{number},
      node_{node_of(peer, number)},
      out_{batch_bytes} {}
association::~association() = default;

link::lane association::lane_of(bool urgent, caf::actor_id to, caf::actor_id from) const {
  if (!urgent) return link::lane::normal;
  const auto gateway = peer_gateway_.load(std::memory_order_relaxed);
  const bool control =
      (gateway != 0 && to == gateway) || (from != 0 && from == home_->gateway_id());
  return control ? link::lane::control : link::lane::urgent;
}

bool association::exports(const caf::strong_actor_ptr& ours, bool findable) {
  {
    std::lock_guard guard{exported_};
    if (closed()) return false;
    if (exports_.size() >= home_->config().bounds.handles_max && !exports_.holds(ours->id()))
      return false;
    if (exports_.sent(ours->id())) home_->exports().hold(ours);
  }
  named.push_back(ours->id());
  if (findable) home_->exports().make_findable(ours);
  return true;
}

void association::take_back() {
  for (const auto id : std::exchange(named, {})) released(id, 1);
}

link::handle association::handle_of(const caf::strong_actor_ptr& who) {
  if (!who) return {};
  if (who->node() == home_->node()) {
    exports(who, false);
    return {home_->life(), who->id()};
  }
  return {link_incarnation(who->node()), who->id()};
}

void association::name_source(link::record& r, const caf::strong_actor_ptr& who) {
  if (!who) return;
  const auto named = handle_of(who);
  r.source = named.actor;
  if (named.node == home_->life()) {
    r.by = link::sender::mine;
  } else if (named.node == peer_) {
    r.by = link::sender::yours;
  } else {
    r.by = link::sender::third;
    r.from = named;
  }
}

void association::send(proxy& to, caf::mailbox_element_ptr what) {
  if (closed() || to.getf(caf::abstract_actor::is_terminated_flag))
    return refuse(what, outbox::verdict::closed);
  if (what->content().match_elements<caf::exit_msg>()) return send_exit(to, *what);
  if (what->mid.is_stream_message()) return refuse(what, outbox::verdict::closed);
  link::record r{.target = to.id(), .id = what->mid.request_id().integer_value()};
  r.urgent = what->mid.is_urgent_message();
  r.kind = what->mid.is_response()  ? link::message_kind::response
           : what->mid.is_request() ? link::message_kind::request
                                    : link::message_kind::asynchronous;
  auto lane = lane_of(r.urgent, to.id(), what->sender ? what->sender->id() : 0);
  if (lane == link::lane::normal && home_->types().bulk(what->content())) lane = link::lane::bulk;
  const unsigned marks = r.kind == link::message_kind::response ? answers : messages;
  if (out_.full(lane, marks)) return refuse(what, outbox::verdict::overloaded);
  named.clear();
  name_source(r, what->sender);
  link::buffer stages;
  for (const auto& stage : what->stages) link::put_stages(stages, handle_of(stage));
  r.stages = stages;

  thread_local link::buffer scratch;
  thread_local std::vector<std::uint64_t> ours;
  scratch.clear();
  ours.clear();
  const auto at = link::begin_record(scratch, r);
  auto failed = save(*home_, what->content(), scratch, ours);
  link::end_record(scratch, at);
  const auto most = home_->config().link.message_max;
  if (!failed && scratch.size() > most) failed = too_large(scratch.size(), most);
  if (failed) {
    take_back();
    return refuse_content(to, what, std::move(failed));
  }
  if (lane == link::lane::control && scratch.size() > batch_bytes) lane = link::lane::urgent;
  for (const auto id : ours) {
    if (auto handle = home_->system().registry().get<caf::strong_actor_ptr>(id))
      exports(handle, true);
  }
  const auto asker = what->sender ? what->sender->id() : 0;
  const bool asks = r.kind == link::message_kind::request && r.by == link::sender::mine;
  if (asks) home_->requests().add(what->sender, what->mid, number_);
  const auto verdict = out_.append(lane, scratch, marks);
  if (verdict == outbox::verdict::wake || verdict == outbox::verdict::queued)
    sent.fetch_add(1, std::memory_order_relaxed);
  if (verdict == outbox::verdict::wake) return home_->wake(shared_from_this());
  if (verdict == outbox::verdict::queued) return;
  take_back();
  if (!asks || home_->requests().remove(asker, r.id)) refuse(what, verdict);
}

// Also called with the sender's lock held, so nothing here may go through CAF's registry.
void association::send_exit(proxy& to, caf::mailbox_element& what) {
  auto& exit = what.content().get_mutable_as<caf::exit_msg>(0);
  named.clear();
  link::record r{.what = link::op::down, .target = to.id()};
  const auto body = save_reason(*home_, exit.reason);
  r.body = body;
  const auto source = caf::actor_cast<caf::strong_actor_ptr>(exit.source);
  name_source(r, source);
  write(r, link::lane::normal);
  if (!source || source->node() != home_->node()) return;
  home_->later([self = caf::strong_actor_ptr{to.ctrl()}, source] {
    static_cast<proxy*>(self->get())->unlink_quietly(source->get());
  });
}

void association::refuse(caf::mailbox_element_ptr& what, outbox::verdict why) {
  const bool full = why == outbox::verdict::overloaded;
  (full ? overloaded : dead_letters).fetch_add(1, std::memory_order_relaxed);
  home_->dead_letter(*this, full ? "overloaded" : "link_down");
  if (!what->mid.is_request()) return;
  answer(*what,
         full ? make_error(errc::overloaded,
                           "too much waits to be sent to the receiver's node: try again later, or "
                           "send less at once")
              : make_error(errc::unreachable,
                           "the receiver's link has ended or it has terminated: find it anew"));
}

void association::refuse_content(proxy& to, caf::mailbox_element_ptr& what, caf::error why) {
  dead_letters.fetch_add(1, std::memory_order_relaxed);
  home_->dead_letter(*this, "not_sendable", sentence_of(why));
  if (what->mid.is_request()) {
    answer(*what, why);
  } else if (what->mid.is_response() && !out_.full(link::lane::normal, answers)) {
    // who asked must not wait for its time-out
    link::record r{.kind = link::message_kind::response,
                   .urgent = what->mid.is_urgent_message(),
                   .target = to.id(),
                   .id = what->mid.request_id().integer_value()};
    const auto body = save_error_content(*home_, why);
    r.body = body;
    write(r, lane_of(r.urgent, to.id(), 0));
  }
}

void association::write(const link::record& what, link::lane on) {
  link::buffer bytes;
  link::put_record(bytes, what);
  const auto verdict = out_.append(on, bytes, on == link::lane::control ? 0 : books);
  if (verdict == outbox::verdict::wake) home_->wake(shared_from_this());
  // a peer that makes us write and does not read: to forget any of this would leave both sides with different books
  if (verdict == outbox::verdict::overloaded && !flooded_.exchange(true))
    home_->flooded(shared_from_this());
}

void association::pin(const caf::strong_actor_ptr& proxy, std::size_t watchers) {
  std::lock_guard guard{handles_};
  const auto found = proxies_.find(proxy->id());
  if (found == proxies_.end() || found->second.which != proxy.get()) return;
  auto& held = found->second;
  if (held.watchers == 0) {
    held.pinned = proxy;
    write({.what = link::op::monitor, .target = proxy->id()}, link::lane::normal);
  }
  held.watchers += watchers;
}

void association::unpin(caf::actor_id id, std::size_t watchers) {
  caf::strong_actor_ptr unpinned;  // let go after the lock: it may be the last
  std::lock_guard guard{handles_};
  const auto found = proxies_.find(id);
  if (found == proxies_.end() || found->second.watchers == 0) return;
  auto& held = found->second;
  held.watchers -= std::min(watchers, held.watchers);
  if (held.watchers > 0) return;
  unpinned = std::move(held.pinned);
  write({.what = link::op::demonitor, .target = id}, link::lane::normal);
}

void association::link(caf::actor_id theirs, caf::abstract_actor& ours, bool on) {
  link::record r{.what = on ? link::op::link : link::op::unlink, .target = theirs};
  named.clear();
  name_source(r, caf::strong_actor_ptr{ours.ctrl()});
  write(r, link::lane::normal);
}

void association::dropped(caf::actor_id id, const caf::actor_control_block* which) {
  std::lock_guard guard{handles_};
  const auto found = proxies_.find(id);
  if (found == proxies_.end() || found->second.which != which) return;
  proxies_.erase(found);
  if (const auto count = imports_.drop(id); count > 0)
    write({.what = link::op::release, .target = id, .id = count}, link::lane::normal);
}

caf::strong_actor_ptr association::import(caf::actor_id id, bool counted, bool* known) {
  caf::strong_actor_ptr result;
  bool at_end = false;
  {
    std::lock_guard guard{handles_};
    at_end = closed();
    auto found = proxies_.find(id);
    if (known) *known = found != proxies_.end();
    if (found != proxies_.end()) result = found->second.weak.lock();
    if (!result) {
      if (!at_end && found == proxies_.end() &&
          proxies_.size() >= home_->config().bounds.handles_max)
        return nullptr;
      caf::actor_config config;
      result = caf::make_actor<proxy, caf::strong_actor_ptr>(id, node_, &home_->system(), config,
                                                             shared_from_this());
      if (!at_end)
        proxies_[id] = held_proxy{caf::weak_actor_ptr{result.get()}, result.get(), nullptr, 0};
    }
    if ((counted || (known && !*known)) && !at_end) imports_.received(id);
  }
  if (at_end) static_cast<proxy*>(result->get())->die(caf::exit_reason::remote_link_unreachable);
  return result;
}

caf::strong_actor_ptr association::import_from_third(caf::actor_id id) {
  bool known = false;
  auto result = import(id, false, &known);
  if (!known && result) {
    link::buffer body;
    link::put(body, static_cast<std::uint8_t>(node_word::hold));
    link::record r{.id = id};
    r.body = body;
    write(r, link::lane::normal);
  }
  return result;
}

void association::released(caf::actor_id id, std::uint64_t count) {
  std::lock_guard guard{exported_};
  if (exports_.release(id, count) == link::exports::verdict::dropped)
    home_->exports().release(id, home_->now());
}

void association::held_by_peer(caf::actor_id ours) {
  std::lock_guard guard{exported_};
  if (auto actor = home_->exports().find(ours); actor && exports_.sent(ours))
    home_->exports().hold(actor);
}

void association::watch(caf::actor_id ours) {
  const auto actor = home_->exports().find(ours);
  if (!actor) return tell_down(ours, caf::exit_reason::unknown);
  {
    std::lock_guard guard{exported_};
    if (!watched_.insert(ours).second) return;
  }
  actor->get()->attach(std::make_unique<watcher>(weak_from_this(), this, ours));
}

void association::unwatch(caf::actor_id ours) {
  {
    std::lock_guard guard{exported_};
    if (watched_.erase(ours) == 0) return;
  }
  if (const auto actor = home_->exports().find(ours)) actor->get()->detach(watcher::token{this});
}

void association::peer_ended(caf::actor_id theirs, const caf::error& reason) {
  caf::strong_actor_ptr ended, unpinned;
  {
    std::lock_guard guard{handles_};
    const auto found = proxies_.find(theirs);
    if (found == proxies_.end()) return;
    ended = found->second.weak.lock();
    unpinned = std::move(found->second.pinned);
    found->second.watchers = 0;
  }
  if (ended) static_cast<proxy*>(ended->get())->die(reason);
}

void association::tell_gateway() {
  link::buffer body;
  link::put(body, static_cast<std::uint8_t>(node_word::gateway));
  link::record r;
  r.body = body;
  named.clear();
  name_source(r, home_->gateway());
  write(r, link::lane::control);
}

void association::tell_down(caf::actor_id ours, const caf::error& reason) {
  {
    std::lock_guard guard{exported_};
    watched_.erase(ours);
  }
  const auto body = save_reason(*home_, reason);
  link::record r{.what = link::op::down, .by = link::sender::mine, .source = ours};
  r.body = body;
  write(r, link::lane::normal);
}

void association::tell_error(caf::actor_id receiver, std::uint64_t id, const caf::error& why) {
  if (out_.full(link::lane::normal, messages)) return;  // for the peer's log alone
  const auto body = save_reason(*home_, why);
  link::record r{
      .what = link::op::error, .by = link::sender::mine, .target = 0, .source = receiver, .id = id};
  r.body = body;
  write(r, link::lane::normal);
}

void association::delivered(link::lane on, std::size_t bytes) {
  delivered_[static_cast<std::size_t>(on)].fetch_add(bytes, std::memory_order_acq_rel);
}

// The broker is told once enough has come together; what is left it finds at its next turn.
void association::consumed(link::lane on, std::size_t bytes) {
  const auto window = home_->config().link.window[static_cast<std::size_t>(on)];
  const auto worth_telling = std::clamp<std::uint64_t>(window / 4, 1, 256 * 1024);
  const auto sum =
      consumed_[static_cast<std::size_t>(on)].fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (sum < worth_telling || credit_told_.exchange(true, std::memory_order_acq_rel) || closed())
    return;
  home_->wake(shared_from_this());
}

association::account association::collect() {
  account result;
  credit_told_.store(false, std::memory_order_release);
  for (std::size_t i = 0; i < link::lane_count; ++i)  // in this order
    result.consumed[i] = consumed_[i].exchange(0, std::memory_order_acq_rel);
  for (std::size_t i = 0; i < link::lane_count; ++i)
    result.delivered[i] = delivered_[i].exchange(0, std::memory_order_acq_rel);
  return result;
}

void association::close(const caf::error& for_requests, const caf::error& exit_reason) {
  if (closed_.exchange(true, std::memory_order_acq_rel)) return;
  const auto unsent = out_.close();
  std::vector<caf::strong_actor_ptr> dying;
  {
    std::lock_guard guard{handles_};
    for (auto& [id, held] : proxies_) {
      if (auto proxy = held.weak.lock()) dying.push_back(std::move(proxy));
      if (held.pinned) dying.push_back(std::move(held.pinned));
    }
    proxies_.clear();
    imports_.clear();
  }
  for (auto& ended : dying) static_cast<proxy*>(ended->get())->die(exit_reason);
  fail_unsent(unsent);
  home_->requests().fail(number_, for_requests);
  std::set<caf::actor_id> watched;
  {
    std::lock_guard guard{exported_};
    watched.swap(watched_);
    for (const auto id : exports_.clear()) home_->exports().release(id, home_->now());
  }
  for (const auto id : watched) {
    if (const auto actor = home_->exports().find(id)) actor->get()->detach(watcher::token{this});
  }
}

// What never left the outbox has certainly not been done.
void association::fail_unsent(const std::vector<link::buffer>& batches) {
  const auto why =
      make_error(errc::unreachable, "the link to the receiver's node ended before this had left");
  for (const auto& batch : batches) {
    link::record_reader records{batch};
    while (const auto r = records.next())
      if (r->what == link::op::message && r->kind == link::message_kind::request &&
          r->by == link::sender::mine)
        home_->requests().fail(r->source, r->id, why);
  }
}

std::size_t association::proxies() const {
  std::lock_guard guard{handles_};
  return proxies_.size();
}
std::size_t association::exported() const {
  std::lock_guard guard{exported_};
  return exports_.size();
}
}  // namespace troupe::remoting
