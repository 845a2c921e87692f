"""Few-spike neuron that computes the maximum over a patch of pixels."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import output_readout
from ml_genn.dynamics.model import model_class
from ml_genn.neurons.few_spike.digits import FewSpike


@model_class
class FewSpikeMaxPool(FewSpike):
    """Neuron that sends the maximum of the numbers that the pixels of a patch send.

    `MaxPool2D` connects it: its weights 1, 2, 4, ... tell the pixels of a patch apart,
    so that the bits of the sum that arrives in a step say which of them have spiked.

    It compares digits as they arrive. All pixels start as candidates; where one of them
    has a spike, the neuron spikes, and candidates without a spike drop out. So the
    maximum is exact, and takes one time step. Its digits are those of its source.
    """

    readout: Any = output_readout(
        'for an output "var", which reads the maximum', default=None
    )
