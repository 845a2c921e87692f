// State of an example that learns online, beside its state block.
#pragma once
#include "online/arrivals.h"

namespace mlg {
struct Online {
  float *rows = nullptr;          // adjoints of backward passes, traces of parameters and synapses
  float *weight_grads = nullptr;  // dL/dw of a spike that arrives in a step of the block
  uint8_t *has_spiked = nullptr;  // source neurons of synapses that have spiked
  int64_t steps = 0;              // steps that weight_grads has memory for
  Arrivals arrivals;

  // Begins an example. trace_floats: rows that start at zero. The traces of a synapse are set to
  // zero when its source neuron first spikes.
  bool begin(int64_t floats, int64_t trace_floats, int64_t step_floats, int64_t sources,
             int64_t num_steps) {
    if (!has_spiked) {
      free(rows);
      if (!(rows = allocate<float>(floats))) return false;
      memset(rows, 0, floats * sizeof(float));
      if (!(has_spiked = allocate<uint8_t>(sources))) return false;
    }
    if (num_steps > steps) {
      free(weight_grads);
      steps = 0;
      if (!(weight_grads = allocate<float>(num_steps * step_floats))) return false;
      steps = num_steps;
    }
    memset(rows, 0, trace_floats * sizeof(float));
    memset(has_spiked, 0, sources);
    return true;
  }
  void release() {
    free(rows);
    free(weight_grads);
    free(has_spiked);
    arrivals.release();
  }
};
}  // namespace mlg
