// The smallest part of a history that still fails: operations are left out, first many at a time,
// then one by one, as long as what remains is a violation.
// Source: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE
//         28(2), 2002, with halving chunks; beyond it, what is left out takes along what rests upon
//         it (`tied`, model.hpp): without the write of a value each read of it would fail, and
//         prove nothing.
//   Promises  what remains fails, and none of it can be left out by itself (with what rests upon
//             it); there may be a smaller part that is no part of this one
#pragma once
#include "patterns/checking/model.hpp"

#include <functional>
namespace troupe::checking {
// `ties` has one entry an operation; `fails(ops)` is true if `ops` are a violation, false also when
// nobody can tell.
operations shrunk(const operations& ops, const std::vector<tied>& ties,
                  const std::function<bool(const operations&)>& fails);
}  // namespace troupe::checking
