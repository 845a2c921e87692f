// Dense synapses: a row has the weights of one source neuron to all targets.
#pragma once
#include "platform/range.h"
#include "platform/warp.h"
#include "spikes/tape.h"

namespace mlg {
static inline int min_int(int a, int b) { return a < b ? a : b; }

// to[j] += sum over spikes i of weight[i][j]. Each member computes the neurons that it advances.
template <int P>
static inline void add_rows(float *to, const float *__restrict weight, Spikes s, Range<int>) {
  for (int j = member(); j < P; j += members()) {
    float sum = to[j];
    for (uint32_t k = 0; k < s.n; ++k) sum += weight[int64_t(s.id[k]) * P + j];
    to[j] = sum;
  }
}

// to += row
template <int P>
static inline void add_row(float *to, const float *row) {
  for (int j = member(); j < P; j += members()) to[j] += row[j];
}

// Returns the dot product of two rows; computed by a warp.
template <int P>
static inline float dot(const float *__restrict a, const float *b) {
  float sum = 0;
  for (int j = lane(); j < P; j += WARP_SIZE) sum += a[j] * b[j];
  return warp_sum(sum);
}

// to[k] = or += dot(rows[list[k]], b) for a range of a list.
template <int P, bool ADD, class Index>
static inline void dots(float *to, const float *__restrict rows, const Index *list,
                        Range<uint32_t> range, const float *b) {
  for (uint32_t k = range.first; k < range.last; k += range.step) {
    const float product = dot<P>(rows + int64_t(list[k]) * P, b);
    if (lane() == 0) to[k] = (ADD ? to[k] : 0.0f) + product;
  }
}

// The CPU prefetches a row that will be written; a GPU hides latency by other warps.
template <int P>
static inline void prefetch_write(float *) {}
}  // namespace mlg
