// Memory of a thread for the backward pass of any example.
#pragma once
#include "model_tables.h"
#include "synapses/weight_gradients.h"

namespace {
struct Scratch {
  float *grad_rings[GRAD_RINGS + 1] = {};  // rings of rows of dL/dw, one row per step
  int64_t ring_length = 0;                 // rows of a ring
  mlg::SpikesByNeuron spikes_by_neuron;

  bool reserve(int64_t steps) {
    if (steps <= ring_length) return true;
    for (int64_t k = 0; k < GRAD_RINGS; ++k) {
      free(grad_rings[k]);
      grad_rings[k] = mlg::allocate<float>(steps * GRAD_RING_SIZE[k]);
      if (!grad_rings[k]) return false;
    }
    ring_length = steps;
    return true;
  }
  void release() {
    for (float *ring : grad_rings) free(ring);
    spikes_by_neuron.release();
  }
};
}  // namespace
