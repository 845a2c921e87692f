"""Neurons that take the highest of a patch of pixels.

Both are fed by `MaxPool2D`, whose weights 1, 2, 4, ... tell the pixels of a patch
apart: the sum that arrives in a step says in its bits which of them have spiked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_genn.errors import UnsupportedError
from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.code_neuron import CodeNeuron
from ml_genn.neurons.few_spike import FewSpike
from ml_genn.neurons.neuron import Neuron


@network_default_params
@dataclass(frozen=True, eq=False)
class FewSpikeMaxPool(FewSpike):
    """Neuron that sends the highest of the numbers that the pixels of a patch send.

    It compares digits as they arrive. All pixels start as candidates; where one of them
    has a spike, the neuron spikes, and candidates without a spike drop out. So the
    maximum is exact, and takes one time step. Its digits are those of its source.

    Args:
        readout: "var" to read the maximum; None (default) if it is not an output.
    """

    readout: Any = None

    def __post_init__(self) -> None:
        self._set_readout()


@network_default_params
@dataclass(frozen=True, eq=False)
class SpikingMaxPool(Neuron):
    r"""Neuron that spikes as often as the pixel of a patch that spikes most.

    It lets a spike through if the pixel that it comes from has then spiked more often
    than any had before (after Rueckauer et al. 2017), so that at any time

    .. math:: n[t] = \max_i n_i[t - 1]

    for the numbers of spikes n of the neuron and :math:`n_i` of the pixels.

    Args:
        readout: "spike_count" or "first_spike_time"; None (default) if it is not an
            output.
    """

    readout: Any = None

    def __post_init__(self) -> None:
        self._set_readout()

    def counting(self, pixels: int) -> CodeNeuron:
        """The neuron for patches of so many pixels."""
        names = [f"count{n}" for n in range(pixels)]
        lines = ["const int spiked = (int)Isyn;", "bool leads = false;"]
        for n, name in enumerate(names):
            lines.append(f"{name} += (spiked >> {n}) & 1;")
            lines.append(f"leads = leads || {name} > most;")
        lines.append("most += leads ? 1 : 0;")
        return CodeNeuron(
            {
                "sim_code": "\n".join(lines),
                "threshold_condition_code": "leads",
                "var_name_types": [(name, "int") for name in ("most", *names)],
            },
            readout=self.readout,
        )

    def equations(self) -> NeuronEquations:
        """It counts spikes, which no equation says.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            "SpikingMaxPool counts spikes, from which no gradients can be derived. "
            "InferenceCompiler runs it; use AvgPool2D in networks that are trained."
        )

    def parameters(self) -> dict[str, InitValue]:
        """None that could be learned."""
        return {}

    def initial(self) -> dict[str, InitValue]:
        """All counts start at zero."""
        return {}
