// A line chart as SVG: one picture of a comparison, both axes logarithmic.
#pragma once
#include <string>
#include <utility>
#include <vector>
namespace troupe::program {
struct curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  // above zero
  bool thin = false;  // a formula's, dashed
};
struct picture {
  std::string title, across, up;  // what the axes say
  std::vector<curve> curves;
  std::string svg() const;
};
// Nothing: written; else why not.
std::string write_picture(const std::string& path, const picture& what);
}  // namespace troupe::program
