"""Networks that the CPU and the CUDA engine run, and their data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from engine.helpers import random_input
from eprop.nets import NETS

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import AvgPool2D, Conv2D, Dense, FixedProbability
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
)
from ml_genn.synapses import Delta, Exponential

EXAMPLES, STEPS, CLASSES = 3, 30, 3
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def dense(*, readout: str = "avg_var", wide: int = 70, delay: int = 0) -> Network:
    """Returns dense hidden populations, one larger than a thread block of tests."""
    with Network() as network:
        source = Population(SpikeInput(), 9, name="in", record_spikes=True)
        hidden = Population(LeakyIntegrateFire(), wide, name="a", record_spikes=True)
        second = Population(
            AdaptiveLeakyIntegrateFire(v_thresh=0.6, beta=0.1),
            12,
            name="b",
            record_spikes=True,
        )
        output = _output(readout)
        Connection(source, hidden, Dense(Normal(1.2, 0.8)), Exponential(5.0))
        Connection(hidden, hidden, Dense(Normal(0.0, 0.2), delay), Exponential(5.0))
        Connection(hidden, second, Dense(Normal(0.1, 0.2), delay), Exponential(3.0))
        Connection(second, output, Dense(Normal(0.0, 1.0)), Exponential(5.0))
    return network


def _output(readout: str) -> Population:
    if readout in ("spike_count", "first_spike_time"):
        neuron: Any = LeakyIntegrateFire(v_thresh=0.5, readout=readout)
    else:
        neuron = LeakyIntegrate(readout=readout)
    return Population(neuron, CLASSES, name="out")


def sparse(delay: Any = 2, longest: int | None = None) -> Network:
    """Returns sparse synapses of both signs, and neurons without a leak."""
    with Network() as network:
        source = Population(SpikeInput(), 40, name="in", record_spikes=True)
        hidden = Population(
            IntegrateFire(v_thresh=1.0), 70, name="a", record_spikes=True
        )
        output = _output("sum_var")
        weight = Uniform(-0.1, 0.4)
        connectivity = FixedProbability(0.3, weight, delay=delay)
        Connection(source, hidden, connectivity, Delta(), max_delay_steps=longest)
        Connection(hidden, output, FixedProbability(0.5, weight), Exponential(5.0))
    return network


def sparse_interleaved(hidden: int = 70) -> Network:
    """Returns sparse synapses between neurons whose two adjoints are interleaved."""
    with Network() as network:
        source = Population(SpikeInput(), 40, name="in", record_spikes=True)
        middle = Population(
            LeakyIntegrateFire(v_thresh=0.5), hidden, name="a", record_spikes=True
        )
        output = _output("avg_var")
        ends = ((source, middle, 0.3), (middle, middle, 0.02), (middle, output, 0.1))
        for pre, post, mean in ends:
            connectivity = FixedProbability(0.3, Normal(mean, 0.2))
            Connection(pre, post, connectivity, Exponential(5.0))
    return network


def delayed() -> Network:
    """Returns a network in which each synapse has a delay of its own."""
    with Network() as network:
        source = Population(SpikeInput(), 9, name="in", record_spikes=True)
        hidden = Population(LeakyIntegrateFire(), 20, name="a", record_spikes=True)
        output = _output("avg_var")
        arguments = {"synapse": Exponential(5.0), "max_delay_steps": 6}
        delays = Uniform(0.0, 6.0)
        Connection(source, hidden, Dense(Normal(1.2, 0.8), delays), **arguments)
        Connection(hidden, output, Dense(Normal(0.0, 1.0), delays), **arguments)
    return network


def image() -> Network:
    """Returns a network with convolution and pooling."""
    with Network() as network:
        source = Population(SpikeInput(), (6, 6, 1), name="in", record_spikes=True)
        first = Population(
            LeakyIntegrateFire(), (4, 4, 5), name="a", record_spikes=True
        )
        neuron = LeakyIntegrateFire(v_thresh=0.2)
        pooled = Population(neuron, (2, 2, 5), name="b")
        output = _output("sum_var")
        kernel = Conv2D(Normal(3.0, 1.0), 5, 3)
        Connection(source, first, kernel, Exponential(5.0))
        Connection(first, pooled, AvgPool2D(2), Exponential(5.0))
        Connection(pooled, output, Dense(Normal(0.0, 1.0)), Exponential(5.0))
    return network


def analog(neuron: Any) -> Network:
    """Returns a network whose input neurons receive numbers."""
    with Network() as network:
        source = Population(neuron, 10, name="in", record_spikes=True)
        output = _output("sum_var")
        Connection(source, output, Dense(Normal(0.2, 0.5)), Exponential(5.0))
    return network


NETWORKS: dict[str, Callable[[], Network]] = {
    "dense": dense,
    "max": lambda: dense(readout="max_var", delay=3),
    "spike_count": lambda: dense(readout="spike_count"),
    "sparse": sparse,
    "delays": lambda: sparse(Uniform(0.0, 4.0), longest=4),
    "image": image,
    "numbers": lambda: analog(LeakyIntegrateFireInput(v_thresh=0.5)),
    "random": lambda: analog(PoissonInput()),
}
TRAINED: dict[str, tuple[Callable[[], Network], Any, dict[str, Any]]] = {
    "event_prop": (dense, EventPropCompiler, {}),
    "regularised": (
        lambda: dense(delay=2),
        EventPropCompiler,
        {"reg_lambda_upper": 1e-3, "reg_lambda_lower": 1e-3, "reg_nu_upper": 4},
    ),
    "first_spike": (
        lambda: dense(readout="first_spike_time", delay=1),
        EventPropCompiler,
        {"max_spikes": 100},
    ),
    "learned_delays": (delayed, EventPropCompiler, {}),
    "event_prop_sparse": (sparse_interleaved, EventPropCompiler, {}),
    "bptt_sparse": (sparse, BPTTCompiler, {"surrogate": "triangle"}),
    "bptt_image": (image, BPTTCompiler, {"surrogate": "arctan"}),
    "bptt": (dense, BPTTCompiler, {"reset_gradient": True}),
    "bptt_near": (
        lambda: dense(delay=2),
        BPTTCompiler,
        {"backward_threshold": 0.3, "per_timestep_loss": True},
    ),
}


EPROP = {
    "e-prop": ("event_driven", NETS["parameters"]),
    "online": ("online", replace(NETS["parameters"], probability=0.4)),
}


def inference(name: str, **options: Any) -> tuple[Any, dict[Any, Any]]:
    """Returns a compiled network and data for it."""
    compiler = InferenceCompiler(STEPS, batch_size=EXAMPLES, **options)
    compiled = compiler.compile(NETWORKS[name]())
    return compiled, inputs(compiled)


def inputs(compiled: Any) -> dict[Any, Any]:
    """Returns random spikes, or numbers, for the inputs of a network."""
    rng = np.random.default_rng(2)
    values: dict[Any, Any] = {}
    for population in compiled.inputs:
        if isinstance(population.neuron, SpikeInput):
            values[population] = random_input(
                rng, population.shape, 0.15, examples=EXAMPLES, steps=STEPS
            )
        else:
            values[population] = rng.random((EXAMPLES, *population.shape))
    return values


def training(name: str, **options: Any) -> tuple[Any, dict[Any, Any], Any]:
    """Returns a compiled network that learns, inputs and labels."""
    create, compiler, choices = TRAINED[name]
    network = create()
    if name == "learned_delays":
        choices = {"delay_learn_conns": network.connections[:2]}
    return learning(network, compiler, **choices, **options)


def learning(
    network: Network, compiler: Any, **options: Any
) -> tuple[Any, dict[Any, Any], Any]:
    """Compiles a network; returns it with inputs and labels."""
    instance = compiler(STEPS, CROSS_ENTROPY, batch_size=EXAMPLES, **options)
    compiled = instance.compile(network)
    return compiled, inputs(compiled), np.arange(EXAMPLES) % CLASSES


def plan_of(name: str) -> Any:
    """Returns the plan of a network.

    Args:
        name: key of `NETWORKS`, `TRAINED` or `EPROP`.
    """
    null = {"backend": "null"}
    if name in EPROP:
        mode, net = EPROP[name]
        return net.compile(mode, **null).model.plan
    compiled = (
        inference(name, **null)[0] if name in NETWORKS else training(name, **null)[0]
    )
    return compiled.model.plan
