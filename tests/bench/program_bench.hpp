// What benches of the whole program share: its figures as JSON lines, and the program itself.
#pragma once
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
namespace troupe::bench {
inline void print(const std::string& figure, double value, const std::string& unit) {
  std::cout << nlohmann::json{{"figure", figure}, {"value", value}, {"unit", unit}}.dump()
            << std::endl;
}
// What a bench has started, to be ended also when it fails.
inline std::function<void()>& before_failing() {
  static std::function<void()> what;
  return what;
}
[[noreturn]] inline void fail(const std::string& why) {
  std::cerr << program_invocation_short_name << ": " << why << std::endl;
  if (const auto what = std::exchange(before_failing(), {})) what();
  std::exit(1);
}
#ifdef TROUPE_PROGRAM
// Runs `troupe` with these arguments: its exit code, and its standard output.
inline std::pair<int, std::string> try_program(const std::string& arguments) {
  const auto command = std::string{TROUPE_PROGRAM} + " " + arguments;
  auto* const out = ::popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> piece{};
  while (const auto got = std::fread(piece.data(), 1, piece.size(), out))
    text.append(piece.data(), got);
  return {::pclose(out), text};
}
// A command that fails ends the bench.
inline std::string program(const std::string& arguments) {
  auto [code, text] = try_program(arguments);
  if (code != 0) fail("'troupe " + arguments + "' failed: " + text);
  return text;
}
#endif
}  // namespace troupe::bench
