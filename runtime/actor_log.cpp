#include "runtime/actor_log.hpp"

#include "runtime/error.hpp"
#include "runtime/log.hpp"

#include <exception>

#include <caf/all.hpp>

namespace troupe {
namespace {
// Not the content: it may be large, or a secret.
std::string types_of(const caf::type_erased_tuple& content) {
  std::string names;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const auto [number, type] = content.type(i);
    if (i > 0) names += ", ";
    names += number != 0 ? caf::numbered_type_names[number - 1] : type ? type->name() : "?";
  }
  return names;
}

std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "not a std::exception";
  }
}
}  // namespace

void log_for(caf::scheduled_actor* self, std::string component) {
  self->set_default_handler([component](caf::scheduled_actor* actor,
                                        caf::message_view& view) -> caf::result<caf::message> {
    static log::once_per quiet{std::chrono::seconds{1}};
    quiet.warn(component, "a message that nobody handles",
               {{"actor", actor->name()}, {"types", types_of(view.content())}});
    return caf::sec::unexpected_message;
  });
  self->set_down_handler([component](caf::scheduled_actor*, caf::down_msg& m) {
    log::debug(component, "somebody has ended",
               {{"who", m.source}, {"reason", sentence_of(m.reason)}});
  });
  self->set_exception_handler([component](caf::scheduled_actor* actor, std::exception_ptr& thrown) {
    auto text = text_of(thrown);
    log::error(component, "an exception ends an actor",
               {{"actor", actor->name()}, {"reason", text}});
    return caf::make_error(caf::sec::runtime_error, std::move(text));
  });
}
}  // namespace troupe
