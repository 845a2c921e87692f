// The argument of the kernels.
// Generated: python -m ml_genn.backends.generated_headers
#pragma once
#include "flags.h"
#include "id_type.h"
#include "recording.h"

namespace mlg {
// One call of the engine; addresses are in the device's memory.
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
  int64_t carried;
  // Steps after which online gradients are computed and old spikes are dropped.
  int64_t block;
  // Steps of the backward pass after which dense weight gradients are summed.
  int64_t gradient_window;
  int64_t num_recordings;
  const Recording *recordings;
  // Time step [ms].
  float dt;
  // 1 / examples of the batch, over all processes.
  float scale;
  // Losses while steps run: (batch, output groups).
  float *loss_sums;
  // Size of each learned array.
  const int64_t *learned_sizes;
  // Sum of squares of each gradient.
  double *squares;
  // Spikes of each regularised neuron, then its rate's gradient.
  float *const *rate_regularisation_grads;
  // 1 if spikes are counted for regularisers, else 0.
  int64_t counted;
  // State block of each example.
  float *blocks;
  // Size of a state block.
  int64_t floats;
  // Flags of the neurons of each example.
  uint8_t *flags;
  // Neurons on each tape: (batch, capacity).
  id_type *const *tape_ids;
  // (batch, window + 2); (batch, num_steps + 2) if spikes come with the data.
  uint32_t *const *tape_offsets;
  // Saved values: (batch, capacity, numbers).
  float *const *tape_records;
  // Of each tape: capacity, 0 if spikes come with data; numbers per spike.
  const int64_t *tape_shapes;
  // Steps held in memory: step t is row t % window.
  int64_t window;
  // Last spikes of the batch before, all examples.
  id_type *const *tail_ids;
  // (batch, tail_steps + 2).
  uint32_t *const *tail_offsets;
  // Steps of the tail; 0 if batches start anew.
  int64_t tail_steps;
  // Of each output: (batch, window, neurons).
  float *const *step_loss_grads;
  // (batch, window, rows).
  float *const *history;
  // (batch, ring_length, neurons).
  float *const *grad_rings;
  // Rows of each gradient ring.
  int64_t ring_length;
  // (batch, ONLINE_FLOATS).
  float *online_rows;
  // (batch, block + carried, ONLINE_STEP_FLOATS).
  float *online_weight_grads;
  // (batch, ONLINE_SOURCES).
  uint8_t *online_has_spiked;
  // 1 if state is in shared memory while it runs.
  int64_t shared;
  // Flags of Status.
  int32_t *status;
};
}  // namespace mlg
