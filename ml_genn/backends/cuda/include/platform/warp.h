// Sums over a warp.
#pragma once
#include "platform/grid.h"

namespace mlg {
// Returns the sum over the lanes of a warp, in each lane (butterfly reduction).
static inline float warp_sum(float number) {
  for (int distance = WARP_SIZE / 2; distance; distance /= 2)
    number += __shfl_xor_sync(ALL_LANES, number, distance);
  return number;
}
}  // namespace mlg
