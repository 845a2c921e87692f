// What a thread needs in the backward pass of any example.
#pragma once
#include "model_tables.h"
#include "synapses/weight_gradients.h"

namespace {
struct Scratch {
  float *slopes[SLOPES + 1] = {};  // rings of rows, one for each step
  int64_t length = 0;
  mlg::Sorted sorted;

  bool begin(int64_t steps) {
    if (steps <= length) return true;
    for (int64_t k = 0; k < SLOPES; ++k) {
      free(slopes[k]);
      slopes[k] = mlg::allocate<float>(steps * SLOPE_SIZE[k]);
      if (!slopes[k]) return false;
    }
    length = steps;
    return true;
  }
  void release() {
    for (float *s : slopes) free(s);
    sorted.release();
  }
};
}  // namespace
