"""Neuron models."""

from ml_genn.neurons.adaptive_leaky_integrate_fire import AdaptiveLeakyIntegrateFire
from ml_genn.neurons.binary_spike_input import BinarySpikeInput
from ml_genn.neurons.code_neuron import CodeNeuron
from ml_genn.neurons.few_spike_relu import FewSpikeRelu
from ml_genn.neurons.few_spike_relu_input import FewSpikeReluInput
from ml_genn.neurons.input import Input
from ml_genn.neurons.input_base import InputBase
from ml_genn.neurons.integrate_fire import IntegrateFire
from ml_genn.neurons.integrate_fire_input import IntegrateFireInput
from ml_genn.neurons.leaky_integrate import LeakyIntegrate
from ml_genn.neurons.leaky_integrate_fire import LeakyIntegrateFire
from ml_genn.neurons.leaky_integrate_fire_input import LeakyIntegrateFireInput
from ml_genn.neurons.max_pool import FewSpikeMaxPool, SpikingMaxPool
from ml_genn.neurons.neuron import Neuron
from ml_genn.neurons.poisson_input import PoissonInput
from ml_genn.neurons.spike_generator import SpikeGenerator
from ml_genn.neurons.spike_input import SpikeInput
from ml_genn.neurons.user_neuron import UserNeuron
from ml_genn.utils.module import aliases

#: {name: class} of what may be asked for by name.
default_neurons: dict[str, type[Neuron]] = aliases(
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
    IntegrateFire,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
    SpikingMaxPool,
)

__all__ = [
    "AdaptiveLeakyIntegrateFire",
    "BinarySpikeInput",
    "CodeNeuron",
    "FewSpikeMaxPool",
    "FewSpikeRelu",
    "FewSpikeReluInput",
    "Input",
    "InputBase",
    "IntegrateFire",
    "IntegrateFireInput",
    "LeakyIntegrate",
    "LeakyIntegrateFire",
    "LeakyIntegrateFireInput",
    "Neuron",
    "PoissonInput",
    "SpikeGenerator",
    "SpikeInput",
    "SpikingMaxPool",
    "UserNeuron",
    "default_neurons",
]
