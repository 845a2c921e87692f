// Analog input: frames of numbers that come with the data.
#pragma once
#include "c_headers.h"

namespace mlg {
// Copies the numbers of N neurons in a frame; after the last frame, that one stays.
template <int N>
static inline void copy_frame(float *to, const float *frames, int64_t frame, int64_t num_frames) {
  const int64_t shown = frame < num_frames ? frame : num_frames - 1;
  memcpy(to, frames + shown * N, N * sizeof(float));
}
}  // namespace mlg
