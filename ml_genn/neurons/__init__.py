"""Neuron models."""

from ml_genn.neurons.adaptive_leaky_integrate_fire import AdaptiveLeakyIntegrateFire
from ml_genn.neurons.code_neuron import CodeNeuron
from ml_genn.neurons.input import Input
from ml_genn.neurons.integrate_fire import IntegrateFire
from ml_genn.neurons.leaky_integrate import LeakyIntegrate
from ml_genn.neurons.leaky_integrate_fire import LeakyIntegrateFire
from ml_genn.neurons.neuron import Neuron
from ml_genn.neurons.spike_input import SpikeInput
from ml_genn.neurons.user_neuron import UserNeuron
from ml_genn.utils.module import aliases

default_neurons: dict[str, type[Neuron]] = aliases(
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)

__all__ = [
    "AdaptiveLeakyIntegrateFire",
    "CodeNeuron",
    "Input",
    "IntegrateFire",
    "LeakyIntegrate",
    "LeakyIntegrateFire",
    "Neuron",
    "SpikeInput",
    "UserNeuron",
    "default_neurons",
]
