// Weight gradients that a thread adds later, array by array, while processes sum other arrays.
#pragma once
#include "slot.h"

namespace {
// The last window of steps of a thread's last examples, whose rows of dL/dw are not summed yet.
struct DeferredGradients {
  Slot *slots[EXAMPLES_PER_TILE];
  int num_slots = 0;
  int64_t end_step = 0;  // steps 0 <= t < end_step are deferred

  void defer(Slot *const *examples, int n, int64_t end) {
    for (num_slots = 0; num_slots < n; ++num_slots) slots[num_slots] = examples[num_slots];
    end_step = end;
  }
};
}  // namespace
