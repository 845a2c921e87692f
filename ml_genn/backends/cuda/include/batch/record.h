// Recorded variables.
#pragma once
#include "members.h"
#include "slot.h"

namespace {
// Copies the recorded variables of the forward or of the backward pass.
void record(const Call &c, const Slot &s, int64_t b, int64_t t, bool backward) {
  for (int64_t k = 0; k < c.num_recordings; ++k) {
    const mlg::Recording &r = c.recordings[k];
    if (bool(r.backward) != backward) continue;
    float *to = r.to + (b * c.num_steps + t) * r.size;
    for (int64_t j = MLG_MEMBER; j < r.size; j += MLG_MEMBERS)
      to[j] = s.block[r.offset + j * r.stride];
  }
}
}  // namespace
