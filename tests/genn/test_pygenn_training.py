"""Training on PyGeNN: gradients of every learning rule as on the CPU engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_comparison import (
    BACKENDS,
    assert_equal_gradients,
    compare,
    metric_for,
    spike_count,
)
from contract.registered import classes, example
from contract.test_every_class_runs import compiled_for, labels, network, targets
from eprop.nets import NUM_IN, Net
from windows import test_labels_of_steps as windows

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import EarlyStopping, RewiringRecorder, VarRecorder
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import (
    AvgPoolConv2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    FixedProbability,
)
from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.initializers import Normal, Uniform
from ml_genn.model.plan import LearnedKind
from ml_genn.neurons import (
    BinarySpikeInput,
    IntegrateFireInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from ml_genn.optimisers import Adam
from ml_genn.readouts import AvgVar, FirstSpikeTime, SpikeCount
from ml_genn.serialisers import Numpy
from ml_genn.synapses import Delta, Exponential

pytestmark = pytest.mark.usefixtures("pygenn")

STEPS, EXAMPLES, SIZE, CLASSES = 30, 5, 20, 3
WINDOW = (8.0, 26.0)  #: of a readout [ms]
CROSS_ENTROPY = "sparse_categorical_crossentropy"
LIF = LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0)
#: Its epsilon is above the rounding errors of gradients that vanish.
ADAM = Adam(0.01, epsilon=1e-4)


@dataclass(frozen=True)
class Case:
    """Network of inputs, recurrent hidden neurons and outputs, and its training.

    Args:
        rule: compiler.
        settings: arguments of the compiler.
        delays: delays of input, recurrent and output connections [steps].
        probability: probability of a connection; 1 for dense connectivity.
        hidden, output, source: neurons.
        synapse: synapses of all connections.
        learned: learned parameters of the hidden population.
        learn_delays: learn the delays of the input connection.
        deep_r: rewire the input and recurrent connections.
    """

    rule: Any = EventPropCompiler
    settings: dict[str, Any] = field(default_factory=dict)
    delays: tuple[Any, Any, Any] = (0, 0, 0)
    probability: float = 1.0
    hidden: Any = LIF
    output: Any = field(default_factory=lambda: LeakyIntegrate(readout="avg_var"))
    source: Any = field(default_factory=SpikeInput)
    synapse: Any = field(default_factory=lambda: Exponential(5.0))
    learned: tuple[str, ...] = ()
    learn_delays: bool = False
    deep_r: bool = False

    def compile(self, backend: str, **more: Any) -> Any:
        """Returns the network, compiled for a backend."""
        with Network() as net:
            source = Population(self.source, SIZE, name="in")
            hidden = Population(self.hidden, 10, name="hidden")
            output = Population(self.output, CLASSES, name="out")
            for ends, weight, delay in (
                ((source, hidden), Normal(0.3, 0.3), self.delays[0]),
                ((hidden, hidden), Normal(0.0, 0.2), self.delays[1]),
                ((hidden, output), Normal(0.2, 1.0), self.delays[2]),
            ):
                connectivity: Any = Dense(weight, delay)
                if self.probability < 1:
                    connectivity = FixedProbability(
                        self.probability, weight, delay=delay
                    )
                Connection(*ends, connectivity, self.synapse, max_delay_steps=6)
        options = {
            "losses": CROSS_ENTROPY,
            "optimiser": ADAM,
            "batch_size": EXAMPLES,
            "num_threads": 1,
            **self.settings,
            **more,
        }
        if self.learn_delays:
            options["delay_learn_conns"] = [net.connections[0]]
        if self.deep_r:
            options |= {"deep_r_conns": net.connections[:2], "deep_r_l1_strength": 0.1}
        compiler = self.rule(STEPS, backend=backend, **options)
        optimisers = None
        if self.learned:
            optimisers = {
                "all_connections": {"weight": "adam"},
                hidden: dict.fromkeys(self.learned, "adam"),
            }
        return compiler.compile(net, optimisers=optimisers)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and labels."""
        rng = np.random.default_rng(0)
        y = rng.integers(0, CLASSES, EXAMPLES)
        if isinstance(self.source, IntegrateFireInput):
            return rng.uniform(0, 0.5, (EXAMPLES, SIZE)), y
        return rng.random((EXAMPLES, STEPS, SIZE)) < 0.12, y


SPIKING = LeakyIntegrateFire(readout="first_spike_time")
COUNTED = LeakyIntegrateFire(readout="spike_count")
SILENT = LeakyIntegrateFire(v_thresh=50.0, readout="first_spike_time")
CASES = {
    "recurrent": Case(),
    "delays": Case(delays=(3, 1, 4)),
    "delay of each synapse": Case(delays=(Uniform(0.0, 5.0), 0, Uniform(0.0, 5.0))),
    "learned delays": Case(delays=(Uniform(0.0, 5.0), 0, 0), learn_delays=True),
    "sparse": Case(probability=0.5, delays=(2, 0, 0)),
    "regularised": Case(settings={"reg_lambda_lower": 1e-2, "reg_lambda_upper": 1e-2}),
    "parameter of each neuron": Case(
        hidden=LeakyIntegrateFire(tau_mem=Uniform(15.0, 25.0)), learned=("tau_mem",)
    ),
    "shared parameters": Case(learned=("tau_mem", "v_thresh", "tau_syn0")),
    "first spike": Case(output=SPIKING),
    "no first spike": Case(output=SILENT, settings={"ttfs_alpha": 0.1}),
    "each step": Case(settings={"per_timestep_loss": True}),
    "analog input": Case(source=IntegrateFireInput()),
    "delta": Case(synapse=Delta(), hidden=LeakyIntegrateFire(v_thresh=0.1)),
    "surrogate": Case(BPTTCompiler),
    "surrogate delays": Case(BPTTCompiler, delays=(3, 1, Uniform(0.0, 5.0))),
    "surrogate learned delays": Case(
        BPTTCompiler, delays=(Uniform(0.0, 5.0), 0, 0), learn_delays=True
    ),
    "surrogate sparse": Case(BPTTCompiler, probability=0.5),
    "surrogate spike count": Case(BPTTCompiler, output=COUNTED),
    "surrogate resets": Case(BPTTCompiler, settings={"reset_gradient": True}),
    "window": Case(output=LeakyIntegrate(readout=AvgVar(WINDOW))),
    "window of first spikes": Case(
        output=LeakyIntegrateFire(readout=FirstSpikeTime(WINDOW)),
        settings={"ttfs_alpha": 0.1},
    ),
    "window of each step": Case(
        BPTTCompiler,
        output=LeakyIntegrate(readout=AvgVar(WINDOW)),
        settings={"per_timestep_loss": True},
    ),
    "window of spike counts": Case(
        BPTTCompiler, output=LeakyIntegrateFire(readout=SpikeCount(WINDOW))
    ),
    "clipped": Case(settings={"optimiser": Adam(0.01, global_clip_norm=1e-3)}),
}


#: Cases much like another one, which run with the slow tests.
SLOW = {"sparse", "no first spike", "surrogate sparse", "surrogate resets", "clipped"}


def cases() -> list[Any]:
    """Returns the cases as parameters of a test."""
    slow = pytest.mark.slow
    return [
        pytest.param(case, id=name, marks=[slow] if name in SLOW else [])
        for name, case in CASES.items()
    ]


@pytest.mark.parametrize("case", cases())
def test_gradients_and_training(case: Case) -> None:
    x, y = case.data()
    _, result = compare(case.compile, x, y, epochs=1)
    assert spike_count(result, "hidden") > 20
    learns = [np.abs(g).max() > 0 for g in result.gradients.values()]
    # Spikes that arrivals over delta synapses cause are moved by no weight.
    assert any(learns) if isinstance(case.synapse, Delta) else all(learns)


NETS = {
    "learned": Net(learned=("tau_mem",), steps=25),
    "plain": Net(hidden=LeakyIntegrateFire, delays=(2, 3, 1), steps=25),
    "sparse": Net(two_outputs=True, probability=0.5, steps=25),
}


RANDOM = {"feedback": "random"}


def eprop_data(net: Net) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns {population: inputs} and {population: labels}."""
    x = np.random.default_rng(3).random((EXAMPLES, net.steps, NUM_IN)) < 0.1
    y = np.arange(EXAMPLES) % 3
    return {"in": x}, {"out": y, "slow": y} if net.two_outputs else {"out": y}


@pytest.mark.parametrize(
    ("net", "settings"),
    [
        *(pytest.param(net, {}, id=name) for name, net in NETS.items()),
        pytest.param(NETS["plain"], RANDOM, id="random", marks=pytest.mark.slow),
    ],
)
def test_eprop(net: Net, settings: dict[str, Any]) -> None:
    def compile_for(backend: str) -> Any:
        return net.compile("event_driven", backend=backend, **settings)

    _, result = compare(compile_for, *eprop_data(net), epochs=1)
    assert spike_count(result, "hidden") > 20


WEIGHT = Normal(0.2, 0.1)
SHARED = {
    "Toeplitz": Conv2D(WEIGHT, 3, 2, delay=2),
    "strides": Conv2D(WEIGHT, 3, 2, conv_strides=2, delay=2),
    "pooled": AvgPoolConv2D(WEIGHT, 2, 2, 2),
    "transposed": Conv2DTranspose(WEIGHT, 2, 2),
    "each channel": DepthwiseConv2D(WEIGHT, 2),
}


IMAGES = np.random.default_rng(0).random((6, 15, 4, 4, 1)) < 0.3


def shared_weights(shared: Any, rule: Any = EventPropCompiler) -> Any:
    """Returns a function that compiles a network around a convolution."""
    net = network(connectivity=shared, hidden=LeakyIntegrateFire(v_thresh=0.05))

    def compile_for(backend: str) -> Any:
        return rule(15, CROSS_ENTROPY, ADAM, batch_size=6, backend=backend).compile(net)

    return compile_for


@pytest.mark.parametrize("shared", SHARED.values(), ids=SHARED.keys())
def test_shared_weights_learn(shared: Any) -> None:
    _, result = compare(shared_weights(shared), IMAGES, labels(), epochs=1)
    assert all(np.abs(g).max() > 0 for g in result.gradients.values())


@pytest.mark.parametrize("strides", [1, 2])
def test_delays_of_shared_weights_learn(strides: int) -> None:
    shared = Conv2D(WEIGHT, 3, 2, conv_strides=strides, delay=Uniform(0.0, 3.0))
    with Network() as net:
        first = Population("spike_input", (4, 4, 1))
        hidden = Population(LeakyIntegrateFire(v_thresh=0.05), name="hidden")
        last = Population(LeakyIntegrate(readout="avg_var"), 3)
        Connection(first, hidden, shared, Exponential(5.0), max_delay_steps=4)
        Connection(hidden, last, Dense(Normal(0.2, 0.1)), Exponential(5.0))

    def compile_for(backend: str) -> Any:
        compiler = EventPropCompiler(
            15,
            CROSS_ENTROPY,
            ADAM,
            batch_size=6,
            backend=backend,
            delay_learn_conns=[net.connections[0]],
        )
        return compiler.compile(net)

    _, result = compare(compile_for, IMAGES, labels() % 3, epochs=1)
    (delays,) = (g for a, g in result.gradients.items() if a.kind is LearnedKind.DELAY)
    assert np.abs(delays).max() > 0


def test_weights_of_negative_spikes_learn() -> None:
    net = network(BinarySpikeInput(signed_spikes=True))

    def compile_for(backend: str) -> Any:
        return EventPropCompiler(
            15, CROSS_ENTROPY, ADAM, batch_size=6, backend=backend
        ).compile(net)

    x = np.random.default_rng(0).normal(0, 1, (6, 4, 4, 1))
    _, result = compare(compile_for, x, labels(), epochs=2)
    assert spike_count(result, "Pop0 (negative)") > 20
    assert all(np.abs(g).max() > 0 for g in result.gradients.values())


def test_deep_r(tmp_path: Path) -> None:
    """Both backends rewire to the same synapses, from checkpoints of either one too."""
    case = Case(probability=0.5, deep_r=True)
    x, y = case.data()
    settings = {"shuffle": False, "callbacks": [], **metric_for(y)}
    initial = case.compile("cpu").snapshot().arrays
    trained, _ = compare(case.compile, x, y, epochs=3)
    learned = trained.snapshot().arrays
    for connection in trained.network.connections[:2]:
        before, after = (a[connection.name, "post_ind"] for a in (initial, learned))
        assert len(before) == len(after) and (before != after).any()
    rewirings = []
    for backend in BACKENDS:
        compiled = case.compile(backend)
        recorder = RewiringRecorder(compiled.network.connections[0], key="rewired")
        recording = {**settings, "callbacks": [recorder]}
        _, recorded = compiled.train(x, y, num_epochs=2, **recording)
        rewirings.append(recorded["rewired"])
        compiled.save((0,), Numpy(tmp_path / backend))
    assert rewirings[0] == rewirings[1]
    assert sum(count for count, _ in rewirings[0]) > 0
    for backend in BACKENDS:
        compiled = case.compile("pygenn")
        compiled.resume(Numpy(tmp_path / backend))
        compiled.train(x, y, start_epoch=2, **settings)
        for key, array in compiled.snapshot().arrays.items():
            np.testing.assert_allclose(
                array, learned[key], rtol=1e-3, atol=1e-4, err_msg=str(key)
            )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["losses", "optimisers", "surrogates"])
def test_every_loss_optimiser_and_surrogate(kind: str) -> None:
    x = np.random.default_rng(0).random((6, 15, 4, 4, 1)) < 0.3
    for cls in classes(kind):
        settings: dict[str, Any] = {kind[:-1]: example(cls)}
        net, y = network(), labels()
        compiler: Any = BPTTCompiler if kind == "surrogates" else EventPropCompiler
        if kind == "losses":
            default_compiler, net = compiled_for(example(cls))
            compiler = type(default_compiler)
            y = targets(example(cls).check_target, net)
            settings = {"losses": example(cls)}

        def compile_for(
            backend: str,
            compiler: Any = compiler,
            net: Network = net,
            settings: dict[str, Any] = settings,
        ) -> Any:
            options = {"losses": CROSS_ENTROPY, "optimiser": Adam(0.01), **settings}
            return compiler(15, batch_size=6, backend=backend, **options).compile(net)

        compare(compile_for, x, y, epochs=2)


def test_batches_larger_than_the_device() -> None:
    """Examples run in parts; gradients and firing rates are averaged over all."""
    case = CASES["regularised"]
    x, y = case.data()
    networks = [case.compile(backend, batch_size=2) for backend in BACKENDS]
    gradients = (list(compiled.gradients(x, y).values()) for compiled in networks)
    for expected, received in zip(*gradients, strict=True):
        assert_equal_gradients(received, expected)


def test_evaluation_between_training_changes_nothing() -> None:
    case = Case(delays=(2, 0, Uniform(0.0, 5.0)))
    x, y = case.data()
    networks = []
    for backend in BACKENDS:
        compiled = case.compile(backend, batch_size=2)
        compiled.train(
            x,
            y,
            num_epochs=2,
            shuffle=False,
            validation_x=x[::-1],
            validation_y=y[::-1],
            callbacks=[EarlyStopping("val_loss", patience=5)],
            validation_callbacks=[],
        )
        networks.append(compiled)
    for k in range(3):
        expected, received = (n.weights(n.network.connections[k]) for n in networks)
        np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-5)
    losses = [compiled.history["val_loss"] for compiled in networks]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_adjoint_variables_may_be_recorded() -> None:
    case = Case()
    x, y = case.data()
    adjoints = []
    for backend in BACKENDS:
        compiled = case.compile(backend)
        hidden = compiled.network.populations[1]
        recorder = VarRecorder(hidden, "lambda_v", key="adjoint")
        _, recorded = compiled.train(x, y, callbacks=[recorder], shuffle=False)
        adjoints.append(np.asarray(recorded["adjoint"]))
    largest = np.abs(adjoints[0]).max()
    assert largest > 0
    np.testing.assert_allclose(adjoints[1], adjoints[0], atol=1e-4 * largest)


def test_training_continues_from_a_checkpoint(tmp_path: Path) -> None:
    """From one of the other backend, too."""
    case = Case(probability=0.5, delays=(Uniform(0.0, 5.0), 0, 0), learned=("tau_mem",))
    x, y = case.data()
    settings = {"shuffle": False, "callbacks": [], **metric_for(y)}
    first = {backend: case.compile(backend) for backend in BACKENDS}
    for backend, compiled in first.items():
        compiled.train(x, y, **settings)
        compiled.save((0,), Numpy(tmp_path / backend))
        compiled.train(x, y, start_epoch=1, **settings)
    expected = first["cpu"].snapshot().arrays
    for backend in BACKENDS:
        compiled = case.compile("pygenn")
        compiled.resume(Numpy(tmp_path / backend))
        compiled.train(x, y, start_epoch=1, **settings)
        for key, array in compiled.snapshot().arrays.items():
            np.testing.assert_allclose(
                array, expected[key], rtol=1e-3, atol=1e-5, err_msg=str(key)
            )
    other = Case(probability=0.4, delays=case.delays, learned=case.learned)
    with pytest.raises(CheckpointError, match="of this network has shape"):
        other.compile("pygenn").load((0,), Numpy(tmp_path / "cpu"))


def test_labels_of_steps() -> None:
    expected, received = (
        windows.compiled("e-prop", backend=b).gradients(
            windows.inputs(), windows.frames()
        )
        for b in BACKENDS
    )
    windows.assert_equal(received, expected)
    online = windows.compiled("e-prop online", backend="pygenn")
    with pytest.raises(UnsupportedError, match="one label per example"):
        online.gradients(windows.inputs(), windows.frames())
