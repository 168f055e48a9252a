// What a library looks like that was built with the headers of another version.
#include "actors/mapreduce/job.hpp"

namespace {
const troupe::mapreduce::job_entry entry{"troupe-job-0 of long ago", nullptr};
const bool known = (troupe::mapreduce::troupe_register_job(&entry), true);
}  // namespace
