// A replicated state machine of one's own: accounts, and transfers that leave the sum of all of them as it is.
#pragma once
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>

#include <troupe/patterns/consensus/described_machine.hpp>

struct open_account {
  std::string whose;
  std::int64_t with = 0;
};
TROUPE_MESSAGE(open_account, whose, with)
struct transfer {
  std::string from, to;
  std::int64_t sum = 0;
};
TROUPE_MESSAGE(transfer, from, to, sum)
struct balance {
  std::string whose;
};
TROUPE_MESSAGE(balance, whose)
struct everything {};
TROUPE_MESSAGE(everything)

struct bank {
  using command = std::variant<open_account, transfer>;
  using question = std::variant<balance, everything>;

  void apply(const open_account& o) { accounts.try_emplace(o.whose, o.with); }
  std::int64_t apply(const transfer& t) {  // what is left
    auto& from = accounts.at(t.from);
    auto& to = accounts.at(t.to);
    if (t.sum <= 0 || t.sum > from) throw std::runtime_error{t.from + " has " + std::to_string(from)};
    to += t.sum;
    transfers += 1;
    return from -= t.sum;
  }
  std::int64_t answer(const balance& b) const { return accounts.at(b.whose); }
  bank answer(const everything&) const { return *this; }

  std::map<std::string, std::int64_t> accounts;
  std::uint64_t transfers = 0;
};
TROUPE_MESSAGE(bank, accounts, transfers)

inline std::unique_ptr<troupe::state_machine> make_bank() {
  return std::make_unique<troupe::described_machine<bank>>();
}
