// The backward pass of examples. It may be a part of the library that is compiled by itself.
#pragma once
#include "batch/backward_api.h"
#include "batch/engine_state.h"
#include "batch/record.h"
#include "model_functions.h"

namespace {
// The backward pass of n examples, step by step side by side. If `leave`, gradients do not take
// the last stretch of slopes yet.
bool backward(Engine &e, const Call &c, Slot *const *slots, const int64_t *examples, int n,
              int thread, bool leave) {
  float *mine[LEARNED + 1];
  e.gradients_of(thread, mine);
  const int64_t block = c.gradient_window < c.num_steps ? c.gradient_window : c.num_steps;
  for (int m = 0; m < n; ++m) {
    slots[m]->scratch = &e.scratch[thread * EXAMPLES_PER_TILE + m];
    if (!slots[m]->scratch->begin(block + c.carried)) return false;
    begin_backward(c, *slots[m], examples[m]);
  }
  for (int64_t t = c.num_steps - 1, last = c.num_steps; t >= 0; --t) {
    synapse_backward_tile(c, slots, n, t, e.transposed_weights, 0, 1);
    const bool take = t == 0 ? !leave : last - t == block;
    for (int m = 0; m < n; ++m) {
      backward_step(c, *slots[m], examples[m], t, mine);
      if (c.num_recordings) record(c, *slots[m], examples[m], t, true);
      if (take && !weight_gradients(c, *slots[m], t, last, mine, ALL_LEARNED,
                                    slots[m]->scratch->spikes_by_neuron, 0, 1))
        return false;
    }
    if (take) last = t;
    else if (t == 0) e.left[thread].leave(slots, n, last);
  }
  for (int m = 0; m < n; ++m) end_backward(*slots[m], mine);
  return true;
}

// The backward pass of one example on all threads: each takes a share of a step's spikes, or of
// its active neurons, then one thread steps all neurons. Each adds to gradients of its own.
void backward_team(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  const int threads = e.pool.size;
  const int64_t block = c.gradient_window < c.num_steps ? c.gradient_window : c.num_steps;
  float *mine[LEARNED + 1];
  Slot *slots[] = {&s};
  e.gradients_of(thread, mine);
  if (thread == 0) {
    s.scratch = e.scratch;
    if (s.scratch->begin(block + c.carried)) begin_backward(c, s, b);
    else e.failed(mlg::OUT_OF_MEMORY);
  }
  e.barrier.wait(threads);
  mlg::SpikesByNeuron &spikes_by_neuron = e.scratch[thread * EXAMPLES_PER_TILE].spikes_by_neuron;
  for (int64_t t = c.num_steps - 1, last = c.num_steps; t >= 0; --t) {
    if (e.has_failed()) return;
    if (SURROGATES) {
      synapse_backward_tile(c, slots, 1, t, e.transposed_weights, thread, threads);
      e.barrier.wait(threads);
    }
    synapse_backward(c, s, b, t, mine, thread, threads);
    e.barrier.wait(threads);
    if (thread == 0) {
      adjoint_step(c, s, b, t);
      if (c.num_recordings) record(c, s, b, t, true);
    }
    e.barrier.wait(threads);
    if (last - t < block && t) continue;
    if (!weight_gradients(c, s, t, last, mine, ALL_LEARNED, spikes_by_neuron, thread, threads))
      e.failed(mlg::OUT_OF_MEMORY);
    last = t;
    e.barrier.wait(threads);
  }
  if (thread == 0) end_backward(s, mine);
}

// A gradient takes what a thread has left.
bool take_left(Engine &e, const Call &c, int64_t learned, int thread) {
  float *mine[LEARNED + 1];
  e.gradients_of(thread, mine);
  const Left &left = e.left[thread];
  for (int m = 0; m < left.n; ++m) {
    Slot &s = *left.slots[m];
    if (!weight_gradients(c, s, 0, left.last, mine, learned, s.scratch->spikes_by_neuron, 0, 1))
      return false;
  }
  return true;
}
}  // namespace

extern "C" {
bool mlg_backward(void *engine, const Call &c, void *slots, const int64_t *examples, int n,
                  int thread, bool leave) {
  Slot *const *all = static_cast<Slot *const *>(slots);
  return backward(*static_cast<Engine *>(engine), c, all, examples, n, thread, leave);
}
bool mlg_take_left(void *engine, const Call &c, int64_t learned, int thread) {
  return take_left(*static_cast<Engine *>(engine), c, learned, thread);
}
void mlg_backward_team(void *engine, const Call &c, void *slot, int64_t b, int thread) {
  backward_team(*static_cast<Engine *>(engine), c, *static_cast<Slot *>(slot), b, thread);
}
}
