"""Ctrl-C in training, evaluation and while files are written."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread, Timer, main_thread
from typing import Any

import pytest
from engine.processes import start
from training.small_nets import CROSS_ENTROPY, Spy, labels, small, spikes

from ml_genn.callbacks import Callback, Checkpoint, SpikeRecorder
from ml_genn.compilers import EventPropCompiler
from ml_genn.serialisers import Numpy
from ml_genn.utils.files import write_atomically
from ml_genn.utils.interrupts import deferred_interrupts

#: Trains several times until it is interrupted, and compares each network with one that
#: took as many steps without an interruption.
SCRIPT = """
import numpy as np
from saving.saved_nets import arrays_of, make, train
from ml_genn.callbacks import Callback

class PrintStart(Callback):
    "Prints a line when training starts."
    def on_epoch_begin(self, epoch):
        if epoch == {start}:
            print("training", flush=True)

class Stepping(Callback):
    "Makes the network run step by step."
    def on_timestep_end(self, timestep):
        pass

class StopAfter(Callback):
    "Stops training after a number of batches."
    def __init__(self, steps):
        self.left = steps
    def set_params(self, **params):
        self.network = params["compiled_network"]
    def on_batch_end(self, batch, metrics):
        self.left -= 1
        self.network.stop_training = self.left == 0

def steps_taken(compiled):
    return compiled.snapshot().info["progress"]["steps_taken"]

extra = [Stepping()] if {stepped} else []
for k in range({times}):
    compiled = make({kind!r}).compile()
    train(compiled, 1, callbacks=[])
    assert steps_taken(compiled) == 3
    try:
        train(compiled, 10**9, {start}, callbacks=[PrintStart(), *extra])
    except KeyboardInterrupt as error:
        assert "as the last batch left it" in error.__notes__[0]
    else:
        raise AssertionError("not interrupted")
    steps = steps_taken(compiled)
    other = make({kind!r}).compile()
    train(other, 1, callbacks=[])
    if steps > 3:
        train(other, 10**9, {start}, callbacks=[StopAfter(steps - 3), *extra])
    assert steps_taken(other) == steps
    arrays = arrays_of(compiled)
    for key, expected in arrays_of(other).items():
        np.testing.assert_array_equal(arrays[key], expected, err_msg=str(key))
    # three batches an epoch; the last epoch may miss its entry if no batch is left
    epochs, batches = divmod(steps - 3, 3)
    assert len(compiled.history.epoch) in (epochs, epochs - (batches == 0))
    train(compiled, 1, 50)
    assert np.isfinite(compiled.history["loss"][0])
    print("interrupted after", steps, flush=True)
"""


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    """Restores Python's handler of SIGINT, which background processes lack."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


def interrupted(kind: str, times: int, *, stepped: bool = False) -> list[int]:
    """Returns the optimiser steps that each interrupted training had taken."""
    script = SCRIPT.format(kind=kind, times=times, start=1, stepped=stepped)
    process = start(script)
    assert process.stdout is not None
    rng, steps = random.Random(0), []
    for _ in range(times):
        if process.stdout.readline():
            time.sleep(rng.uniform(0.0, 0.1))
            process.send_signal(signal.SIGINT)
        if line := process.stdout.readline():
            steps.append(int(line.split()[-1]))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return steps


@pytest.mark.parametrize("kind", ["plain", "parameters", "deep_r"])
def test_training_ends_after_a_whole_batch(kind: str) -> None:
    steps = interrupted(kind, 12)
    assert len(steps) == 12
    assert max(steps) > 10


def test_stepped_training_ends_after_a_whole_batch() -> None:
    steps = interrupted("eprop-online", 6, stepped=True)
    assert len(steps) == 6
    assert max(steps) > 3


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_is_deferred_to_the_end_of_a_block() -> None:
    completed = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        with deferred_interrupts():
            _interrupt()
            _interrupt()
            completed.append("inner")
        completed.append("outer")
    assert completed == ["inner", "outer"]
    with pytest.raises(KeyboardInterrupt):
        _interrupt()


def test_handlers_of_users_are_called_once() -> None:
    signals: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: signals.append(number))
    try:
        with deferred_interrupts():
            _interrupt()
            assert signals == []
        assert signals == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, usual)


def test_an_ignored_signal_stays_ignored() -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interrupts():
            _interrupt()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


def test_training_in_another_thread() -> None:
    results: list[Any] = []
    compiled = small().compile_training()

    def train() -> None:
        results.append(compiled.train(spikes(8), labels(8), callbacks=[]))

    thread = Thread(target=train)
    thread.start()
    thread.join()
    assert len(results) == 1


class InterruptedNumpy(Numpy):
    """Serialiser that is interrupted at each array."""

    def serialise(self, keys: Any, data: Any) -> None:
        """Writes an array."""
        _interrupt()
        super().serialise(keys, data)


class InterruptIn(Callback):
    """Callback that is interrupted in one hook."""

    def __init__(self, hook: str) -> None:
        setattr(self, hook, lambda *arguments: _interrupt())


@pytest.mark.parametrize("hook", ["on_batch_begin", "on_batch_end", "on_epoch_end"])
def test_callbacks_of_training_and_validation_are_notified(hook: str) -> None:
    compiled, spies = small().compile_training(), [Spy("train"), Spy("validate")]
    with pytest.raises(KeyboardInterrupt):
        compiled.train(
            spikes(8),
            labels(8),
            callbacks=[spies[0]],
            validation_callbacks=[spies[1], InterruptIn(hook)],
            validation_x=spikes(4),
            validation_y=labels(4),
        )
    for spy in spies:
        assert spy.hooks[-1] == "on_exception"
        assert "on_train_end" not in spy.hooks
    assert compiled.history.epoch == []
    metrics, _ = compiled.evaluate(spikes(8), labels(8), callbacks=[])
    assert metrics.loss > 0


@pytest.mark.filterwarnings("ignore:.*spikes come within")
@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_long_batch_is_finished_and_no_other_begins(
    num_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = EventPropCompiler(
        400_000, CROSS_ENTROPY, batch_size=4, num_threads=num_threads
    )
    compiled, spy = compiler.compile(small().network), Spy()
    run, main = compiled.model.run, main_thread().ident
    assert main is not None

    def interrupted_run(*arguments: Any) -> Any:
        Timer(0.01, signal.pthread_kill, (main, signal.SIGINT)).start()
        return run(*arguments)

    monkeypatch.setattr(compiled.model, "run", interrupted_run)
    with pytest.raises(KeyboardInterrupt):
        compiled.train(spikes(40), labels(40), callbacks=[spy])
    assert spy.hooks.count("on_batch_begin") == 1
    assert compiled.snapshot().info["progress"]["steps_taken"] == 1


@pytest.mark.parametrize("how", ["evaluate", "predict"])
def test_callbacks_of_evaluation_are_notified(how: str) -> None:
    compiled, spy = small().compile_training(), Spy()
    data = [spikes(8)] if how == "predict" else [spikes(8), labels(8)]
    with pytest.raises(KeyboardInterrupt):
        getattr(compiled, how)(*data, callbacks=[spy, InterruptIn("on_batch_end")])
    assert spy.hooks.count("on_exception") == 1
    assert "on_test_end" not in spy.hooks


def test_recorders_keep_data_of_completed_batches() -> None:
    net = small()
    compiled, recorder = net.compile_training(), SpikeRecorder(net.inputs, key="in")
    with pytest.raises(KeyboardInterrupt):
        compiled.train(
            spikes(8), labels(8), callbacks=[recorder, InterruptIn("on_batch_end")]
        )
    key, (times, ids) = recorder.get_data()
    assert key == "in"
    assert len(times) == len(ids) == 4  # examples of the first batch


def test_an_interrupted_file_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def interrupted_flush(file: int) -> None:
        _interrupt()
        flush(file)

    monkeypatch.setattr(os, "fsync", interrupted_flush)
    path = tmp_path / "file"
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"content")
    assert path.read_bytes() == b"content"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_checkpoint_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, compiled = InterruptedNumpy(tmp_path), small().compile_training()
    with pytest.raises(KeyboardInterrupt):
        compiled.train(
            spikes(8), labels(8), num_epochs=3, callbacks=[Checkpoint(place)]
        )
    assert place.epochs() == [0]
    assert small().compile_training().resume(place) == 1
