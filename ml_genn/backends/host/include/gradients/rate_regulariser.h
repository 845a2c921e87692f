// Regularisation of firing rates.
// Generated: python -m ml_genn.backends.generated_headers
#pragma once
#include "c_headers.h"

namespace mlg {
// Regulariser of firing rates: strength / 2 (mean spikes - target)^2.
struct RateRegulariser {
  const float lower, upper, target;

  // Regulariser g of those whose numbers lie one after the other.
  RateRegulariser(const float *numbers, int64_t g)
      : lower(numbers[3 * g + 0]), upper(numbers[3 * g + 1]), target(numbers[3 * g + 2]) {}

  // Derivative by one spike of a neuron with this many in 1 / scale examples.
  float grad(float spikes, float scale) const {
    const float excess = spikes * scale - target;
    return (excess > 0.0f ? upper : lower) * excess * scale;
  }
};
}  // namespace mlg
