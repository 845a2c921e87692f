// Argument of the kernels.
// Generated: python -m ml_genn.backends.generated_headers
#pragma once
#include "flags.h"
#include "id_type.h"
#include "recording.h"

namespace mlg {
// Arguments of a batch; addresses are in the device's memory.
struct Call {
  // Time steps of an example.
  int64_t num_steps;
  // Examples of the batch.
  int64_t batch;
  // Steps to run: first_step <= t < end_step.
  int64_t first_step;
  int64_t end_step;
  // Number of the first example, for random numbers.
  int64_t example;
  // Seed of random numbers.
  uint64_t seed;
  // Constants of groups; see Layout.scalars.
  const float *scalars;
  // Constants of neurons, delays, weights, learned parameters; see Layout.arrays.
  float *const *arrays;
  // Constant delays, lengths and offsets of delay rings; see Layout.integers.
  const int64_t *integers;
  // State block at the start of an example.
  const float *initial_state;
  // Frames of each group with analog input, for each example: (frames, neurons).
  const float *const *values;
  // Labels, values or trajectories of each output group.
  const void *const *targets;
  // Readouts of each output group: (batch, neurons).
  float *const *results;
  // Weight of each loss: (batch, output groups).
  const float *weights;
  // Losses of the examples: (batch, output groups).
  float *losses;
  // Factor and first-spike term of each output's loss; then lower strength, upper strength and
  // target rate of each regulariser.
  const float *loss_scalars;
  // Scalars of all optimiser updates, one after the other.
  const float *optimiser_scalars;
  // State of all optimiser updates, array by array.
  float *const *slots;
  // Gradient of each learned array.
  float *const *gradients;
  // 1 + the longest delay: steps whose spikes a later batch or block needs.
  int64_t carryover_steps;
  // Steps after which online gradients are computed and old spikes are dropped.
  int64_t block_steps;
  // Steps of the backward pass after which dense weight gradients are summed.
  int64_t gradient_window;
  // 1 for each neuron group whose state is not finite, else 0.
  int32_t *state_not_finite;
  // Bits of the largest absolute gradient of each learned array, then of the largest absolute
  // number that the step stores: (2, learned arrays).
  uint32_t *maxima;
  int64_t num_recordings;
  const Recording *recordings;
  // Flags of Status that code of neurons sets.
  int32_t *status;
  // Time step [ms].
  float dt;
  // 1 / examples of the batch, over all processes.
  float scale;
  // Losses of the steps so far: (batch, output groups).
  float *loss_sums;
  // Size of each learned array.
  const int64_t *learned_sizes;
  // Sum of squares of each gradient.
  double *gradient_squares;
  // Spikes of each regularised neuron; then the gradient by them.
  float *const *rate_regularisation_grads;
  // 1 if spikes are counted for the rate regulariser, else 0.
  int64_t counts_spikes;
  // State block of each example.
  float *state_blocks;
  // Floats in a state block.
  int64_t state_floats;
  // Flags of the neurons of each example.
  uint8_t *flags;
  // Neurons on each tape: (batch, capacity).
  id_type *const *tape_ids;
  // First spike of each step: (batch, window + 2); (batch, num_steps + 2) if spikes come with the
  // data.
  uint32_t *const *tape_offsets;
  // Values saved with each spike: (batch, capacity, record size).
  float *const *tape_records;
  // Capacity, 0 if spikes come with the data, and record size of each tape.
  const int64_t *tape_shapes;
  // Steps in memory: step t is row t % window.
  int64_t window;
  // Last spikes of the previous batch, if this one continues it.
  id_type *const *tail_ids;
  // First of these spikes in each step: (batch, tail_steps + 2).
  uint32_t *const *tail_offsets;
  // Steps of these spikes; 0 if no batch is continued.
  int64_t tail_steps;
  // dL/dy of each output's loss in every step: (batch, window, neurons).
  float *const *step_loss_grads;
  // State at the start of each step: (batch, window, floats).
  float *const *history;
  // Rings of dL/dw rows: (batch, ring_length, neurons).
  float *const *grad_rings;
  // Rows of each gradient ring.
  int64_t ring_length;
  // Adjoints and traces of online learning: (batch, ONLINE_FLOATS).
  float *online_rows;
  // dL/dw of spikes in a block: (batch, block_steps + carryover_steps, ONLINE_STEP_FLOATS).
  float *online_weight_grads;
  // 1 if a source neuron has spiked, else 0: (batch, ONLINE_SOURCES).
  uint8_t *online_has_spiked;
  // 1 if an example's state is in shared memory while it runs, else 0.
  int64_t uses_shared_memory;
  // Number of processes whose forward passes set the status.
  int32_t *num_bad;
};
}  // namespace mlg
