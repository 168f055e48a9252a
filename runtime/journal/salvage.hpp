// What is sound of a group in a damaged database, and of the database itself.
#pragma once
#include "runtime/journal/database.hpp"
#include "runtime/journal/inspect.hpp"
#include "runtime/journal/log_files.hpp"

#include <string>
namespace troupe::journal {
struct salvaged {
  content found{};
  group_report told{};
};
// The longest sound beginning of it.
salvaged salvage(const database& from, const std::string& group);
}  // namespace troupe::journal
