#include "runtime/simulator/multiplexer.hpp"

#include "runtime/error.hpp"

#include <algorithm>

#include <caf/io/broker.hpp>
#include <caf/io/datagram_servant.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/scribe.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
namespace troupe::laboratory {
namespace {
using caf::io::connection_handle, caf::io::accept_handle, caf::io::receive_policy;

class virtual_scribe final : public caf::io::scribe {
 public:
  virtual_scribe(virtual_multiplexer& loop, connection_handle at, socket_ptr way)
      : caf::io::scribe{at}, loop_{loop}, way_{std::move(way)} {}
  ~virtual_scribe() override {
    if (way_) way_->close();
  }

  void configure_read(receive_policy::config how) override {
    how_ = how;
    if (!std::exchange(launched_, true)) start();
  }
  void ack_writes(bool enable) override { acknowledges_ = enable; }
  std::vector<char>& wr_buf() override { return out_; }
  std::vector<char>& rd_buf() override { return in_; }
  void flush() override {
    if (out_.empty() || !way_) return;
    way_->send(out_);
    out_.clear();
  }
  void graceful_shutdown() override {
    flush();
    if (way_) way_->listen_to({});
    if (way_) way_->close();
    detach(&loop_, false);
  }
  void add_to_loop() override {
    active_ = true;
    if (way_ && launched_) way_->look_again();
  }
  void remove_from_loop() override { active_ = false; }
  std::string addr() const override { return wires::address_of(way_->there()); }
  std::uint16_t port() const override { return way_->remote_port(); }

 private:
  using self_ptr = caf::intrusive_ptr<virtual_scribe>;
  void start() {
    active_ = true;
    const self_ptr self{this};
    way_->listen_to({.readable = [self] { self->read(); },
                     .sent =
                         [self](std::size_t bytes) {
                           if (self->acknowledges_)
                             self->data_transferred(&self->loop_, bytes, self->way_->unsent());
                         },
                     .closed =
                         [self] { self->io_failure(&self->loop_, caf::io::network::operation::read); }});
  }
  // One event of the broker's; the rest later.
  void read() {
    if (!active_ || detached()) return;
    const auto least = how_.first == caf::io::receive_policy_flag::at_most ? 1 : how_.second;
    if (way_->available() < least) return;
    const auto most = how_.first == caf::io::receive_policy_flag::at_least ? way_->available() : how_.second;
    in_.resize(std::min<std::size_t>(most, way_->available()));
    way_->take(in_.data(), in_.size());
    if (!consume(&loop_, in_.data(), in_.size())) active_ = false;
    if (active_) way_->look_again();
  }

  virtual_multiplexer& loop_;
  socket_ptr way_;
  receive_policy::config how_ = receive_policy::at_most(4096);
  std::vector<char> in_, out_;
  bool launched_ = false, active_ = false, acknowledges_ = false;
};

class virtual_doorman final : public caf::io::doorman {
 public:
  virtual_doorman(virtual_multiplexer& loop, wires& net, accept_handle at, std::uint16_t port)
      : caf::io::doorman{at}, loop_{loop}, net_{net}, port_{port} {}
  void come(socket_ptr who) {
    if (detached()) return who->abort();
    auto made = loop_.scribe_for(std::move(who));
    const auto at = made->hdl();
    parent()->add_scribe(std::move(made));
    caf::io::doorman::new_connection(&loop_, at);
  }
  bool new_connection() override { return true; }
  void launch() override {}
  void graceful_shutdown() override {
    net_.unlisten(loop_.here(), port_);
    detach(&loop_, false);
  }
  void add_to_loop() override {}
  void remove_from_loop() override {}
  std::string addr() const override { return wires::address_of(loop_.here()); }
  std::uint16_t port() const override { return port_; }

 private:
  virtual_multiplexer& loop_;
  wires& net_;
  const std::uint16_t port_;
};

caf::error no_such_thing(const char* what) {
  return make_error(errc::refused, std::string{"the simulator has no "} + what);
}
}  // namespace

virtual_multiplexer::virtual_multiplexer(caf::actor_system* system, wires& net, host_id here)
    : caf::io::network::multiplexer{system}, net_{net}, here_{here} {
  thread_id(std::this_thread::get_id());
}
virtual_multiplexer::~virtual_multiplexer() {
  for (auto* left : runnables_) caf::scheduler::abstract_coordinator::cleanup_and_release(left);
}

bool virtual_multiplexer::turn() {
  if (runnables_.empty()) return false;
  auto* const next = runnables_.front();
  runnables_.pop_front();
  switch (next->resume(this, 1)) {
    case caf::resumable::resume_later:
      runnables_.push_back(next);
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
      caf::intrusive_ptr_release(next);
      break;
    case caf::resumable::shutdown_execution_unit:
      break;
  }
  return true;
}

void virtual_multiplexer::run() {
  while (turn()) {
  }
}

void virtual_multiplexer::exec_later(caf::resumable* what) {
  switch (what->subtype()) {
    case caf::resumable::io_actor:
    case caf::resumable::function_object:
      runnables_.push_back(what);
      break;
    default:
      system().scheduler().enqueue(what);
  }
}

caf::io::scribe_ptr virtual_multiplexer::scribe_for(socket_ptr way) {
  std::erase_if(sockets_, [](const auto& s) { return s.second.expired(); });
  const auto at = connection_handle::from_int(++handles_);
  sockets_[handles_] = way;
  return caf::make_counted<virtual_scribe>(*this, at, std::move(way));
}

void virtual_multiplexer::abort(connection_handle at) {
  const auto found = sockets_.find(at.id());
  if (found == sockets_.end()) return;
  if (const auto way = found->second.lock()) way->abort();
}

caf::expected<caf::io::doorman_ptr> virtual_multiplexer::new_tcp_doorman(std::uint16_t port, const char*,
                                                                         bool) {
  const auto to = std::make_shared<caf::intrusive_ptr<virtual_doorman>>();
  const auto bound = net_.listen(here_, port, [to](socket_ptr who) { (*to)->come(std::move(who)); });
  if (!bound) return make_error(errc::refused, "the port is in use");
  *to = caf::make_counted<virtual_doorman>(*this, net_, accept_handle::from_int(++handles_), *bound);
  return caf::io::doorman_ptr{*to};
}

// Nothing of ours asks for what follows.
caf::io::scribe_ptr virtual_multiplexer::new_scribe(caf::io::network::native_socket) { return nullptr; }
caf::expected<caf::io::scribe_ptr> virtual_multiplexer::new_tcp_scribe(const std::string&, std::uint16_t) {
  return no_such_thing("blocking connect: dial by the environment");
}
caf::io::doorman_ptr virtual_multiplexer::new_doorman(caf::io::network::native_socket) { return nullptr; }
caf::io::datagram_servant_ptr virtual_multiplexer::new_datagram_servant(caf::io::network::native_socket) {
  return nullptr;
}
caf::io::datagram_servant_ptr virtual_multiplexer::new_datagram_servant_for_endpoint(
    caf::io::network::native_socket, const caf::io::network::ip_endpoint&) {
  return nullptr;
}
caf::expected<caf::io::datagram_servant_ptr> virtual_multiplexer::new_remote_udp_endpoint(const std::string&,
                                                                                          std::uint16_t) {
  return no_such_thing("datagrams");
}
caf::expected<caf::io::datagram_servant_ptr> virtual_multiplexer::new_local_udp_endpoint(std::uint16_t,
                                                                                         const char*, bool) {
  return no_such_thing("datagrams");
}
}  // namespace troupe::laboratory
