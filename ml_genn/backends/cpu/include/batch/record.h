// Recording of variables.
#pragma once
#include "slot.h"

namespace {
// Copies the variables that are recorded in the forward, or backward, pass of step t.
MLG_COLD void record(const Call &c, const Slot &s, int64_t b, int64_t t, bool backward) {
  for (int64_t k = 0; k < c.num_recordings; ++k) {
    const mlg::Recording &r = c.recordings[k];
    if (bool(r.backward) != backward) continue;
    float *to = r.to + (b * c.num_steps + t) * r.size;
    for (int64_t j = 0; j < r.size; ++j) to[j] = s.block[r.offset + j * r.stride];
  }
}
}  // namespace
