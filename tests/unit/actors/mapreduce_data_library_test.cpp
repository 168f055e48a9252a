#include "actors/mapreduce/job.hpp"
#include "actors/mapreduce/job_library.hpp"
#include "local_job.hpp"
namespace {
using namespace troupe;
using namespace troupe::test;
using mapreduce::job_named;

std::string plugin(const std::string& name) {
  return std::string{TROUPE_BINARY_DIR} + "/lib/" + name + ".so";
}
std::string why_not(const std::string& name, const std::string& library) {
  const auto found = job_named(name, library);
  return found ? "it was found" : found.error();
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("job library: a job of a shared library runs as one of the program") {
  local_job job{"traffic", 2};
  job.spec.library = plugin("job-traffic");
  job.input("log",
            "192.0.2.7 - - [22/Nov/2026:23:37:00 +0000] \"GET / HTTP/1.1\" 200 5120\n"
            "192.0.2.9 - - [22/Nov/2026:23:37:01 +0000] \"GET /a HTTP/1.1\" 404 -\n"
            "192.0.2.7 - - [22/Nov/2026:23:37:02 +0000] \"GET /b HTTP/1.1\" 200 80\n"
            "what is this?\n");
  const auto counters = job.run();
  CHECK(job.sorted_lines() == std::vector<std::string>{"192.0.2.7\t2\t5200", "192.0.2.9\t1\t0"});
  CHECK(counters.at("lines that are no requests") == 1);

  local_job only{"", 1};  // the library's only job needs no name
  only.spec.library = plugin("job-traffic");
  only.spec.settings = {{"status", "404"}};
  only.input("log",
             "192.0.2.9 - - [22/Nov/2026:23:37:01 +0000] \"GET /a HTTP/1.1\" 404 -\n"
             "192.0.2.7 - - [22/Nov/2026:23:37:02 +0000] \"GET /b HTTP/1.1\" 200 80\n");
  only.run();
  CHECK(only.lines() == std::vector<std::string>{"192.0.2.9\t1\t0"});
}

TEST_CASE("job library: what cannot be used is refused with a sentence") {
  temp_directory directory;
  const auto path = (directory / "job.so").string();
  CHECK(has(why_not("x", path), "cannot open " + path + ": No such file"));
  write_file(path, "#!/bin/sh\n");
  CHECK(has(why_not("x", path), path + " is no shared library: build the job with -shared -fPIC"));
  write_file(path, "\177ELF and then nonsense");
  CHECK(has(why_not("x", path), "cannot load " + path));
  write_file(path, "");
  CHECK(has(why_not("x", path), "is no shared library"));
  CHECK(has(why_not("x", directory.path().string()), "cannot read"));
  CHECK(has(why_not("", plugin("job-none")), "is a shared library without a job"));
  CHECK(has(why_not("", plugin("job-outdated")),
            "was built for another version of Troupe (troupe-job-0 of long ago"));
  CHECK(has(why_not("trafic", plugin("job-traffic")),
            "has no job 'trafic'; it has traffic (did you mean traffic?)"));
  CHECK(has(why_not("wordcuont", ""), "did you mean wordcount?"));
  CHECK(has(why_not("", ""), "has more than one job, so name one: "));
}

TEST_CASE("job library: one that was built anew under its old name is loaded anew") {
  local_job job{"answer"};
  job.spec.library = (job.directory / "job.so").string();
  job.input("a", "line\n");
  namespace fs = std::filesystem;
  for (const char* version : {"1", "2", "1"}) {
    fs::copy_file(plugin(std::string{"job-version-"} + version), job.spec.library,
                  fs::copy_options::overwrite_existing);
    job.run();
    CHECK(job.lines() == std::vector<std::string>{std::string{version} + "\t1"});
    fs::remove_all(job.directory / "out");
  }
}

TEST_CASE("job library: the delivered jobs are there, and say what they do") {
  std::vector<std::string> names;
  for (const auto& job : mapreduce::jobs_compiled_in()) {
    names.push_back(job->name);
    if (job->name == "wordcount") CHECK(job->help == "how often each word occurs, word<TAB>count");
  }
  for (const char* name : {"grep", "inverted-index", "sort", "wordcount"})
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  CHECK(std::is_sorted(names.begin(), names.end()));
}
