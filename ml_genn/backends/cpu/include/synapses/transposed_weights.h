// Dense weights by target, for a backward pass that computes the gradients of many source neurons.
#pragma once
#include "platform/memory.h"
#include "platform/range.h"
#include "platform/simd.h"

namespace mlg {
// Source neurons are the lanes of vectors. A tile has TILE vectors of them, and one row for each
// target.
constexpr int TILE_WIDTH = TILE * LANES;
constexpr int64_t transposed_size(int64_t sources, int64_t targets) {
  return (sources + TILE_WIDTH - 1) / TILE_WIDTH * TILE_WIDTH * targets;
}

// Transposes the weights of N sources to K targets, in rows of P floats; one thread's tiles.
template <int N, int P, int K>
static inline void transpose_tiles(const float *__restrict weight, float *__restrict to, int thread,
                                   int threads) {
  constexpr int TILES = (N + TILE_WIDTH - 1) / TILE_WIDTH;
  for (int tile = thread; tile < TILES; tile += threads)
    for (int lane = 0; lane < TILE_WIDTH; ++lane) {
      const int j = tile * TILE_WIDTH + lane;
      float *column = to + size_t(tile) * K * TILE_WIDTH + lane;
      for (int k = 0; k < K; ++k)
        column[size_t(k) * TILE_WIDTH] = j < N ? weight[size_t(j) * P + k] : 0.0f;
    }
}

// to[m][j] += sum over k < K of weight[j][k] * factor[m][k], for M examples m and the sources j of
// V vectors.
template <int K, int M, int V>
static inline void add_tile(float *const *to, int first, const float *__restrict weight,
                            const float *const *factor) {
  vec sum[M][V];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[m][v] = reinterpret_cast<const vec *>(to[m] + first)[v];
  for (int k = 0; k < K; ++k) {
    const vec *row = reinterpret_cast<const vec *>(weight + size_t(k) * TILE_WIDTH);
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[m][v] += row[v] * factor[m][k];
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) reinterpret_cast<vec *>(to[m] + first)[v] = sum[m][v];
}

// Returns one team's part of n neurons (padded), in whole tiles.
static inline Range<int> tile_range(int n, int team, int teams) {
  const int tiles = (n + TILE_WIDTH - 1) / TILE_WIDTH;
  const int first = tiles * team / teams * TILE_WIDTH;
  return {first, min_int(tiles * (team + 1) / teams * TILE_WIDTH, n)};
}

template <int N, int K, int M>
static inline void add_tiles(float *const *to, const float *weight, const float *const *factor,
                             Range<int> range) {
  constexpr int REST = padded(N) / LANES % TILE;
  int j = range.first;
  for (; j + TILE_WIDTH <= range.last; j += TILE_WIDTH)
    add_tile<K, M, TILE>(to, j, weight + size_t(j) * K, factor);
  if constexpr (REST > 0)
    if (j < range.last) add_tile<K, M, REST>(to, j, weight + size_t(j) * K, factor);
}

// The same for n examples and a range of N sources. Weights are loaded once for up to four
// examples, as many as there are registers for.
template <int N, int K>
static inline void add_transposed(float *const *to, const float *weight, const float *const *factor,
                                  int n, Range<int> range) {
  int m = 0;
  for (; m + 4 <= n; m += 4) add_tiles<N, K, 4>(to + m, weight, factor + m, range);
  for (; m + 2 <= n; m += 2) add_tiles<N, K, 2>(to + m, weight, factor + m, range);
  for (; m < n; ++m) add_tiles<N, K, 1>(to + m, weight, factor + m, range);
}
}  // namespace mlg
