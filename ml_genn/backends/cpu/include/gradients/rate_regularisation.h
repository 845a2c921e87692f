// Regularisation of firing rates.
#pragma once
#include "batch/engine_state.h"

namespace {
// Computes the gradient of the regulariser by each neuron's number of spikes. The regulariser is
// 1/2 strength (spikes / examples - target)^2, with one strength below the target and one above.
MLG_COLD void compute_rate_gradients(Engine &e, const Call &c) {
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const float *scalars = c.loss_scalars + 2 * OUTPUTS + 3 * g;
    const float strength_below = scalars[0], strength_above = scalars[1], target = scalars[2];
    float *grad = e.rate_regularisation_grads[g];
    for (int64_t j = 0; j < REGULARISED_SIZE[g]; ++j) grad[j] = 0;
    for (int64_t b = 0; b < c.batch; ++b) {
      const mlg::Tape &tape = e.slots[b].tapes[REGULARISED_TAPE[g]];
      for (uint32_t k = 0; k < tape.offset[c.num_steps]; ++k) grad[tape.id[k]] += 1;
    }
    if (c.begin_allreduce) {
      c.begin_allreduce(grad, REGULARISED_SIZE[g]);
      if (!c.end_allreduces()) return e.fail(mlg::ALLREDUCE_FAILED);
    }
    for (int64_t j = 0; j < REGULARISED_SIZE[g]; ++j) {
      const float excess = grad[j] * c.scale - target;
      grad[j] = (excess > 0 ? strength_above : strength_below) * excess * c.scale;
    }
  }
}
}  // namespace
