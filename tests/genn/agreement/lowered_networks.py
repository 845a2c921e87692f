"""GeNN models of all test networks, as the records that the backend builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from contract.registered import classes, example
from contract.test_every_class_runs import compiled_for, network, network_around
from device.networks import EPROP as DEVICE_EPROP
from device.networks import NETWORKS, TRAINED, inference, training
from eprop.nets import NETS
from test_pygenn_online import SHORT, compiler_of
from test_pygenn_training import CASES, CROSS_ENTROPY, SHARED

from ml_genn.backends.pygenn.lowering.lower import lower
from ml_genn.backends.pygenn.lowering.records import LoweredModel
from ml_genn.compilers import (
    BPTTCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.model.plan import Sensitivity
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.neurons.few_spike.digits import FewSpike

STEPS = 15
NULL: dict[str, Any] = {"backend": "null"}
SENSITIVE = LeakyIntegrateFire(v_thresh=0.05)
Create = Callable[[], Any]  #: returns a compiled network


def _inference(net: Any) -> Any:
    if isinstance(net.populations[0].neuron, FewSpike):
        return FewSpikeCompiler(**NULL).compile(net)
    return InferenceCompiler(STEPS, **NULL).compile(net)


def _of_neuron(cls: Any) -> Any:
    if cls is LeakyIntegrate:
        return _inference(network(output=example(cls, readout="sum_var")))
    return _inference(network_around(example(cls)))


def _of_readout(cls: Any) -> Any:
    voltage = cls.PLAN.sensitivity is Sensitivity.VARIABLE
    neuron = LeakyIntegrate if voltage else LeakyIntegrateFire
    return _inference(network(output=neuron(readout=example(cls))))


def _of_loss(cls: Any) -> Any:
    default_compiler, net = compiled_for(example(cls))
    return type(default_compiler)(STEPS, example(cls), **NULL).compile(net)


def _of_connectivity(connectivity: Any, compiler: Any = None) -> Any:
    net = network(connectivity=connectivity, hidden=SENSITIVE)
    return compiler.compile(net) if compiler else _inference(net)


def _event_prop(**options: Any) -> Any:
    return EventPropCompiler(STEPS, CROSS_ENTROPY, **NULL, **options)


#: {kind of class: function that compiles a network with an object of the class}
OF_CLASS: dict[str, Callable[[Any], Any]] = {
    "neurons": _of_neuron,
    "synapses": lambda cls: _inference(network(synapse=example(cls))),
    "connectivity": lambda cls: _of_connectivity(example(cls)),
    "readouts": _of_readout,
    "losses": _of_loss,
    "optimisers": lambda cls: _event_prop(optimiser=example(cls)).compile(network()),
    "surrogates": lambda cls: BPTTCompiler(
        STEPS, CROSS_ENTROPY, surrogate=example(cls), **NULL
    ).compile(network()),
}


def _of_every_class() -> Iterator[tuple[str, Create]]:
    for kind, create in OF_CLASS.items():
        for cls in classes(kind):
            if cls.__name__ != "MaxPool2D":  # needs neurons of its own
                yield f"{kind}, {cls.__name__}", partial(create, cls)


def _of_learning_rules() -> Iterator[tuple[str, Create]]:
    for name, case in CASES.items():
        yield name, partial(case.compile, "null")
    for name, net in NETS.items():
        yield f"e-prop, {name}", partial(net.compile, "event_driven", **NULL)
    for name, net in SHORT.items():
        yield f"online, {name}", partial(compiler_of(net), "null")
    for feedback in ("random", "adaptive"):
        compile_for = compiler_of(SHORT["delays"], feedback=feedback)
        yield f"online, {feedback} feedback", partial(compile_for, "null")
    for name, shared in SHARED.items():
        yield f"shared, {name}", partial(_of_connectivity, shared, _event_prop())


def _of_devices() -> Iterator[tuple[str, Create]]:
    for name in NETWORKS:
        yield f"device, {name}", lambda name=name: inference(name, **NULL)[0]
    for name in TRAINED:
        yield f"device, {name}", lambda name=name: training(name, **NULL)[0]
    for name, (mode, net) in DEVICE_EPROP.items():
        yield f"device, {name}", partial(net.compile, mode, **NULL)


CREATORS: dict[str, Create] = dict(
    chain(_of_every_class(), _of_learning_rules(), _of_devices())
)


def lowered_network(name: str) -> LoweredModel:
    """Returns the GeNN model of a network.

    Args:
        name: key of ``CREATORS``.
    """
    lowered = CREATORS[name]().lowered
    return lower(lowered.plan, lowered.values)
