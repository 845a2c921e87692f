// What an example keeps beside its state while it learns online.
#pragma once
#include "online/arrivals.h"

namespace mlg {
// What an example keeps beside its state while it learns online.
struct Online {
  float *rows = nullptr;  // adjoints of backward passes, traces of parameters and of synapses
  float *weight_grads = nullptr;  // dL/dw of a spike that arrives in a step of the block
  uint8_t *has_spiked = nullptr;  // sources of synapses that have spiked
  int64_t steps = 0;              // that weight_grads has room for
  Arrivals arrivals;

  // Traces start at zero; those of synapses are cleared when their source first spikes.
  bool begin(int64_t floats, int64_t cleared, int64_t each_step, int64_t sources, int64_t wanted) {
    if (!has_spiked) {
      free(rows);
      if (!(rows = allocate<float>(floats))) return false;
      memset(rows, 0, floats * sizeof(float));
      if (!(has_spiked = allocate<uint8_t>(sources))) return false;
    }
    if (wanted > steps) {
      free(weight_grads);
      steps = 0;
      if (!(weight_grads = allocate<float>(wanted * each_step))) return false;
      steps = wanted;
    }
    memset(rows, 0, cleared * sizeof(float));
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
