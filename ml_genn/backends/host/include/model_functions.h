// Functions of a model, which the generated file defines.
// c: the call; s: memory of the example; b: index of the example in the batch; t: time step.
// member, team: which thread runs the function, and of how many.
#pragma once
#include "slot.h"

namespace {
// ---- forward pass
// Delivers spikes and advances neurons up to their thresholds: all neurons, or one member's part.
template <bool ALL>
void advance(const Call &c, Slot &s, int64_t b, int64_t t, int member, int members);
// Emits spikes; returns false if memory runs out.
bool fire(const Call &c, Slot &s, int64_t b, int64_t t);
bool forward_step(const Call &c, Slot &s, int64_t b, int64_t t);
// Computes readouts and losses.
void finish(const Call &c, Slot &s, int64_t b);
// Adds the gradients of steps start <= t < stop of online learning.
bool learn_block(const Call &c, Slot &s, int64_t b, int64_t start, int64_t stop,
                 float *const *gradients);

// ---- backward pass
void transpose_weights(const Call &c, float *transposed_weights, int thread, int threads);
void begin_backward(const Call &c, Slot &s, int64_t b);
// Passes gradients from targets back to sources with transposed weights, for n examples.
void backward_tile(const Call &c, Slot *const *slots, int n, int64_t t,
                   const float *transposed_weights, int team, int teams);
// Passes gradients back over the other synapses, at spikes or active neurons.
void synapse_backward(const Call &c, Slot &s, int64_t b, int64_t t, float *const *gradients,
                      int team, int teams);
void adjoint_step(const Call &c, Slot &s, int64_t b, int64_t t);
void backward_step(const Call &c, Slot &s, int64_t b, int64_t t, float *const *gradients);
// Adds dL/dw of the spikes of steps first <= t < last to dense weight gradients. only: the learned
// array, or ALL_LEARNED.
bool weight_gradients(const Call &c, Slot &s, int64_t first, int64_t last, float *const *gradients,
                      int64_t only, mlg::SpikesByNeuron &spikes_by_neuron, int team, int teams);
// Adds the gradients of parameters.
void end_backward(Slot &s, float *const *gradients);

// ---- optimiser
// Takes the optimiser's step on the entries first <= j < last of a learned array; without STORE it
// is computed only. Returns the bits of the largest absolute number that is stored; see finite.h.
template <bool STORE>
uint32_t update(const Call &c, int64_t which, int64_t first, int64_t last, const float *gradient,
                const float *norms);
}  // namespace
