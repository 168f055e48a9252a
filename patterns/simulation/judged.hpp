// For worlds whose hosts judge what they see: the first claim that was seen broken, and the world's claims made of it.
//   struct scene : simulation::judged { ... };          // shared by the hosts: scene.complain(claim::once, "...")
//   simulation::claim_all(w, claim::all, all);          // `all` is a shared_ptr<scene>
#pragma once
#include "patterns/simulation/protocol.hpp"

#include <string>
#include <string_view>
namespace troupe::simulation {
struct judged {
  std::string_view broken{};  // one of the protocol's names of claims, which last
  std::string what{};
  void complain(std::string_view claim, std::string text) {
    if (broken.empty()) broken = claim, what = std::move(text);
  }
};

template <class World, class Names, class Scene>
void claim_all(World& w, const Names& names, const Scene& scene) {
  for (const std::string_view name : names)
    w.always(std::string{name}, [=](const auto&, auto) {
      return scene->broken == name ? scene->what : std::string{};
    });
}

// The same names, and what is asked in calm.
template <class Names>
void promise_all(protocol& it, const Names& names, std::string_view in_calm) {
  for (const std::string_view name : names) it.promises.emplace_back(name);
  it.promises.emplace_back(in_calm);
}
}  // namespace troupe::simulation
