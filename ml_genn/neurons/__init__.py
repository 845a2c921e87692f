"""Neuron models."""

from ml_genn.neurons.adaptive_leaky_integrate_fire import AdaptiveLeakyIntegrateFire
from ml_genn.neurons.code_neuron import CodeNeuron
from ml_genn.neurons.few_spike.few_spike_activation import FewSpikeActivation
from ml_genn.neurons.few_spike.few_spike_max_pool import FewSpikeMaxPool
from ml_genn.neurons.few_spike.few_spike_relu import FewSpikeRelu
from ml_genn.neurons.few_spike.few_spike_relu_input import FewSpikeReluInput
from ml_genn.neurons.inputs.binary_spike_input import BinarySpikeInput
from ml_genn.neurons.inputs.input import Input
from ml_genn.neurons.inputs.input_base import InputBase
from ml_genn.neurons.inputs.integrate_fire_input import IntegrateFireInput
from ml_genn.neurons.inputs.leaky_integrate_fire_input import LeakyIntegrateFireInput
from ml_genn.neurons.inputs.poisson_input import PoissonInput
from ml_genn.neurons.inputs.spike_generator import SpikeGenerator
from ml_genn.neurons.inputs.spike_input import SpikeInput
from ml_genn.neurons.integrate_fire import IntegrateFire
from ml_genn.neurons.leaky_integrate import LeakyIntegrate
from ml_genn.neurons.leaky_integrate_fire import LeakyIntegrateFire
from ml_genn.neurons.neuron import Neuron
from ml_genn.neurons.spiking_max_pool import SpikingMaxPool
from ml_genn.neurons.user_neuron import UserNeuron
from ml_genn.utils.module import aliases
from ml_genn.utils.synonyms import answer_names_of

#: {name: class} of the neurons that need no arguments.
default_neurons: dict[str, type[Neuron]] = aliases(
    AdaptiveLeakyIntegrateFire,
    BinarySpikeInput,
    FewSpikeActivation,
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
    "FewSpikeActivation",
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

answer_names_of(__name__)
