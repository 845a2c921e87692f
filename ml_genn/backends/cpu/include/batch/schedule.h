// Examples of a batch over threads, with work stealing.
#pragma once
#include "batch/backward_api.h"
#include "batch/engine_state.h"
#include "batch/forward_pass.h"
#include "model_functions.h"

namespace {
// Returns true if loading the weights of all neurons once for n examples costs less than loading
// those of the listed active neurons for each: if half of the neurons are active on average.
bool is_tile_faster(const Call &c, Slot *const *slots, int n) {
  for (int64_t k = 0; k < ACTIVE_LISTS; ++k) {
    int64_t entries = 0;
    for (int m = 0; m < n; ++m) entries += slots[m]->tapes[ACTIVE_LIST_TAPE[k]].offset[c.num_steps];
    if (2 * entries >= n * c.num_steps * ACTIVE_LIST_SIZE[k]) return true;
  }
  return ACTIVE_LISTS == 0;
}

// Runs the forward pass of an example in a slot of this thread. Returns false if another thread has
// begun it.
bool try_forward(Engine &e, const Call &c, int64_t b, int64_t slot, int thread) {
  Example &example = e.examples[b];
  if (!example.begin()) return false;
  example.slot = &e.slots[c.phases & mlg::OWN_SLOTS ? b : slot];
  if (!forward_example(e, c, *example.slot, b, thread)) e.fail(mlg::OUT_OF_MEMORY);
  example.end();
  return true;
}

// Runs forward passes of other threads' examples, from the last one backwards. Those whose backward
// pass follows stay in slots of this thread until their own thread reaches them. Online gradients
// are added during the forward pass, by the example's own thread, so nothing is stolen then.
void steal_work(Engine &e, const Call &c, int thread) {
  if (c.phases & mlg::ONLINE) return;
  const bool stays = c.phases & mlg::BACKWARD;
  const int64_t own_slots = e.pool.size * e.tile_size;
  int64_t slot = stays ? own_slots + thread * e.max_stolen : thread * e.tile_size;
  int64_t remaining = stays ? e.max_stolen : c.batch;
  for (int64_t b = c.batch - 1; b >= 0 && remaining && !e.has_failed(); --b)
    if (try_forward(e, c, b, slot, thread)) {
      slot += stays;
      --remaining;
    }
}

// Runs the backward pass of n examples; false if memory or another thread fails. are_last: no
// further examples of this thread follow.
bool backward_tile(Engine &e, const Call &c, const int64_t *examples, int n, int thread,
                   bool are_last) {
  Slot *slots[EXAMPLES_PER_TILE];
  for (int m = 0; m < n; ++m) {
    e.examples[examples[m]].wait();
    slots[m] = e.examples[examples[m]].slot;
  }
  if (e.has_failed()) return false;
  const int examples_per_tile = is_tile_faster(c, slots, n) ? n : 1;
  for (int m = 0; m < n; m += examples_per_tile) {
    const bool defer = e.sums_over_processes && are_last && m + examples_per_tile == n;
    if (!mlg_backward(&e, c, slots + m, examples + m, examples_per_tile, thread, defer)) {
      e.fail(mlg::OUT_OF_MEMORY);
      return false;
    }
  }
  return true;
}

// Task of the pool: a thread runs its examples, then forward passes of others.
void run_examples(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  int64_t tile[EXAMPLES_PER_TILE];
  int n = 0;
  int64_t remaining = 0;
  for (int64_t b = 0; b < c.batch; ++b) remaining += e.examples[b].thread == thread;
  for (int64_t b = 0; b < c.batch; ++b) {
    if (e.examples[b].thread != thread) continue;
    try_forward(e, c, b, thread * e.tile_size + n, thread);
    if (e.has_failed()) return;
    if (!(c.phases & mlg::BACKWARD)) continue;
    tile[n++] = b;
    --remaining;
    if (n < e.tile_size && remaining) continue;
    if (!backward_tile(e, c, tile, n, thread, remaining == 0)) return;
    n = 0;
  }
  steal_work(e, c, thread);
}

// Task of the pool: all threads run each example together.
void run_split_examples(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  const Call &c = *e.call;
  const bool reset = !(c.phases & mlg::CONTINUE_STATE);
  for (int64_t b = 0; b < c.batch; ++b) {
    Slot &s = e.slots[c.phases & mlg::OWN_SLOTS ? b : 0];
    if (thread == 0 && c.phases & mlg::BEGIN && !s.begin(c, e.block_size, reset))
      e.fail(mlg::OUT_OF_MEMORY);
    e.barrier.wait(e.pool.size);
    if (e.has_failed()) return;
    forward_steps_split(e, c, s, b, thread);
    e.barrier.wait(e.pool.size);
    if (e.has_failed()) return;
    if (thread == 0 && c.phases & mlg::END) end_example(e, c, s, b);
    if (c.phases & mlg::BACKWARD) mlg_backward_split(&e, c, &s, b, thread);
  }
}

// Task of the pool: transposes weights for the backward pass.
void transpose_task(void *engine, int thread) {
  Engine &e = *static_cast<Engine *>(engine);
  transpose_weights(*e.call, e.transposed_weights, thread, e.pool.size);
}
}  // namespace
