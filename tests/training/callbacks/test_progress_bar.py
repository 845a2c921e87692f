"""Progress of training, evaluation and prediction: in files, terminals, notebooks."""

from __future__ import annotations

import copy
import io
import os
import pickle
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, STEPS, double, labels, small, spikes

from ml_genn.callbacks import BatchProgressBar, Callback, EarlyStopping
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.callbacks.progress import RunProgress, number_text
from ml_genn.callbacks.progress.displays import Terminal, display_for
from ml_genn.callbacks.progress.run_progress import duration_text
from ml_genn.errors import DivergedError, ValidationError

TIME = r"\d+\.\d s"
NUMBER = r"\d\.\d{4}"
TRAINED = f"loss {NUMBER} - accuracy {NUMBER}"
VALIDATED = f"{TRAINED} - val_loss {NUMBER} - val_accuracy {NUMBER}"


class FakeTerminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> FakeTerminal:
    """Standard error, a terminal of 80 columns that shows each state of its line."""
    fake = FakeTerminal()
    streams = SimpleNamespace(stderr=fake, modules=sys.modules)
    monkeypatch.setattr("ml_genn.callbacks.progress.displays.sys", streams)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(Terminal, "interval", 0.0)
    monkeypatch.setattr(Terminal, "_length", 0)
    return fake


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Returns the lines of standard error, a file; nothing is on standard output."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\r" not in captured.err
    return captured.err.splitlines()


# ---------------------------------------------------------------- files and pipes
def test_a_file_has_a_line_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = small().compile_training()
    metrics, _ = compiled.train(spikes(10), labels(10), num_epochs=3)
    lines = _lines(capsys)
    assert len(lines) == 3
    for k, line in enumerate(lines):
        assert re.fullmatch(f"Epoch {k + 1}/3 - {TIME} - {TRAINED}", line)
    shown = f"loss {metrics.loss:.4f} - accuracy {metrics['accuracy']:.4f}"
    assert lines[-1].endswith(shown)


def test_validation_is_on_the_line_of_its_epoch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled = small().compile_training()
    compiled.train(
        spikes(10), labels(10), num_epochs=2, start_epoch=5, validation_split=0.2
    )
    first, second = _lines(capsys)
    assert re.fullmatch(f"Epoch 6/7 - {TIME} - {VALIDATED}", first)
    assert re.fullmatch(f"Epoch 7/7 - {TIME} - {VALIDATED}", second)


def test_evaluation_and_prediction_are_labelled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled = small().compile_training()
    compiled.evaluate(spikes(10), labels(10))
    compiled.predict(spikes(10))
    evaluation, prediction = _lines(capsys)
    assert re.fullmatch(f"Evaluate - {TIME} - {TRAINED}", evaluation)
    assert re.fullmatch(f"Predict - {TIME}", prediction)


def test_metrics_of_several_outputs_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled = double().compile()
    x = {p: spikes(8) for p in compiled.inputs}
    y = {p: labels(8, 2) for p in compiled.outputs}
    compiled.evaluate(x, y)
    (line,) = _lines(capsys)
    assert re.search(f"what_accuracy {NUMBER} - where_accuracy {NUMBER}$", line)


# ---------------------------------------------------------------- callbacks, verbose
@pytest.mark.parametrize(
    "callbacks",
    [[Callback()], ["batch_progress_bar", Callback()], [BatchProgressBar()], None],
)
def test_callbacks_add_to_the_bar(
    callbacks: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled = small().compile_training()
    compiled.train(spikes(8), labels(8), callbacks=callbacks)
    compiled.evaluate(spikes(8), labels(8), callbacks=callbacks)
    compiled.predict(spikes(8), callbacks=callbacks)
    assert [line.split()[0] for line in _lines(capsys)] == [
        "Epoch",
        "Evaluate",
        "Predict",
    ]


def test_an_empty_list_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    compiled = small().compile_training()
    options = {"validation_split": 0.25, "validation_callbacks": [Callback()]}
    compiled.train(spikes(8), labels(8), callbacks=[], **options)
    compiled.evaluate(spikes(8), labels(8), callbacks=[])
    compiled.evaluate_batch(spikes(4), labels(4))
    compiled.loss(spikes(4), labels(4))
    assert _lines(capsys) == []
    compiled.train(spikes(8), labels(8), callbacks=[], verbose=1)
    assert len(_lines(capsys)) == 1


def test_verbose_chooses_what_is_shown(terminal: FakeTerminal) -> None:
    compiled = small().compile_training()
    x, y, bar = spikes(8), labels(8), [BatchProgressBar()]

    def shown(verbose: Any) -> str:
        terminal.truncate(0)
        terminal.seek(0)
        compiled.train(x, y, callbacks=bar, verbose=verbose)
        compiled.evaluate(x, y, callbacks=bar, verbose=verbose)
        compiled.predict(x, callbacks=bar, verbose=verbose)
        return terminal.getvalue()

    assert shown(0) == shown(False) == ""
    assert "\r" not in shown(2)
    assert len(shown(2).splitlines()) == 3
    for verbose in (1, True, "auto"):
        assert "\rEpoch 1/1 [=" in shown(verbose)


@pytest.mark.parametrize("verbose", [3, -1, "yes", None, 0.5])
@pytest.mark.parametrize("method", ["train", "evaluate", "predict"])
def test_other_values_of_verbose_are_refused(method: str, verbose: Any) -> None:
    compiled = small().compile_training()
    data = (spikes(4),) if method == "predict" else (spikes(4), labels(4))
    with pytest.raises(ValidationError, match=rf"{method}: verbose is 0 \(silent\)"):
        getattr(compiled, method)(*data, verbose=verbose)


def test_early_stopping_and_restored_weights_say_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiled = small().compile_training()
    stop = EarlyStopping("loss", min_delta=9.0, restore_best_weights=True)
    compiled.train(spikes(8), labels(8), num_epochs=9, callbacks=[stop])
    first, second, stopped, restored = _lines(capsys)
    best = re.search(NUMBER, first)[0]  # type: ignore[index]
    assert second.startswith("Epoch 2/9")
    reason = f"loss has not improved on {best} for 1 epoch"
    assert stopped == f"Epoch 2: early stopping, {reason}."
    assert restored == f"Weights of epoch 1 are restored: loss {best}."
    compiled.train(spikes(8), labels(8), num_epochs=9, callbacks=[stop], verbose=0)
    assert _lines(capsys) == []


# ---------------------------------------------------------------- terminals
def test_a_terminal_shows_a_bar_with_accuracy_at_80_columns(
    terminal: FakeTerminal,
) -> None:
    compiled = small().compile_training()
    options = {"validation_split": 0.25, "num_epochs": 100, "start_epoch": 99}
    compiled.train(spikes(16), labels(16), callbacks=[Callback()], **options)
    states = terminal.getvalue().split("\r")[1:]
    assert all(len(state.split(" - val_")[0]) < 80 for state in states)
    live = [state.rstrip() for state in states if "[" in state]
    pattern = rf"Epoch 100/199 \[=+\.+\] 1/3 - {TRAINED}"
    assert re.match(pattern, live[0])
    assert re.search(rf"1/1 - val_loss {NUMBER} - val_accuracy {NUMBER}", live[3])
    lines = [state for state in states if state.endswith("\n")]
    assert len(lines) == 100
    assert re.fullmatch(rf"Epoch 199/199 - {TIME} - {VALIDATED} *\n", lines[-1])


def test_the_time_left_is_that_of_the_run(terminal: FakeTerminal) -> None:
    progress = RunProgress(Terminal(terminal), "Train", 10, range(4))
    progress.begin()
    progress._start -= 30.0
    progress.begin_epoch(0)
    progress.advance(5, None)
    assert terminal.getvalue().endswith("5/10 - 3:30 left")
    progress.end_epoch({"loss": 1.0})
    progress.begin_epoch(1)
    progress.advance(10, SimpleNamespace(logs={"loss": 1.0}))
    assert terminal.getvalue().rstrip().endswith("10/10 - loss 1.0000 - 0:30 left")


def test_the_number_of_batches_of_a_stream_is_known_after_an_epoch(
    terminal: FakeTerminal,
) -> None:
    compiled = small().compile_training()
    stream = [(spikes(2), labels(2))] * 3
    compiled.train(lambda: iter(stream), num_epochs=2)
    text = terminal.getvalue()
    assert "Epoch 1/2 2 batches - loss" in text
    assert re.search(r"Epoch 2/2 \[=+\.+\] 2/3 - loss", text)


def test_long_lines_are_cut_in_a_narrow_terminal(
    terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "fileno", lambda: 0)
    size = os.terminal_size((24, 10))
    monkeypatch.setattr(os, "get_terminal_size", lambda _: size)
    progress = RunProgress(Terminal(terminal), "Train", 10, range(4))
    progress.advance(5, SimpleNamespace(logs={"loss": 1.0, "accuracy": 0.5}))
    assert terminal.getvalue() == "\rTrain 5/10 - loss 1.000"


class FailInSecondBatch(Callback):
    """Raises an error in the second batch."""

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        if batch == 1:
            raise RuntimeError("enough")


def test_an_exception_ends_the_line_of_the_bar(terminal: FakeTerminal) -> None:
    compiled = small().compile_training()
    callbacks = [BatchProgressBar(), FailInSecondBatch()]
    with pytest.raises(RuntimeError, match="enough"):
        compiled.train(spikes(12), labels(12), callbacks=callbacks)
    assert terminal.getvalue().endswith("\n")
    assert "2/3" in terminal.getvalue().split("\r")[-1]


def test_a_diverging_loss_ends_the_line_of_the_bar(terminal: FakeTerminal) -> None:
    compiled = small("var").compile_training(losses="mean_square_error")
    y = np.zeros((8, STEPS, CLASSES))
    y[4:] = 1e30
    with pytest.raises(DivergedError):
        compiled.train(spikes(8), y, shuffle=False)
    assert terminal.getvalue().endswith("\n")


def test_an_evaluation_in_a_callback_has_a_line_of_its_own(
    terminal: FakeTerminal,
) -> None:
    compiled = small().compile_training()

    class Evaluate(Callback):
        """Evaluates after each epoch."""

        def on_epoch_end(self, epoch: int, metrics: Any) -> None:
            compiled.evaluate(spikes(8), labels(8))

    compiled.train(spikes(12), labels(12), num_epochs=2, callbacks=[Evaluate()])
    ended = [s for s in terminal.getvalue().split("\r") if s.endswith("\n")]
    assert [line.split()[0] for line in ended] == ["Evaluate", "Epoch"] * 2


def test_invalid_data_show_no_bar(terminal: FakeTerminal) -> None:
    compiled = small().compile_training()
    with pytest.raises(ValueError, match="MeanSquareError compares"):
        compiled.train(spikes(4), labels(4), metrics="mean_square_error")
    assert terminal.getvalue() == ""


# ---------------------------------------------------------------- notebooks
def test_a_notebook_has_one_output_for_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: dict[str, list[Any]] = {}

    def display(bundle: Any, *, raw: bool, display_id: str, update: bool) -> None:
        assert raw
        assert update == (display_id in outputs)
        outputs.setdefault(display_id, []).append(bundle)

    shell = SimpleNamespace(kernel=None)
    module = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)  # type: ignore[arg-type]
    fake = SimpleNamespace(display=display)
    monkeypatch.setitem(sys.modules, "IPython.display", fake)  # type: ignore[arg-type]
    monkeypatch.setattr("ml_genn.callbacks.progress.displays.Notebook.interval", 0.0)
    compiled = small().compile_training()
    stop = EarlyStopping("loss", min_delta=9.0)
    compiled.train(
        spikes(8), labels(8), num_epochs=9, validation_split=0.25, callbacks=[stop]
    )
    (bundles,) = outputs.values()
    assert "<progress value=" in bundles[0]["text/html"]
    final = bundles[-1]
    assert "<progress" not in final["text/html"]
    message, line = final["text/plain"].splitlines()
    assert message.startswith("Epoch 2: early stopping")
    assert re.fullmatch(f"Epoch 2/9 - {TIME} - {VALIDATED}", line)
    assert line in final["text/html"]


@pytest.mark.slow
def test_an_exported_notebook_shows_the_last_state() -> None:
    nbformat = pytest.importorskip("nbformat", reason="extra 'docs'")
    nbclient = pytest.importorskip("nbclient", reason="extra 'docs'")
    tests = str(Path(__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {tests!r})\n"
        "from training.small_nets import labels, small, spikes\n"
        "small().compile_training().train(spikes(40), labels(40), num_epochs=3);"
    )
    cells = [nbformat.v4.new_code_cell(code)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=60).execute()
    (output,) = notebook.cells[0].outputs
    assert re.match(f"Epoch 3/3 - {TIME} - {TRAINED}", output.data["text/plain"])
    html = f"<div>Epoch 3/3 - {TIME} - {TRAINED}</div>"
    assert re.fullmatch(html, output.data["text/html"])


# ---------------------------------------------------------------- parts
def test_only_the_first_bar_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    bars = ["batch_progress_bar", BatchProgressBar()]
    small().compile_inference().predict(spikes(10), callbacks=bars)
    assert len(_lines(capsys)) == 1


def test_a_bar_can_be_used_again_copied_and_pickled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar, compiled = BatchProgressBar(), small().compile_training()
    compiled.train(spikes(4), labels(4), callbacks=[bar])
    compiled.evaluate(spikes(4), labels(4), callbacks=[bar])
    assert [line.split()[0] for line in _lines(capsys)] == ["Epoch", "Evaluate"]
    for other in (copy.deepcopy(bar), pickle.loads(pickle.dumps(bar))):
        assert repr(other) == "BatchProgressBar()"
        other.on_test_end({})
    assert _lines(capsys) == []


def test_a_script_may_call_the_hooks(capsys: pytest.CaptureFixture[str]) -> None:
    callbacks = CallbackList(["batch_progress_bar"], num_batches=2)
    callbacks.call("on_test_begin")
    callbacks.call("on_batch_end", 0, {})
    callbacks.call("on_test_end", {})
    (line,) = _lines(capsys)
    assert re.fullmatch(f"Batches - {TIME}", line)


def test_numbers_have_four_decimals_or_an_exponent() -> None:
    texts = [number_text(x) for x in (0.0, 1.23456, 2e-7, 3e9, np.nan)]
    assert texts == ["0.0000", "1.2346", "2.000e-07", "3.000e+09", "nan"]


def test_durations_are_short() -> None:
    texts = [duration_text(s) for s in (0.4, 59.6, 83, 3723)]
    assert texts == ["0:00", "1:00", "1:23", "1:02:03"]
    precise = [duration_text(s, precise=True) for s in (0.04, 1.25, 83)]
    assert precise == ["0.0 s", "1.2 s", "1:23"]


def test_a_terminal_without_control_has_lines(
    terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    display_for("verbose", 1).result("Epoch 1/1")
    assert terminal.getvalue() == "Epoch 1/1\n"
