"""Generated code under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.helpers import random_input
from engine.processes import start

from ml_genn import (
    Connection,
    InputLayer,
    Layer,
    Network,
    Population,
    SequentialNetwork,
)
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.backends.cpu.toolchain import find_compiler
from ml_genn.callbacks import Callback, SpikeRecorder, VarRecorder
from ml_genn.codegen.layout import layout
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    FewSpikeCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    FixedProbability,
    MaxPool2D,
    OneToOne,
)
from ml_genn.initializers import Normal, Uniform
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    CodeNeuron,
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    PoissonInput,
    SpikeInput,
    UserNeuron,
)
from ml_genn.optimisers import RMSprop
from ml_genn.synapses import Exponential

CROSS_ENTROPY = "sparse_categorical_crossentropy"


class Steps(Callback):
    """Makes a network advance step by step."""

    def on_timestep_end(self, timestep: int) -> None:
        """Called, which is enough."""


def use(compiled: Any, network: Network, y: Any, output: Population) -> None:
    """Trains, evaluates and predicts, whole sequences and step by step."""
    inputs = [p for p in network.populations if isinstance(p.neuron, SpikeInput)]
    rng = np.random.default_rng(0)
    x = {
        p: random_input(rng, p.size, 0.3, examples=5, steps=compiled.num_steps).reshape(
            5, compiled.num_steps, *(p.shape or ())
        )
        for p in inputs
    }
    spiking = [p for p in network.populations if p.record_spikes]
    recorders: list[Any] = [SpikeRecorder(p) for p in spiking]
    recorders += [VarRecorder(output, "v"), VarRecorder(output, genn_var="lambda_v")]
    data, labels = dict(x), {output: y}
    for callbacks in ([], [Steps()], recorders):
        compiled.train(data, labels, metrics=_metric(y), callbacks=callbacks)
    compiled.gradients(data, labels)
    compiled.evaluate(data, labels, metrics=_metric(y), callbacks=[])
    predictions, _ = compiled.predict(data, callbacks=[Steps(), *recorders[:-1]])
    assert np.isfinite(predictions[output]).all()


def _metric(y: Any) -> str:
    whole = np.asarray(y).dtype.kind == "i"
    return "sparse_categorical_accuracy" if whole else "mean_square_error"


def recurrent_with_delays() -> None:
    """A matrix of delays, regularisation, cross-entropy of the mean voltage."""
    rng = np.random.default_rng(1)
    with Network() as network:
        source = Population(SpikeInput(), 7, record_spikes=True)
        hidden = Population(LeakyIntegrateFire(), 17, record_spikes=True)
        output = Population(LeakyIntegrate(readout="avg_var"), 3)
        delays = rng.integers(0, 40, (7, 17))
        Connection(
            source, hidden, Dense(rng.normal(2, 1, (7, 17)), delays), exponential()
        )
        delays = rng.integers(0, 4, (17, 17))
        Connection(
            hidden, hidden, Dense(rng.normal(0, 1, (17, 17)), delays), exponential()
        )
        Connection(hidden, output, Dense(rng.normal(0, 1, (17, 3))), exponential())
    compiler = EventPropCompiler(
        23,
        CROSS_ENTROPY,
        batch_size=3,
        num_threads=2,
        reg_lambda_upper=1e-3,
        reg_nu_upper=2.0,
    )
    use(compiler.compile(network), network, rng.integers(0, 3, 5), output)


def exponential() -> Exponential:
    return Exponential(5.0)


def first_spikes() -> None:
    """Times of first spikes, of outputs that may stay silent; a constant delay."""
    rng = np.random.default_rng(2)
    with Network() as network:
        source = Population(SpikeInput(), 1)
        hidden = Population(LeakyIntegrateFire(), 33, record_spikes=True)
        output = Population(
            LeakyIntegrateFire(readout="first_spike_time"), 2, record_spikes=True
        )
        Connection(source, hidden, Dense(rng.normal(8, 4, (1, 33)), 3), exponential())
        Connection(hidden, output, Dense(rng.normal(0, 1, (33, 2)), 30), exponential())
        Connection(hidden, output, Dense(rng.normal(0, 1, (33, 2))), exponential())
    compiler = EventPropCompiler(20, CROSS_ENTROPY, batch_size=5, num_threads=3)
    compiled = compiler.compile(network)
    x = random_input(rng, 1, 0.3, examples=5, steps=20)
    y = rng.integers(0, 2, 5)
    for callbacks in ([], [Steps()], [SpikeRecorder(output)]):
        compiled.train({source: x}, {output: y}, callbacks=callbacks)
    compiled.evaluate({source: x}, {output: y}, callbacks=[])


def trajectories() -> None:
    """Mean square error in every step of one output neuron; two inputs."""
    rng = np.random.default_rng(3)
    with Network() as network:
        first, second = Population(SpikeInput(), 16), Population(SpikeInput(), 5)
        hidden = Population(LeakyIntegrateFire(), 16, record_spikes=True)
        output = Population(LeakyIntegrate(readout="var"), 1)
        Connection(first, hidden, Dense(rng.normal(1, 1, (16, 16))), exponential())
        Connection(second, hidden, Dense(rng.normal(1, 1, (5, 16))), Exponential(2.0))
        Connection(hidden, output, Dense(rng.normal(0, 1, (16, 1))), exponential())
    compiler = EventPropCompiler(15, "mean_square_error", batch_size=2, num_threads=2)
    use(compiler.compile(network), network, rng.normal(0, 1, (5, 15, 1)), output)


def inference() -> None:
    """Code, equations, adaptation, more neurons than 16 bits count, state kept."""
    rng = np.random.default_rng(4)
    model = {
        "vars": [("V", "scalar"), ("n", "int")],
        "sim_code": "n += 3; V += Isyn * gennrand_uniform();",
        "threshold_condition_code": "V > 1 && n % 2 == 0",
        "reset_code": "V = -gennrand_uniform();",
    }
    izhikevich = UserNeuron(
        {
            "v": ("0.04*v**2 + 5*v + 140 - u + Isyn", "c"),
            "u": ("a*(b*v - u)", "u + d"),
        },
        "v",
        "v - 30",
        {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0},
        {"v": -65.0, "u": -13.0},
        sub_steps=2,
    )
    with Network() as network:
        source = Population(SpikeInput(), 65537, record_spikes=True)
        adaptive = AdaptiveLeakyIntegrateFire(tau_refrac=2.0, readout="spike_count")
        middle = Population(adaptive, 9, record_spikes=True)
        code = Population(CodeNeuron(model, readout="max_var"), 9, record_spikes=True)
        user = Population(izhikevich, 9, record_spikes=True)
        Connection(source, middle, Dense(1e-4))
        for target, weight in ((code, 0.5), (user, 10.0)):
            connectivity = Dense(np.full((9, 9), weight), rng.integers(0, 3, (9, 9)))
            Connection(middle, target, connectivity, Exponential(3.0))
        Connection(code, middle, Dense(0.1, 2))
    x = np.zeros((5, 12, 65537), dtype=bool)
    x[:, ::3, ::7] = True
    x[:, :, -1] = True
    recorders = [SpikeRecorder(p) for p in (source, middle, code, user)]
    for reset in (True, False):
        compiler = InferenceCompiler(
            12, batch_size=2, num_threads=2, reset_vars_between_batches=reset
        )
        for callbacks in ([], [*recorders, VarRecorder(user, "u")], [Steps()]):
            compiler.compile(network).predict({source: x}, callbacks=callbacks)


def online() -> None:
    """Traces of the past, blocks shorter than the delays, a parameter learned."""
    CpuModel.block_steps = 4
    rng = np.random.default_rng(5)
    with Network() as network:
        source = Population(SpikeInput(), 7, record_spikes=True)
        neuron = AdaptiveLeakyIntegrateFire(
            v_thresh=0.5,
            tau_refrac=3.0,
            integrate_during_refrac=False,
            relative_reset=False,
        )
        hidden = Population(neuron, 17, record_spikes=True)
        output = Population(LeakyIntegrate(readout="sum_var"), 3)
        Connection(source, hidden, Dense(rng.normal(0.3, 0.3, (7, 17)), 5))
        Connection(hidden, hidden, FixedProbability(0.5, Normal(0.0, 0.2)))
        Connection(hidden, output, Dense(rng.normal(0, 1, (17, 3)), 9))
    compiler = EPropCompiler(
        31, CROSS_ENTROPY, mode="online", batch_size=3, num_threads=2
    )
    optimisers = {"all_connections": {"weight": "adam"}, hidden: {"tau_mem": "adam"}}
    compiled = compiler.compile(network, optimisers=optimisers)
    x = random_input(rng, 7, 0.3, examples=5, steps=31)
    y = rng.integers(0, 3, 5)
    for callbacks in ([], [Steps()], [SpikeRecorder(hidden), VarRecorder(hidden, "v")]):
        compiled.train(x, y, callbacks=callbacks)
    compiled.gradients(x, y)
    compiled.evaluate(x, y, callbacks=[])
    compiled.predict(x, callbacks=[SpikeRecorder(source)])


def sparse() -> None:
    """Sparse and rewired synapses, learned delays, neurons that are all active."""
    rng = np.random.default_rng(6)
    y = rng.integers(0, 3, 5)
    for threshold in (None, 0.5):
        with Network() as network:
            source = Population(SpikeInput(), 7, record_spikes=True)
            hidden = Population(LeakyIntegrateFire(), 17, record_spikes=True)
            output = Population(LeakyIntegrate(readout="avg_var"), 3)
            weight = Normal(2.0, 1.0)
            delayed = Connection(
                source,
                hidden,
                FixedProbability(0.5, weight, delay=Uniform(0.0, 9.0)),
                exponential(),
                max_delay_steps=9,
            )
            rewired = Connection(
                hidden, hidden, FixedProbability(0.3, Normal(0.0, 0.01)), exponential()
            )
            Connection(hidden, output, Dense(rng.normal(0, 1, (17, 3)), 2))
            last = Connection(
                hidden, output, Dense(rng.normal(0, 1, (17, 3))), max_delay_steps=5
            )
        compiler = BPTTCompiler(
            13,
            CROSS_ENTROPY,
            batch_size=3,
            num_threads=2,
            backward_threshold=threshold,
            delay_learn_conns=[delayed, last],
            deep_r_conns=[rewired],
        )
        use(compiler.compile(network), network, y, output)


def weighted() -> None:
    """Norms of gradients over threads, sample weights, probabilities as targets."""
    rng = np.random.default_rng(9)
    with Network() as network:
        source = Population(SpikeInput(), 7)
        values = Population(LeakyIntegrate(readout="sum_var"), 3)
        classes = Population(LeakyIntegrate(readout="avg_var"), 5)
        for target in (values, classes):
            weight = rng.normal(0.0, 1.0, (7, target.size))
            Connection(source, target, Dense(weight), exponential())
    compiler = EventPropCompiler(
        20,
        {values: "mean_absolute_error", classes: "categorical_crossentropy"},
        RMSprop(0.01, clip_norm=0.1, weight_decay=0.1, limits=(-1.0, 1.0)),
        batch_size=4,
        num_threads=2,
    )
    compiled = compiler.compile(network)
    x = random_input(rng, 7, 0.3, examples=6, steps=20)
    y = {values: rng.normal(size=(6, 3)), classes: np.eye(5)[rng.integers(0, 5, 6)]}
    metrics = {values: "mean_absolute_error", classes: "categorical_accuracy"}
    counts = {classes: rng.uniform(0.0, 2.0, 6)}
    compiled.train(x, y, 2, metrics=metrics, sample_weight=counts, callbacks=[])
    assert all(np.abs(compiled.weights(c)).max() <= 1.0 for c in network.connections)


def images() -> None:
    """Shared kernels of every kind, in a chain, with and without delays."""
    rng = np.random.default_rng(7)
    y = rng.integers(0, 3, 5)
    for threshold in (None, 0.5):
        with SequentialNetwork() as network:
            InputLayer(SpikeInput(), (9, 7, 2), record_spikes=True)
            for connectivity in (
                Conv2D(Normal(2.0, 1.0), 5, (3, 4), False, 2, "same"),
                Conv2DTranspose(Normal(1.0, 1.0), 3, (2, 3), delay=2),
                DepthwiseConv2D(Normal(1.0, 1.0), 2, 2, conv_strides=(1, 2)),
                AvgPool2D((2, 1), delay=1),
                AvgPoolConv2D(Normal(8.0, 1.0), 4, (1, 2), 2, conv_padding="same"),
            ):
                Layer(connectivity, LeakyIntegrateFire(), None, exponential())
            output = LeakyIntegrate(readout="avg_var")
            last = AvgPoolDense2D(Normal(0.0, 1.0), 1, delay=3)
            Layer(last, output, 3, exponential())
        compiler = BPTTCompiler(
            13,
            CROSS_ENTROPY,
            batch_size=3,
            num_threads=2,
            backward_threshold=threshold,
        )
        use(compiler.compile(network), network, y, network.populations[-1])


def numbers() -> None:
    """Frames of numbers, negative spikes over lists and delays, snapshots."""
    rng = np.random.default_rng(6)
    neuron = PoissonInput(True, input_frames=3, input_frame_timesteps=4)
    with Network() as network:
        source = Population(neuron, 7, record_spikes=True)
        other = Population(LeakyIntegrateFireInput(0.4, tau_mem=[5.0] * 3), 3)
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        sparse = FixedProbability(0.6, Normal(1.0), delay=Uniform(0, 5))
        Connection(source, output, sparse, exponential(), max_delay_steps=6)
        Connection(source, output, Dense(Normal(), 2), exponential())
        Connection(other, output, Dense(Normal()), exponential())
    compiled = EventPropCompiler(
        17, CROSS_ENTROPY, batch_size=2, num_threads=2
    ).compile(network)
    x = {
        source: rng.uniform(-1, 1, (5, 3, 7)),
        other: rng.uniform(0, 1, (5, 3)),
    }
    y = {output: rng.integers(0, 2, 5)}
    compiled.train(x, y, callbacks=[])
    selected = compiled.snapshot()
    compiled.train(x, y, callbacks=[Steps(), SpikeRecorder(source)])
    compiled.restore(selected)
    compiled.evaluate(x, y, callbacks=[])


def side_by_side() -> None:
    """Examples of one tile, threads that split an example, short windows of steps."""
    CpuModel.gradient_window, layout.MIN_NEURONS_TO_SPLIT = 4, 1
    y = np.random.default_rng(8).integers(0, 3, 5)
    for threshold, batch_size in ((None, 5), (0.3, 5), (0.9, 1)):
        with Network() as network:
            source = Population(SpikeInput(), 9)
            hidden = Population(LeakyIntegrateFire(), 131, record_spikes=True)
            output = Population(LeakyIntegrate(readout="avg_var"), 3)
            Connection(source, hidden, Dense(Normal(1.0, 0.5), 2), exponential())
            Connection(hidden, hidden, Dense(Normal(0.0, 0.1)), exponential())
            sparse = FixedProbability(0.5, Normal(0.0, 0.1))
            Connection(hidden, hidden, sparse, exponential())
            Connection(hidden, output, Dense(Normal()), exponential())
        compiler = BPTTCompiler(
            11,
            CROSS_ENTROPY,
            batch_size=batch_size,
            num_threads=2,
            backward_threshold=threshold,
        )
        use(compiler.compile(network), network, y, output)


def few_spikes() -> None:
    """As many digits as there can be, signs, maxima, spikes that outlast a block."""
    CpuModel.block_steps = 4
    rng = np.random.default_rng(10)
    for k in (1, 24):
        with Network() as network:
            source = FewSpikeReluInput(k, 1.0)
            image = Population(source, (5, 7, 3), record_spikes=True)
            signed = FewSpikeReluInput(k, 1.0, signed_input=k % 2 == 0)
            other = Population(signed, 9)
            hidden = Population(FewSpikeRelu(k, 2.0), (5, 7, 3), record_spikes=True)
            pool = Population(FewSpikeMaxPool("var"), record_spikes=True)
            last = Population(FewSpikeRelu(k, 4.0, "var", Normal()), 3)
            Connection(image, hidden, OneToOne(1.5))
            Connection(other, hidden, Dense(Normal(0.0, 0.3)))
            maxima = MaxPool2D((4, 6), pool_strides=2, pool_padding="same")
            Connection(hidden, pool, maxima)
            Connection(pool, last, Dense(Normal()))
            Connection(image, last, Dense(Normal()))
        compiled = FewSpikeCompiler(k, batch_size=2, num_threads=2).compile(network)
        x = {image: rng.uniform(-1, 2, (5, 5, 7, 3)), other: rng.uniform(-2, 2, (5, 9))}
        recorders = [SpikeRecorder(hidden), VarRecorder(last, "fx")]
        for callbacks in ([], [Steps()], recorders):
            predictions, _ = compiled.predict(x, callbacks=callbacks)
            assert np.isfinite(predictions[last]).all()


PROGRAMS: dict[str, Callable[[], None]] = {
    "side_by_side": side_by_side,
    "images": images,
    "weighted": weighted,
    "sparse": sparse,
    "recurrent_with_delays": recurrent_with_delays,
    "first_spikes": first_spikes,
    "trajectories": trajectories,
    "inference": inference,
    "online": online,
    "numbers": numbers,
    "few_spikes": few_spikes,
}
SCRIPT = """
import os
os.environ.pop("LD_PRELOAD")  # is for this process, not for the compiler
from engine.test_sanitize import PROGRAMS
from ml_genn.backends.cpu.toolchain import find_compiler
assert any("sanitize=address" in a for a in find_compiler().arguments())
PROGRAMS["{name}"]()
print("through")
"""


def library(name: str) -> str:
    """A library of the compiler; skips where there is none."""
    command = find_compiler().command
    if Path(command[0]).name not in ("g++", "clang++") or shutil.which("g++") is None:
        pytest.skip("needs g++")
    done = subprocess.run(
        ["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    )
    path = done.stdout.strip()
    if not os.path.isabs(path):
        pytest.skip(f"needs {name}, which g++ does not come with here")
    return path


def sanitized(script: str) -> subprocess.Popen[str]:
    """Runs a script with the sanitizers' libraries loaded first."""
    libraries = [library("libasan.so"), library("libubsan.so")]
    return start(
        script,
        ML_GENN_SANITIZE="address",
        LD_PRELOAD=":".join(libraries),
        ASAN_OPTIONS="detect_leaks=0",
    )


@pytest.fixture(scope="module")
def programs() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Starts all programs at once: each spends most of its time compiling."""
    running = {name: sanitized(SCRIPT.format(name=name)) for name in PROGRAMS}
    yield running
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", PROGRAMS)
def test_sanitizers_find_nothing(
    name: str, programs: dict[str, subprocess.Popen[str]]
) -> None:
    output, errors = programs[name].communicate(timeout=300)
    for text in (output, errors):
        assert "ERROR" not in text, text
        assert "runtime error" not in text, text
    assert programs[name].returncode == 0, errors
    assert output.strip() == "through"


def test_sanitizers_would_find_something(tmp_path: Path) -> None:
    """A library made with the same flags that reads past its array ends the process."""
    source = tmp_path / "wrong.cpp"
    source.write_text(
        'extern "C" __attribute__((visibility("default"))) int wrong(int n) {\n'
        "  int *a = new int[4]();\n"
        "  return a[n];\n"
        "}\n"
    )
    script = f"""
import ctypes, os, subprocess
from ml_genn.backends.cpu.toolchain import find_compiler
os.environ.pop("LD_PRELOAD")
command = [*find_compiler().arguments(), "{source}", "-o", "{tmp_path}/wrong.so"]
subprocess.run(command, check=True)
ctypes.CDLL("{tmp_path}/wrong.so").wrong(4)
"""
    process = sanitized(script)
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "ERROR: AddressSanitizer" in errors or "runtime error" in errors
