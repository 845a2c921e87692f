// Gradients that are taken later.
#pragma once
#include "slot.h"

namespace {
// The last stretch of a thread's last examples, where gradients take its slopes later.
struct Left {
  Slot *slots[EXAMPLES_PER_TILE];
  int n = 0;
  int64_t last = 0;  // steps before it are left

  void leave(Slot *const *all, int count, int64_t until) {
    for (n = 0; n < count; ++n) slots[n] = all[n];
    last = until;
  }
};
}  // namespace
