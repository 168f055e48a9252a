#include "runtime/remoting/module.hpp"

#include "runtime/error.hpp"
#include "runtime/log.hpp"
#include "runtime/remoting/broker.hpp"

#include <condition_variable>
#include <future>

#include <caf/actor_system_config.hpp>
#include <caf/io/broker.hpp>

namespace troupe::remoting {
namespace {
constexpr std::chrono::milliseconds last_words{500};
}  // namespace

module::module(caf::actor_system& system, settings config,
               std::shared_ptr<environment> world) :caf::io::middleman{system},
    world_{std::move(world)}, loop_{world_->multiplexer(system)},
    hub_{std::make_shared<hub>(system, std::move(config), world_)}, service_{hub_} {}
module::~module() = default;

// CAF's own id repeats after a restart and in containers; every actor copies what stands there when it is born, and none
// has been yet.
void module::init(caf::actor_system_config& config) {
  caf::io::middleman::init(config);
  const_cast<caf::node_id&>(system().node()) = hub_->node();
}

void module::start() {
  hub_->make_types();
  std::optional<tls_context> tls;
  caf::error problem;
  if (const auto& by = hub_->config().credentials; by.tls()) {
    if (auto made = tls_context::make(by)) {
      tls = std::move(*made);
    } else {
      problem = made.error();
    }
  }
  if (auto wrong = link::validate(hub_->config().link))
    problem = make_error(errc::invalid_argument, *wrong);
  hub_->problem(problem);
  if (world_->own_thread()) {
    supervisor_ = backend().make_supervisor();
    std::promise<void> running;
    thread_ = std::thread{[&, this] {
      system().thread_started();
      backend().thread_id(std::this_thread::get_id());
      running.set_value();
      backend().run();
      system().thread_terminates();
    }};
    running.get_future().wait();
  }
  caf::actor_config config{&backend()};
  auto started = system().spawn_class<broker, caf::hidden>(config, hub_, std::move(tls));
  broker_ = caf::actor_cast<caf::strong_actor_ptr>(started);
  hub_->broker_handle(started);
  auto* const loop = static_cast<broker*>(broker_->get());
  hub_->on_reach([loop](std::shared_ptr<association> who) { loop->reach(std::move(who)); });
  hub_->attach_broker(loop);
  if (problem) {
    hub_->listening(problem);
    log::error("link", "remoting cannot start", {{"reason", sentence_of(problem)}});
    return;
  }
  if (hub_->config().listen.host.empty()) return;
  // bound before the system is handed to its user, so that the port can be asked for
  in_loop([&] {
    loop->context(&backend());
    hub_->listening(loop->listen());
  });
  if (auto where = hub_->listening(); !where)
    log::error("link", "cannot listen", {{"reason", sentence_of(where.error())}});
}

template <class What>
void module::in_loop(What what) {
  if (!world_->own_thread()) return what();
  auto done = std::make_shared<std::promise<void>>();
  backend().post([done, &what] {
    what();
    done->set_value();
  });
  done->get_future().wait();
}

void module::stop_links() {
  if (std::exchange(links_stopped_, true)) return;
  auto* const loop = static_cast<broker*>(broker_->get());
  in_loop([&] { loop->stop(); });
  if (world_->own_thread()) {  // a peer that reads nothing is not waited for
    const auto patience = std::chrono::steady_clock::now() + last_words;
    for (bool said = false; !said && std::chrono::steady_clock::now() < patience;) {
      in_loop([&] { said = loop->has_said_bye(); });
      if (!said) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  in_loop([&] { loop->close_all(); });
  hub_->stop();
}

void module::stop() {
  stop_links();
  hub_->attach_broker(nullptr);
  hub_->broker_handle(nullptr);
  const auto end = [this] {
    auto* const loop = static_cast<broker*>(broker_->get());
    if (loop->getf(caf::abstract_actor::is_terminated_flag)) return;
    loop->context(&backend());
    loop->quit();
    loop->finalize();
  };
  if (world_->own_thread()) {
    // The loop ends when it watches no socket any more, and forgets about those that it was only about to watch. So each
    // of these is a turn of its own: those that were just added are watched, closed, and let go.
    for (int turn = 0; turn < 3; ++turn) in_loop([] {});
    backend().dispatch(end);
    supervisor_.reset();
    if (thread_.joinable()) thread_.join();
  } else {
    end();
    while (backend().try_run_once()) {
    }
  }
  broker_ = nullptr;
  hub_->exports().clear();
}

void load(caf::actor_system_config& config, settings wanted, std::shared_ptr<environment> world) {
  // idle processes cost nothing and round trips a third; a user's own choice stands
  if (!caf::get_if<caf::atom_value>(&config, "scheduler.policy"))
    config.set("scheduler.policy", caf::atom("sharing"));
  // one peer with much to say must not keep the loop from all others: two reads of at most 256 KiB a turn
  config.set("middleman.max-consecutive-reads", std::size_t{2});
  config.module_factories.emplace_back(
      [wanted = std::move(wanted),
       world = std::move(world)](caf::actor_system& system) -> caf::actor_system::module* {
        return new module{system, wanted, world};
      });
}
}  // namespace troupe::remoting
