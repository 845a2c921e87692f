// What the CSR synapses of both engines read of their target neurons: numbers in rows, or in pairs.
#pragma once
#include "id_type.h"

namespace mlg {
// Numbers of neurons, N floats apart.
template <int N>
struct Every {
  float *first;
  float &operator[](int64_t j) const { return first[N * j]; }
};

// dL/dw of a spike that arrives now, and what times the weight flows back.
template <class T>
struct Seen {
  T slope, back;
};
template <class T>
static inline Seen<T> seen(const T &slope, const T &back) {
  return {slope, back};
}

// Two numbers of each target.
template <class T>
struct Both {
  T first, second;
};

// The target of one synapse.
struct One {
  static constexpr int64_t SYNAPSES = 1;
  typedef float numbers;
  int64_t at;
  One(const id_type *target, int64_t) : at(*target) {}
  float operator()(const float *row) const { return row[at]; }
  void add(float *row, float more) const { row[at] += more; }
  Both<float> both(const float *pairs) const { return {pairs[2 * at], pairs[2 * at + 1]}; }
};

// Targets that have a row for each of the two.
struct InRows {
  const float *slope, *back;
  template <class Of>
  auto operator()(const Of &of) const {
    return seen(of(slope), of(back));
  }
};
}  // namespace mlg
