// What benches of the whole program share: its figures as JSON lines, and the program itself.
#pragma once
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>
namespace troupe::bench {
inline void print(const std::string& figure, double value, const std::string& unit) {
  std::cout << nlohmann::json{{"figure", figure}, {"value", value}, {"unit", unit}}.dump()
            << std::endl;
}
[[noreturn]] inline void fail(const std::string& why) {
  std::cerr << program_invocation_short_name << ": " << why << std::endl;
  std::exit(1);
}
#ifdef TROUPE_PROGRAM
// Runs `troupe` with these arguments; its standard output. A command that fails ends the bench.
inline std::string program(const std::string& arguments) {
  const auto command = std::string{TROUPE_PROGRAM} + " " + arguments;
  auto* const out = ::popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> piece{};
  while (const auto got = std::fread(piece.data(), 1, piece.size(), out))
    text.append(piece.data(), got);
  if (::pclose(out) != 0) fail("'" + command + "' failed: " + text);
  return text;
}
#endif
}  // namespace troupe::bench
