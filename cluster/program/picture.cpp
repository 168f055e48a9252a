#include "cluster/program/picture.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

namespace troupe::program {
namespace {
constexpr double width = 720, height = 440, left = 70, right = 190, top = 50, bottom = 60;
constexpr std::array colours{"#1b6ca8", "#c8553d", "#3c8d4f", "#8a5fb4", "#b58900", "#444444"};

struct axis {
  double from, to;
  double place(double x) const { return (std::log10(x) - from) / (to - from); }
};
axis axis_of(const std::vector<curve>& curves, bool across) {
  double least = 1e300, most = 1e-300;
  for (const auto& c : curves)
    for (const auto& [x, y] : c.points) {
      const auto v = std::max(across ? x : y, 0.1);
      least = std::min(least, v);
      most = std::max(most, v);
    }
  if (least > most) least = 1, most = 10;
  const auto a = std::log10(least), b = std::log10(most);
  return across ? axis{a - 0.05, b + 0.05} : axis{std::floor(a), std::max(std::floor(a) + 1, std::ceil(b))};
}
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}
}  // namespace

std::string picture::svg() const {
  const auto xs = axis_of(curves, true), ys = axis_of(curves, false);
  const auto x_of = [&](double x) { return left + xs.place(std::max(x, 0.1)) * (width - left - right); };
  const auto y_of = [&](double y) { return height - bottom - ys.place(std::max(y, 0.1)) * (height - top - bottom); };
  auto out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n<text x=\"{2}\" y=\"28\" font-size=\"16\">{3}</text>\n"
      "<text x=\"{4}\" y=\"{5}\" text-anchor=\"middle\">{6}</text>\n"
      "<text transform=\"translate(18 {7}) rotate(-90)\" text-anchor=\"middle\">{8}</text>\n",
      width, height, left, escaped(title), (left + width - right) / 2, height - 14, escaped(across),
      (top + height - bottom) / 2, escaped(up));
  for (auto e = ys.from; e <= ys.to + 1e-9; ++e) {
    const auto y = y_of(std::pow(10, e));
    out += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n<text x=\"{}\" y=\"{:.1f}\" "
                       "text-anchor=\"end\">{:g}</text>\n",
                       left, width - right, y, y, left - 6, y + 4, std::pow(10, e));
  }
  std::vector<double> marks;
  for (const auto& c : curves)
    for (const auto& [x, y] : c.points) marks.push_back(x);
  std::sort(marks.begin(), marks.end());
  marks.erase(std::unique(marks.begin(), marks.end()), marks.end());
  for (const auto x : marks)
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n", x_of(x), height - bottom + 20, x);
  std::size_t n = 0;
  for (const auto& c : curves) {
    const auto* colour = colours[n % colours.size()];
    std::string line;
    for (const auto& [x, y] : c.points) line += fmt::format("{:.1f},{:.1f} ", x_of(x), y_of(y));
    out += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{}/>\n", line, colour,
                       c.thin ? 1 : 2.5, c.thin ? " stroke-dasharray=\"5 4\"" : "");
    if (!c.points.empty())
      out += fmt::format("<rect x=\"{0}\" y=\"{1}\" width=\"14\" height=\"3\" fill=\"{2}\"/>\n<text x=\"{3}\" y=\"{4}\">{5}</text>\n",
                         width - right + 12, top + 20 * static_cast<double>(n), colour, width - right + 32,
                         top + 5 + 20 * static_cast<double>(n), escaped(c.name));
    ++n;
  }
  return out + "</svg>\n";
}

std::string write_picture(const std::string& path, const picture& what) {
  std::ofstream file{path, std::ios::binary};
  file << what.svg() << std::flush;
  return file ? std::string{} : path + " cannot be written: " + std::strerror(errno);
}
}  // namespace troupe::program
