"""e-prop's online mode on PyGeNN: gradients and training as on the CPU engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from backend_comparison import (
    BACKENDS,
    assert_equal_gradients,
    by_population,
    compare,
    spike_count,
)
from eprop.nets import CROSS_ENTROPY, EXAMPLES, NETS, Net

from ml_genn import Connection, Network, Population
from ml_genn.backends.pygenn.lowering.lower import lower
from ml_genn.backends.pygenn.lowering.names import RASTER
from ml_genn.backends.pygenn.online.traces import MAX_OUTPUT_DELAY
from ml_genn.callbacks import Callback, EarlyStopping
from ml_genn.connectivity import Dense, FixedProbability
from ml_genn.errors import UnsupportedError
from ml_genn.initializers import Normal
from ml_genn.losses import MeanAbsoluteError
from ml_genn.neurons import IntegrateFireInput, LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn_eprop import EPropCompiler

pytestmark = pytest.mark.usefixtures("pygenn")

STEPS = 30
#: Its epsilon is above the rounding errors of gradients that vanish.
ADAM = Adam(0.01, epsilon=1e-4)
SHORT = {name: replace(net, steps=STEPS) for name, net in NETS.items()}
#: Nets much like another one, which run with the slow tests.
SLOW = {"lif", "absolute_reset", "two_outputs", "delays"}


def nets() -> list[Any]:
    """Returns the nets as parameters of a test."""
    slow = pytest.mark.slow
    return [
        pytest.param(net, id=name, marks=[slow] if name in SLOW else [])
        for name, net in SHORT.items()
    ]


def inputs_and_targets(net: Net) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns {population: inputs} and {population: targets}."""
    x, y = net.data(net.compile("online", backend="null"))
    return {p.name: v for p, v in x.items()}, {p.name: v for p, v in y.items()}


def compiler_of(net: Net, **settings: Any) -> Any:
    """Returns a function that compiles a net for a backend."""
    options = {"optimiser": ADAM, **settings}
    return lambda backend: net.compile("online", backend=backend, **options)


def check(compile_for: Any, x: Any, y: Any, epochs: int = 1) -> None:
    """Compares spikes, losses, gradients and learned weights; none may vanish."""
    _, result = compare(compile_for, x, y, epochs=epochs)
    assert spike_count(result, "hidden") > 20
    assert all(np.abs(g).max() > 0 for g in result.gradients.values())


@pytest.mark.parametrize("net", nets())
def test_gradients_and_training(net: Net) -> None:
    check(compiler_of(net), *inputs_and_targets(net))


@pytest.mark.parametrize("feedback", ["random", "adaptive"])
def test_feedback(feedback: str) -> None:
    net = SHORT["sparse"]
    compile_for = compiler_of(net, feedback=feedback, feedback_decay=0.02)
    check(compile_for, *inputs_and_targets(net))


def small_network(
    source: Any = "spike_input", connectivity: Any = None, delay: int = 0
) -> Network:
    """Returns a network of inputs, hidden neurons and outputs."""
    with Network() as net:
        first = Population(source, 12, name="in")
        hidden = Population(LeakyIntegrateFire(v_thresh=0.5), 10, name="hidden")
        last = Population(LeakyIntegrate(readout="sum_var"), 3, name="out")
        Connection(first, hidden, connectivity or Dense(Normal(0.15, 0.2)))
        Connection(hidden, last, Dense(Normal(0.0, 0.4), delay))
    return net


def compiler_for(net: Network, losses: Any = CROSS_ENTROPY, **settings: Any) -> Any:
    """Returns a function that compiles a network for a backend."""

    def compile_for(backend: str) -> Any:
        options = {"batch_size": EXAMPLES, "c_reg": 0.3, "num_threads": 1, **settings}
        compiler = EPropCompiler(
            STEPS, losses, ADAM, mode="online", backend=backend, **options
        )
        return compiler.compile(net)

    return compile_for


RNG = np.random.default_rng(5)
SPIKES = RNG.random((EXAMPLES, STEPS, 12)) < 0.15
LABELS = np.arange(EXAMPLES) % 3


@pytest.mark.parametrize(
    ("losses", "y"),
    [
        (MeanAbsoluteError(), RNG.normal(size=(EXAMPLES, STEPS, 3))),
        ("categorical_crossentropy", RNG.dirichlet(np.ones(3), EXAMPLES)),
    ],
    ids=["absolute error", "class probabilities"],
)
def test_other_losses(losses: Any, y: np.ndarray) -> None:
    check(compiler_for(small_network(), losses), SPIKES, y)


def test_analog_inputs() -> None:
    x = RNG.uniform(0.0, 0.5, (EXAMPLES, 12))
    check(compiler_for(small_network(IntegrateFireInput())), x, LABELS)


def test_deep_r() -> None:
    net = small_network(connectivity=FixedProbability(0.5, Normal(0.25, 0.2)))
    deep_r = {"deep_r_conns": net.connections[:1], "deep_r_l1_strength": 0.1}
    compile_for = compiler_for(net, **deep_r)
    before = compile_for("cpu").indices(net.connections[0])
    trained, _ = compare(compile_for, SPIKES, LABELS, epochs=3)
    after = trained.indices(net.connections[0])
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def test_one_example_at_a_time_with_sample_weights() -> None:
    """A batch larger than the device's runs in parts, which are averaged."""
    net = SHORT["parameters"]
    data = inputs_and_targets(net)
    weights = np.arange(EXAMPLES) / EXAMPLES
    gradients = []
    for backend, size in zip(BACKENDS, (EXAMPLES, 1), strict=True):
        compiled = compiler_of(net, batch_size=size)(backend)
        x, y = (by_population(compiled, part) for part in data)
        gradients.append(compiled.gradients(x, y, sample_weight=weights).values())
    for expected, received in zip(*gradients, strict=True):
        assert_equal_gradients(received, expected)


class StepByStep(Callback):
    """Makes a network advance step by step."""

    def on_timestep_end(self, timestep: int) -> None:
        pass


class Interrupt(Callback):
    """Interrupts a batch in the middle."""

    def on_timestep_end(self, timestep: int) -> None:
        if timestep == STEPS // 2:
            raise KeyboardInterrupt


def gradients_so_far(compiled: Any) -> np.ndarray:
    """Returns the gradients that synapses on the device have accumulated."""
    populations = compiled.genn_model.synapse_populations.values()
    variables = [population.vars["gradient"] for population in populations]
    for variable in variables:
        variable.pull_from_device()
    return np.concatenate([variable.values.ravel() for variable in variables])


@pytest.mark.parametrize(
    "callbacks", [[], [StepByStep()]], ids=["whole", "step by step"]
)
def test_evaluation_between_training_changes_nothing(callbacks: Any) -> None:
    net, networks = small_network(delay=2), []
    compile_for = compiler_for(net, batch_size=2)
    for backend in BACKENDS:
        compiled = compile_for(backend)
        compiled.train(
            SPIKES,
            LABELS,
            num_epochs=2,
            shuffle=False,
            validation_x=SPIKES[::-1],
            validation_y=LABELS[::-1],
            callbacks=[*callbacks, EarlyStopping("val_loss", patience=5)],
            validation_callbacks=[],
        )
        networks.append(compiled)
    assert not gradients_so_far(networks[1]).any()
    for connection in net.connections:
        expected, received = (n.weights(connection) for n in networks)
        np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-5)
    losses = [compiled.history["val_loss"] for compiled in networks]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


@pytest.mark.parametrize(
    "callbacks", [[], [StepByStep()]], ids=["whole", "step by step"]
)
def test_an_interrupted_batch_leaves_no_gradients(callbacks: Any) -> None:
    net, learned = small_network(), []
    for interrupted in (False, True):
        compiled = compiler_for(net)("pygenn")
        if interrupted:
            with pytest.raises(KeyboardInterrupt):
                compiled.train(SPIKES, LABELS, callbacks=[Interrupt()])
            assert gradients_so_far(compiled).any()
        compiled.train(SPIKES, LABELS, shuffle=False, callbacks=callbacks)
        learned.append([compiled.weights(c) for c in net.connections])
    for expected, weights in zip(*learned, strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_memory_does_not_grow_with_steps() -> None:
    """No array of the learning rule has an element for each step."""
    lowered = NETS["parameters"].compile("online", backend="null").lowered
    arrays = [a for g in lower(lowered.plan, lowered.values).neurons for a in g.arrays]
    assert any(a.name == "tau_mem_ring_" for a in arrays)
    for array in arrays:
        grows = array.size(1000, 2) > array.size(10, 2)
        assert grows == (array.name == RASTER), array.name


def test_long_delays_to_outputs_are_rejected() -> None:
    check(compiler_for(small_network(delay=MAX_OUTPUT_DELAY)), SPIKES, LABELS, epochs=0)
    compiled = compiler_for(small_network(delay=MAX_OUTPUT_DELAY + 1))("pygenn")
    longest = MAX_OUTPUT_DELAY
    variables = f"at most {longest} steps. Received {longest + 1} steps.*backend='cpu'"
    with pytest.raises(UnsupportedError, match=variables):
        compiled.gradients(SPIKES, LABELS)
