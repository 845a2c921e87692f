// Adjoints that are stored only where something happens to a neuron.
#pragma once
#include "c_headers.h"
#include "synapse_targets.h"

namespace mlg {
// How the two adjoints of a neuron go on by themselves, where they do so linearly and alike for
// all neurons: they are this matrix times what is stored of them. A step changes four numbers,
// and what is stored only where something happens to a neuron.
struct LazyPropagator {
  static constexpr int MAX_STEPS = 16;  // steps, each of which rounds the matrix
  float first[2], second[2];            // rows of the matrix
  int steps;

  void reset() { *this = {{1, 0}, {0, 1}, 0}; }
  float determinant() const { return first[0] * second[1] - first[1] * second[0]; }
  float largest() const {
    return fmaxf(fmaxf(fabsf(first[0]), fabsf(first[1])),
                 fmaxf(fabsf(second[0]), fabsf(second[1])));
  }
  // One more step; whether it is time to store what the adjoints are. What is stored of a neuron
  // between is rounded, by as many times more as the matrix and its inverse are large.
  template <class Step>
  bool propagate(const Step &step) {
    const Pair<float> one = step(first[0], second[0]), other = step(first[1], second[1]);
    *this = {{one.first, other.first}, {one.second, other.second}, steps + 1};
    const bool precise = largest() * largest() < 32.0f * fabsf(determinant());
    return steps == MAX_STEPS || !precise;
  }
  template <class T>
  Pair<T> current(const T &a, const T &b) const {
    return {first[0] * a + first[1] * b, second[0] * a + second[1] * b};
  }
  Pair<float> to_stored(float a, float b) const {
    const float scale = 1.0f / determinant();
    return {scale * (second[1] * a - first[1] * b), scale * (first[0] * b - second[0] * a)};
  }
};

// Whether anything of the backward pass is recorded: then adjoints are stored in every step.
template <class Call>
static inline bool records_backward(const Call &c) {
  for (int64_t k = 0; k < c.num_recordings; ++k)
    if (c.recordings[k].backward) return true;
  return false;
}

// Targets whose two adjoints lie side by side; `port_grads` makes of them the gradients of a port.
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
