// Gradients of dense weights, summed over the steps of a window.
#pragma once
#include "platform/grid.h"
#include "spikes/tape.h"

namespace mlg {
// The CPU sorts the spikes of a window by neuron. Here warps add them in any order.
struct SpikesByNeuron {};

// gradient[j] += sum of the rows of dL/dw of the steps in which spikes of neuron j arrive, for
// spikes of steps first <= t < last. A warp adds the row of a spike.
template <int P>
static inline bool add_weight_gradients(float *gradient, int, const float *weight_grads,
                                        int64_t ring_length, const Tape &tape, int64_t first,
                                        int64_t last, int64_t arrival_delay, SpikesByNeuron &,
                                        int team, int teams) {
  for (int64_t t = first; t < last; ++t) {
    const Spikes spikes = spikes_at(tape, t);
    const float *row = weight_grads + (t + arrival_delay) % ring_length * P;
    for (uint32_t k = team; k < spikes.n; k += teams)
      for (int j = lane(); j < P; j += WARP_SIZE)
        atomicAdd(&gradient[int64_t(spikes.id[k]) * P + j], row[j]);
  }
  return true;
}
}  // namespace mlg
