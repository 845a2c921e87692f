"""BatchProgressBar: its text in training, evaluation and prediction."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, STEPS, double, labels, small, spikes

from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.callbacks.progress_bar import metrics_text
from ml_genn.errors import DivergedError
from ml_genn.metrics import MeanSquareError, SparseCategoricalAccuracy
from ml_genn.training.population_dict import PopulationDict


def _bars(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Returns the final text of each bar."""
    captured = capsys.readouterr()
    assert captured.out == ""
    texts = [re.split("[\r]", line)[-1] for line in captured.err.split("\n")]
    return [text for text in texts if text.strip()]


def test_a_bar_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = small().compile_training()
    metrics, _ = compiled.train(spikes(10), labels(10), num_epochs=3)
    bars = _bars(capsys)
    assert [bar.split(":")[0] for bar in bars] == [
        "Epoch 1/3",
        "Epoch 2/3",
        "Epoch 3/3",
    ]
    assert all("100%" in bar and "3/3" in bar for bar in bars)
    accuracy = metrics[compiled.outputs[0]].result
    shown = f"loss: {metrics.loss:.4f}, accuracy: {accuracy:.4f}]"
    assert bars[-1].endswith(shown)


def test_validation_has_bars_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = small().compile_training()
    _, validation, *_ = compiled.train(
        spikes(10), labels(10), num_epochs=2, start_epoch=5, validation_split=0.2
    )
    bars = _bars(capsys)
    assert [bar.split(":")[0] for bar in bars] == [
        "Epoch 6/7",
        "Epoch 6/7, validation",
        "Epoch 7/7",
        "Epoch 7/7, validation",
    ]
    assert f"loss: {validation.loss:.4f}" in bars[-1]
    assert "1/1" in bars[-1]


def test_evaluation_has_one_bar(capsys: pytest.CaptureFixture[str]) -> None:
    net = small()
    metrics, _ = net.compile_inference().evaluate(spikes(10), labels(10))
    (bar,) = _bars(capsys)
    assert "3/3" in bar
    assert "loss" not in bar
    assert f"accuracy: {metrics[net.output].result:.4f}]" in bar


def test_prediction_has_one_bar(capsys: pytest.CaptureFixture[str]) -> None:
    small().compile_inference().predict(spikes(10))
    (bar,) = _bars(capsys)
    assert re.search(r"100%.*3/3 \[.*batch/s\]", bar)


def test_batches_of_a_stream_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    small().compile_inference().evaluate(iter([(spikes(2), labels(2))] * 3))
    (bar,) = _bars(capsys)
    assert bar.startswith("3batch")


def test_metrics_of_several_outputs_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled = double().compile()
    x = {p: spikes(8) for p in compiled.inputs}
    y = {p: labels(8, 2) for p in compiled.outputs}
    compiled.evaluate(x, y)
    (bar,) = _bars(capsys)
    assert re.search("what accuracy: .*, where accuracy", bar)


def test_only_the_first_bar_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    bars = ["batch_progress_bar", BatchProgressBar()]
    small().compile_inference().predict(spikes(10), callbacks=bars)
    assert len(_bars(capsys)) == 1


def test_a_bar_can_be_reused(capsys: pytest.CaptureFixture[str]) -> None:
    bar, compiled = BatchProgressBar(), small().compile_training()
    compiled.train(spikes(4), labels(4), callbacks=[bar])
    compiled.evaluate(spikes(4), labels(4), callbacks=[bar])
    first, second = _bars(capsys)
    assert first.startswith("Epoch 1/1: ")
    assert second.startswith("100%")
    assert repr(bar) == "BatchProgressBar()"


def test_invalid_data_show_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = small().compile_training()
    with pytest.raises(ValueError, match="MeanSquareError compares"):
        compiled.train(spikes(4), labels(4), metrics="mean_square_error")
    assert _bars(capsys) == []


class FailInSecondBatch(Callback):
    """Raises an error in the second batch."""

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        if batch == 1:
            raise RuntimeError("enough")


def test_an_exception_ends_the_line_of_the_bar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled, bar = small().compile_training(), BatchProgressBar()
    with pytest.raises(RuntimeError, match="enough"):
        compiled.train(spikes(12), labels(12), callbacks=[bar, FailInSecondBatch()])
    text = capsys.readouterr().err
    assert text.endswith("\n")
    assert "2/3" in text.split("\r")[-1]


def test_a_diverging_loss_ends_the_line_of_the_bar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled = small("var").compile_training(losses="mean_square_error")
    y, bar = np.full((4, STEPS, CLASSES), 1e30), BatchProgressBar()
    with pytest.raises(DivergedError):
        compiled.train(spikes(4), y, metrics="mean_square_error", callbacks=[bar])
    assert capsys.readouterr().err.endswith("\n")


def _metrics(loss: float | None, *values: tuple[str, float]) -> PopulationDict:
    metrics_of = {}
    for name, value in values:
        metric = MeanSquareError()
        metric.update(np.array([value]), np.array([0.0]))
        metrics_of[name] = metric
    metrics = PopulationDict(metrics_of)
    metrics.loss = loss
    return metrics


def test_numbers_have_four_decimals_or_an_exponent() -> None:
    texts = [metrics_text(_metrics(x)) for x in (0.0, 1.23456, 2e-7, 3e9, np.nan)]
    assert texts == [
        "loss: 0.0000",
        "loss: 1.2346",
        "loss: 2.000e-07",
        "loss: 3.000e+09",
        "loss: nan",
    ]


def test_metrics_without_a_result_are_omitted() -> None:
    metrics = PopulationDict({"out": SparseCategoricalAccuracy()})
    assert metrics_text(metrics) == ""
    assert metrics_text(_metrics(None, ("out", 2.0))) == "mse: 4.0000"
    assert metrics_text(_metrics(0.5, ("a", 1.0), ("b", 2.0))) == (
        "loss: 0.5000, a mse: 1.0000, b mse: 4.0000"
    )
    assert metrics_text({}) == ""
