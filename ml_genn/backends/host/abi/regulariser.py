"""C++ of the regularisation of firing rates, for the CPU and CUDA engines."""

from __future__ import annotations

from ml_genn.backends.host.abi.structure import header
from ml_genn.model.equations.c_expression import c_expression
from ml_genn.model.rate_regularisation import EXCESS, GRADIENT, RateRegularisation


def rate_regulariser_header() -> str:
    """Text of ``rate_regulariser.h``."""
    names = RateRegularisation._fields
    numbers = ", ".join(
        f"{name}(numbers[{len(names)} * g + {k}])" for k, name in enumerate(names)
    )
    text = f"""// Regulariser of firing rates: strength / 2 (mean spikes - target)^2.
struct RateRegulariser {{
  const float {", ".join(names)};

  // Regulariser g of those whose numbers lie one after the other.
  RateRegulariser(const float *numbers, int64_t g)
      : {numbers} {{}}

  // Derivative by one spike of a neuron with this many in 1 / scale examples.
  float grad(float spikes, float scale) const {{
    const float excess = {c_expression(EXCESS).text};
    return {c_expression(GRADIENT).text};
  }}
}};
"""
    return header("Regularisation of firing rates.", ("c_headers.h",), text)
