// SIMD vectors of floats.
#pragma once
#include "c_headers.h"

namespace mlg {
// A vector is one register in the compiler's own vector type; longer vectors would be kept in
// memory.
// LANES: floats of a register.
// ACCUMULATORS: registers that hold sums while weight rows are added; the others hold loaded rows.
// TILE: registers of each example that hold sums while rows are added for four examples.
#if defined(__AVX512F__)
constexpr int LANES = 16, ACCUMULATORS = 16, TILE = 4;
#elif defined(__AVX__)
constexpr int LANES = 8, ACCUMULATORS = 12, TILE = 2;
#elif defined(__aarch64__)
constexpr int LANES = 4, ACCUMULATORS = 16, TILE = 4;
#else
constexpr int LANES = 4, ACCUMULATORS = 12, TILE = 2;
#endif
constexpr int VECTOR_BYTES = LANES * sizeof(float);
typedef float vec __attribute__((vector_size(VECTOR_BYTES), aligned(VECTOR_BYTES), may_alias));

// Rows are padded to the longest register, 64 bytes, on every processor.
constexpr int ROW_ALIGNMENT = 16;  // floats
constexpr int padded(int n) { return (n + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT; }

static inline int min_int(int a, int b) { return a < b ? a : b; }
static inline float max_float(float a, float b) { return a > b ? a : b; }
static inline float min_float(float a, float b) { return a < b ? a : b; }
static inline float log_gamma(float x) {
  int sign;
  return lgammaf_r(x, &sign);
}

// Returns the sum of a register's lanes, four at once; a loop would add them one by one.
static inline float sum_lanes(vec v) {
  typedef float four __attribute__((vector_size(16)));
  four part[LANES / 4];
  memcpy(part, &v, sizeof v);
  for (int distance = LANES / 8; distance; distance /= 2)
    for (int k = 0; k < distance; ++k) part[k] += part[k + distance];
  return (part[0][0] + part[0][2]) + (part[0][1] + part[0][3]);
}
static inline float sum_lanes(float v) { return v; }

// Returns a value of any type that lies at an unaligned address.
template <class T>
static inline T load(const void *from) {
  T value;
  memcpy(&value, from, sizeof value);
  return value;
}
}  // namespace mlg
