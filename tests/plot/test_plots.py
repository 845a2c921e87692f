"""Pictures show what they are given, on the axes that are given; nothing overlaps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from engine.processes import environment
from training.small_nets import labels, small, spikes

import ml_genn
from ml_genn import plot
from ml_genn.callbacks import SpikeRateMonitor, SpikeRecorder, VarRecorder
from ml_genn.data import batch_spikes, preprocess_spikes
from ml_genn.errors import UnknownNameError, UnsupportedError, ValidationError
from ml_genn.metrics import ConfusionMatrix
from ml_genn.training.history import History

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    """No figure is left open."""
    yield
    plt.close("all")


def overlapping(figure: Any) -> list[tuple[str, str]]:
    """Texts of a figure that overlap, or leave it."""
    figure.canvas.draw()
    texts = [text for ax in figure.axes for text in _texts(ax) if text.get_text()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    wrong = [
        (first, second)
        for (first, one), (second, other) in combinations(boxes, 2)
        if one.overlaps(other)
    ]
    frame = figure.bbox.padded(1)
    outside = [
        (name, "the edge")
        for name, box in boxes
        if not (frame.contains(*box.min) and frame.contains(*box.max))
    ]
    return wrong + outside


def _texts(ax: Any) -> Iterator[Any]:
    """All texts of axes that are seen."""
    legend = ax.get_legend()
    yield from (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts)
    yield from legend.get_texts() if legend else ()
    for axis, shown in ((ax.xaxis, ax.xaxis.get_visible()), (ax.yaxis, True)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks() if shown else ():
            if low <= tick.get_loc() <= high:
                yield from (t for t in (tick.label1, tick.label2) if t.get_visible())


def check(ax: Any, xlabel: str, ylabel: str) -> None:
    """Labels are these, and nothing overlaps."""
    assert (ax.get_xlabel(), ax.get_ylabel()) == (xlabel, ylabel)
    assert overlapping(ax.figure) == []


def dots(ax: Any) -> list[list[tuple[float, float]]]:
    """Places of the dots of each population."""
    return [
        sorted(map(tuple, c.get_offsets().tolist()))
        for c in ax.collections
        if len(c.get_offsets())
    ]


def test_the_check_sees_overlaps() -> None:
    figure, ax = plt.subplots()
    ax.text(0.5, 0.5, "first")
    ax.text(0.5, 0.5, "second")
    assert ("first", "second") in overlapping(figure)
    ax.text(1.5, 0.5, "far away")
    assert ("far away", "the edge") in overlapping(figure)


# ---------------------------------------------------------------- recorded data
@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """A network that was trained, and what its callbacks collected."""
    net = small()
    net.hidden.population().record_spikes = True
    compiled = net.compile_training()
    metrics, _, data, _ = compiled.train(
        spikes(16),
        labels(16),
        num_epochs=3,
        validation_split=0.25,
        callbacks=[SpikeRateMonitor(key="rates")],
        validation_callbacks=[],
    )
    recorders = [
        SpikeRecorder(net.inputs, key="in"),
        SpikeRecorder(net.hidden, key="hidden"),
        SpikeRecorder(net.hidden, key="counts", record_counts=True),
        VarRecorder(net.hidden, "v", key="v"),
    ]
    _, recorded = compiled.evaluate(spikes(6), labels(6), callbacks=recorders)
    predictions, _ = compiled.predict(spikes(6), callbacks=[])
    return {
        "net": net,
        "compiled": compiled,
        "metrics": metrics,
        "rates": data["rates"],
        "predictions": predictions,
        **recorded,
    }


# ---------------------------------------------------------------- raster
def test_a_raster_has_a_dot_for_each_spike(trained: dict[str, Any]) -> None:
    times, ids = trained["hidden"]
    ax = plot.raster(trained["hidden"], example=2)
    check(ax, "time [ms]", "neuron")
    expected = sorted(zip(times[2].tolist(), ids[2].tolist(), strict=True))
    assert dots(ax) == [expected]
    assert len(expected) > 3


def test_populations_are_above_each_other(trained: dict[str, Any]) -> None:
    ax = plot.raster({name: trained[name] for name in ("in", "hidden")})
    check(ax, "time [ms]", "")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["in", "hidden"]
    first, second = dots(ax)
    assert max(y for _, y in first) < min(y for _, y in second)
    start = max(trained["in"][1][0]) + 1
    expected = zip(
        trained["hidden"][0][0], trained["hidden"][1][0] + start, strict=True
    )
    assert second == sorted((float(t), float(k)) for t, k in expected)


def test_one_named_population_has_numbers(trained: dict[str, Any]) -> None:
    ax = plot.raster({"hidden": trained["hidden"]})
    check(ax, "time [ms]", "neuron of hidden")


@pytest.mark.parametrize("form", ["one", "list", "pair", "lists"])
def test_spikes_that_are_put_in_are_drawn(form: str) -> None:
    times, ids = [3.0, 1.0, 7.5], [1, 0, 1]
    one = preprocess_spikes(times, ids, 2)
    arguments: dict[str, Any] = {
        "one": one,
        "list": [one, one],
        "pair": (np.array(times), np.array(ids)),
        "lists": (times, ids),
    }
    assert dots(plot.raster(arguments[form])) == [[(1.0, 0.0), (3.0, 1.0), (7.5, 1.0)]]


def test_silence_is_drawn() -> None:
    ax = plot.raster(preprocess_spikes([], [], 4))
    check(ax, "time [ms]", "neuron")
    assert dots(ax) == []


# ---------------------------------------------------------------- traces
def test_traces_have_a_line_for_each_neuron(trained: dict[str, Any]) -> None:
    ax = plot.traces(trained["v"], example=1, neurons=[4, 2], dt=0.5, threshold=1)
    check(ax, "time [ms]", "voltage")
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert list(lines) == ["neuron 4", "neuron 2", "threshold"]
    np.testing.assert_array_equal(lines["neuron 4"][:, 1], trained["v"][1][:, 4])
    np.testing.assert_array_equal(lines["neuron 2"][:, 0], 0.5 * np.arange(20))
    assert np.all(lines["threshold"][:, 1] == 1)
    assert len(ax.get_legend().get_texts()) == 3


def test_the_first_neurons_are_drawn() -> None:
    ax = plot.traces(np.zeros((10, 8)), variable="w")
    check(ax, "time [ms]", "w")
    assert len(ax.lines) == 5
    ax = plot.traces(np.zeros((10, 1)))
    assert ax.get_legend() is None


# ---------------------------------------------------------------- training
def test_loss_is_left_and_accuracy_right(trained: dict[str, Any]) -> None:
    history = trained["compiled"].history
    for source in (history, trained["compiled"], trained["metrics"]):
        ax = plot.learning_curve(source)
        check(ax, "epoch", "loss")
        right = ax.figure.axes[-1]
        assert right.get_ylabel() == "accuracy [%]"
        left, other = ax.lines, right.lines
        assert [line.get_label() for line in left] == ["loss", "loss, validation"]
        np.testing.assert_allclose(left[1].get_ydata(), history["val_loss"])
        expected = 100 * np.array(history["accuracy"])
        np.testing.assert_allclose(other[0].get_ydata(), expected)
        assert left[0].get_color() == left[1].get_color() != other[0].get_color()
        assert (left[0].get_linestyle(), left[1].get_linestyle()) == ("-", "--")


def test_names_choose_and_may_be_short(trained: dict[str, Any]) -> None:
    ax = plot.learning_curve(trained["compiled"], ["val_accuracy"])
    check(ax, "epoch", "accuracy [%]")
    assert len(ax.figure.axes) == len(ax.lines) == 1


def _history(epochs: int = 3, start: int = 0, **values: float) -> History:
    history = History()
    for epoch in range(start, start + epochs):
        history.add(epoch, values)
    return history


def test_many_long_names_do_not_overlap() -> None:
    names = [f"population_number_{k}_mean_square_error" for k in range(4)]
    values = {f"{v}{n}": 1.0 for n in names for v in ("", "val_")}
    ax = plot.learning_curve(_history(40, loss=2.0, val_loss=2.5, **values))
    check(ax, "epoch", "loss")
    assert ax.figure.axes[-1].get_ylabel() == "metric"


def test_epochs_are_those_of_the_history() -> None:
    ax = plot.learning_curve(_history(2, start=7, loss=1.0, mean_square_error=2.0))
    assert ax.lines[0].get_xdata().tolist() == [8, 9]
    assert ax.figure.axes[-1].get_ylabel() == "mean square error"
    ax = plot.learning_curve({"loss": [3.0, 2.0, 1.0]})
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]


def test_what_has_no_numbers_is_left_out() -> None:
    ax = plot.learning_curve(_history(loss=1.0, accuracy=float("nan")))
    assert len(ax.figure.axes) == len(ax.lines) == 1


# ---------------------------------------------------------------- weights
def test_histograms_show_fractions_of_all_weights(trained: dict[str, Any]) -> None:
    compiled, net = trained["compiled"], trained["net"]
    ax = plot.weight_histogram(compiled, net.hidden, bins=7)
    check(ax, "weight of Conn_Pop0_Pop1", "fraction of weights [%]")
    heights = [patch.get_height() for patch in ax.patches[:7]]
    counts, _ = np.histogram(compiled.weights(net.hidden), 7)
    np.testing.assert_allclose(heights, 100 * counts / counts.sum())
    ax = plot.weight_histogram(compiled)
    check(ax, "weight", "fraction of weights [%]")
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["Conn_Pop0_Pop1", "Conn_Pop1_Pop2"]


def test_arrays_and_connections_have_histograms() -> None:
    values = np.array([[1.0, 2.0], [2.0, np.nan]])
    ax = plot.weight_histogram({"before": values, "after": 2 * values}, bins=3)
    check(ax, "weight", "fraction of weights [%]")
    assert [p.get_height() for p in ax.patches[:3]] == pytest.approx(
        [100 / 3, 200 / 3, 0]
    )
    net = small()
    connection = net.hidden.connection()
    connection.connectivity.weight = np.ones((4, 5))
    ax = plot.weight_histogram(net.hidden)
    assert ax.get_xlabel() == "weight of Conn_Pop0_Pop1"


# ---------------------------------------------------------------- classes
def _cells(ax: Any) -> dict[tuple[float, float], str]:
    return {tuple(text.get_position()): text.get_text() for text in ax.texts}


def test_cells_count_examples() -> None:
    ax = plot.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2], names=["a", "b", "c"])
    check(ax, "predicted", "label")
    assert _cells(ax) == {(0, 0): "1", (1, 0): "1", (1, 1): "1", (2, 2): "1"}
    assert ax.get_title() == "75.0 % of 4 examples right"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]


def test_cells_may_be_fractions_of_a_label() -> None:
    ax = plot.confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], normalise=True)
    assert _cells(ax) == {(0, 0): "67%", (1, 0): "33%", (1, 1): "100%"}


def test_metrics_and_predictions_are_understood(trained: dict[str, Any]) -> None:
    outputs = next(iter(trained["predictions"].values()))
    metric = ConfusionMatrix()
    metric.update(labels(6), outputs)
    axes = [
        plot.confusion_matrix(labels(6), trained["predictions"]),
        plot.confusion_matrix(labels(6), outputs),
        plot.confusion_matrix(metric),
        plot.confusion_matrix(metric.result),
        plot.confusion_matrix({"out": metric}),
    ]
    shown = [ax.images[0].get_array().tolist() for ax in axes]
    assert shown == [metric.counts.tolist()] * 5


@pytest.mark.parametrize("classes", [10, 20, 35])
def test_many_classes_are_readable(classes: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, (2, 2000))
    ax = plot.confusion_matrix(*y, normalise=True)
    check(ax, "predicted", "label")
    assert bool(ax.texts) is (classes <= 20)
    names = [f"class {k}" for k in range(classes)]
    check(plot.confusion_matrix(*y, names=names[:classes]), "predicted", "label")


# ---------------------------------------------------------------- rates
def test_rates_over_epochs(trained: dict[str, Any]) -> None:
    ax = plot.firing_rates(trained["rates"])
    check(ax, "epoch", "firing rate of Pop1 [Hz]")
    (values,) = trained["rates"].values()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.mean(values, axis=1))
    several = {"a": values, "b": [2 * v for v in values]}
    ax = plot.firing_rates(several)
    check(ax, "epoch", "firing rate [Hz]")
    assert len(ax.lines) == len(ax.get_legend().get_texts()) == 2


def test_rates_of_an_epoch(trained: dict[str, Any]) -> None:
    (values,) = trained["rates"].values()
    ax = plot.firing_rates({"a": values, "b": values}, epoch=1)
    check(ax, "", "firing rate [Hz]")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b"]
    medians = {float(line.get_ydata()[0]) for line in ax.lines}
    assert float(np.median(values[1])) in medians


def test_counts_become_rates(trained: dict[str, Any]) -> None:
    ax = plot.firing_rates({"hidden": trained["counts"]}, duration=20.0)
    rates = np.mean(trained["counts"], axis=0) / 0.02
    medians = {float(line.get_ydata()[0]) for line in ax.lines}
    assert float(np.median(rates)) in medians


# ---------------------------------------------------------------- all of them
DRAWN: dict[str, Callable[..., Any]] = {
    "raster": lambda **k: plot.raster(([1.0], [0]), **k),
    "traces": lambda **k: plot.traces(np.zeros((4, 2)), **k),
    "learning_curve": lambda **k: plot.learning_curve({"loss": [1.0]}, **k),
    "weight_histogram": lambda **k: plot.weight_histogram([1.0, 2.0], **k),
    "confusion_matrix": lambda **k: plot.confusion_matrix([0, 1], [0, 1], **k),
    "firing_rates": lambda **k: plot.firing_rates({"a": [np.ones(3)]}, **k),
}


def test_all_functions_are_listed_here() -> None:
    assert set(DRAWN) == set(plot.__all__)


@pytest.mark.parametrize("name", DRAWN)
def test_axes_that_are_given_are_used(name: str) -> None:
    figure, (_, ax) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    assert DRAWN[name](ax=ax) is ax
    assert plt.get_fignums() == [figure.number]
    assert DRAWN[name]() is not ax
    assert len(plt.get_fignums()) == 2


@pytest.mark.parametrize("wrong", [3, "ax", [None]])
@pytest.mark.parametrize("name", DRAWN)
def test_other_axes_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValidationError, match=f"{name}: ax is one of the axes"):
        DRAWN[name](ax=wrong)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", DRAWN)
def test_without_matplotlib_it_is_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'ml_genn\[plot\]'"):
        DRAWN[name]()


def test_importing_plots_imports_no_matplotlib() -> None:
    code = (
        "import sys, ml_genn\n"
        "first = 'ml_genn.plot' in sys.modules\n"
        "print(first, ml_genn.plot.__name__, 'matplotlib' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert done.stdout.split() == ["False", "ml_genn.plot", "False"]
    with pytest.raises(AttributeError, match="no attribute 'plots'"):
        _ = ml_genn.plots


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "raster": (lambda: plot.raster(3), "spikes are what SpikeRecorder collected"),
    "empty": (lambda: plot.raster({}), "the dictionary is empty"),
    "none recorded": (lambda: plot.raster(([], [])), "no example 0. 0 were recorded"),
    "counts": (lambda: plot.raster([np.ones(3)]), "without record_counts"),
    "voltages": (
        lambda: plot.raster({"v": [np.ones((3, 2))]}),
        "raster: 'v': spikes are",
    ),
    "lengths": (lambda: plot.raster(([1.0], [0, 1])), "as many times as neurons"),
    "not finite": (lambda: plot.raster(([np.nan], [0])), "not finite"),
    "text": (lambda: plot.raster((["a"], [0])), "array of numbers"),
    "batch": (
        lambda: plot.raster(batch_spikes([preprocess_spikes([1.0], [0], 2)] * 2, 2)),
        "of a batch",
    ),
    "example": (
        lambda: plot.raster([preprocess_spikes([1.0], [0], 2)], example=1),
        "no example 1. 1 were recorded",
    ),
    "traces": (lambda: plot.traces([1.0, 2.0]), "what VarRecorder collected"),
    "traces of spikes": (lambda: plot.traces(([], [])), "what VarRecorder collected"),
    "trace example": (
        lambda: plot.traces([np.ones((3, 2))], example=4),
        "no example 4",
    ),
    "neurons": (lambda: plot.traces(np.ones((3, 2)), neurons=[2]), "some of 0 to 1"),
    "no neurons": (lambda: plot.traces(np.ones((3, 2)), neurons=[]), "some of 0 to 1"),
    "neuron": (lambda: plot.traces(np.ones((3, 2)), neurons=1), "neurons is a list"),
    "dt": (lambda: plot.traces(np.ones((3, 2)), dt=0), "greater than 0"),
    "threshold": (
        lambda: plot.traces(np.ones((3, 2)), threshold="1"),
        "threshold is a finite number",
    ),
    "history": (lambda: plot.learning_curve(({}, {})), "give compiled.history"),
    "no epochs": (lambda: plot.learning_curve(History()), "no epochs"),
    "weights": (lambda: plot.weight_histogram("w"), "array of numbers"),
    "no weights": (lambda: plot.weight_histogram([]), "no finite numbers"),
    "initializer": (
        lambda: (lambda net: plot.weight_histogram(net.hidden))(small()),
        "has no weights before it is compiled",
    ),
    "no network": (
        lambda: plot.weight_histogram([1.0], small().hidden),
        "connection goes with a compiled network",
    ),
    "bins": (lambda: plot.weight_histogram([1.0], bins=0), "bins is a whole number"),
    "not square": (lambda: plot.confusion_matrix([1, 2]), "a square array"),
    "no data": (lambda: plot.confusion_matrix(ConfusionMatrix()), "no data yet"),
    "several": (
        lambda: plot.confusion_matrix({"a": [[1]], "b": [[1]]}),
        "choose one of",
    ),
    "pairs": (lambda: plot.confusion_matrix([0, 1], [0]), "one prediction for each"),
    "labels": (lambda: plot.confusion_matrix([0, 0.5], [0, 1]), "whole numbers"),
    "classes": (
        lambda: plot.confusion_matrix([0, 1], [0, 1], names=["a"]),
        "2 classes. Received 1 names",
    ),
    "rates": (lambda: plot.firing_rates([np.ones(3)]), "what SpikeRateMonitor"),
    "spikes": (
        lambda: plot.firing_rates({"a": ([np.ones(3)], [np.ones(3)])}),
        "record_counts=True",
    ),
    "no epoch": (
        lambda: plot.firing_rates({"a": [np.ones(3)]}, epoch=1),
        "no epoch 1. 1 were recorded",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name: str) -> None:
    call, message = BAD[name]
    with pytest.raises(ValidationError, match=message.replace(".", r"\.")):
        call()
    assert plt.get_fignums() == []


def test_misspelt_names_have_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'loss'"):
        plot.learning_curve({"loss": [1.0]}, names=["los"])
