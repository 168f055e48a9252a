// A job's output directory, on a file system that all nodes see.
//   part-00000 ...                 one file a partition, complete as soon as it has its name
//   _SUCCESS                       empty; there when all parts are
//   _temporary/token               whose directory it is; tells a node that it sees the master's files
//   _temporary/of-TOKEN/part-N-A   attempt A of part N, until the master renames it; where masters
//                                  can be replaced, of-TOKEN-FENCE: the next one renames it to its
//                                  own fence, and a former one that wakes finds nothing to rename
// A token is minted for each job and never again. So who comes late, an attempt that was taken for
// dead or a master that slept, finds nothing of its own where another job has begun, and touches
// nothing.
// Each function fails with a task_error whose sentence is for the user.
#pragma once
#include <cstdint>
#include <string>
namespace troupe::mapreduce {
std::string attempt_file(const std::string& output, const std::string& token,
                         std::uint32_t partition, std::uint32_t attempt,
                         std::uint64_t fence = 0);
// Where a file that an attempt wrote under an earlier master is now.
std::string attempt_file(const std::string& output, const std::string& token,
                         const std::string& name, std::uint64_t fence);
std::string part_name(std::uint32_t partition);

// Refuses a directory that holds anything; makes it if there is none. Of several callers for one
// directory one succeeds; one that fails leaves what it found. With a fence, what earlier masters of
// the same token prepared is taken over.
void prepare_output(const std::string& output, const std::string& token, std::uint64_t fence = 0);
// From now on the attempts of masters with lower fences can be renamed by nobody but us.
void take_output(const std::string& output, const std::string& token, std::uint64_t fence);
// Whether this node reads the token that the master wrote.
void find_output(const std::string& output, const std::string& token);
// By rename, so that the part is there whole or not at all. Once more is no error.
void commit_part(const std::string& output, const std::string& token, std::uint32_t partition,
                 const std::string& attempt);
// Marks success, then clears away; abort can still undo it where that fails. Once more is no error.
void finish_output(const std::string& output, const std::string& token, std::uint32_t parts);
// What prepare and commit made, and no more: the directory itself if it is empty then.
void abort_output(const std::string& output, const std::string& token, std::uint32_t parts);
}  // namespace troupe::mapreduce
