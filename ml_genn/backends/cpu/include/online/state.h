// What an example keeps beside its state while it learns online.
#pragma once
#include "online/arrivals.h"

namespace mlg {
// What an example keeps beside its state while it learns online.
struct Online {
  float *rows = nullptr;    // sweeps, traces of parameters and of synapses
  float *slopes = nullptr;  // what a spike does that arrives in a step of the block
  uint8_t *live = nullptr;  // sources of synapses that have spiked
  int64_t steps = 0;        // of a block, that slopes has room for
  Arrivals arrivals;

  // Traces start at zero; those of synapses are cleared when their source first spikes.
  bool begin(int64_t floats, int64_t cleared, int64_t each_step, int64_t sources, int64_t wanted) {
    if (!live) {
      free(rows);
      if (!(rows = allocate<float>(floats))) return false;
      memset(rows, 0, floats * sizeof(float));
      if (!(live = allocate<uint8_t>(sources))) return false;
    }
    if (wanted > steps) {
      free(slopes);
      steps = 0;
      if (!(slopes = allocate<float>(wanted * each_step))) return false;
      steps = wanted;
    }
    memset(rows, 0, cleared * sizeof(float));
    memset(live, 0, sources);
    return true;
  }
  void release() {
    free(rows);
    free(slopes);
    free(live);
    arrivals.release();
  }
};
}  // namespace mlg
