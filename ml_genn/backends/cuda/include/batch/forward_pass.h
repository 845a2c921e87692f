// The forward pass of an example, by its thread blocks.
#pragma once
#include "batch/record.h"
#include "members.h"
#include "model_functions.h"

namespace {
// Sets the state of the example to its initial values.
void begin(const Call &c, Slot &s) {
  mlg::copy(s.block, c.initial_state, c.state_floats);
  if (MLG_MEMBER) return;
  for (int64_t k = 0; k < TAPES; ++k)
    if (!Slot::comes_with_data(c, k)) s.tapes[k].offset[0] = 0;
  for (int64_t k = 0; k < OUTPUTS; ++k) s.loss[k] = 0;
}

// Runs the time steps of the call; returns false if a tape is full.
bool forward(const Call &c, Slot &s, int64_t b, bool online) {
  for (int64_t t = c.first_step; t < c.end_step; ++t) {
    const int64_t first = t - t % c.block_steps;
    if (t == first) s.begin_block(c, t);
    if (!forward_step(c, s, b, t)) return false;
    MLG_SYNC;
    record(c, s, b, t, false);
    const bool ends_block = t + 1 == first + c.block_steps || t + 1 == c.num_steps;
    if (!online || !ends_block) continue;
    if (!learn_block(c, s, b, first, t + 1, c.gradients)) return false;
    MLG_SYNC;
  }
  return true;
}

// Counts the spikes of neurons whose rate is regularised.
void count_spikes(const Call &c, const Slot &s) {
  for (int64_t g = 0; g < REGULARISED; ++g) {
    const mlg::Tape &tape = s.tapes[REGULARISED_TAPE[g]];
    for (uint32_t k = MLG_MEMBER; k < tape.offset[c.num_steps]; k += MLG_MEMBERS)
      atomicAdd(&c.rate_regularisation_grads[g][tape.id[k]], 1.0f);
  }
}

bool is_finite(float number) { return mlg::abs_bits(number) < mlg::INFINITY_BITS; }

// Computes readouts and losses; sets LOSS_NOT_FINITE if a loss is infinite or not a number.
void end(const Call &c, Slot &s, int64_t b) {
  finish(c, s, b);
  for (int64_t k = 0; k < OUTPUTS; ++k)
    if (!is_finite(c.losses[b * OUTPUTS + k])) atomicOr(c.status, mlg::LOSS_NOT_FINITE);
}

// Marks the groups whose state or readout is not finite. NaN and infinity do not go away, so the
// end of an example tells of all its steps.
void check_state(const Call &c, const Slot &s) {
  for (int64_t k = 0; CHECKED_ROWS[k] >= 0; k += 3)
    for (int64_t j = MLG_MEMBER; j < CHECKED_ROWS[k + 1]; j += MLG_MEMBERS) {
      if (is_finite(s.block[CHECKED_ROWS[k] + j])) continue;
      atomicOr(&c.state_not_finite[CHECKED_ROWS[k + 2]], 1);
      atomicOr(c.status, mlg::STATE_NOT_FINITE);
    }
}
}  // namespace
