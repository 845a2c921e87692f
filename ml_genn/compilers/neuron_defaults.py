"""Values of neuron and synapse arguments that users leave open, by learning rule."""

from __future__ import annotations

from typing import Any

from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
)
from ml_genn.synapses import Exponential

_SPIKING = {"relative_reset": False, "integrate_during_refrac": False, "scale_i": True}

#: With these values a step is the exact solution of the differential equations for an
#: input that is constant within the step. EventProp and BPTT use them.
EXACT_STEP: dict[type, dict[str, Any]] = {
    LeakyIntegrate: {"scale_i": True},
    LeakyIntegrateFire: _SPIKING,
    AdaptiveLeakyIntegrateFire: _SPIKING,
    Exponential: {"scale_i": True},
}
