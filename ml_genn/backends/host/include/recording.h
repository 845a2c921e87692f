// Variables that are copied out after every step.
// Generated: python -m ml_genn.backends.generated_headers
#pragma once
#include "c_headers.h"

namespace mlg {
// Variable that is copied out of the state block after every step.
struct Recording {
  // Place of its first value in the block [floats].
  int64_t offset;
  // Number of values.
  int64_t size;
  // 1 if it is copied in the backward pass, else 0.
  int64_t backward;
  // Floats from one value to the next.
  int64_t stride;
  // Copies: (examples, steps, size).
  float *to;
};
}  // namespace mlg
