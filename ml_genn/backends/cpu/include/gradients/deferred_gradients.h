// Weight gradients whose summation is deferred, to overlap with the all-reduce of other arrays.
#pragma once
#include "slot.h"

namespace {
// Final window of the backward pass, [0, end_step), of a thread's last tile of examples; its dL/dw
// is not accumulated yet. At most one is pending per thread: only the last tile of a call defers,
// and the next call starts without one.
struct DeferredGradients {
  Slot *slots[EXAMPLES_PER_TILE];  // of the tile's examples
  int num_slots = 0;
  int64_t end_step = 0;  // steps 0 <= t < end_step are deferred

  void defer(Slot *const *tile_slots, int n, int64_t end) {
    for (num_slots = 0; num_slots < n; ++num_slots) slots[num_slots] = tile_slots[num_slots];
    end_step = end;
  }
};
}  // namespace
