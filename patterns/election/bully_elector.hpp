// The bully election behind elector.hpp.
#pragma once
#include "patterns/election/elector.hpp"
namespace troupe::election {
std::unique_ptr<elector> make_bully_elector(const setting& how, std::string_view persisted,
                                            instant now, elector_output& out);
}  // namespace troupe::election
