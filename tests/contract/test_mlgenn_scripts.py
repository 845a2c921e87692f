"""Scripts in the style of mlGeNN's documented API run as they are, on small data.

Each is a function with the imports, argument orders and names that such scripts use.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_genn.callbacks import Callback

CLASSES, SIDE = 3, 4


def images(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three kinds of bright stripes, and which it is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    found = rng.integers(0, 60, (count, SIDE, SIDE))
    for image, label in zip(found, labels, strict=True):
        image[label] += 190
    return found.astype(np.uint8), labels


def recordings(count: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Events as Tonic gives them: each class is a sweep at another speed."""
    rng = np.random.default_rng(seed)
    kinds = np.dtype([("t", np.int64), ("x", np.int64), ("p", np.int64)])
    labels = rng.integers(0, 2, count)
    found = []
    for label in labels:
        x = np.arange(20) if label else np.arange(20)[::-1]
        events = np.zeros(20, dtype=kinds)
        events["t"] = np.arange(20) * 1500 + rng.integers(0, 500, 20)
        events["x"] = x
        events["p"] = 1
        found.append(events)
    return found, labels


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints go where the script runs."""
    monkeypatch.chdir(tmp_path)
    np.random.seed(1234)


@pytest.fixture(autouse=True)
def without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CuPy is, "cuda" is a GPU of ours; such scripts mean PyGeNN's."""
    monkeypatch.setitem(sys.modules, "cupy", None)


CUDA = {"backend": "cuda", "optimize_code": True, "manual_device_id": 0}


def test_event_prop_on_latency_coded_images() -> None:
    from ml_genn import InputLayer, Layer, SequentialNetwork
    from ml_genn.callbacks import Checkpoint
    from ml_genn.compilers import EventPropCompiler, InferenceCompiler
    from ml_genn.compilers.event_prop_compiler import default_params
    from ml_genn.connectivity import Dense
    from ml_genn.data import (
        calc_latest_spike_time,
        calc_max_spikes,
        linear_latency_encode_data,
    )
    from ml_genn.initializers import Normal
    from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from ml_genn.optimisers import Adam
    from ml_genn.serialisers import Numpy
    from ml_genn.synapses import Exponential

    NUM_EPOCHS, BATCH_SIZE, EXAMPLE_TIME, DT = 8, 16, 20.0, 1.0
    data, labels = images(160)
    spikes = linear_latency_encode_data(data, EXAMPLE_TIME - (2.0 * DT), 2.0 * DT)

    serialiser = Numpy("latency_mnist_checkpoints")
    network = SequentialNetwork(default_params)
    with network:
        inputs = InputLayer(
            SpikeInput(max_spikes=BATCH_SIZE * calc_max_spikes(spikes)), SIDE * SIDE
        )
        Layer(
            Dense(Normal(mean=1.2, sd=0.6)),
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0, tau_refrac=None),
            24,
            Exponential(5.0),
        )
        output = Layer(
            Dense(Normal(mean=0.2, sd=0.37)),
            LeakyIntegrate(tau_mem=20.0, readout="avg_var"),
            CLASSES,
            Exponential(5.0),
        )

    max_example_timesteps = int(np.ceil(calc_latest_spike_time(spikes) / DT))
    compiler_arguments: dict[str, Any] = {
        "example_timesteps": max_example_timesteps,
        "losses": "sparse_categorical_crossentropy",
        "optimiser": Adam(1e-2),
        "batch_size": BATCH_SIZE,
        **CUDA,
    }
    with pytest.warns(UserWarning, match="needs CuPy|belongs? to GeNN"):
        compiler = EventPropCompiler(**compiler_arguments)
    compiled_net = compiler.compile(network)

    with compiled_net:
        callbacks = ["batch_progress_bar", Checkpoint(serialiser)]
        metrics, _ = compiled_net.train(
            {inputs: spikes},
            {output: labels},
            num_epochs=NUM_EPOCHS,
            shuffle=True,
            callbacks=callbacks,
        )
        compiled_net.save_connectivity((NUM_EPOCHS - 1,), serialiser)
        trained = metrics[output].result
    assert trained > 0.85

    test_data, test_labels = images(80, 1)
    test_spikes = linear_latency_encode_data(
        test_data, EXAMPLE_TIME - (2.0 * DT), 2.0 * DT
    )
    network.load((NUM_EPOCHS - 1,), serialiser)
    with pytest.warns(UserWarning, match="needs CuPy|belongs? to GeNN"):
        inference = InferenceCompiler(
            evaluate_timesteps=max_example_timesteps,
            reset_in_syn_between_batches=True,
            batch_size=BATCH_SIZE,
            **CUDA,
        )
    compiled_net = inference.compile(network)
    with compiled_net:
        metrics, cb_data = compiled_net.evaluate(
            {inputs: test_spikes}, {output: test_labels}
        )
        assert metrics[output].result > 0.85
    assert cb_data == {}
    files = {path.name for path in Path("latency_mnist_checkpoints").iterdir()}
    assert f"{NUM_EPOCHS - 1}-Conn_Pop0_Pop1-g.npy" in files


def test_event_prop_on_recordings_with_delays_and_own_callbacks() -> None:
    """Recurrent, delays learned; weights of silent neurons are raised by hand."""
    from ml_genn import Connection, Network, Population
    from ml_genn.callbacks import (
        OptimiserParamSchedule,
        SpikeRecorder,
    )
    from ml_genn.compilers import EventPropCompiler
    from ml_genn.compilers.event_prop_compiler import default_params
    from ml_genn.connectivity import Dense
    from ml_genn.data import (
        calc_latest_spike_time,
        calc_max_spikes,
        preprocess_tonic_spikes,
    )
    from ml_genn.initializers import Normal, Uniform
    from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from ml_genn.optimisers import Adam
    from ml_genn.synapses import Exponential

    class EaseInSchedule(Callback):
        def set_params(self, compiled_network: Any, **kwargs: Any) -> None:
            self._optimisers = [o for o, _ in compiled_network.optimisers]

        def on_batch_begin(self, batch: int) -> None:
            for o in self._optimisers:
                if o.alpha < 0.03:
                    o.alpha = 1.25 * o.alpha

    raw, labels = recordings(64)
    ordering, sensor_size = raw[0].dtype.names, (20, 1, 1)
    spikes = [preprocess_tonic_spikes(e, ordering, sensor_size) for e in raw]
    num_input, num_hidden = int(np.prod(sensor_size)), 16

    network = Network(default_params)
    with network:
        inputs = Population(SpikeInput(max_spikes=16 * calc_max_spikes(spikes)), 20)
        hidden = Population(
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0),
            num_hidden,
            record_spikes=True,
        )
        output = Population(LeakyIntegrate(20.0, readout="avg_var_exp_weight"), 2)
        input_hidden = Connection(
            inputs,
            hidden,
            Dense(Normal(mean=0.5, sd=1.0), delay=Uniform(0, 8)),
            Exponential(5.0),
            max_delay_steps=10,
        )
        Connection(hidden, hidden, Dense(Normal(0.0, 0.02)), Exponential(5.0))
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), Exponential(5.0))

    schedule = EaseInSchedule()
    optimiser = Adam(0.001)
    compiler = EventPropCompiler(
        example_timesteps=int(np.ceil(calc_latest_spike_time(spikes))) + 10,
        losses="sparse_categorical_crossentropy",
        optimiser=optimiser,
        reg_lambda_upper=1e-9,
        reg_lambda_lower=1e-9,
        reg_nu_upper=4,
        max_spikes=1500,
        delay_optimiser=Adam(0.1),
        delay_learn_conns=[input_hidden],
        batch_size=16,
    )
    compiled_net = compiler.compile(network)
    raised = 0
    with compiled_net:
        first_delays = compiled_net.delays(input_hidden)
        for e in range(6):
            metrics, cb_data = compiled_net.train(
                {inputs: spikes},
                {output: labels},
                num_epochs=1,
                start_epoch=e,
                shuffle=True,
                callbacks=[
                    "batch_progress_bar",
                    SpikeRecorder(hidden, key="hidden", record_counts=True),
                    schedule,
                    OptimiserParamSchedule("beta1", lambda epoch, beta: beta),
                ],
            )
            counts = np.sum(np.asarray(cb_data["hidden"]), axis=0)
            assert counts.shape == (num_hidden,)
            silent = counts == 0
            raised += int(silent.sum())
            g = compiled_net.connection_populations[input_hidden].vars["g"]
            g.pull_from_device()
            g_view = g.view.reshape((num_input, num_hidden))
            before = g_view.copy()
            g_view[:, silent] += 0.02
            g.push_to_device()
            g.pull_from_device()
            now = g.values.reshape((num_input, num_hidden))
            np.testing.assert_allclose((now - before)[:, silent], 0.02, atol=1e-6)
            np.testing.assert_array_equal(now[:, ~silent], before[:, ~silent])
    assert raised > 0
    assert compiled_net.genn_model.timestep == compiled_net.example_timesteps
    assert optimiser.alpha >= 0.03
    assert np.any(compiled_net.delays(input_hidden) != first_delays)
    assert metrics[output].result > 0.9


def test_eprop_pattern_generation() -> None:
    from ml_genn import Connection, Network, Population
    from ml_genn.callbacks import OptimiserParamSchedule, VarRecorder
    from ml_genn.compilers import EPropCompiler
    from ml_genn.compilers.eprop_compiler import default_params
    from ml_genn.connectivity import Dense
    from ml_genn.data import preprocess_spikes
    from ml_genn.initializers import Normal
    from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
    from ml_genn.optimisers import Adam

    NUM_INPUT, NUM_HIDDEN, NUM_OUTPUT, STEPS = 8, 40, 2, 100
    t = np.arange(STEPS)
    y_star = np.stack([np.sin(2 * np.pi * t / p) for p in (50, 100)], axis=1)
    times = np.concatenate([np.arange(k * 25, (k + 1) * 25, 5) for k in range(4)] * 2)
    ids = np.concatenate([np.repeat([k, k + 4], 5) for k in range(4)])
    times = np.sort(times)
    in_spikes = preprocess_spikes(times, ids, NUM_INPUT)

    network = Network(default_params)
    with network:
        inputs = Population(SpikeInput(max_spikes=len(times)), NUM_INPUT)
        hidden = Population(
            LeakyIntegrateFire(v_thresh=0.61, tau_mem=20.0, tau_refrac=5.0), NUM_HIDDEN
        )
        output = Population(
            LeakyIntegrate(tau_mem=20.0, bias=0.0, readout="var"), NUM_OUTPUT
        )
        Connection(inputs, hidden, Dense(Normal(sd=1.0 / np.sqrt(NUM_INPUT))))
        Connection(hidden, hidden, Dense(Normal(sd=1.0 / np.sqrt(NUM_HIDDEN))))
        Connection(hidden, output, Dense(Normal(sd=1.0 / np.sqrt(NUM_HIDDEN))))

    compiler = EPropCompiler(
        example_timesteps=STEPS,
        losses="mean_square_error",
        optimiser=Adam(0.02),
        c_reg=0.1,
    )
    compiled_net = compiler.compile(network)

    def alpha_schedule(epoch: int, alpha: float) -> float:
        return alpha * 0.7 if epoch and epoch % 40 == 0 else alpha

    with compiled_net:
        callbacks = [
            VarRecorder(output, "v", key="output_v"),
            OptimiserParamSchedule("alpha", alpha_schedule),
        ]
        metrics, cb_data = compiled_net.train(
            {inputs: [in_spikes]},
            {output: [y_star]},
            num_epochs=80,
            callbacks=callbacks,
            metrics="mean_square_error",
        )
    assert len(cb_data["output_v"]) == 80
    errors = [np.mean((v - y_star) ** 2) for v in cb_data["output_v"]]
    assert metrics[output].result == pytest.approx(errors[-1], rel=1e-4)
    assert errors[-1] < 0.3 * errors[0]
    assert compiler.optimiser.alpha == pytest.approx(0.02 * 0.7)
    saved = compiled_net.neuron_populations[output].vars["Bias"].values
    assert saved.shape == (NUM_OUTPUT,)
    assert np.any(saved != 0)


def test_eprop_classifier_with_validation() -> None:
    from ml_genn import Connection, Network, Population
    from ml_genn.callbacks import Checkpoint
    from ml_genn.compilers import EPropCompiler, InferenceCompiler
    from ml_genn.compilers.eprop_compiler import default_params
    from ml_genn.connectivity import Dense, FixedProbability
    from ml_genn.data import preprocess_tonic_spikes
    from ml_genn.initializers import Normal
    from ml_genn.neurons import (
        AdaptiveLeakyIntegrateFire,
        LeakyIntegrate,
        SpikeInput,
    )
    from ml_genn.serialisers import Numpy

    raw, labels = recordings(96)
    spikes = [preprocess_tonic_spikes(e, e.dtype.names, (20, 1, 1)) for e in raw]
    network = Network(default_params)
    with network:
        inputs = Population(SpikeInput(max_spikes=10000), 20, name="input")
        hidden = Population(
            AdaptiveLeakyIntegrateFire(
                v_thresh=0.6, tau_refrac=5.0, tau_mem=20.0, tau_adapt=2000.0
            ),
            32,
            name="hidden",
        )
        output = Population(LeakyIntegrate(tau_mem=20.0, readout="sum_var"), 2)
        sparse = Connection(
            inputs, hidden, FixedProbability(0.5, Normal(sd=1.0 / np.sqrt(10)))
        )
        Connection(hidden, hidden, Dense(Normal(sd=1.0 / np.sqrt(32))))
        Connection(hidden, output, Dense(Normal(sd=1.0 / np.sqrt(32))))
    compiler = EPropCompiler(
        40,
        "sparse_categorical_crossentropy",
        "adam",
        batch_size=16,
        deep_r_conns=[sparse],
        deep_r_l1_strength=1e-8,
        deep_r_record_rewirings={sparse: "rewired"},
    )
    compiled_net = compiler.compile(network)
    serialiser = Numpy("shd_checkpoints")
    with compiled_net:
        result = compiled_net.train(
            {inputs: spikes},
            {output: labels},
            num_epochs=12,
            validation_split=0.25,
            callbacks=[Checkpoint(serialiser, epoch_interval=11)],
            validation_callbacks=["batch_progress_bar"],
        )
        compiled_net.save_connectivity((11,), serialiser)
    train_metrics, validation_metrics, train_data, validation_data = result
    assert train_metrics[output].result > 0.9
    assert validation_metrics[output].result > 0.85
    assert len(train_data["rewired"]) == 12 * 5
    assert len(train_data["rewired"][0]) == 2
    assert validation_data == {}

    network.load((11,), serialiser)
    found = []
    for reset in (True, False):
        compiled_net = InferenceCompiler(
            evaluate_timesteps=40, reset_vars_between_batches=reset, batch_size=16
        ).compile(network)
        with compiled_net:
            for _ in range(2):
                metrics, _ = compiled_net.evaluate({inputs: spikes}, {output: labels})
        found.append(metrics[output].result)
    assert found[0] > 0.85
    assert found[0] >= found[1] > 0.5  # training starts each example anew


def test_inference_of_a_sequential_network() -> None:
    """Weights from files, analogue input, and a loop over batches."""
    from ml_genn import InputLayer, Layer, SequentialNetwork
    from ml_genn.callbacks import SpikeRecorder
    from ml_genn.compilers import InferenceCompiler
    from ml_genn.connectivity import Dense
    from ml_genn.neurons import IntegrateFire, IntegrateFireInput

    templates = np.zeros((CLASSES, SIDE, SIDE), dtype=np.float32)
    templates[np.arange(CLASSES), np.arange(CLASSES)] = 1.0
    np.save("weights_0_1.npy", templates.reshape(CLASSES, -1).T)
    weights = [np.load("weights_0_1.npy"), np.eye(CLASSES)]

    network = SequentialNetwork()
    with network:
        inputs = InputLayer(IntegrateFireInput(v_thresh=5.0), SIDE * SIDE)
        hidden = Layer(
            Dense(weight=weights[0]), IntegrateFire(v_thresh=5.0), record_spikes=True
        )
        output = Layer(
            Dense(weight=weights[1]), IntegrateFire(v_thresh=1.0, readout="spike_count")
        )
    assert [layer.population().shape for layer in network.layers] == [(16,), (3,), (3,)]
    compiler = InferenceCompiler(
        dt=1.0, batch_size=32, evaluate_timesteps=60, prefer_in_memory_connect=True
    )
    compiled_net = compiler.compile(network, "simple_mnist")
    data, labels = images(100)
    testing_images = data.reshape(100, -1) * 0.01
    with compiled_net:
        metrics, cb_data = compiled_net.evaluate(
            {inputs: testing_images},
            {output: labels},
            callbacks=[SpikeRecorder(hidden, key="hidden_spikes")],
        )
        assert metrics[output].result > 0.95
        times, ids = cb_data["hidden_spikes"]
        assert len(times) == len(ids) == 100
        predictions, _ = compiled_net.predict({inputs: testing_images}, output)
        assert predictions[output].shape == (100, 3)
        counted = [np.bincount(i, minlength=3) for i in ids]
        assert np.argmax(counted, axis=1).tolist() == np.argmax(
            predictions[output], axis=1
        ).tolist() or np.all(np.abs(np.asarray(counted) - predictions[output]) <= 2)

        batches = (
            (testing_images[k : k + 32], labels[k : k + 32]) for k in range(0, 100, 32)
        )
        by_iter, _ = compiled_net.evaluate_batch_iter(
            inputs, output, batches, num_batches=4
        )
        one, _ = compiled_net.evaluate_batch(
            {inputs: testing_images[:32]}, {output: labels[:32]}
        )
        assert by_iter[output].result == metrics[output].result
        assert 0 < one[output].result <= 1

        compiled_net.set_input({inputs: testing_images[:32]})
        while compiled_net.genn_model.timestep < 60:
            compiled_net.step_time()
        count = compiled_net.get_readout(output)
        np.testing.assert_array_equal(count, predictions[output][:32])


def test_time_to_first_spike_with_delay_learning() -> None:
    """Yin-Yang with spiking outputs; layers and Adam's positional arguments."""
    from ml_genn import InputLayer, Layer, SequentialNetwork
    from ml_genn.callbacks import OptimiserParamSchedule, SpikeRecorder, VarRecorder
    from ml_genn.compilers import EventPropCompiler
    from ml_genn.compilers.event_prop_compiler import default_params
    from ml_genn.connectivity import Dense
    from ml_genn.data import generate_yin_yang_dataset
    from ml_genn.initializers import Normal
    from ml_genn.losses import RelativeMeanSquareError
    from ml_genn.neurons import LeakyIntegrateFire, SpikeInput
    from ml_genn.optimisers import Adam
    from ml_genn.synapses import Exponential

    DT, EXAMPLE_TIME, N = 0.1, 30.0, 320
    spikes, labels = generate_yin_yang_dataset(N, EXAMPLE_TIME - 4 * DT, 2 * DT)
    assert len(spikes) == len(labels) == N
    network = SequentialNetwork(default_params)
    with network:
        inputs = InputLayer(SpikeInput(max_spikes=32 * 5), 5, record_spikes=True)
        hidden = Layer(
            Dense(Normal(mean=1.9, sd=0.78)),
            LeakyIntegrateFire(v_thresh=1.0, tau_mem=20.0, tau_refrac=None),
            30,
            Exponential(5.0),
            record_spikes=True,
            max_delay_steps=100,
        )
        output = Layer(
            Dense(Normal(mean=0.93, sd=0.1)),
            LeakyIntegrateFire(
                v_thresh=1.0,
                tau_mem=20.0,
                tau_refrac=None,
                readout="first_spike_time",
            ),
            3,
            Exponential(5.0),
            record_spikes=True,
        )
    losses: list[Any] = [
        RelativeMeanSquareError(1.0),
        "sparse_categorical_crossentropy",
    ]
    for loss in losses:
        compiler = EventPropCompiler(
            int(np.ceil(EXAMPLE_TIME / DT)),
            loss,
            Adam(0.003, 0.9, 0.99),
            softmax_temperature=0.5,
            ttfs_alpha=0.1,
            dt=DT,
            batch_size=32,
            delay_optimiser=Adam(0.1),
            delay_learn_conns=hidden,
        )
        compiled_net = compiler.compile(network)
        with compiled_net:
            metrics, cb_data = compiled_net.train(
                {inputs: spikes},
                {output: labels},
                num_epochs=3,
                callbacks=[
                    OptimiserParamSchedule("alpha", lambda e, a: a * 0.998),
                    SpikeRecorder(inputs, key="in", example_filter=[0, 1]),
                    VarRecorder(hidden, genn_var="LambdaV", key="l", example_filter=0),
                ],
            )
        assert len(cb_data["in"][0]) == 3 * 2
        assert [v.shape for v in cb_data["l"]] == [(300, 30)] * 3
        assert np.any(cb_data["l"][-1] != 0)
        assert metrics[output].result > 0.35
        assert metrics.loss < metrics.history["loss"][0]
        assert np.any(compiled_net.delays(hidden) > 0)


class Log(Callback):
    """Notes which hooks are called."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.calls: list[str] = []

    def set_params(self, data: dict[Any, Any], **kwargs: Any) -> None:
        self.shared = data.setdefault("shared", [])
        self.num_batches = kwargs["num_batches"]
        self.num_epochs = kwargs.get("num_epochs")

    def set_first(self) -> None:
        self.calls.append("first")

    def on_train_begin(self) -> None:
        self.calls.append("train")

    def on_test_begin(self) -> None:
        self.calls.append("test")

    def on_epoch_begin(self, epoch: int) -> None:
        self.calls.append(f"epoch {epoch}")

    def on_batch_begin(self, batch: int) -> None:
        self.calls.append(f"batch {batch}")

    def on_timestep_begin(self, timestep: int) -> None:
        if timestep in (0, 9):
            self.calls.append(f"step {timestep}")

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        (metric,) = metrics.values()
        self.shared.append(metric.result)

    def on_train_end(self, metrics: Any) -> None:
        self.calls.append("trained")

    def get_data(self) -> tuple[str, list[str]]:
        return self.key, self.calls


def test_checkpoints_of_several_networks_and_hooks() -> None:
    """Every hook of a callback by name, in mlGeNN's order; keys of collected data."""
    from ml_genn import InputLayer, Layer, SequentialNetwork
    from ml_genn.callbacks import Checkpoint
    from ml_genn.compilers import EventPropCompiler, InferenceCompiler
    from ml_genn.connectivity import Conv2D, Dense
    from ml_genn.data import log_latency_encode_data
    from ml_genn.initializers import Normal
    from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
    from ml_genn.serialisers import Numpy
    from ml_genn.synapses import Exponential

    data, labels = images(24)
    spikes = log_latency_encode_data(data, 2.0, 51)
    network = SequentialNetwork()
    with network:
        inputs = InputLayer("spike_input", (SIDE, SIDE, 1))
        Layer(
            Conv2D(Normal(1.0, 0.5), 4, 3, True),
            LeakyIntegrateFire(relative_reset=False),
            synapse=Exponential(5.0, scale_i=True),
        )
        output = Layer(
            Dense(Normal(0.2, 0.4)),
            LeakyIntegrate(readout="max_var"),
            CLASSES,
            Exponential(5.0),
        )
    compiler = EventPropCompiler(
        10, {output: "sparse_categorical_crossentropy"}, batch_size=16
    )
    compiled_net = compiler.compile(network)
    first, second = Log("a"), Log("b")
    with compiled_net:
        metrics, cb_data = compiled_net.train(
            {inputs: spikes},
            {output: labels},
            num_epochs=1,
            start_epoch=3,
            callbacks=[first, second, Checkpoint(Numpy("kept"))],
        )
    assert cb_data["b"] == [
        *["train", "epoch 3", "batch 0", "step 0", "step 9"],
        *["batch 1", "step 0", "step 9", "trained"],
    ]
    assert cb_data["a"] == ["first", *cb_data["b"]]
    assert first.shared is second.shared
    assert len(first.shared) == 4
    assert (first.num_batches, first.num_epochs) == (2, 1)
    assert first.shared[-1] == metrics[output].result

    trained = compiled_net.weights(network.layers[1])
    np.testing.assert_array_equal(
        np.load("kept/3-Conn_Pop0_Pop1-g.npy").reshape(-1), trained.reshape(-1)
    )
    network.load((3,), Numpy("kept"))
    loaded = InferenceCompiler(10, batch_size=16).compile(network)
    np.testing.assert_array_equal(loaded.weights(network.layers[1]), trained)
    _, cb_data = loaded.evaluate(
        {inputs: spikes}, {output: labels}, callbacks=[Log("c")]
    )
    assert cb_data["c"][:4] == ["first", "test", "batch 0", "step 0"]


def test_recorded_state_and_signed_input() -> None:
    """Recorders with filters, two inputs of numbers, spikes of both signs."""
    from ml_genn import Connection, Network, Population
    from ml_genn.callbacks import ConnVarRecorder, SpikeRecorder, VarRecorder
    from ml_genn.compilers import InferenceCompiler
    from ml_genn.connectivity import Dense, OneToOne
    from ml_genn.neurons import BinarySpikeInput, LeakyIntegrate, PoissonInput

    network = Network()
    with network:
        signed = Population(
            BinarySpikeInput(signed_spikes=True), 6, True, True, name="signed"
        )
        rates = Population(PoissonInput(), 6, record_spikes=True)
        target = Population(LeakyIntegrate(tau_mem=10.0, readout="sum_var"), 6)
        one = Connection(signed, target, OneToOne(0.5))
        Connection(rates, target, Dense(np.zeros((6, 6))))
    x = np.array([[1.0, -1.0, 0.0, 2.0, -0.5, 0.0]])
    compiled_net = InferenceCompiler(12, dt=1.0).compile(network)
    with compiled_net:
        predictions, cb_data = compiled_net.predict(
            {signed: x, rates: np.full((1, 6), 0.5)},
            [target],
            callbacks=[
                SpikeRecorder(signed, key="up"),
                SpikeRecorder(signed, key="down", record_spike_events=True),
                SpikeRecorder(rates, key="count", record_counts=True),
                VarRecorder(target, "v", key="v", neuron_filter=[0, 1]),
                ConnVarRecorder(one, "g", key="g"),
            ],
        )
    assert np.unique(cb_data["up"][1][0]).tolist() == [0, 3]
    assert np.unique(cb_data["down"][1][0]).tolist() == [1, 4]
    assert cb_data["count"][0].sum() > 10
    v = cb_data["v"][0]
    assert v.shape == (12, 2)
    np.testing.assert_array_equal(v[:, 0], -v[:, 1])
    np.testing.assert_array_equal(cb_data["g"][0], np.full((12, 6), 0.5))
    assert predictions[target][0, 2] == 0.0 < predictions[target][0, 0]


def test_names_objects_and_default_parameters() -> None:
    from ml_genn.utils.network import get_underlying_conn, get_underlying_pop

    from ml_genn import InputLayer, Layer, Network, SequentialNetwork
    from ml_genn.compilers import eprop_compiler, event_prop_compiler
    from ml_genn.connectivity import Dense, default_connectivity
    from ml_genn.data import PreprocessedSpikes, preprocess_spikes
    from ml_genn.neurons import (
        LeakyIntegrate,
        LeakyIntegrateFire,
        LeakyIntegrateFireInput,
        Neuron,
        default_neurons,
    )
    from ml_genn.optimisers import Adam, Optimiser, default_optimisers
    from ml_genn.utils.module import get_object, get_object_mapping

    assert default_connectivity == {}
    assert get_object(None, Neuron, "Neuron", default_neurons) is None
    found = get_object("leaky_integrate_fire", Neuron, "Neuron", default_neurons)
    assert isinstance(found, LeakyIntegrateFire)
    mapping = get_object_mapping(
        "adam", ["a", "b"], Optimiser, "Optimiser", default_optimisers
    )
    assert [type(o) for o in mapping.values()] == [Adam, Adam]
    with pytest.raises((RuntimeError, ValueError)):
        get_object("leaky", Neuron, "Neuron", default_neurons)

    fire = event_prop_compiler.default_params[LeakyIntegrateFire]
    assert (fire["relative_reset"], fire["scale_i"]) == (False, True)
    assert eprop_compiler.default_params[LeakyIntegrateFire]["relative_reset"]
    network = SequentialNetwork({LeakyIntegrateFireInput: {"scale_i": True}})
    with network:
        inputs = InputLayer(LeakyIntegrateFireInput(v_thresh=2.0), 4)
        output = Layer(Dense(1.0), LeakyIntegrate(readout="avg_var"), 2)
        assert Network.get_default_params(LeakyIntegrateFireInput) == {"scale_i": True}
    assert inputs.population().neuron.scale_i is True
    assert get_underlying_pop(output) is output.population()
    assert get_underlying_conn(output) is output.connection()
    assert output.connection().source() is inputs.population()
    assert inputs.population().outgoing_connections[0]() is output.connection()

    spikes = preprocess_spikes(np.array([3.0, 1.0, 2.0]), np.array([1, 0, 1]), 3)
    assert isinstance(spikes, PreprocessedSpikes)
    assert spikes.end_spikes.tolist() == [1, 3, 3]
    assert spikes.spike_times.tolist() == [1.0, 2.0, 3.0]
