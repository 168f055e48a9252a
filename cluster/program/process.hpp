// Processes that the program starts, finds again and ends. A process number is reused by the system, so a process is
// known by its number together with the moment it started, and a signal goes to that one or to nobody.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace troupe::program {
struct process {
  pid_t pid = 0;
  std::uint64_t started = 0;  // clock ticks since the machine booted: field 22 of /proc/PID/stat
  bool operator==(const process&) const = default;
};

// The process that has this number now; nothing where there is none, or only a zombie.
std::optional<process> identify(pid_t pid);

// Whether exactly this process still runs.
bool alive(const process& p);

// Sends the signal to exactly this process; false where it is gone or not ours to signal.
bool send_signal(const process& p, int signal);

// Waits until all of them are gone; false where one was still there after `bound`.
bool wait_gone(const std::vector<process>& all, std::chrono::milliseconds bound);

struct launch {
  std::vector<std::string> command;  // the program's path, then its arguments
  std::filesystem::path output;  // standard output and error are appended here; input is /dev/null
};

// Starts a process in a session of its own. Nothing where the system refused; errno then says why.
std::optional<process> start(const launch& what);

// How a child of ours ended ("was ended by signal 9", "exited with code 1"); nothing while it runs.
std::optional<std::string> ended(const process& child);

// Path of the program that runs now.
std::filesystem::path own_program();
}  // namespace troupe::program
