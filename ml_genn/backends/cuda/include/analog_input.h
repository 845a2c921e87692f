// Analog input: frames of numbers.
#pragma once
#include "platform/grid.h"

namespace mlg {
// Copies the numbers of N neurons in a frame; the last frame stays until the example ends.
template <int N>
static inline void copy_frame(float *to, const float *values, int64_t frame, int64_t num_frames) {
  const int64_t shown = frame < num_frames ? frame : num_frames - 1;
  for (int j = member(); j < N; j += members()) to[j] = values[shown * N + j];
}
}  // namespace mlg
