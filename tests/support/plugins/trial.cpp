// A job for tests that want it slow, failing, or talkative: lines, each counted once.
#include "actors/mapreduce/job.hpp"

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace mr = troupe::mapreduce;
struct trial : mr::job_of<std::string, std::uint64_t> {
  static constexpr mr::job_setting settings[] = {{"sleep", "milliseconds at each line"},
                                                 {"throw", "at lines that begin with this"}};

  void setup() {
    sleep_ = std::chrono::milliseconds{std::atoi(setting("sleep", "0").c_str())};
    throw_ = setting("throw");
  }

  void map(const mr::record& line, auto& emit) {
    if (sleep_.count() > 0) std::this_thread::sleep_for(sleep_);
    if (!throw_.empty() && line.text.starts_with(throw_))
      throw std::runtime_error{"this line is bad: " + std::string{line.text}};
    count("lines of the trial");
    emit(line.text, 1);
  }
  void combine(std::uint64_t& sum, std::uint64_t more) { sum += more; }

 private:
  std::chrono::milliseconds sleep_{};
  std::string throw_;
};
TROUPE_JOB(trial, "trial")
