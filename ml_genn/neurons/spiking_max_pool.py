"""Spiking neuron that computes the maximum over a patch of pixels."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import output_readout
from ml_genn.dynamics.model import model_class
from ml_genn.errors import UnsupportedError
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.code_neuron import CodeNeuron
from ml_genn.neurons.neuron import Neuron


@model_class
class SpikingMaxPool(Neuron):
    r"""Neuron that spikes as often as the pixel of a patch that spikes most.

    `MaxPool2D` connects it: its weights 1, 2, 4, ... tell the pixels of a patch apart,
    so that the bits of the sum that arrives in a step say which of them have spiked.

    The neuron lets a spike through if its pixel has then spiked more often than any had
    before (after Rueckauer et al. 2017), so that at any time

    .. math:: n[t] = \max_i n_i[t - 1]

    for the numbers of spikes n of the neuron and :math:`n_i` of the pixels.
    """

    readout: Any = output_readout(
        'for an output "spike_count" or "first_spike_time"', default=None
    )

    def counting(self, pixels: int) -> CodeNeuron:
        """Returns the neuron for patches of a number of pixels."""
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
        """A neuron that counts spikes has no equations.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            "SpikingMaxPool counts spikes, from which no gradients can be derived. "
            "InferenceCompiler runs it; use AvgPool2D in networks that are trained."
        )
