// CSR rows: the synapses of a source neuron as a list, sorted by target. A warp takes a row.
#pragma once
#include "platform/range.h"
#include "platform/warp.h"
#include "synapse_targets.h"

namespace mlg {
// The CPU narrows rows to the targets of a thread. Here no row is split, so this is only declared.
void clip_row(Range<int>, const id_type *, int64_t &, int64_t &);

// The CPU prefetches rows; a GPU hides latency by other warps.
template <class T>
static inline void prefetch_row(const T *, const int64_t *, size_t) {}

// to[target] += SIGN * weight
template <int SIGN>
static inline void add_csr_row(float *to, const float *weight, const id_type *target, int64_t first,
                               int64_t last) {
  for (int64_t e = first + lane(); e < last; e += WARP_SIZE)
    atomicAdd(&to[target[e]], SIGN * weight[e]);
}

// Backward pass of one row. LEARN: gradient += SIGN * dL/dw of the target. BACKPROP: returns the
// sum over synapses of weight * the gradient that the target passes back.
template <int SIGN, bool LEARN, bool BACKPROP, class Grads>
static inline float csr_backward(float *gradient, const float *weight, const id_type *target,
                                 int64_t first, int64_t last, const Grads &grads) {
  float backprop = 0;
  for (int64_t e = first + lane(); e < last; e += WARP_SIZE) {
    const auto grad = grads(OneTarget(target + e, 1));
    if (BACKPROP) backprop += weight[e] * grad.backprop;
    if (LEARN) atomicAdd(&gradient[e], SIGN * grad.weight_grad);
  }
  return BACKPROP ? warp_sum(backprop) : 0.0f;
}
}  // namespace mlg
