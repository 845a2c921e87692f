// Gradients taken while a network runs: a block of steps is gone through in reverse, and
// what lies before it acts through a trace of each synapse.
#pragma once
#include "online_sweeps.h"

namespace mlg {

// What an example keeps beside its state while it learns online.
struct Online {
  float *rows;          // adjoints of backward passes, traces of parameters and of synapses
  float *weight_grads;  // dL/dw of a spike that arrives in a step of the block
  uint8_t *has_spiked;  // sources of synapses that have spiked
  int64_t steps;        // that weight_grads has room for

  // Traces start at zero.
  bool begin(int64_t floats, int64_t, int64_t, int64_t sources, int64_t) {
    clear(rows, floats);
    for (int64_t i = member(); i < sources; i += members()) has_spiked[i] = 0;
    MLG_SYNC;
    return true;
  }
};

// What the traces of a synapse onto neuron j add to the gradient of its weight.
template <int P, int X, int C>
static inline float learned(const BackwardPasses &w, int j, const float *traces) {
  float sum = 0;
  for (int x = 0; x < X; ++x) sum += w.lambda[x * P + j] * traces[x * P + j];
  for (int c = 0; c < C; ++c) sum += w.output_grads[c * P + j] * traces[(X + c) * P + j];
  return sum;
}

// What is left of them at the end of the block.
template <int P, int V, int X, int C>
static inline void carry_on(const BackwardPasses &w, int j, float *traces) {
  float before[X + C + 1];
  for (int s = 0; s < X + C; ++s) before[s] = traces[s * P + j];
  for (int s = 0; s < X + C; ++s) {
    float after = s < X ? 0.0f : w.decay[s - X] * before[s];
    for (int x = 0; x < X; ++x) after += w.lambda[((1 + s) * V + x) * P + j] * before[x];
    traces[s * P + j] = after;
  }
}

// A row of synapses, one onto each neuron, over which one spike came; by the members that
// take the neurons.
template <int P, int V, int X, int C>
static inline void update_trace(const BackwardPasses &w, const uint32_t *, uint32_t, bool,
                                float *gradient, float *traces) {
  for (int j = member(); j < P; j += members()) {
    gradient[j] += learned<P, X, C>(w, j, traces) + w.weight_grads[j];
    if (w.is_last) continue;
    carry_on<P, V, X, C>(w, j, traces);
    for (int s = 0; s < X + C; ++s)
      traces[s * P + j] += w.weight_grads[(1 + s) * w.pass_stride + j];
  }
}

// Where the gradient of a source's weights is: whole rows, one after the other. A warp adds.
struct DenseGradient {
  float *gradient;
  int size;
  template <class Number>
  void add(int i, Number number) const {
    for (int j = lane(); j < size; j += 32) atomicAdd(&gradient[int64_t(i) * size + j], number(j));
  }
};

// Or lists of synapses.
template <int P>
struct CsrGradient {
  float *gradient;
  const int64_t *offset;
  const id_type *target;
  template <class Number>
  void add(int i, Number number) const {
    for (int64_t e = offset[i] + lane(); e < offset[i + 1]; e += 32)
      atomicAdd(&gradient[e], number(target[e]));
  }
};

// All synapses of a group, whose sources spiked in `steps` steps from `first` on; rows of traces
// lie one after the other. First what the traces do, by a warp for each source, and what is left
// of them; then what the spikes add, by a warp for each. A source that has never spiked has no
// traces and costs nothing. A function of its own, since all of it in its caller takes NVRTC
// half as long again.
template <int P, int V, int X, int C, class To>
static __attribute__((noinline)) bool update_traces(const BackwardPasses &w, Online &,
                                                    const Tape &tape, int64_t first, int64_t steps,
                                                    int sources, To to, float *traces,
                                                    uint8_t *has_spiked) {
  constexpr int64_t OWN = (X + C) * P;  // floats of a source
  for (int i = team(); i < sources; i += teams()) {
    if (!has_spiked[i]) continue;
    to.add(i, [&](int j) { return learned<P, X, C>(w, j, traces + i * OWN); });
  }
  MLG_SYNC;
  for (int i = team(); i < sources && !w.is_last; i += teams()) {
    if (!has_spiked[i]) continue;
    for (int j = lane(); j < P; j += 32) carry_on<P, V, X, C>(w, j, traces + i * OWN);
  }
  MLG_SYNC;
  for (int64_t t = 0; t < steps; ++t) {
    const Spikes spikes = spikes_at(tape, first + t);
    const float *weight_grads = w.weight_grads + t * w.step_stride;
    for (uint32_t k = team(); k < spikes.n; k += teams()) {
      const int i = spikes.id[k];
      to.add(i, [&](int j) { return weight_grads[j]; });
      if (w.is_last) continue;
      has_spiked[i] = 1;
      for (int s = 0; s < X + C; ++s)
        for (int j = lane(); j < P; j += 32)
          atomicAdd(&traces[i * OWN + s * P + j], weight_grads[(1 + s) * w.pass_stride + j]);
    }
  }
  MLG_SYNC;
  return true;
}

// Adjoints at the end of a block, where its backward passes start: pass 1 + x has variable x at
// one. A member sets those of the neurons that it takes.
template <int P, int V, int X, int S>
static inline void begin_backward_passes(float *lambda, int neurons) {
  for (int j = member(); j < P; j += members())
    for (int row = 0; row < S * V; ++row) {
      const int s = row / V, x = row % V;
      lambda[row * P + j] = s == 1 + x && x < X && j < neurons ? 1.0f : 0.0f;
    }
}
}  // namespace mlg
