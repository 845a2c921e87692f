// Structures that Python passes to the engine.
// Generated: python -m ml_genn.backends.generated_headers
#pragma once
#include "flags.h"
#include "id_type.h"
#include "recording.h"

namespace mlg {
typedef void (*BeginAllreduce)(float *values, int64_t count);
typedef void (*AdvanceAllreduces)();
typedef int (*EndAllreduces)();

// Spike times of an example, neuron by neuron, that are to become events.
struct EncodeRequest {
  // Times of all spikes [ms].
  const double *times;
  // Spikes of neuron i: times[ends[i - 1]] .. times[ends[i] - 1].
  const int64_t *ends;
  int64_t num_neurons;
  int64_t num_spikes;
  // Time steps; later events are dropped.
  int64_t num_steps;
  // Time step [ms].
  double dt;
  // Latest valid time [ms].
  double latest;
  // Fraction of a step by which a spike may come after its step.
  double tolerance;
};

// One call of the engine.
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
  // Work to do: flags of Phase.
  int64_t phases;
  // Time step of each event, of each input group, for each example.
  const int32_t *const *event_steps;
  // Neuron of each event.
  const id_type *const *event_ids;
  // Number of events.
  const int64_t *event_counts;
  // (offset, length, row) of delay rings in the state block [floats].
  const int64_t *delay_rings;
  int64_t num_delay_rings;
  // Begins to sum values over all processes, in place; null for one process.
  BeginAllreduce begin_allreduce;
  // Lets sums under way progress.
  AdvanceAllreduces advance_allreduces;
  // Waits for all sums under way; returns 0 if one of them failed.
  EndAllreduces end_allreduces;
};
}  // namespace mlg
