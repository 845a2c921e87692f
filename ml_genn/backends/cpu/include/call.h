// What Python asks of the engine.
#pragma once
#include "id_type.h"

namespace mlg {
enum Phase {
  BEGIN = 1,
  FORWARD = 2,
  END = 4,
  BACKWARD = 8,
  REDUCE = 16,
  UPDATE = 32,
  OWN_SLOTS = 64,
  KEEP_STATE = 128,
  ONLINE = 256,
  FORGET = 512
};
enum Status { FINE = 0, NO_MEMORY = 1, NOT_FINITE = 2, NO_SUM = 3 };

// A stretch of an example's state, copied out after every step.
struct Recording {
  int64_t offset, size;  // in floats
  int32_t backward;      // whether it is copied in the backward pass
  int32_t apart;         // floats from one number to the next
  float *to;             // (examples, steps, size)
};

struct Call {
  int64_t num_steps, batch, first, last;  // first <= t < last are the steps to run
  int64_t phases, example;                // example: number of the first one, for random numbers
  uint64_t seed;
  float dt, scale;          // scale: 1 / examples in the batch, of all processes
  const float *scalars;     // constants of groups, one after the other
  float *const *arrays;     // constants that neurons have of their own, delays, weights
  const int64_t *integers;  // constant delays, rings
  const float *initial;     // state block at the start of an example
  const int32_t *const *event_steps;
  const id_type *const *event_ids;
  const int64_t *event_counts;  // of each input group, for each example
  const float *const *values;   // of each group given numbers, for each example: (frames, neurons)
  const void *const *targets;   // of each output group
  float *const *results;        // of each output group: (batch, neurons)
  const float *weights;         // of each example's loss, (batch, output groups)
  float *losses;                // (batch, output groups)
  const float *loss_scalars;
  const float *optimiser_scalars;
  float *const *slots;      // of each optimiser update, the numbers it keeps
  float *const *gradients;  // of each learned array, where REDUCE puts its sum
  int64_t carried;          // steps whose spikes a batch carries over from the last
  int64_t block;            // steps that run between taking gradients and forgetting
  int64_t gather;           // steps whose slopes are kept until gradients take them
  const int64_t *rings;     // (offset, length, row) of delay rings, in floats
  int64_t num_rings;
  int64_t num_recordings;
  const Recording *recordings;
  // Begins to sum numbers over all processes, in place; null where there is one process.
  void (*begin_sum)(float *, int64_t);
  void (*advance_sums)();  // lets those that were begun go on
  int (*end_sums)();       // waits for them; whether none has failed
};
}  // namespace mlg
