// Backward passes of online learning, in both engines.
#pragma once
#include "id_type.h"

namespace mlg {
// Backward passes over a block of steps of one neuron group, by rows of P neurons. Pass 0 starts
// at zero and takes the losses of the block; its result is the learning signal. Pass 1 + s starts
// with a one in what trace s belongs to and takes no losses: it says how the trace at the end of
// the block depends on its steps. Of the S = X + C traces of a synapse, X belong to variables of
// the target neuron and C to outputs. Pass p has the adjoint rows lambda[p * V + x], x < V.
struct BackwardPasses {
  const float *lambda;
  const float *output_grads;  // dL by the C traces towards outputs, a row for each
  const float *decay;         // factors by which these decay in the block
  const float *weight_grads;  // dL/dw of spikes that arrive in the first step, a row for each pass
  int64_t step_stride, pass_stride;  // floats from one step, and from one pass, to the next
  bool is_last;                      // the block ends the example: only pass 0 is there
};
}  // namespace mlg
