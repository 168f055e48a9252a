// A job of one's own, as a shared library: how many requests and bytes each client of a web server
// had, from access logs in the common format:
//   192.0.2.7 - - [22/Nov/2026:23:37:00 +0000] "GET /index.html HTTP/1.1" 200 5120
#include "actors/mapreduce/job.hpp"
#include "patterns/message.hpp"

#include <charconv>
struct traffic {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
};
TROUPE_MESSAGE(traffic, requests, bytes)

namespace mr = troupe::mapreduce;
struct traffic_by_client : mr::job_of<std::string, traffic> {
  static constexpr mr::job_setting settings[] = {{"status", "count only answers of this status"}};

  void setup() { status_ = setting("status"); }

  void map(const mr::record& line, auto& emit) {
    const auto client = line.text.substr(0, line.text.find(' '));
    const auto request_end = line.text.rfind('"');
    if (request_end == line.text.npos || request_end + 6 > line.text.size())
      return count("lines that are no requests");
    const auto status = line.text.substr(request_end + 2, 3);
    if (!status_.empty() && status != status_) return;
    traffic one{.requests = 1, .bytes = 0};
    const auto bytes = line.text.substr(request_end + 6);
    std::from_chars(bytes.data(), bytes.data() + bytes.size(), one.bytes);  // "-" is none
    emit(client, one);
  }

  void combine(traffic& into, const traffic& more) {
    into.requests += more.requests;
    into.bytes += more.bytes;
  }  // without a reduce, a line client<TAB>requests<TAB>bytes is written for each client

 private:
  std::string status_;
};
TROUPE_JOB(traffic_by_client, "traffic", "requests and bytes of each client of a web server")
