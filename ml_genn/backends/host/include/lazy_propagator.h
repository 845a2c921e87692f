// Lazy evaluation of adjoints: they are stored only when an event changes those of a neuron.
#pragma once
#include "c_headers.h"
#include "synapse_targets.h"

namespace mlg {
// Propagator of the two adjoints of a group's neurons, for adjoints that decay linearly and alike
// in all neurons: current adjoints = matrix * stored adjoints. A time step then changes four
// numbers instead of two per neuron.
struct LazyPropagator {
  // Each step rounds the matrix, so the adjoints are stored after this many.
  static constexpr int MAX_STEPS = 16;
  // Bound on largest entry^2 / determinant. Storing through the inverse matrix amplifies rounding
  // errors by about that factor; 32 costs five of the 24 bits.
  static constexpr float MAX_AMPLIFICATION = 32.0f;
  float first[2], second[2];  // rows of the matrix
  int steps;

  void reset() { *this = {{1, 0}, {0, 1}, 0}; }
  float determinant() const { return first[0] * second[1] - first[1] * second[0]; }
  float largest() const {
    return fmaxf(fmaxf(fabsf(first[0]), fabsf(first[1])),
                 fmaxf(fabsf(second[0]), fabsf(second[1])));
  }
  // Propagates one step; returns true if the current adjoints have to be stored.
  template <class Step>
  bool propagate(const Step &step) {
    const Pair<float> one = step(first[0], second[0]), other = step(first[1], second[1]);
    *this = {{one.first, other.first}, {one.second, other.second}, steps + 1};
    const bool precise = largest() * largest() < MAX_AMPLIFICATION * fabsf(determinant());
    return steps == MAX_STEPS || !precise;
  }
  // Returns the current adjoints of stored ones.
  template <class T>
  Pair<T> current(const T &a, const T &b) const {
    return {first[0] * a + first[1] * b, second[0] * a + second[1] * b};
  }
  // Returns the adjoints to be stored for current ones.
  Pair<float> to_stored(float a, float b) const {
    const float scale = 1.0f / determinant();
    return {scale * (second[1] * a - first[1] * b), scale * (first[0] * b - second[0] * a)};
  }
};

// Returns true if a variable of the backward pass is recorded; adjoints are then stored in every
// step.
template <class Call>
static inline bool records_backward(const Call &c) {
  for (int64_t k = 0; k < c.num_recordings; ++k)
    if (c.recordings[k].backward) return true;
  return false;
}

// Gradients of targets whose two adjoints are interleaved; `port_grads` computes the gradients of a
// port from current adjoints.
template <class PortGradsOf>
struct InterleavedGrads {
  const float *adjoints;
  LazyPropagator propagator;
  PortGradsOf port_grads;
  template <class Target>
  auto operator()(const Target &target) const {
    const auto stored = target.pair(adjoints);
    const auto current = propagator.current(stored.first, stored.second);
    return port_grads(current.first, current.second);
  }
};
template <class PortGradsOf>
static inline InterleavedGrads<PortGradsOf> interleaved_grads(const float *adjoints,
                                                              const LazyPropagator &propagator,
                                                              const PortGradsOf &port_grads) {
  return {adjoints, propagator, port_grads};
}
}  // namespace mlg
