// Functions of a model, which the generated file defines.
#pragma once
#include "slot.h"

namespace {
template <bool ALL>
void advance(const Call &c, Slot &s, int64_t b, int64_t t, int member, int members);
bool fire(const Call &c, Slot &s, int64_t b, int64_t t);
bool forward_step(const Call &c, Slot &s, int64_t b, int64_t t);
void finish(const Call &c, Slot &s, int64_t b);
bool learn_block(const Call &c, Slot &s, int64_t b, int64_t start, int64_t stop,
                 float *const *gradients);

void transpose_weights(const Call &c, float *transposed_weights, int thread, int threads);
void begin_backward(const Call &c, Slot &s, int64_t b);
void synapse_backward_tile(const Call &c, Slot *const *slots, int n, int64_t t,
                           const float *transposed_weights, int team, int teams);
void synapse_backward(const Call &c, Slot &s, int64_t b, int64_t t, float *const *gradients,
                      int team, int teams);
void adjoint_step(const Call &c, Slot &s, int64_t b, int64_t t);
void backward_step(const Call &c, Slot &s, int64_t b, int64_t t, float *const *gradients);
bool weight_gradients(const Call &c, Slot &s, int64_t first, int64_t last, float *const *gradients,
                      int64_t only, mlg::SpikesByNeuron &spikes_by_neuron, int team, int teams);
void end_backward(Slot &s, float *const *gradients);

void update(const Call &c, int64_t which, int64_t first, int64_t last, const float *gradient,
            const float *norms);
}  // namespace
