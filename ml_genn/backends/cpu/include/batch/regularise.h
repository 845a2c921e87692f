// Regularisation of firing rates.
#pragma once
#include "batch/engine_state.h"

namespace {
// Gradient of the rate regulariser by each neuron's number of spikes: of
// 1/2 strength (spikes / examples - target)^2, with a strength for too few and for too many.
MLG_COLD void regularise(Engine &e, const Call &c) {
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const float *strength = c.loss_scalars + 2 * OUTPUTS + 3 * g;  // lower, upper, target
    float *grad = e.rate_regularisation_grads[g];
    for (int64_t j = 0; j < REGULARISED_SIZE[g]; ++j) grad[j] = 0;
    for (int64_t b = 0; b < c.batch; ++b) {
      const mlg::Tape &tape = e.slots[b].tapes[REGULARISED_TAPE[g]];
      for (uint32_t k = 0; k < tape.offset[c.num_steps]; ++k) grad[tape.id[k]] += 1;
    }
    if (c.begin_allreduce) {
      c.begin_allreduce(grad, REGULARISED_SIZE[g]);
      if (!c.end_allreduces()) return e.failed(mlg::ALLREDUCE_FAILED);
    }
    for (int64_t j = 0; j < REGULARISED_SIZE[g]; ++j) {
      const float excess = grad[j] * c.scale - strength[2];
      grad[j] = (excess > 0 ? strength[1] : strength[0]) * excess * c.scale;
    }
  }
}
}  // namespace
