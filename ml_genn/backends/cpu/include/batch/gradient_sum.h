// Gradients of several threads, summed.
#pragma once
#include "c_headers.h"
#include "platform/compiler.h"

namespace {
// Sums first <= j < last over the threads' gradients, into the first; the others are left at zero.
inline float *mlg_sum(float *const *parts, int threads, int64_t first, int64_t last) {
  float *__restrict sum = parts[0];
  for (int k = 1; k < threads; ++k) {
    float *__restrict part = parts[k];
    MLG_LOOP
    for (int64_t j = first; j < last; ++j) {
      sum[j] += part[j];
      part[j] = 0;
    }
  }
  return sum;
}
}  // namespace
