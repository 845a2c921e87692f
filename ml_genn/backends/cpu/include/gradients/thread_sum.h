// Sum of the gradients of several threads.
#pragma once
#include "c_headers.h"
#include "platform/compiler.h"

namespace {
// Adds entries first <= j < last of all threads' gradients to those of thread 0, and sets the
// others to zero. Returns the gradient of thread 0.
inline float *sum_over_threads(float *const *gradients, int threads, int64_t first, int64_t last) {
  float *__restrict sum = gradients[0];
  for (int k = 1; k < threads; ++k) {
    float *__restrict gradient = gradients[k];
    MLG_LOOP
    for (int64_t j = first; j < last; ++j) {
      sum[j] += gradient[j];
      gradient[j] = 0;
    }
  }
  return sum;
}
}  // namespace
