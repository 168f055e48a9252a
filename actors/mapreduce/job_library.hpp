// Finds job classes: those compiled into the program, and those of shared libraries.
//   Loading   a library's bytes are copied before they are loaded, so that one that was built anew
//             under its old name is loaded anew, and overwriting it harms no running task. The same
//             bytes are loaded once; nothing is ever unloaded
//   Errors    sentences for a missing file, one that is no library or holds no job, one that was
//             built for another version, an unknown job or setting (with the nearest that there is)
#pragma once
#include "actors/mapreduce/task_code.hpp"
#include "patterns/result.hpp"

#include <memory>
#include <string>
#include <vector>
namespace troupe::mapreduce {
using job_ptr = std::shared_ptr<const job_class>;

// `library` empty: compiled in. `name` empty: the library's only job.
result<job_ptr, std::string> job_named(const std::string& name, const std::string& library);

std::vector<job_ptr> jobs_compiled_in();

// Also makes the job once, so that what its setup refuses is known before the first task.
result<void, std::string> check_settings(const job_class& job, const job_settings& given);
}  // namespace troupe::mapreduce
