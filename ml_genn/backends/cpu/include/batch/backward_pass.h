// Backward pass of examples. This part of the library can be compiled by itself; see run.h.
#pragma once
#include "batch/backward_api.h"
#include "batch/engine_state.h"
#include "batch/record.h"
#include "model_functions.h"

namespace {
// Steps of a window of the backward pass, at whose start dense weight gradients are added up.
int64_t window_steps(const Call &c) {
  return c.gradient_window < c.num_steps ? c.gradient_window : c.num_steps;
}

// Runs the backward pass of n examples on one thread, step by step. defer: the gradients of the
// last window are added later. Returns false if memory runs out.
bool backward(Engine &e, const Call &c, Slot *const *slots, const int64_t *examples, int n,
              int thread, bool defer) {
  float *gradients[LEARNED + 1];
  e.thread_gradients(thread, gradients);
  const int64_t window = window_steps(c);
  for (int m = 0; m < n; ++m) {
    slots[m]->scratch = &e.scratch[thread * EXAMPLES_PER_TILE + m];
    if (!slots[m]->scratch->reserve(window + c.carryover_steps)) return false;
    begin_backward(c, *slots[m], examples[m]);
  }
  for (int64_t t = c.num_steps - 1, window_end = c.num_steps; t >= 0; --t) {
    backward_tile(c, slots, n, t, e.transposed_weights, 0, 1);
    const bool add = t == 0 ? !defer : window_end - t == window;
    for (int m = 0; m < n; ++m) {
      backward_step(c, *slots[m], examples[m], t, gradients);
      if (c.num_recordings) record(c, *slots[m], examples[m], t, true);
      if (add && !weight_gradients(c, *slots[m], t, window_end, gradients, ALL_LEARNED,
                                   slots[m]->scratch->spikes_by_neuron, 0, 1))
        return false;
    }
    if (add) window_end = t;
    else if (t == 0) e.deferred[thread].defer(slots, n, window_end);
  }
  for (int m = 0; m < n; ++m) end_backward(*slots[m], gradients);
  return true;
}

// Runs the backward pass of one example on all threads: each handles its part of a step's spikes,
// or active neurons, then thread 0 steps the adjoints of all neurons. Each adds to its own
// gradients.
void backward_split(Engine &e, const Call &c, Slot &s, int64_t b, int thread) {
  const int threads = e.pool.size;
  const int64_t window = window_steps(c);
  float *gradients[LEARNED + 1];
  Slot *slots[] = {&s};
  e.thread_gradients(thread, gradients);
  if (thread == 0) {
    s.scratch = e.scratch;
    if (s.scratch->reserve(window + c.carryover_steps)) begin_backward(c, s, b);
    else e.fail(mlg::OUT_OF_MEMORY);
  }
  e.barrier.wait(threads);
  mlg::SpikesByNeuron &spikes_by_neuron = e.scratch[thread * EXAMPLES_PER_TILE].spikes_by_neuron;
  for (int64_t t = c.num_steps - 1, window_end = c.num_steps; t >= 0; --t) {
    if (e.has_failed()) return;
    if (SURROGATES) {
      backward_tile(c, slots, 1, t, e.transposed_weights, thread, threads);
      e.barrier.wait(threads);
    }
    synapse_backward(c, s, b, t, gradients, thread, threads);
    e.barrier.wait(threads);
    if (thread == 0) {
      adjoint_step(c, s, b, t);
      if (c.num_recordings) record(c, s, b, t, true);
    }
    e.barrier.wait(threads);
    if (window_end - t < window && t) continue;
    if (!weight_gradients(c, s, t, window_end, gradients, ALL_LEARNED, spikes_by_neuron, thread,
                          threads))
      e.fail(mlg::OUT_OF_MEMORY);
    window_end = t;
    e.barrier.wait(threads);
  }
  if (thread == 0) end_backward(s, gradients);
}

// Adds the deferred gradients of a thread to one learned array.
bool add_deferred_gradients(Engine &e, const Call &c, int64_t learned, int thread) {
  float *gradients[LEARNED + 1];
  e.thread_gradients(thread, gradients);
  const DeferredGradients &deferred = e.deferred[thread];
  for (int m = 0; m < deferred.num_slots; ++m) {
    Slot &s = *deferred.slots[m];
    if (!weight_gradients(c, s, 0, deferred.end_step, gradients, learned,
                          s.scratch->spikes_by_neuron, 0, 1))
      return false;
  }
  return true;
}
}  // namespace

extern "C" {
bool mlg_backward(void *engine, const Call &c, void *slots, const int64_t *examples, int n,
                  int thread, bool defer) {
  Slot *const *all = static_cast<Slot *const *>(slots);
  return backward(*static_cast<Engine *>(engine), c, all, examples, n, thread, defer);
}
bool mlg_add_deferred_gradients(void *engine, const Call &c, int64_t learned, int thread) {
  return add_deferred_gradients(*static_cast<Engine *>(engine), c, learned, thread);
}
void mlg_backward_split(void *engine, const Call &c, void *slot, int64_t b, int thread) {
  backward_split(*static_cast<Engine *>(engine), c, *static_cast<Slot *>(slot), b, thread);
}
}
