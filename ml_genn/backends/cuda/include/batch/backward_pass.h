// The backward pass of an example, by its thread blocks.
#pragma once
#include "batch/record.h"
#include "members.h"
#include "model_functions.h"

namespace {
void backward(const Call &c, Slot &s, int64_t b) {
  Slot *slots[] = {&s};
  begin_backward(c, s, b);
  for (int64_t t = c.num_steps - 1, last = c.num_steps; t >= 0; --t) {
    MLG_SYNC;
    backward_tile(c, slots, 1, t, nullptr, MLG_TEAM, MLG_TEAMS);
    MLG_SYNC;
    backward_step(c, s, b, t, c.gradients);
    record(c, s, b, t, true);
    if (last - t < c.gradient_window && t) continue;
    MLG_SYNC;
    weight_gradients(c, s, t, last, c.gradients, ALL_LEARNED, s.scratch->spikes_by_neuron, MLG_TEAM,
                     MLG_TEAMS);
    last = t;
  }
  end_backward(s, c.gradients);
}
}  // namespace
