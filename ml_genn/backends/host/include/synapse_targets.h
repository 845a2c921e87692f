// Gradients that the CSR synapses of both engines read of their target neurons.
#pragma once
#include "id_type.h"

namespace mlg {
// Numbers of neurons, N floats apart.
template <int N>
struct Strided {
  float *first;
  float &operator[](int64_t j) const { return first[N * j]; }
};

// Gradients of an input port. weight_grad: dL/dw of a spike that arrives in this step. backprop:
// the gradient that, times the weight, is passed back to the source.
template <class T>
struct PortGrads {
  T weight_grad, backprop;
};
template <class T>
static inline PortGrads<T> port_grads(const T &weight_grad, const T &backprop) {
  return {weight_grad, backprop};
}

template <class T>
struct Pair {
  T first, second;
};

// Target of one synapse; the vector of an engine that computes synapses one by one.
struct OneTarget {
  static constexpr int64_t SYNAPSES = 1;
  typedef float floats;
  int64_t at;
  OneTarget(const id_type *target, int64_t) : at(*target) {}
  float operator()(const float *row) const { return row[at]; }
  void add(float *row, float more) const { row[at] += more; }
  Pair<float> pair(const float *interleaved) const {
    return {interleaved[2 * at], interleaved[2 * at + 1]};
  }
};

// Gradients of targets that store each of the two in a row of its own.
struct SeparateGrads {
  const float *weight_grad, *backprop;
  template <class Target>
  auto operator()(const Target &target) const {
    return port_grads(target(weight_grad), target(backprop));
  }
};
}  // namespace mlg
