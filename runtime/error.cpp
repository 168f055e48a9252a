#include "runtime/error.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace troupe {
namespace {
constexpr auto category = caf::atom("troupe");
constexpr auto last_code = static_cast<std::uint8_t>(errc::unknown_outcome);

std::string_view usual_sentence(errc code) {
  switch (code) {
    case errc::invalid_argument:
      return "the request makes no sense";
    case errc::not_found:
      return "it does not exist";
    case errc::already_exists:
      return "it exists already";
    case errc::refused:
      return "the request was refused";
    case errc::unauthorized:
      return "this needs a permission that was not proven";
    case errc::unsupported:
      return "this node cannot do that";
    case errc::not_ready:
      return "not ready yet: try again in a moment";
    case errc::overloaded:
      return "too much work is waiting: try again later";
    case errc::unreachable:
      return "there is no way to the receiver";
    case errc::cancelled:
      return "it was cancelled";
    case errc::failed:
      return "it failed";
    case errc::corrupted:
      return "the data is damaged";
    case errc::timeout:
      return "no answer came in time: it may or may not have happened";
    case errc::unknown_outcome:
      return "the way to the receiver broke before an answer came: "
             "it may or may not have happened";
  }
  return "an error of an unknown kind";
}

std::string first_text(const caf::message& context) {
  if (context.empty() || !context.match_element<std::string>(0)) return {};
  return context.get_as<std::string>(0);
}

std::string with_detail(std::string sentence, const caf::error& error) {
  if (error.context().empty()) return sentence;
  const auto text = first_text(error.context());
  return sentence + ": " + (text.empty() ? caf::to_string(error.context()) : text);
}

std::string system_sentence(caf::sec code) {
  switch (code) {
    case caf::sec::unexpected_message:
      return "the receiver does not understand this message: are its types registered on both "
             "nodes?";
    case caf::sec::unexpected_response:
      return "the receiver's answer has an unexpected type";
    case caf::sec::request_receiver_down:
      return "the receiver has ended";
    case caf::sec::request_timeout:
      return "no answer came in time: it may or may not have happened";
    case caf::sec::no_such_group_module:
      return "there is no group module of that name";
    case caf::sec::runtime_error:
      return "the receiver's handler threw an exception";
    case caf::sec::no_route_to_receiving_node:
      return "there is no way to the receiver's node";
    case caf::sec::cannot_connect_to_node:
      return "cannot connect to the node";
    case caf::sec::cannot_open_port:
      return "cannot open the port: is it taken, or the address not of this machine?";
    case caf::sec::network_syscall_failed:
      return "the network refused";
    case caf::sec::socket_disconnected:
      return "the connection was closed by the other side";
    case caf::sec::disconnect_during_handshake:
      return "the other side closed the connection during the handshake";
    case caf::sec::connection_timeout:
      return "the connection was silent for too long";
    case caf::sec::invalid_argument:
      return "an argument is invalid";
    case caf::sec::bad_function_call:
      return "the function was called without an actor behind it";
    case caf::sec::cannot_open_file:
      return "cannot open the file";
    case caf::sec::end_of_stream:
      return "the data ends too early";
    case caf::sec::unknown_type:
      return "the message holds a type that is not registered here";
    default: {
      auto name = caf::to_string(code);
      for (auto& c : name) c = c == '_' ? ' ' : c;
      return "CAF reports: " + name;
    }
  }
}

std::string exit_sentence(caf::exit_reason reason) {
  switch (reason) {
    case caf::exit_reason::normal:
      return "it ended normally";
    case caf::exit_reason::unhandled_exception:
      return "it ended by an exception that nobody caught";
    case caf::exit_reason::unknown:
      return "it had ended before, and nobody knows why";
    case caf::exit_reason::out_of_workers:
      return "its pool has no workers left";
    case caf::exit_reason::user_shutdown:
      return "it was shut down";
    case caf::exit_reason::kill:
      return "it was killed";
    case caf::exit_reason::remote_link_unreachable:
      return "the link to its node is gone";
    case caf::exit_reason::unreachable:
      return "it ended because nobody held a handle to it";
  }
  return "it ended for an unknown reason";
}

// Certain only where CAF has not run the receiver's handler.
outcome system_outcome(caf::sec code) {
  switch (code) {
    case caf::sec::none:
      return outcome::done;
    case caf::sec::unexpected_message:
    case caf::sec::no_route_to_receiving_node:
    case caf::sec::cannot_connect_to_node:
    case caf::sec::cannot_open_port:
    case caf::sec::invalid_argument:
    case caf::sec::bad_function_call:
    case caf::sec::cannot_open_file:
    case caf::sec::disconnect_during_handshake:
    case caf::sec::unknown_type:
      return outcome::not_done;
    default:
      return outcome::unknown;
  }
}
}  // namespace

std::string_view to_string(errc code) {
  switch (code) {
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::not_found:
      return "not_found";
    case errc::already_exists:
      return "already_exists";
    case errc::refused:
      return "refused";
    case errc::unauthorized:
      return "unauthorized";
    case errc::unsupported:
      return "unsupported";
    case errc::not_ready:
      return "not_ready";
    case errc::overloaded:
      return "overloaded";
    case errc::unreachable:
      return "unreachable";
    case errc::cancelled:
      return "cancelled";
    case errc::failed:
      return "failed";
    case errc::corrupted:
      return "corrupted";
    case errc::timeout:
      return "timeout";
    case errc::unknown_outcome:
      return "unknown_outcome";
  }
  return "unknown";
}

std::string_view to_string(outcome o) {
  switch (o) {
    case outcome::done:
      return "done";
    case outcome::not_done:
      return "not_done";
    case outcome::unknown:
      return "unknown";
  }
  return "unknown";
}

caf::error make_error(errc code, std::string sentence) {
  return {static_cast<std::uint8_t>(code), category, caf::make_message(std::move(sentence))};
}

caf::error make_error(errc code) { return make_error(code, std::string{usual_sentence(code)}); }

std::optional<errc> code_of(const caf::error& error) {
  if (!error || error.category() != category) return std::nullopt;
  if (error.code() == 0 || error.code() > last_code) return std::nullopt;
  return static_cast<errc>(error.code());
}

std::string sentence_of(const caf::error& error) {
  if (!error) return "done";
  if (error.category() == category) {
    const auto text = first_text(error.context());
    if (!text.empty()) return text;
    const auto code = code_of(error);
    return std::string{code ? usual_sentence(*code)
                            : "an error of a kind that this version does not know"};
  }
  if (error.category() == caf::atom("system"))
    return with_detail(system_sentence(static_cast<caf::sec>(error.code())), error);
  if (error.category() == caf::atom("exit"))
    return with_detail(exit_sentence(static_cast<caf::exit_reason>(error.code())), error);
  return caf::to_string(error);
}

outcome outcome_of(const caf::error& error) {
  if (!error) return outcome::done;
  if (error.category() == caf::atom("system"))
    return system_outcome(static_cast<caf::sec>(error.code()));
  const auto code = code_of(error);
  if (!code || *code == errc::timeout || *code == errc::unknown_outcome) return outcome::unknown;
  return outcome::not_done;
}

exit_code exit_code_of(const caf::error& error) {
  if (error == errc::unreachable) return exit_code::no_node;
  switch (outcome_of(error)) {
    case outcome::done:
      return exit_code::done;
    case outcome::not_done:
      return exit_code::not_done;
    case outcome::unknown:
      return exit_code::unknown;
  }
  return exit_code::unknown;
}

void register_errors(caf::actor_system_config& config) {
  config.add_error_category(category,
                            [](std::uint8_t code, caf::atom_value, const caf::message& context) {
                              return sentence_of(caf::error{code, category, context});
                            });
}
}  // namespace troupe
