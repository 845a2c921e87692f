// Vectors of floats.
#pragma once
#include "c_headers.h"

namespace mlg {
// One register in the compiler's own vector type: longer ones would live in memory. Rows of
// numbers are padded to 64 bytes on every processor.
#if defined(__AVX512F__)
constexpr int LANES = 16;  // floats in a register
constexpr int BLOCK = 16;  // registers that hold sums while rows are added
constexpr int TILE = 4;    // and, for each example, while rows are added for four at once
#elif defined(__AVX__)
constexpr int LANES = 8, BLOCK = 12, TILE = 2;
#elif defined(__aarch64__)
constexpr int LANES = 4, BLOCK = 16, TILE = 4;
#else
constexpr int LANES = 4, BLOCK = 12, TILE = 2;
#endif
constexpr int VECTOR_BYTES = LANES * sizeof(float);
typedef float vec __attribute__((vector_size(VECTOR_BYTES), aligned(VECTOR_BYTES), may_alias));

constexpr int ROW = 16;  // floats that rows are padded to
constexpr int padded(int n) { return (n + ROW - 1) / ROW * ROW; }
static inline int smaller(int a, int b) { return a < b ? a : b; }
static inline float larger(float a, float b) { return a > b ? a : b; }
static inline float lesser(float a, float b) { return a < b ? a : b; }

// The sum of a register's floats, four at once: a loop would add one after the other.
static inline float total(vec v) {
  typedef float four __attribute__((vector_size(16)));
  four part[LANES / 4];
  memcpy(part, &v, sizeof v);
  for (int apart = LANES / 8; apart; apart /= 2)
    for (int k = 0; k < apart; ++k) part[k] += part[k + apart];
  return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}
static inline float total(float v) { return v; }

template <class T>
static inline T load(const void *from) {
  T found;
  memcpy(&found, from, sizeof found);
  return found;
}
}  // namespace mlg
