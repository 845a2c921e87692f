// Kernels: mlg_run runs the phases of a batch, with one or several thread blocks for each example.
// The other kernels visit all weights, or all neurons, with all threads of the grid.
#pragma once
#include "batch/backward_pass.h"
#include "batch/forward_pass.h"
#include "gradients/rate_regulariser.h"

namespace {
int64_t grid_thread() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
int64_t grid_threads() { return int64_t(gridDim.x) * blockDim.x; }

// Norms of each gradient, then of all together.
void gradient_norms(const Call &c, float *norms) {
  double all_squares = 0;
  for (int64_t k = 0; k < LEARNED; ++k) {
    norms[k] = float(sqrt(c.gradient_squares[k]));
    all_squares += c.gradient_squares[k];
  }
  norms[LEARNED] = float(sqrt(all_squares));
}

// Updates this thread's entries of a learned array, or only computes them; returns the bits of the
// largest absolute number of them.
template <bool STORE>
uint32_t take_step(const Call &c, int64_t k, const float *norms) {
  uint32_t largest = 0;
  for (int64_t j = grid_thread(); j < c.learned_sizes[k]; j += grid_threads())
    largest = mlg::larger(largest, update<STORE>(c, k, j, j + 1, c.gradients[k], norms));
  return largest;
}
}  // namespace

extern "C" {
// Before a batch: sets sums to zero and clears the status.
__global__ void MLG_LAUNCH_BOUNDS mlg_clear(const Call *call) {
  const Call c = *call;
  const int64_t first = grid_thread(), stride = grid_threads();
  for (int64_t k = 0; k < LEARNED; ++k)
    for (int64_t j = first; j < c.learned_sizes[k]; j += stride) c.gradients[k][j] = 0;
  for (int64_t g = 0; g < REGULARISED; ++g)
    for (int64_t j = first; j < REGULARISED_SIZE[g]; j += stride)
      c.rate_regularisation_grads[g][j] = 0;
  for (int64_t k = first; k < LEARNED; k += stride) {
    c.gradient_squares[k] = 0;
    c.maxima[k] = c.maxima[LEARNED + k] = 0;
  }
  for (int64_t g = first; g < GROUPS; g += stride) c.state_not_finite[g] = 0;
  if (first == 0) *c.status = *c.num_bad = mlg::OK;
}

// Runs phases of the examples; block (b, k) is one of those that run example b.
__global__ void MLG_LAUNCH_BOUNDS mlg_run(const Call *call, int64_t phases) {
  extern __shared__ float mlg_state[];
  const Call c = *call;
  const int64_t b = blockIdx.x;
  // If a tape is full, the host runs the batch again.
  if (*c.status & mlg::TAPE_FULL && !(phases & mlg::FORWARD)) return;
  Slot s(c, b, mlg_state);
  float *global_state = c.state_blocks + b * c.state_floats;
  if (phases & mlg::BEGIN) begin(c, s);
  else if (c.uses_shared_memory) mlg::copy(s.block, global_state, c.state_floats);
  MLG_SYNC;
  if (phases & mlg::FORWARD && !forward(c, s, b, phases & mlg::ONLINE)) {
    if (MLG_MEMBER == 0) atomicOr(c.status, mlg::TAPE_FULL);
    return;
  }
  if (phases & mlg::END) {
    if (MLG_MEMBER == 0) end(c, s, b);
    if (c.counts_spikes) count_spikes(c, s);
    MLG_SYNC;
    check_state(c, s);
    MLG_SYNC;
    if (MLG_MEMBER == 0 && *c.status) atomicOr(c.num_bad, 1);
  }
  if (phases & mlg::BACKWARD) backward(c, s, b);
  MLG_SYNC;
  if (c.uses_shared_memory) mlg::copy(global_state, s.block, c.state_floats);
}

// Gradient of the rate regulariser by a spike of each neuron, from the neuron's number of spikes.
__global__ void MLG_LAUNCH_BOUNDS mlg_regularise(const Call *call) {
  const Call c = *call;
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const mlg::RateRegulariser regulariser(c.loss_scalars + LOSS_SCALARS, g);
    float *grad = c.rate_regularisation_grads[g];
    for (int64_t j = grid_thread(); j < REGULARISED_SIZE[g]; j += grid_threads())
      grad[j] = regulariser.grad(grad[j], c.scale);
  }
}

// Sums of squares of gradients.
__global__ void MLG_LAUNCH_BOUNDS mlg_squares(const Call *call) {
  const Call c = *call;
  for (int64_t k = 0; k < LEARNED; ++k) {
    double sum = 0;
    for (int64_t j = grid_thread(); j < c.learned_sizes[k]; j += grid_threads())
      sum += double(c.gradients[k][j]) * c.gradients[k][j];
    atomicAdd(&c.gradient_squares[k], sum);
  }
}

// Computes the optimisers' step, without storing it, and the maxima of gradients and of what would
// be stored. Sets GRADIENT_NOT_FINITE or STEP_TOO_LARGE if one of them is too large.
__global__ void MLG_LAUNCH_BOUNDS mlg_try(const Call *call) {
  const Call c = *call;
  if (*c.num_bad && !*c.status) atomicOr(c.status, mlg::PROCESS_NOT_FINITE);
  float norms[LEARNED + 1];
  gradient_norms(c, norms);
  bool are_finite = is_finite(norms[LEARNED]), is_step_small = true;
  for (int64_t k = 0; k < LEARNED; ++k) {
    uint32_t largest = 0;
    for (int64_t j = grid_thread(); j < c.learned_sizes[k]; j += grid_threads())
      largest = mlg::larger(largest, mlg::abs_bits(c.gradients[k][j]));
    const uint32_t next = take_step<false>(c, k, norms);
    atomicMax(&c.maxima[k], largest);
    atomicMax(&c.maxima[LEARNED + k], next);
    are_finite &= largest < mlg::INFINITY_BITS;
    is_step_small &= next < mlg::abs_bits(MAX_STORED_NUMBER);
  }
  if (!are_finite) atomicOr(c.status, mlg::GRADIENT_NOT_FINITE);
  if (!is_step_small) atomicOr(c.status, mlg::STEP_TOO_LARGE);
}

// Takes the optimisers' step, unless a number is not finite or a tape is full.
__global__ void MLG_LAUNCH_BOUNDS mlg_update(const Call *call) {
  const Call c = *call;
  if (*c.status) return;
  float norms[LEARNED + 1];
  gradient_norms(c, norms);
  for (int64_t k = 0; k < LEARNED; ++k) take_step<true>(c, k, norms);
}
}
