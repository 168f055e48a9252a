#include "runtime/error.hpp"

#include <caf/all.hpp>
#include <doctest/doctest.h>

namespace {
using namespace troupe;
}

TEST_CASE("error: a code and a sentence of ours") {
  const auto error = make_error(errc::not_found, "no member is named 'd'");
  CHECK(error == errc::not_found);
  CHECK(error != errc::refused);
  CHECK(code_of(error) == errc::not_found);
  CHECK(sentence_of(error) == "no member is named 'd'");
  CHECK(!sentence_of(make_error(errc::overloaded)).empty());
  CHECK(!sentence_of(make_error(errc::overloaded, "")).empty());
  caf::error implicit = errc::refused;
  CHECK(implicit == errc::refused);
}

TEST_CASE("error: CAF's own become sentences") {
  CHECK(sentence_of(caf::error{}) == "done");
  CHECK(sentence_of(caf::sec::request_timeout) ==
        "no answer came in time: it may or may not have happened");
  CHECK(sentence_of(caf::make_error(caf::sec::cannot_open_port, "127.0.0.1", 80))
            .find("cannot open the port") == 0);
  CHECK(sentence_of(caf::make_error(caf::sec::runtime_error, std::string{"bad"})) ==
        "the receiver's handler threw an exception: bad");
  CHECK(sentence_of(caf::exit_reason::kill) == "it was killed");
  CHECK(sentence_of(caf::sec::no_downstream_stages_defined) ==
        "CAF reports: no downstream stages defined");
  for (int code = 1; code < 256; ++code) {
    CAPTURE(code);
    for (const std::string category : {"troupe", "system", "exit", "parser", "elsewhere"}) {
      const auto name = caf::atom_from_string(category);
      CHECK(!sentence_of(caf::error{static_cast<std::uint8_t>(code), name}).empty());
    }
  }
}

TEST_CASE("error: outcomes are three") {
  CHECK(outcome_of(caf::error{}) == outcome::done);
  CHECK(outcome_of(make_error(errc::refused)) == outcome::not_done);
  CHECK(outcome_of(make_error(errc::timeout)) == outcome::unknown);
  CHECK(outcome_of(make_error(errc::unknown_outcome)) == outcome::unknown);
  CHECK(outcome_of(caf::sec::request_timeout) == outcome::unknown);
  CHECK(outcome_of(caf::sec::request_receiver_down) == outcome::unknown);
  CHECK(outcome_of(caf::sec::runtime_error) == outcome::unknown);
  CHECK(outcome_of(caf::sec::cannot_connect_to_node) == outcome::not_done);
  CHECK(outcome_of(caf::exit_reason::remote_link_unreachable) == outcome::unknown);
  // a code that a newer version gives says nothing to us
  CHECK(outcome_of(caf::error{200, caf::atom("troupe")}) == outcome::unknown);
  CHECK(!code_of(caf::error{200, caf::atom("troupe")}));
}

TEST_CASE("error: exit codes keep the outcomes apart") {
  CHECK(exit_code_of(caf::error{}) == exit_code::done);
  CHECK(exit_code_of(make_error(errc::invalid_argument)) == exit_code::not_done);
  CHECK(exit_code_of(make_error(errc::unreachable)) == exit_code::no_node);
  CHECK(exit_code_of(make_error(errc::timeout)) == exit_code::unknown);
  CHECK(static_cast<int>(exit_code::unknown) == 5);
}

TEST_CASE("error: an actor system renders ours once they are registered") {
  caf::actor_system_config config;
  register_errors(config);
  config.set("scheduler.policy", caf::atom("testing"));
  caf::actor_system system{config};
  CHECK(system.render(make_error(errc::refused, "not now")).find("not now") != std::string::npos);
}
