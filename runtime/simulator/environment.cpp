#include "runtime/simulator/environment.hpp"

#include "runtime/error.hpp"

#include <caf/actor_system.hpp>
#include <caf/expected.hpp>
#include <caf/io/scribe.hpp>
namespace troupe::laboratory {
class virtual_environment::draws final : public remoting::entropy {
 public:
  explicit draws(std::uint64_t seed) : chance_{seed} {}
  void fill(std::span<std::uint8_t> bytes) override {
    for (auto& b : bytes) b = static_cast<std::uint8_t>(chance_() >> 56);
  }

 private:
  simulation::generator chance_;
};

namespace {
class virtual_dialer final : public remoting::dialer {
 public:
  virtual_dialer(wires& net, virtual_multiplexer& loop) : net_{net}, loop_{loop} {}
  ~virtual_dialer() override { stop(); }

  void dial(const remoting::endpoint& to, std::chrono::milliseconds limit, callback ready) override {
    net_.dial(loop_.here(), to.host, to.port, limit,
              [this, alive = std::weak_ptr{alive_}, to, ready = std::move(ready)](socket_ptr way,
                                                                                  const std::string& why) {
                if (alive.expired()) {
                  if (way) way->abort();
                } else if (way) {
                  ready(loop_.scribe_for(std::move(way)));
                } else {
                  ready(make_error(errc::unreachable, "no connection to " + to_string(to) + ": " + why));
                }
              });
  }
  void stop() override { alive_.reset(); }

 private:
  wires& net_;
  virtual_multiplexer& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};
}  // namespace

virtual_environment::virtual_environment(agenda& when, wires& net, host_id here, std::uint64_t seed,
                                         const simulation::drifting_clock& clock)
    : agenda_{when}, net_{net}, here_{here}, clock_{clock}, draws_{std::make_unique<draws>(seed)} {}
virtual_environment::~virtual_environment() = default;

remoting::entropy& virtual_environment::chance() { return *draws_; }

std::unique_ptr<caf::io::network::multiplexer> virtual_environment::multiplexer(caf::actor_system& system) {
  auto made = std::make_unique<virtual_multiplexer>(&system, net_, here_);
  loop_ = made.get();
  return made;
}

std::unique_ptr<remoting::dialer> virtual_environment::dialer(caf::io::network::multiplexer& loop) {
  return std::make_unique<virtual_dialer>(net_, static_cast<virtual_multiplexer&>(loop));
}

void virtual_environment::abort(const caf::io::connection_handle& at) {
  if (loop_) loop_->abort(at);
}

std::chrono::microseconds virtual_environment::round_trip(const caf::io::connection_handle&) {
  return std::chrono::duration_cast<std::chrono::microseconds>(net_.usual().latency_max * 2);
}
}  // namespace troupe::laboratory
