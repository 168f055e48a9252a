// An outside program with an actor under a supervisor, from nothing but installed headers.
#include <chrono>
#include <iostream>

#include <caf/all.hpp>
#include <troupe/runtime/codec/inspect.hpp>
#include <troupe/runtime/error.hpp>
#include <troupe/runtime/options.hpp>
#include <troupe/runtime/supervision/supervisor.hpp>

int main() {
  using namespace troupe;
  config::schema options;
  declare_runtime_options(options);
  const auto settings = config::load(options, {});
  if (!settings) return 1;
  caf::actor_system_config config;
  register_errors(config);
  configure_scheduler(*settings, config);
  caf::actor_system system{config};
  const auto adder = [](caf::event_based_actor* parent) -> caf::actor {
    return parent->spawn([]() -> caf::behavior { return {[](int a, int b) { return a + b; }}; });
  };
  auto root = supervision::spawn_supervisor(system, {}, {{{.id = "adder"}, adder}});
  caf::scoped_actor self{system};
  int sum = 0;
  self->request(root, std::chrono::seconds{10}, supervision::find_child{"adder"})
      .receive(
          [&](const caf::actor& found) {
            self->request(found, std::chrono::seconds{10}, 40, 2)
                .receive([&](int result) { sum = result; }, [](const caf::error&) {});
          },
          [](const caf::error& e) { std::cerr << sentence_of(e) << "\n"; });
  self->send_exit(root, caf::exit_reason::user_shutdown);
  std::cout << sum << "\n";
  return sum == 42 ? 0 : 1;
}
