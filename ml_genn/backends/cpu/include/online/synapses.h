// Gradients and traces of synapses that learn online; see online_passes.h for the rows.
// Template parameters: P floats of a row of target neurons, padded; V adjoint variables of a pass;
// X traces of a synapse towards variables of its target neuron; C traces towards outputs. Blocks
// are blocks of time steps.
#pragma once
#include "online/arrivals.h"
#include "online/state.h"
#include "online_passes.h"
#include "platform/simd.h"

namespace mlg {
static inline vec &vector_at(float *p) { return *reinterpret_cast<vec *>(p); }
static inline const vec &vector_at(const float *p) { return *reinterpret_cast<const vec *>(p); }

// Gradient of the weights of one source neuron, from its n spikes of the block and its traces; and
// its traces at the end of the block, unless that is the end of the example. step[k] is the step of
// the block in which spike k arrives.
template <int P, int V, int X, int C, bool LAST>
static inline void update_trace(const BackwardPasses &w, const uint32_t *step, uint32_t n,
                                bool has_spiked, float *__restrict gradient,
                                float *__restrict traces) {
  for (int v = 0; v < P; v += LANES) {
    vec sum = vector_at(gradient + v), after[X + C] = {};
    if (has_spiked) {
      vec before[X + C];
      for (int s = 0; s < X + C; ++s) before[s] = vector_at(traces + s * P + v);
      for (int x = 0; x < X; ++x) sum += vector_at(w.lambda + x * P + v) * before[x];
      for (int c = 0; c < C; ++c) sum += vector_at(w.output_grads + c * P + v) * before[X + c];
      if constexpr (!LAST) {
        for (int s = 0; s < X + C; ++s)
          for (int x = 0; x < X; ++x)
            after[s] += vector_at(w.lambda + ((1 + s) * V + x) * P + v) * before[x];
        for (int c = 0; c < C; ++c) after[X + c] += w.decay[c] * before[X + c];
      }
    }
    for (uint32_t k = 0; k < n; ++k) {
      const float *row = w.weight_grads + step[k] * w.step_stride + v;
      sum += vector_at(row);
      if constexpr (!LAST)
        for (int s = 0; s < X + C; ++s) after[s] += vector_at(row + (1 + s) * w.pass_stride);
    }
    vector_at(gradient + v) = sum;
    if constexpr (!LAST)
      for (int s = 0; s < X + C; ++s) vector_at(traces + s * P + v) = after[s];
  }
}

template <int P, int V, int X, int C>
static inline void update_trace(const BackwardPasses &w, const uint32_t *step, uint32_t n,
                                bool has_spiked, float *gradient, float *traces) {
  if (w.is_last) update_trace<P, V, X, C, true>(w, step, n, has_spiked, gradient, traces);
  else update_trace<P, V, X, C, false>(w, step, n, has_spiked, gradient, traces);
}

// Gradients of dense weights: the row of a source neuron is written in place.
struct DenseGradient {
  float *gradient;
  int size;
  float *begin(int i) { return gradient + size_t(i) * size; }
  void end(int) {}
};

// Gradients of CSR weights: a whole row is computed, and its entries with a synapse are added.
template <int P>
struct CsrGradient {
  float *gradient;
  const int64_t *offset;
  const id_type *target;
  alignas(CACHE_LINE) float row[P] = {};
  float *begin(int) {
    memset(row, 0, sizeof row);
    return row;
  }
  void end(int i) {
    for (int64_t e = offset[i]; e < offset[i + 1]; ++e) gradient[e] += row[target[e]];
  }
};

// Updates all synapses of a group, for spikes of `num_steps` steps from `first_step` on. The traces
// of a source neuron are (X + C) rows of P floats. A neuron that has never spiked has no traces and
// costs nothing.
template <int P, int V, int X, int C, class Gradient>
static inline bool update_traces(const BackwardPasses &w, Online &online, const Tape &tape,
                                 int64_t first_step, int64_t num_steps, int sources,
                                 Gradient gradient, float *traces, uint8_t *has_spiked) {
  const Arrivals &arrivals = online.arrivals;
  if (!online.arrivals.sort(tape, first_step, num_steps, sources)) return false;
  for (int i = 0; i < sources; ++i) {
    const uint32_t first = arrivals.start[i], n = arrivals.start[i + 1] - first;
    if (!n && !has_spiked[i]) continue;
    update_trace<P, V, X, C>(w, arrivals.step + first, n, has_spiked[i], gradient.begin(i),
                             traces + size_t(i) * (X + C) * P);
    gradient.end(i);
    has_spiked[i] = 1;
  }
  return true;
}

// Sets the adjoints at the end of a block, where its S backward passes of V variables start: pass
// 1 + x has a one in variable x, for x < X.
template <int P, int V, int X, int S>
static inline void begin_backward_passes(float *lambda, int neurons) {
  memset(lambda, 0, S * V * P * sizeof(float));
  for (int x = 0; x < X; ++x)
    for (int j = 0; j < neurons; ++j) lambda[((1 + x) * V + x) * P + j] = 1.0f;
}
}  // namespace mlg
