// The middleman module: CAF's network layer with our broker in it and BASP left out.
#pragma once
#include "runtime/remoting/environment.hpp"
#include "runtime/remoting/hub.hpp"

#include <memory>
#include <thread>

#include <caf/io/middleman.hpp>

namespace troupe::remoting {
class broker;

class module final : public caf::io::middleman {
 public:
  module(caf::actor_system& system, settings config, std::shared_ptr<environment> world);
  ~module() override;

  void init(caf::actor_system_config& config) override;
  void start() override;
  void stop() override;
  caf::io::network::multiplexer& backend() override { return *loop_; }

  service& face() { return service_; }
  void stop_links();

 private:
  template <class What>
  void in_loop(What what);  // returns when that is done

  std::shared_ptr<environment> world_;
  std::unique_ptr<caf::io::network::multiplexer> loop_;
  std::shared_ptr<hub> hub_;
  service service_;
  caf::io::network::multiplexer::supervisor_ptr supervisor_;
  std::thread thread_;
  caf::strong_actor_ptr broker_;
  bool links_stopped_ = false;
};
}  // namespace troupe::remoting
