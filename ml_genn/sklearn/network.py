"""Networks of estimators: layers of leaky integrate-and-fire neurons, and a readout."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ml_genn.compilers import BPTTCompiler, EventPropCompiler, TrainingCompiler
from ml_genn.compilers.registered import registered
from ml_genn.connectivity import Dense
from ml_genn.errors import unknown_name
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.sequential import InputLayer, Layer, SequentialNetwork
from ml_genn.synapses import Delta, Exponential, Synapse

# Weights are normally distributed, with mean and standard deviation for the mean number
# n of a neuron's input spikes: MEAN / n and SD / sqrt(n). With these a neuron of the
# first layer spikes about once in an example, and no neuron is silent for all examples.
MEAN = 10.0
SD = 2.5
#: Output weights: standard deviation times sqrt(n)
OUTPUT_SD = 3.0
TAU_SYN = 10.0  #: time constant of synaptic currents [ms]
TAU_MEM = 20.0  #: time constant of membranes [ms]
#: Steps of an example in multiples of the longest spike latency: late spikes have time
#: to act.
EXAMPLE = 1.5
RULES = ("bptt", "eprop", "eventprop")


class Currents(NamedTuple):
    """Model of synaptic currents, and the scale of its weights.

    The scale makes the voltage after a single spike peak at the same height.
    """

    synapse: Synapse
    scale: float


#: {class of compiler: currents}; e-prop is defined for delta synapses
CURRENTS = {"EPropCompiler": Currents(Delta(), 0.25)}
DEFAULT_CURRENTS = Currents(Exponential(TAU_SYN), 1.0)


def spiking_network(
    compiler: TrainingCompiler,
    num_inputs: int,
    hidden_sizes: Sequence[int],
    num_outputs: int,
    spikes: float,
) -> SequentialNetwork:
    """Returns a network with random weights.

    Args:
        compiler: its compiler.
        num_inputs: number of input neurons.
        hidden_sizes: neurons of each hidden layer.
        num_outputs: number of outputs.
        spikes: mean number of input spikes in an example.
    """
    synapse, scale = CURRENTS.get(type(compiler).__name__, DEFAULT_CURRENTS)
    with SequentialNetwork() as network:
        InputLayer("spike_input", num_inputs)
        for size in hidden_sizes:
            weight = Normal(scale * MEAN / spikes, scale * SD / spikes**0.5)
            neuron = LeakyIntegrateFire(tau_mem=TAU_MEM)
            Layer(Dense(weight), neuron, size, synapse)
            spikes = float(size)
        Layer(
            Dense(Normal(sd=scale * OUTPUT_SD / spikes**0.5)),
            LeakyIntegrate(tau_mem=TAU_MEM, readout="avg_var"),
            num_outputs,
            synapse,
        )
    return network


def make_compiler(
    rule: str | TrainingCompiler,
    loss: str,
    *,
    where: str,
    latency: int,
    learning_rate: float,
    batch_size: int,
    **machine: Any,
) -> TrainingCompiler:
    """Returns the compiler of an estimator; a copy if the user has made it.

    Args:
        rule: "eventprop", "bptt", "eprop", or a compiler.
        loss: name of the loss.
        where: start of the error message.
        latency: longest spike latency [steps of 1 ms].
        learning_rate: learning rate of Adam.
        batch_size: examples in a batch.
        **machine: seed, threads and backend.

    Raises:
        UnknownNameError: if there is no such rule.
    """
    if isinstance(rule, TrainingCompiler):
        return copy.deepcopy(rule)
    classes: Mapping[str, Any] = {
        "bptt": lambda: BPTTCompiler,
        "eprop": lambda: registered()["EPropCompiler"].load(),
        "eventprop": lambda: EventPropCompiler,
    }
    if rule not in classes:
        raise unknown_name("rule", rule, classes, where=where)
    compiler: TrainingCompiler = classes[rule]()(
        round(EXAMPLE * latency),
        loss,
        Adam(learning_rate),
        batch_size=batch_size,
        **machine,
    )
    return compiler
