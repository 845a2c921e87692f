// Check of the final state of an example.
#pragma once
#include "finite.h"
#include "platform/compiler.h"
#include "slot.h"

namespace {
// Returns the bits of the largest absolute value of a row; see finite.h.
MLG_ONCE uint32_t largest_bits(const float *row, int64_t n) {
  uint32_t largest = 0;
  MLG_LOOP
  for (int64_t j = 0; j < n; ++j) largest = mlg::larger(largest, mlg::abs_bits(row[j]));
  return largest;
}

// Marks the groups whose state or readout is not finite. NaN and infinity do not go away, so the
// end of an example tells of all its steps. Returns true if all are finite.
bool check_state(const Call &c, const Slot &s) {
  bool all_finite = true;
  for (int64_t k = 0; CHECKED_ROWS[k] >= 0; k += 3) {
    if (largest_bits(s.block + CHECKED_ROWS[k], CHECKED_ROWS[k + 1]) < mlg::INFINITY_BITS) continue;
    __atomic_store_n(&c.state_not_finite[CHECKED_ROWS[k + 2]], 1, __ATOMIC_RELAXED);
    all_finite = false;
  }
  return all_finite;
}
}  // namespace
