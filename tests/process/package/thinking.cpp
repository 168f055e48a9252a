// The patterns alone need nothing of CAF.
#include <troupe/patterns/resilience/supervisor.hpp>

int main() {
  using namespace troupe::supervisor;
  core rules{{}, {{.id = "a"}}, 1};
  output out;
  rules.step(start{}, instant{}, out);
  return out.act == std::vector<action>{{verb::launch, "a", 1}} ? 0 : 1;
}
