// What remoting takes from the world, from a simulated one (runtime/remoting/environment.hpp).
#pragma once
#include "patterns/simulation/clock.hpp"
#include "runtime/remoting/environment.hpp"
#include "runtime/simulator/multiplexer.hpp"
namespace troupe::laboratory {
class virtual_environment final : public remoting::environment {
 public:
  // The clock is the host's, and outlives this.
  virtual_environment(agenda& when, wires& net, host_id here, std::uint64_t seed,
                      const simulation::drifting_clock& clock);
  ~virtual_environment() override;

  virtual_multiplexer* loop() const { return loop_; }  // null before the system is there

  remoting::entropy& chance() override;
  std::unique_ptr<caf::io::network::multiplexer> multiplexer(caf::actor_system&) override;
  std::unique_ptr<remoting::dialer> dialer(caf::io::network::multiplexer&) override;
  bool own_thread() const override { return false; }
  bool acknowledges_writes() const override { return true; }
  void tune(const caf::io::connection_handle&, std::size_t) override {}
  std::size_t write_now(const caf::io::connection_handle&, std::span<const char>) override { return 0; }
  void abort(const caf::io::connection_handle&) override;
  std::chrono::microseconds round_trip(const caf::io::connection_handle&) override;
  std::chrono::nanoseconds now() override { return clock_.local(agenda_.now()); }

 private:
  class draws;
  agenda& agenda_;
  wires& net_;
  const host_id here_;
  const simulation::drifting_clock& clock_;
  std::unique_ptr<draws> draws_;
  virtual_multiplexer* loop_ = nullptr;
};
}  // namespace troupe::laboratory
