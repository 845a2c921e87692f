// Numbers that come with the data, frame by frame.
#pragma once
#include "c_headers.h"

namespace mlg {
// The numbers of N neurons in a frame; the last frame stays.
template <int N>
static inline void copy_frame(float *to, const float *values, int64_t frame, int64_t count) {
  const int64_t shown = frame < count ? frame : count - 1;
  memcpy(to, values + shown * N, N * sizeof(float));
}
}  // namespace mlg
