// Forward pass of examples.
#pragma once
#include "batch/engine_state.h"
#include "batch/finite_state.h"
#include "batch/record.h"
#include "model_functions.h"

namespace {
// Runs the steps of the call on one thread; false if memory runs out.
bool forward_steps(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  float *gradients[LEARNED + 1];
  e.thread_gradients(thread, gradients);
  for (int64_t t = c.first_step; t < c.end_step; ++t) {
    const int64_t block_start = t - t % c.block_steps;
    if (t == block_start) s.begin_block(c, b, t);
    if (!forward_step(c, s, b, t)) return false;
    if (c.num_recordings) record(c, s, b, t, false);
    const bool ends_block = t + 1 == block_start + c.block_steps || t + 1 == c.num_steps;
    if (c.phases & mlg::ONLINE && ends_block &&
        !learn_block(c, s, b, block_start, t + 1, gradients))
      return false;
  }
  return true;
}

// Computes readouts and losses at the end of an example, and checks its state.
void end_example(Engine &e, const Call &c, Slot &s, int64_t b) {
  finish(c, s, b);
  if (!check_state(c, s)) e.state_is_not_finite();
}

// Runs the forward pass of an example on one thread; false if memory runs out.
bool forward_example(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  const bool reset = !(c.phases & mlg::CONTINUE_STATE);
  if (c.phases & mlg::BEGIN && !s.begin(c, e.block_size, reset)) return false;
  if (c.phases & mlg::FORWARD && !forward_steps(e, c, s, b, thread)) return false;
  if (c.phases & mlg::END) end_example(e, c, s, b);
  return true;
}

// Runs the steps of an example on all threads: each advances its part of the neurons, then thread 0
// emits their spikes.
void forward_steps_split(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  const int threads = e.pool.size;
  for (int64_t t = c.first_step; t < c.end_step; ++t) {
    if (thread == 0 && t % c.block_steps == 0) s.begin_block(c, b, t);
    e.barrier.wait(threads);
    if (e.has_failed()) return;
    advance<false>(c, s, b, t, thread, threads);
    e.barrier.wait(threads);
    if (thread) continue;
    if (!fire(c, s, b, t)) e.fail(mlg::OUT_OF_MEMORY);
    if (c.num_recordings) record(c, s, b, t, false);
  }
}
}  // namespace
