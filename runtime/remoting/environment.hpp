// What remoting takes from the world, in one place, so that the simulator can hand in its own: chance, time, the way to
// a socket, and CAF's multiplexer.
#pragma once
#include "runtime/remoting/remoting.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <span>

#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <caf/fwd.hpp>
#include <caf/io/connection_handle.hpp>
#include <caf/io/fwd.hpp>
#include <caf/io/network/multiplexer.hpp>

namespace troupe::remoting {
class entropy {
 public:
  virtual ~entropy() = default;
  virtual void fill(std::span<std::uint8_t>) = 0;
  std::uint64_t number();
};

// Finds the way to an address. `ready` is called once, from any thread, with a connection that the multiplexer made.
class dialer {
 public:
  using callback = std::function<void(caf::expected<caf::io::scribe_ptr>)>;
  virtual ~dialer() = default;
  virtual void dial(const endpoint&, std::chrono::milliseconds deadline, callback ready) = 0;
  virtual void stop() = 0;  // no callback runs after it has returned
};

class environment {
 public:
  virtual ~environment() = default;
  virtual entropy& chance() = 0;
  virtual std::unique_ptr<caf::io::network::multiplexer> multiplexer(caf::actor_system&) = 0;
  virtual std::unique_ptr<remoting::dialer> dialer(caf::io::network::multiplexer&) = 0;
  virtual bool own_thread() const = 0;           // false: the simulator drives the multiplexer
  virtual bool acknowledges_writes() const = 0;  // CAF's test multiplexer does not
  virtual void tune(const caf::io::connection_handle&,
                    std::size_t buffer_bytes) = 0;  // no delay, socket buffers
  // Bytes that went out at once, past the loop: 0 where that is not possible. Only while the loop has none to write.
  virtual std::size_t write_now(const caf::io::connection_handle&, std::span<const char>) = 0;
  virtual void abort(
      const caf::io::connection_handle&) = 0;  // nothing more goes through, either way
  virtual std::chrono::microseconds round_trip(
      const caf::io::connection_handle&) = 0;  // as the transport has measured it
  virtual std::chrono::nanoseconds now() = 0;  // monotonic
};

std::shared_ptr<environment> real_environment();

// As service::load, in an environment of the caller's.
void load(caf::actor_system_config&, settings, std::shared_ptr<environment>);
}  // namespace troupe::remoting
