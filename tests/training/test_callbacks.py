"""Callbacks that stop, slow down, write, warn and change."""

from __future__ import annotations

import csv
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from training.small_nets import (
    CLASSES,
    CROSS_ENTROPY,
    HIDDEN,
    INPUTS,
    STEPS,
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import (
    Callback,
    ConnVarRecorder,
    CSVLogger,
    CustomUpdateOnBatchBegin,
    CustomUpdateOnBatchEnd,
    CustomUpdateOnEpochBegin,
    CustomUpdateOnEpochEnd,
    CustomUpdateOnTimestepBegin,
    CustomUpdateOnTimestepEnd,
    EarlyStopping,
    OptimiserParamSchedule,
    ReduceLROnPlateau,
    SpikeRateMonitor,
    SpikeRecorder,
    TensorBoard,
    TerminateOnNaN,
)
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Conv2D, FixedProbability
from ml_genn.errors import (
    DivergedError,
    TrainingWarning,
    UnknownNameError,
    UnsupportedError,
    ValidationError,
)
from ml_genn.initializers import Normal
from ml_genn.model.snapshot import Snapshot
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import SGD, Adam, CosineDecay
from ml_genn.synapses import Exponential


def train(compiled: Any, callbacks: list[Any], epochs: int = 1, **given: Any) -> Any:
    """Trains on two batches an epoch."""
    usual = {"shuffle": False, "validation_callbacks": []}
    return compiled.train(
        spikes(8), labels(8), epochs, callbacks=callbacks, **{**usual, **given}
    )


class Told:
    """A compiled network that is told numbers instead of training."""

    stop_training = False

    def __init__(self, alpha: Any = 1.0) -> None:
        self.optimisers = [(SGD(alpha), [])]
        self.values = 0

    def snapshot(self) -> Snapshot:
        """The number of the epoch."""
        return Snapshot({("net", "epoch"): np.array(self.values)})

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back."""
        self.values = int(snapshot.arrays["net", "epoch"])


def tell(callback: Any, numbers: list[float], name: str = "val_loss") -> Told:
    """Tells a callback a number per epoch, until it stops."""
    network = Told()
    callback.set_params(compiled_network=network)
    for epoch, value in enumerate(numbers):
        network.values = epoch
        callback.on_epoch_logs(epoch, {name: value})
        if network.stop_training:
            break
    callback.on_train_end({})
    return network


# ---------------------------------------------------------------- stopping
STOPS: list[tuple[dict[str, Any], list[float], int | None, int | None]] = [
    ({}, [3, 2, 2, 1], 2, 1),
    ({"patience": 2}, [3, 2, 2, 1, 1, 1, 0], 5, 3),
    ({"patience": 3}, [3, 2, 1], None, 2),
    ({"min_delta": 0.5}, [3, 2, 1.6, 0], 2, 1),
    ({"mode": "max"}, [1, 2, 3, 2], 3, 2),
    ({"baseline": 2.0, "patience": 2}, [3, 2.5, 1], 1, None),
    ({"start_from_epoch": 2}, [3, 4, 5, 4, 4], 4, 3),
    ({}, [3, float("nan"), 2], 1, 0),
]


@pytest.mark.parametrize(("given", "numbers", "stopped", "best"), STOPS)
def test_early_stopping(
    given: dict[str, Any], numbers: list[float], stopped: Any, best: Any
) -> None:
    callback = EarlyStopping(**given, restore_best_weights=True)
    network = tell(callback, numbers)
    assert (callback.stopped_epoch, callback.best_epoch) == (stopped, best)
    assert network.stop_training == (stopped is not None)
    last = len(numbers) - 1 if stopped is None else stopped
    assert network.values == (last if best is None else best)


def test_accuracies_rise() -> None:
    callback = EarlyStopping("val_accuracy")
    tell(callback, [0.5, 0.6, 0.6, 0.9], "val_accuracy")
    assert callback.stopped_epoch == 2


def test_early_stopping_goes_back_to_the_best_epoch() -> None:
    """The rate grows, so that the loss becomes worse in the end."""
    net = small()
    compiled = net.train_compiler(optimiser=Adam(0.05))
    grow = OptimiserParamSchedule("alpha", lambda epoch, old: 0.05 * 4.0**epoch)
    seen: list[list[np.ndarray]] = []

    class Keep(Callback):
        def on_epoch_logs(self, epoch: int, logs: Any) -> None:
            seen.append([compiled.weights(n) for n in (net.hidden, net.output)])

    stop = EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    train(compiled, [grow, Keep(), stop], 30, validation_split=0.25)
    losses = compiled.history["val_loss"]
    assert len(losses) == stop.stopped_epoch + 1 < 30
    assert stop.best_epoch == int(np.argmin(losses)) == len(losses) - 3
    for layer, kept in zip(
        (net.hidden, net.output), seen[stop.best_epoch], strict=True
    ):
        assert np.array_equal(compiled.weights(layer), kept)


def test_delays_and_parameters_go_back_too() -> None:
    from ml_genn import Connection, Network, Population
    from ml_genn.compilers import EventPropCompiler
    from ml_genn.connectivity import Dense
    from ml_genn.neurons import LeakyIntegrate
    from ml_genn.synapses import Exponential

    with Network() as network:
        a = Population("spike_input", INPUTS)
        b = Population(LeakyIntegrate(readout="avg_var"), CLASSES)
        weights = np.random.default_rng(0).normal(size=(INPUTS, CLASSES))
        dense = Dense(weights, 3.0)
        c = Connection(a, b, dense, Exponential(5.0), max_delay_steps=9)
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", Adam(0.5), num_threads=1
    )
    chosen: Any = {c: {"weight": "adam", "delay": Adam(0.7)}, b: {"tau_mem": Adam(0.5)}}
    compiled = compiler.compile(network, optimisers=chosen)
    predictions, _ = compiled.predict(spikes(8), callbacks=[])
    stop = EarlyStopping(restore_best_weights=True)
    stop.set_params(compiled_network=compiled)
    stop.on_epoch_logs(0, {"val_loss": 1.0})
    train(compiled, [])
    assert np.any(compiled.delays(c) != 3.0)
    assert compiled.parameter(b, "tau_mem") != 20.0
    facts = compiled.snapshot().info
    stop.on_epoch_logs(1, {"val_loss": 2.0})
    stop.on_train_end({})
    assert compiled.snapshot().info == facts
    assert np.all(compiled.delays(c) == 3.0)
    assert compiled.parameter(b, "tau_mem") == 20.0
    again, _ = compiled.predict(spikes(8), callbacks=[])
    assert np.array_equal(again[b], predictions[b])


class Stop(Callback):
    """Ends training in a batch."""

    def set_params(self, **kwargs: Any) -> None:
        """Remembers the network."""
        self.network = kwargs["compiled_network"]

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        """Ends training."""
        self.network.stop_training = True


def test_training_ends_after_the_batch_in_which_it_is_told_to() -> None:
    compiled, spy = small().train_compiler(), Spy()
    train(compiled, [Stop(), spy], 5)
    assert spy.hooks.count("on_batch_end") == 1
    assert spy.hooks[-3:] == ["on_epoch_end", "on_train_end", "get_data"]
    train(compiled, [spy])
    assert spy.hooks.count("on_batch_end") == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: EarlyStopping(mode="mix"), "Did you mean 'min'"),
        (lambda: EarlyStopping(patience=-1), "patience is a whole number"),
        (lambda: EarlyStopping(min_delta=-1.0), "min_delta is not negative"),
        (lambda: ReduceLROnPlateau(factor=1.0), "factor is at least 0 and below 1"),
        (lambda: TerminateOnNaN(0.5), "patience is a whole number"),
        (lambda: CSVLogger("x", separator=";;"), "separator is one character"),
    ],
)
def test_bad_arguments_are_refused(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        wrong()


def test_an_unknown_number_is_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match="unknown log 'val_loss'"):
        train(small().train_compiler(), ["early_stopping"])


@pytest.mark.parametrize(
    "callback",
    [EarlyStopping(), ReduceLROnPlateau(), OptimiserParamSchedule("alpha", max)],
)
def test_evaluation_is_not_steered(callback: Callback) -> None:
    with pytest.raises(ValidationError, match="callbacks of training"):
        small().inference().evaluate(spikes(4), labels(4), callbacks=[callback])


# ---------------------------------------------------------------- rates
def test_learning_rates_fall_on_a_plateau() -> None:
    callback = ReduceLROnPlateau(factor=0.5, patience=2, cooldown=2, min_lr=0.2)
    network = Told()
    callback.set_params(compiled_network=network)
    rates = []
    for epoch, value in enumerate([3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]):
        callback.on_epoch_logs(epoch, {"val_loss": value})
        rates.append(network.optimisers[0][0].alpha)
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_a_rate_that_follows_a_schedule_is_not_changed() -> None:
    compiled = small().train_compiler(optimiser=Adam(CosineDecay(0.1, 10)))
    with pytest.raises(ValidationError, match="follows a schedule"):
        train(compiled, ["reduce_lr_on_plateau"])


def test_parameters_of_every_optimiser_are_scheduled() -> None:
    from ml_genn.compilers import EventPropCompiler

    net = small()
    first, second = Adam(1.0), SGD(2.0)
    chosen: Any = {net.hidden: {"weight": first}, net.output: {"weight": second}}
    compiler = EventPropCompiler(STEPS, "sparse_categorical_crossentropy")
    compiled = compiler.compile(net.network, optimisers=chosen)
    asked: list[Any] = []

    def halved(epoch: int, value: float) -> float:
        asked.append((epoch, value))
        return value / 2

    train(compiled, [OptimiserParamSchedule("alpha", halved)], 2, start_epoch=5)
    assert asked == [(5, 1.0), (5, 2.0), (6, 0.5), (6, 1.0)]
    assert (first.alpha, second.alpha) == (0.25, 0.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'alpha'"):
        train(compiled, [OptimiserParamSchedule("alfa", halved)])


# ---------------------------------------------------------------- files
def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    compiled = small().train_compiler()
    train(compiled, [CSVLogger(path, ";")], 2, validation_split=0.25)
    rows = _rows(path)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    for name, values in compiled.history.items():
        assert [float(row[name]) for row in rows] == values
    train(compiled, [CSVLogger(path, ";", append=True)], start_epoch=2)
    assert [row["epoch"] for row in _rows(path)] == ["0", "1", "2"]
    assert _rows(path)[-1]["val_loss"] == ""
    train(compiled, [CSVLogger(path, ";")])
    assert [row["epoch"] for row in _rows(path)] == ["0"]


class Writer:
    """Notes what it is told."""

    def __init__(self, folder: str) -> None:
        self.folder, self.told, self.open = folder, [], True  # type: ignore[var-annotated]
        WRITTEN.append(self)

    def add_scalar(self, name: str, value: float, epoch: int) -> None:
        """Notes a number."""
        self.told.append((name, value, epoch))

    def close(self) -> None:
        """Closes."""
        self.open = False


WRITTEN: list[Any] = []


@pytest.mark.parametrize("module", ["tensorboardX", "torch.utils.tensorboard"])
def test_tensorboard(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    for name in ("tensorboardX", "torch.utils.tensorboard"):
        made = SimpleNamespace(SummaryWriter=Writer) if name == module else None
        monkeypatch.setitem(sys.modules, name, made)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torch.utils", SimpleNamespace())
    compiled = small().train_compiler()
    train(compiled, [TensorBoard("there")], 2)
    (writer,) = [WRITTEN.pop() for _ in range(len(WRITTEN))]
    assert (writer.folder, writer.open) == ("there", False)
    assert ("loss", compiled.history["loss"][1], 1) in writer.told
    assert len(writer.told) == 4
    with pytest.raises(KeyboardInterrupt):
        train(compiled, [TensorBoard(), _Interrupt()])
    assert not WRITTEN.pop().open


class _Interrupt(Callback):
    def on_batch_begin(self, batch: int) -> None:
        raise KeyboardInterrupt


def test_tensorboard_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorboardX", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnsupportedError, match=r"ml_genn\[logs\]"):
        TensorBoard()


def test_files_of_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    compiled = small().train_compiler()
    train(compiled, [TensorBoard(tmp_path)], 3, validation_split=0.5)
    (file,) = tmp_path.iterdir()
    found = written(file.read_bytes())
    assert set(found) == set(compiled.history)
    for name, numbers in compiled.history.items():
        assert list(found[name]) == [0, 1, 2]
        np.testing.assert_allclose(list(found[name].values()), numbers, rtol=1e-6)


def written(data: bytes) -> dict[str, dict[int, float]]:
    """{name: {epoch: number}} of a file of TensorBoard: records with their lengths and
    checksums."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = Event.FromString(data[at + 12 : at + 12 + length])
        at += length + 16
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def test_lines_of_a_file_in_pandas(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    compiled = small().train_compiler()
    train(compiled, [CSVLogger(tmp_path / "log.csv")], 3, validation_split=0.5)
    frame = pandas.read_csv(tmp_path / "log.csv", index_col="epoch")
    pandas.testing.assert_frame_equal(frame, compiled.history.to_pandas())


# ---------------------------------------------------------------- guards
def _diverging(bad: list[int], callbacks: list[Any]) -> tuple[Any, Any, Spy]:
    """Trains on ten batches, some of which cannot be learned."""
    net, spy = small("var"), Spy()
    compiled = net.train_compiler(losses="mean_square_error", batch_size=1)
    y = np.random.default_rng(0).normal(size=(10, STEPS, CLASSES))
    y[bad] = 1e30
    metrics, _ = compiled.train(
        spikes(10),
        y,
        metrics="mean_square_error",
        shuffle=False,
        callbacks=[*callbacks, spy],
    )
    return compiled.weights(net.output), metrics, spy


def test_a_loss_that_is_not_finite_ends_training_with_a_warning() -> None:
    with pytest.warns(TrainingWarning, match="epoch 0, batch 4; training ends"):
        weights, metrics, spy = _diverging([4], ["terminate_on_nan"])
    assert spy.hooks.count("on_batch_begin") == 5
    assert spy.hooks.count("on_batch_end") == 4
    assert np.all(np.isfinite(weights))
    assert np.isfinite(metrics.loss)
    with pytest.raises(DivergedError):
        _diverging([4], [])


def test_batches_may_be_left_out() -> None:
    with pytest.warns(TrainingWarning, match="it is left out"):
        _, metrics, spy = _diverging([2, 3, 7, 8], [TerminateOnNaN(2)])
    assert spy.hooks.count("on_batch_end") == 6
    assert len(metrics.history["loss"]) == 1
    with pytest.warns(TrainingWarning) as caught:
        _, _, spy = _diverging([2, 3, 4, 7], [TerminateOnNaN(2)])
    assert [str(w.message).count("training ends") for w in caught] == [0, 0, 1]
    assert spy.hooks.count("on_batch_begin") == 5


def test_training_whose_first_batch_diverges_has_nan_in_its_history() -> None:
    with pytest.warns(TrainingWarning):
        _, metrics, _ = _diverging([0], [TerminateOnNaN(), EarlyStopping("loss")])
    assert np.isnan(metrics.history["loss"][0])


def test_rates_are_those_of_the_spikes() -> None:
    net = small()
    compiled = net.train_compiler(optimiser=Adam(0.0))
    monitor = SpikeRateMonitor([net.inputs, net.hidden], key="rates")
    recorder = SpikeRecorder(net.inputs, "counts", record_counts=True)
    _, data = train(compiled, [monitor, recorder], 2)
    rates = data["rates"]
    assert set(rates) == {"Pop0", "Pop1"}
    expected = np.sum(data["counts"], axis=0) / (16 * STEPS * 1e-3)
    for found in rates["Pop0"]:
        np.testing.assert_allclose(found, expected)
    assert rates["Pop1"][0].shape == (HIDDEN,)
    _, data = compiled.evaluate(spikes(8), labels(8), callbacks=[monitor])
    np.testing.assert_allclose(data["rates"]["Pop0"][0], expected)


def test_dead_and_saturated_populations_are_named() -> None:
    net = small()
    compiled = net.train_compiler(optimiser=Adam(0.0))
    compiled.set_weights(net.hidden, np.zeros((INPUTS, HIDDEN)))
    with pytest.warns(TrainingWarning, match="'Pop1': 100% of its neurons are silent"):
        train(compiled, ["spike_rate_monitor"])
    compiled.set_weights(net.hidden, np.full((INPUTS, HIDDEN), 1000.0))
    with pytest.warns(TrainingWarning, match=r"'Pop1': its neurons spike at \d+ Hz"):
        train(compiled, [SpikeRateMonitor()])
    with pytest.raises(ValidationError, match="never spikes"):
        train(compiled, [SpikeRateMonitor([net.output])])


# ---------------------------------------------------------------- custom updates
def _calls(callback: Any) -> int:
    """How often a custom update is called in two epochs of two batches."""
    compiled = small().train_compiler()
    count = 0

    def update() -> None:
        nonlocal count
        count += 1

    compiled.custom_updates["mine"] = update
    train(compiled, [callback], 2)
    return count


@pytest.mark.parametrize(
    ("kind", "times", "filtered"),
    [
        (CustomUpdateOnBatchBegin, 4, 2),
        (CustomUpdateOnBatchEnd, 4, 2),
        (CustomUpdateOnEpochBegin, 2, 1),
        (CustomUpdateOnEpochEnd, 2, 1),
        (CustomUpdateOnTimestepBegin, 4 * STEPS, 4),
        (CustomUpdateOnTimestepEnd, 4 * STEPS, 4),
    ],
)
def test_custom_updates(kind: Any, times: int, filtered: int) -> None:
    assert _calls(kind("mine")) == times
    assert _calls(kind("mine", lambda number: number == 1)) == filtered


def test_custom_updates_may_change_weights() -> None:
    net = small()
    compiled = net.train_compiler()

    def halve() -> None:
        compiled.set_weights(net.output, 0.5 * compiled.weights(net.output))

    compiled.custom_updates["halve"] = halve
    before = compiled.weights(net.output)
    compiled.evaluate(spikes(4), labels(4), callbacks=[CustomUpdateOnBatchEnd("halve")])
    np.testing.assert_allclose(compiled.weights(net.output), 0.5 * before)
    with pytest.raises(UnknownNameError, match="Did you mean 'halve'"):
        train(compiled, [CustomUpdateOnBatchEnd("halves")])


# ---------------------------------------------------------------- connections
def test_weights_of_a_connection_are_recorded() -> None:
    net = small()
    compiled = net.train_compiler(optimiser=Adam(0.05))
    first = compiled.weights(net.output)
    chosen = {"src_neuron_filter": [0, 3], "trg_neuron_filter": 2}
    _, data = train(
        compiled,
        [
            ConnVarRecorder(net.output, "g", "all"),
            ConnVarRecorder(net.output, "weight", "some", [1, 6], **chosen),
            ConnVarRecorder(net.output, "d", "delays"),
        ],
    )
    everything = data["all"]
    assert len(everything) == 8
    assert everything[0].shape == (STEPS, HIDDEN, CLASSES)
    for n in (0, STEPS - 1):
        assert np.array_equal(everything[3][n], first)
    assert not np.array_equal(everything[4], everything[3])
    assert not np.array_equal(everything[7][0], compiled.weights(net.output))
    assert len(data["some"]) == 2
    for k, example in zip((1, 6), data["some"], strict=True):
        assert np.array_equal(example, everything[k][:, [0, 3]][:, :, [2]])
    assert np.all(data["delays"][0] == 0)


def test_weights_of_sparse_connections_are_recorded() -> None:
    """Those of synapses between chosen neurons; Deep-R may move them."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS)
        sparse = Layer(
            FixedProbability(0.6, Normal(0.0, 0.01)),
            LeakyIntegrate(readout="avg_var"),
            CLASSES,
            Exponential(5.0),
        )
    arguments = {"batch_size": 4, "num_threads": 1, "deep_r_conns": sparse}
    compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, Adam(0.05), **arguments)
    compiled = compiler.compile(network)
    before, places = compiled.weights(sparse), compiled.indices(sparse)
    _, data = train(
        compiled,
        [
            ConnVarRecorder(sparse, "g", "all"),
            ConnVarRecorder(sparse, "g", "some", 0, [0, 3], 1),
            ConnVarRecorder(sparse, "d", "delays", 0),
        ],
    )
    assert len(data["all"]) == 8
    assert data["all"][0].shape == (STEPS, len(before))
    np.testing.assert_array_equal(data["all"][3][STEPS - 1], before)
    assert not np.array_equal(data["all"][4], data["all"][3])
    chosen = np.isin(places[0], [0, 3]) & (places[1] == 1)
    assert 0 < chosen.sum() < len(before)
    np.testing.assert_array_equal(data["some"][0][0], before[chosen])
    np.testing.assert_array_equal(data["delays"][0], np.zeros((STEPS, len(before))))


def test_kernels_are_recorded() -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", (2, 2, 1))
        conv = Layer(
            Conv2D(Normal(0.1, 0.1), 2, 2),
            LeakyIntegrate(readout="avg_var"),
            synapse=Exponential(5.0),
        )
    arguments = {"batch_size": 4, "num_threads": 1}
    compiler = EventPropCompiler(STEPS, CROSS_ENTROPY, **arguments)
    compiled = compiler.compile(network)
    before = compiled.weights(conv)
    x, y = np.ones((8, STEPS, 2, 2, 1)), labels(8, 2)
    _, data = compiled.train(x, y, callbacks=[ConnVarRecorder(conv, "g", "g")])
    assert data["g"][0].shape == (STEPS, 2, 2, 1, 2)
    np.testing.assert_array_equal(data["g"][3][STEPS - 1], before)
    assert not np.array_equal(data["g"][4], data["g"][3])
    wrong = ConnVarRecorder(conv, "g", trg_neuron_filter=[0])
    with pytest.raises(UnsupportedError, match="kernel that all neurons share"):
        compiled.train(x, y, callbacks=[wrong])


def test_what_connections_do_not_have_is_not_recorded() -> None:
    net = small()
    with pytest.raises(UnknownNameError, match="unknown variable 'e'"):
        ConnVarRecorder(net.output, "e")
