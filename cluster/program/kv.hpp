// What the kv verbs share.
#pragma once
#include "cluster/program/client.hpp"
#include "patterns/storage/map_messages.hpp"

#include <optional>
#include <string>

#include <nlohmann/json.hpp>
namespace troupe::program {
nlohmann::ordered_json as_json(const storage::key_value& kv);
// Nothing expected: that the key is not there.
storage::txn swap(const std::string& key, const std::optional<std::string>& expected,
                  const std::string& value);
// Operations from standard input, a JSON object a line, each answered with one.
exit_code kv_lines(client& with);
}  // namespace troupe::program
