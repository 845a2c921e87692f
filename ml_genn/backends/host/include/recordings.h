// Variables that are copied out after every step.
#pragma once
#include "id_type.h"

namespace mlg {
// Whether anything of the backward pass is recorded: then adjoints are stored in every step.
template <class Call>
static inline bool records_back(const Call &c) {
  for (int64_t k = 0; k < c.num_recordings; ++k)
    if (c.recordings[k].backward) return true;
  return false;
}
}  // namespace mlg
