// What the engines' online learning shares: how a block of steps was gone through.
#pragma once
#include "id_type.h"

namespace mlg {
// A block gone through in reverse, once for its losses and, unless it is the last one,
// once for each trace that is carried on: how the trace at its end depends on its steps.
// Sweep s has rows lambda[s * V + x], x < X being the variables that traces belong to.
struct Sweeps {
  const float *lambda;
  const float *carry;   // what the C traces towards outputs do to the losses
  const float *decay;   // what is left of them at the end
  const float *slopes;  // row 0 of the first step: of the losses; then one for each trace
  int64_t step, sweep;  // floats from one step, and from one sweep, to the next in slopes
  bool last;
};
}  // namespace mlg
