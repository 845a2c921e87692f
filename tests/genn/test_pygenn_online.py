"""e-prop's online mode takes the same gradients on PyGeNN as on the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from backend_comparison import BACKENDS, compare, spikes
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
ADAM = Adam(0.01, epsilon=1e-4)  # rounding of gradients that vanish shall not matter
SHORT = {name: replace(net, steps=STEPS) for name, net in NETS.items()}
#: What is much like another net is left to the slow tests.
ALIKE = {"lif", "absolute_reset", "two_outputs", "delays"}


def nets() -> list[Any]:
    """Nets, marked where they are slow."""
    slow = pytest.mark.slow
    return [
        pytest.param(net, id=name, marks=[slow] if name in ALIKE else [])
        for name, net in SHORT.items()
    ]


def given(net: Net) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and targets by population."""
    x, y = net.data(net.compile("online", backend="null"))
    return {p.name: v for p, v in x.items()}, {p.name: v for p, v in y.items()}


def maker(net: Net, **settings: Any) -> Any:
    """What compiles a net for a backend."""
    options = {"optimiser": ADAM, **settings}
    return lambda backend: net.compile("online", backend=backend, **options)


def check(make: Any, x: Any, y: Any, hidden: str = "hidden", epochs: int = 1) -> None:
    """The same spikes, losses, gradients and learned weights."""
    _, found = compare(make, x, y, epochs=epochs)
    assert spikes(found, hidden) > 20
    assert all(np.abs(g).max() > 0 for g in found.gradients.values())


@pytest.mark.parametrize("net", nets())
def test_gradients_and_training(net: Net) -> None:
    check(maker(net), *given(net))


@pytest.mark.parametrize("feedback", ["random", "adaptive"])
def test_feedback(feedback: str) -> None:
    net = SHORT["sparse"]
    check(maker(net, feedback=feedback, feedback_decay=0.02), *given(net))


def small(
    source: Any = "spike_input", connectivity: Any = None, delay: int = 0
) -> Network:
    """An input, hidden neurons and outputs."""
    with Network() as made:
        first = Population(source, 12, name="in")
        hidden = Population(LeakyIntegrateFire(v_thresh=0.5), 10, name="hidden")
        last = Population(LeakyIntegrate(readout="sum_var"), 3, name="out")
        Connection(first, hidden, connectivity or Dense(Normal(0.15, 0.2)))
        Connection(hidden, last, Dense(Normal(0.0, 0.4), delay))
    return made


def small_maker(made: Network, losses: Any = CROSS_ENTROPY, **settings: Any) -> Any:
    """What compiles it."""

    def make(backend: str) -> Any:
        options = {"batch_size": EXAMPLES, "c_reg": 0.3, "num_threads": 1, **settings}
        compiler = EPropCompiler(
            STEPS, losses, ADAM, mode="online", backend=backend, **options
        )
        return compiler.compile(made)

    return make


RNG = np.random.default_rng(5)
SPIKES = RNG.random((EXAMPLES, STEPS, 12)) < 0.15
LABELS = np.arange(EXAMPLES) % 3


@pytest.mark.parametrize(
    ("losses", "y"),
    [
        (MeanAbsoluteError(), RNG.normal(size=(EXAMPLES, STEPS, 3))),
        ("categorical_crossentropy", RNG.dirichlet(np.ones(3), EXAMPLES)),
    ],
    ids=["absolute error", "shares"],
)
def test_other_losses(losses: Any, y: np.ndarray) -> None:
    check(small_maker(small(), losses), SPIKES, y)


def test_numbers_as_inputs() -> None:
    x = RNG.uniform(0.0, 0.5, (EXAMPLES, 12))
    check(small_maker(small(IntegrateFireInput())), x, LABELS)


def test_deep_r() -> None:
    made = small(connectivity=FixedProbability(0.5, Normal(0.25, 0.2)))
    moving = {"deep_r_conns": made.connections[:1], "deep_r_l1_strength": 0.1}
    make = small_maker(made, **moving)
    before = make("cpu").indices(made.connections[0])
    trained, _ = compare(make, SPIKES, LABELS, epochs=3)
    after = trained.indices(made.connections[0])
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def test_one_example_at_a_time_and_shares_of_examples() -> None:
    """Batches that do not fit run one after the other; some count more than others."""
    net = SHORT["parameters"]
    x, y = given(net)
    weights = np.arange(EXAMPLES) / EXAMPLES
    found = []
    for backend, size in zip(BACKENDS, (EXAMPLES, 1), strict=True):
        compiled = maker(net, batch_size=size)(backend)
        by_name = {p.name: p for p in compiled.network.populations}
        data = ({by_name[n]: v for n, v in part.items()} for part in (x, y))
        found.append(list(compiled.gradients(*data, sample_weight=weights).values()))
    for expected, gradient in zip(*found, strict=True):
        most = np.abs(expected).max()
        np.testing.assert_allclose(gradient, expected, atol=1e-4 * most, rtol=0)


class Steps(Callback):
    """Makes a network advance step by step; ends a batch half way if asked to."""

    stop = False

    def on_timestep_end(self, timestep: int) -> None:
        if self.stop and timestep == STEPS // 2:
            raise KeyboardInterrupt


def gradients_so_far(compiled: Any) -> np.ndarray:
    """What synapses on PyGeNN have gathered."""
    found = [
        s.vars["gradient"] for s in compiled.genn_model.synapse_populations.values()
    ]
    for variable in found:
        variable.pull_from_device()
    return np.concatenate([variable.values.ravel() for variable in found])


@pytest.mark.parametrize("callbacks", [[], [Steps()]], ids=["whole", "step by step"])
def test_evaluation_between_training_changes_nothing(callbacks: Any) -> None:
    made, found = small(delay=2), []
    make = small_maker(made, batch_size=2)
    for backend in BACKENDS:
        compiled = make(backend)
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
        found.append(compiled)
    assert not gradients_so_far(found[1]).any()
    for connection in made.connections:
        expected, given = (one.weights(connection) for one in found)
        np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-5)
    losses = [one.history["val_loss"] for one in found]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


@pytest.mark.parametrize("callbacks", [[], [Steps()]], ids=["whole", "step by step"])
def test_a_batch_given_up_leaves_no_gradients(callbacks: Any) -> None:
    made, found = small(), []
    stop = Steps()
    stop.stop = True
    for given_up in (False, True):
        compiled = small_maker(made)("pygenn")
        if given_up:
            with pytest.raises(KeyboardInterrupt):
                compiled.train(SPIKES, LABELS, callbacks=[stop])
            assert gradients_so_far(compiled).any()
        compiled.train(SPIKES, LABELS, shuffle=False, callbacks=callbacks)
        found.append([compiled.weights(c) for c in made.connections])
    for expected, weights in zip(*found, strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_memory_does_not_grow_with_steps() -> None:
    """Nothing that learning needs has an entry for each step."""
    lowered = NETS["parameters"].compile("online", backend="null").lowered
    arrays = [a for g in lower(lowered.plan, lowered.values).neurons for a in g.arrays]
    assert any(a.name == "tau_mem_ring_" for a in arrays)
    for array in arrays:
        grows = array.size(1000, 2) > array.size(10, 2)
        assert grows == (array.name == RASTER), array.name


def test_long_delays_to_outputs_are_refused() -> None:
    check(small_maker(small(delay=MAX_OUTPUT_DELAY)), SPIKES, LABELS, epochs=0)
    compiled = small_maker(small(delay=MAX_OUTPUT_DELAY + 1))("pygenn")
    longest = MAX_OUTPUT_DELAY
    wanted = f"at most {longest} steps. Received {longest + 1} steps.*backend='cpu'"
    with pytest.raises(UnsupportedError, match=wanted):
        compiled.gradients(SPIKES, LABELS)
