// Examples over threads.
#pragma once
#include "batch/backward_api.h"
#include "batch/engine_state.h"
#include "batch/forward_pass.h"
#include "model_functions.h"

namespace {
// Whether active neurons, where they are listed, are many enough to share weights.
bool worth_together(const Call &c, Slot *const *slots, int n) {
  for (int64_t k = 0; k < ACTIVE_LISTS; ++k) {
    int64_t entries = 0;
    for (int m = 0; m < n; ++m) entries += slots[m]->tapes[ACTIVE_LIST_TAPE[k]].offset[c.num_steps];
    if (2 * entries >= n * c.num_steps * ACTIVE_LIST_SIZE[k]) return true;
  }
  return ACTIVE_LISTS == 0;
}

void run_team(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  for (int64_t b = 0; b < c.batch; ++b) {
    Slot &s = e.slots[c.phases & mlg::OWN_SLOTS ? b : 0];
    const bool reset = !(c.phases & mlg::CONTINUE_STATE);
    if (thread == 0 && c.phases & mlg::BEGIN && !s.begin(c, b, e.floats, reset))
      e.failed(mlg::OUT_OF_MEMORY);
    e.barrier.wait(e.pool.size);
    if (e.has_failed()) return;
    forward_team(e, c, s, b, thread);
    e.barrier.wait(e.pool.size);
    if (e.has_failed()) return;
    if (thread == 0 && c.phases & mlg::END) finish(c, s, b);
    if (c.phases & mlg::BACKWARD) mlg_backward_team(&e, c, &s, b, thread);
  }
}

// Runs an example forward in a slot of this thread. Whether it did: another may have begun it.
bool begin_example(Engine &e, const Call &c, int64_t b, int64_t slot, int thread) {
  Example &x = e.examples[b];
  if (!x.begin()) return false;
  x.slot = &e.slots[c.phases & mlg::OWN_SLOTS ? b : slot];
  if (!forward_example(e, c, *x.slot, b, thread)) e.failed(mlg::OUT_OF_MEMORY);
  x.end();
  return true;
}

// Runs examples of other threads forward, those that come last for them.
void help(Engine &e, const Call &c, int thread) {
  if (c.phases & mlg::ONLINE) return;  // a thread learns from its own while they run
  const bool kept = c.phases & mlg::BACKWARD;
  int64_t slot = kept ? e.pool.size * e.together + thread * e.helpings : thread * e.together;
  int64_t left = kept ? e.helpings : c.batch;
  for (int64_t b = c.batch - 1; b >= 0 && left && !e.has_failed(); --b)
    if (begin_example(e, c, b, slot, thread)) {
      slot += kept;
      --left;
    }
}

void run_examples(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  Slot *slots[EXAMPLES_PER_TILE];
  int64_t examples[EXAMPLES_PER_TILE];
  int n = 0;
  int64_t to_come = 0;
  for (int64_t b = 0; b < c.batch; ++b) to_come += e.examples[b].thread == thread;
  for (int64_t b = 0; b <= c.batch; ++b) {
    if (b < c.batch) {
      if (e.examples[b].thread != thread) continue;
      begin_example(e, c, b, thread * e.together + n, thread);
      if (e.has_failed()) return;
      if (!(c.phases & mlg::BACKWARD)) continue;
      examples[n++] = b;
      --to_come;
      if (n < e.together) continue;
    }
    for (int m = 0; m < n; ++m) {
      e.examples[examples[m]].wait();
      slots[m] = e.examples[examples[m]].slot;
    }
    if (e.has_failed()) return;
    const int side_by_side = worth_together(c, slots, n) ? n : 1;
    for (int m = 0; m < n; m += side_by_side) {
      const bool leave = e.sends && to_come == 0 && m + side_by_side == n;
      if (!mlg_backward(&e, c, slots + m, examples + m, side_by_side, thread, leave))
        return e.failed(mlg::OUT_OF_MEMORY);
    }
    n = 0;
  }
  help(e, c, thread);
}

void run_transpose(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  transpose_weights(*e.call, e.transposed_weights, thread, e.pool.size);
}
}  // namespace
