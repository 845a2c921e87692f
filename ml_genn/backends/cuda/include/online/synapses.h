// Gradients and traces of synapses that learn online; see online_passes.h for the rows.
// Template parameters: P floats of a row of target neurons, padded; V adjoint variables of a pass;
// X traces of a synapse towards variables of its target neuron; C traces towards outputs. A
// block is one of time steps, not of threads.
#pragma once
#include "online/state.h"
#include "online_passes.h"
#include "spikes/tape.h"

namespace mlg {
// Returns what the traces of a synapse onto neuron j contribute to the gradient of its weight.
template <int P, int X, int C>
static inline float trace_gradient(const BackwardPasses &w, int j, const float *traces) {
  float sum = 0;
  for (int x = 0; x < X; ++x) sum += w.lambda[x * P + j] * traces[x * P + j];
  for (int c = 0; c < C; ++c) sum += w.output_grads[c * P + j] * traces[(X + c) * P + j];
  return sum;
}

// Propagates the traces of a synapse onto neuron j to the end of the block.
template <int P, int V, int X, int C>
static inline void propagate_traces(const BackwardPasses &w, int j, float *traces) {
  float before[X + C + 1];
  for (int s = 0; s < X + C; ++s) before[s] = traces[s * P + j];
  for (int s = 0; s < X + C; ++s) {
    float after = s < X ? 0.0f : w.decay[s - X] * before[s];
    for (int x = 0; x < X; ++x) after += w.lambda[((1 + s) * V + x) * P + j] * before[x];
    traces[s * P + j] = after;
  }
}

// Gradient of the weights of one source neuron, one onto each target, from one spike in the block
// and its traces; and its traces at the end of the block, unless that is the end of the example.
// Members take target neurons. Precondition: the spike arrives in the step that w.weight_grads
// points to, the first of the block; learned parameters, which count as one spike, are the callers.
template <int P, int V, int X, int C>
static inline void update_trace(const BackwardPasses &w, const uint32_t *, uint32_t, bool,
                                float *gradient, float *traces) {
  for (int j = member(); j < P; j += members()) {
    gradient[j] += trace_gradient<P, X, C>(w, j, traces) + w.weight_grads[j];
    if (w.is_last) continue;
    propagate_traces<P, V, X, C>(w, j, traces);
    for (int s = 0; s < X + C; ++s)
      traces[s * P + j] += w.weight_grads[(1 + s) * w.pass_stride + j];
  }
}

// Gradients of dense weights. A warp adds the row of a source neuron.
struct DenseGradient {
  float *gradient;
  int size;
  template <class GradOf>
  void add(int i, GradOf grad_of) const {
    for (int j = lane(); j < size; j += WARP_SIZE)
      atomicAdd(&gradient[int64_t(i) * size + j], grad_of(j));
  }
};

// Gradients of CSR weights.
template <int P>
struct CsrGradient {
  float *gradient;
  const int64_t *offset;
  const id_type *target;
  template <class GradOf>
  void add(int i, GradOf grad_of) const {
    for (int64_t e = offset[i] + lane(); e < offset[i + 1]; e += WARP_SIZE)
      atomicAdd(&gradient[e], grad_of(target[e]));
  }
};

// Adds the gradients of all synapses of a group that their traces contribute, and propagates the
// traces to the end of the block. A warp takes a source neuron. A neuron that has never spiked has
// no traces and costs nothing.
template <int P, int V, int X, int C, class Gradient>
static inline void update_old_traces(const BackwardPasses &w, int sources, Gradient gradient,
                                     float *traces, const uint8_t *has_spiked) {
  constexpr int64_t SOURCE_FLOATS = (X + C) * P;
  for (int i = team(); i < sources; i += teams()) {
    if (!has_spiked[i]) continue;
    gradient.add(i,
                 [&](int j) { return trace_gradient<P, X, C>(w, j, traces + i * SOURCE_FLOATS); });
  }
  MLG_SYNC;
  for (int i = team(); i < sources && !w.is_last; i += teams()) {
    if (!has_spiked[i]) continue;
    for (int j = lane(); j < P; j += WARP_SIZE)
      propagate_traces<P, V, X, C>(w, j, traces + i * SOURCE_FLOATS);
  }
}

// Adds what the spikes of a block contribute to gradients and traces. A warp takes a spike.
template <int P, int X, int C, class Gradient>
static inline void add_new_spikes(const BackwardPasses &w, const Tape &tape, int64_t first_step,
                                  int64_t num_steps, Gradient gradient, float *traces,
                                  uint8_t *has_spiked) {
  constexpr int64_t SOURCE_FLOATS = (X + C) * P;
  for (int64_t t = 0; t < num_steps; ++t) {
    const Spikes spikes = spikes_at(tape, first_step + t);
    const float *weight_grads = w.weight_grads + t * w.step_stride;
    for (uint32_t k = team(); k < spikes.n; k += teams()) {
      const int i = spikes.id[k];
      gradient.add(i, [&](int j) { return weight_grads[j]; });
      if (w.is_last) continue;
      has_spiked[i] = 1;
      for (int s = 0; s < X + C; ++s)
        for (int j = lane(); j < P; j += WARP_SIZE)
          atomicAdd(&traces[i * SOURCE_FLOATS + s * P + j],
                    weight_grads[(1 + s) * w.pass_stride + j]);
    }
  }
}

// Updates all synapses of a group, for spikes of `num_steps` steps from `first_step` on. The traces
// of a source neuron are (X + C) rows of P floats. Not inlined: NVRTC would take half as long
// again.
template <int P, int V, int X, int C, class Gradient>
static __attribute__((noinline)) bool update_traces(const BackwardPasses &w, Online &,
                                                    const Tape &tape, int64_t first_step,
                                                    int64_t num_steps, int sources,
                                                    Gradient gradient, float *traces,
                                                    uint8_t *has_spiked) {
  update_old_traces<P, V, X, C>(w, sources, gradient, traces, has_spiked);
  MLG_SYNC;
  add_new_spikes<P, X, C>(w, tape, first_step, num_steps, gradient, traces, has_spiked);
  MLG_SYNC;
  return true;
}

// Sets the adjoints at the end of a block, where its S backward passes of V variables start: pass
// 1 + x has a one in variable x, for x < X.
template <int P, int V, int X, int S>
static inline void begin_backward_passes(float *lambda, int neurons) {
  for (int j = member(); j < P; j += members())
    for (int row = 0; row < S * V; ++row) {
      const int s = row / V, x = row % V;
      lambda[row * P + j] = s == 1 + x && x < X && j < neurons ? 1.0f : 0.0f;
    }
}
}  // namespace mlg
