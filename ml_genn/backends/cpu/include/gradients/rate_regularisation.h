// Regularisation of firing rates.
#pragma once
#include "batch/engine_state.h"
#include "gradients/rate_regulariser.h"

namespace {
// Computes the gradient of each regulariser by a spike of each neuron, from the neuron's number of
// spikes in the batches of all processes.
MLG_COLD void compute_rate_gradients(Engine &e, const Call &c) {
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const mlg::RateRegulariser regulariser(c.loss_scalars + LOSS_SCALARS, g);
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
    for (int64_t j = 0; j < REGULARISED_SIZE[g]; ++j) grad[j] = regulariser.grad(grad[j], c.scale);
  }
}
}  // namespace
