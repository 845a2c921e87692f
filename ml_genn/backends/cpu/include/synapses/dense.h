// Dense synapses: a row has the weights of one source neuron to all targets.
#pragma once
#include "platform/compiler.h"
#include "platform/memory.h"
#include "platform/range.h"
#include "platform/simd.h"
#include "spikes/tape.h"

namespace mlg {
// to += rows[k] for each k of a list, for V vectors of a row. The sums stay in registers.
template <int V, class Index>
static inline void add_block(float *__restrict to, const float *__restrict rows, int stride,
                             const Index *list, uint32_t n) {
  vec sum[V];
  vec *target = reinterpret_cast<vec *>(to);
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) sum[v] = target[v];
  for (uint32_t k = 0; k < n; ++k) {
    const vec *row = reinterpret_cast<const vec *>(rows + size_t(list[k]) * stride);
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[v] += row[v];
  }
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) target[v] = sum[v];
}

// Returns one thread's part of P neurons (padded), in whole blocks of registers.
template <int P>
static inline Range<int> member_range(int member, int members) {
  constexpr int WIDTH = ACCUMULATORS * LANES, BLOCKS = (P + WIDTH - 1) / WIDTH;
  const int last = BLOCKS * (member + 1) / members * WIDTH;
  return {BLOCKS * member / members * WIDTH, last < P ? last : P};
}

// to[j] += sum over spikes i of weight[i][j], for a range of P targets (padded).
template <int P>
static inline void add_rows(float *__restrict to, const float *__restrict weight, Spikes s,
                            Range<int> range) {
  if (!s.n) return;
  constexpr int REST = P / LANES % ACCUMULATORS;
  int j = range.first;
  for (; j + ACCUMULATORS * LANES <= range.last; j += ACCUMULATORS * LANES)
    add_block<ACCUMULATORS>(to + j, weight + j, P, s.id, s.n);
  if constexpr (REST > 0)
    if (j < range.last) add_block<REST>(to + j, weight + j, P, s.id, s.n);
}

// Prefetches a row of P floats that will be written.
template <int P>
MLG_PREFETCH void prefetch_write(float *row) {
  constexpr int LINE = CACHE_LINE / sizeof(float);
  for (int j = 0; j < P; j += LINE) __builtin_prefetch(row + j, 1);
}

// to += row
template <int P>
static inline void add_row(float *__restrict to, const float *__restrict row) {
  vec *t = reinterpret_cast<vec *>(to);
  const vec *r = reinterpret_cast<const vec *>(row);
  for (int v = 0; v < P / LANES; ++v) t[v] += r[v];
}

// Returns the dot product of two rows. Two sums hide the latency of an addition.
template <int P>
static inline float dot(const float *__restrict a, const float *__restrict b) {
  const vec *x = reinterpret_cast<const vec *>(a), *y = reinterpret_cast<const vec *>(b);
  vec even = {}, odd = {};
  int v = 0;
#pragma GCC unroll 8
  for (; v + 1 < P / LANES; v += 2) {
    even += x[v] * y[v];
    odd += x[v + 1] * y[v + 1];
  }
  if (v < P / LANES) even += x[v] * y[v];
  return sum_lanes(even + odd);
}

// to[k] = or += dot(rows[list[k]], b) for a range of a list. b is loaded once for four rows.
template <int P, bool ADD, class Index>
static inline void dots(float *__restrict to, const float *__restrict rows, const Index *list,
                        Range<uint32_t> range, const float *__restrict b) {
  const vec *y = reinterpret_cast<const vec *>(b);
  uint32_t k = range.first;
  for (; k + 4 <= range.last; k += 4) {
    const vec *x[4];
#pragma GCC unroll 4
    for (int m = 0; m < 4; ++m)
      x[m] = reinterpret_cast<const vec *>(rows + size_t(list[k + m]) * P);
    vec sum[4] = {};
#pragma GCC unroll 16
    for (int v = 0; v < P / LANES; ++v)
#pragma GCC unroll 4
      for (int m = 0; m < 4; ++m) sum[m] += x[m][v] * y[v];
#pragma GCC unroll 4
    for (int m = 0; m < 4; ++m) to[k + m] = (ADD ? to[k + m] : 0.0f) + sum_lanes(sum[m]);
  }
  for (; k < range.last; ++k) to[k] = (ADD ? to[k] : 0.0f) + dot<P>(rows + size_t(list[k]) * P, b);
}
}  // namespace mlg
