// State of an example that learns online, beside its state block.
#pragma once
#include "platform/memory.h"

namespace mlg {
struct Online {
  float *rows;          // adjoints of backward passes, traces of parameters and synapses
  float *weight_grads;  // dL/dw of a spike that arrives in a step of the block
  uint8_t *has_spiked;  // source neurons of synapses that have spiked
  int64_t steps;        // steps that weight_grads has memory for

  // Begins an example: all traces start at zero. The other arguments are for the CPU's memory.
  bool begin(int64_t floats, int64_t, int64_t, int64_t sources, int64_t) {
    clear(rows, floats);
    for (int64_t i = member(); i < sources; i += members()) has_spiked[i] = 0;
    MLG_SYNC;
    return true;
  }
};
}  // namespace mlg
