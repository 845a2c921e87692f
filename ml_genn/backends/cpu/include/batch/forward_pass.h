// The forward pass of examples.
#pragma once
#include "batch/engine_state.h"
#include "batch/record.h"
#include "model_functions.h"

namespace {
bool forward(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  float *mine[LEARNED + 1];
  e.gradients_of(thread, mine);
  for (int64_t t = c.first_step; t < c.end_step; ++t) {
    const int64_t first = t - t % c.block;
    if (t == first) s.begin_block(c, b, t);
    if (!forward_step(c, s, b, t)) return false;
    if (c.num_recordings) record(c, s, b, t, false);
    const bool through = t + 1 == first + c.block || t + 1 == c.num_steps;
    if (c.phases & mlg::ONLINE && through && !learn_block(c, s, b, first, t + 1, mine))
      return false;
  }
  return true;
}

bool forward_example(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  if (c.phases & mlg::BEGIN && !s.begin(c, b, e.floats, !(c.phases & mlg::CONTINUE_STATE)))
    return false;
  if (c.phases & mlg::FORWARD && !forward(e, c, s, b, thread)) return false;
  if (c.phases & mlg::END) finish(c, s, b);
  return true;
}

// One example on all threads: each advances a share of the neurons, then one thread lists
// the spikes of all.
void forward_team(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  const int threads = e.pool.size;
  for (int64_t t = c.first_step; t < c.end_step; ++t) {
    if (thread == 0 && t % c.block == 0) s.begin_block(c, b, t);
    e.barrier.wait(threads);
    if (e.has_failed()) return;
    advance<false>(c, s, b, t, thread, threads);
    e.barrier.wait(threads);
    if (thread) continue;
    if (!fire(c, s, b, t)) e.failed(mlg::OUT_OF_MEMORY);
    if (c.num_recordings) record(c, s, b, t, false);
  }
}
}  // namespace
