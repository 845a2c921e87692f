"""Ctrl-C ends training between two batches, wherever it arrives."""

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

#: Trains for ever, is interrupted again and again, and each time compares itself with a
#: network that took as many steps and was not interrupted.
SCRIPT = """
import numpy as np
from saving.saved_nets import everything, make, train
from ml_genn.callbacks import Callback

class Says(Callback):
    "Says when it trains, and counts epochs."
    def on_epoch_begin(self, epoch):
        if epoch == {start}:
            print("training", flush=True)

class StepsOf(Callback):
    "Makes the network run step by step."
    def on_timestep_end(self, timestep):
        pass

class StopsAfter(Callback):
    def __init__(self, steps):
        self.left = steps
    def set_params(self, **params):
        self.network = params["compiled_network"]
    def on_batch_end(self, batch, metrics):
        self.left -= 1
        self.network.stop_training = self.left == 0

def steps_of(compiled):
    return compiled.snapshot().info["progress"]["steps_taken"]

extra = [StepsOf()] if {stepped} else []
for k in range({times}):
    np.random.seed(k)
    compiled = make({kind!r}).compile()
    train(compiled, 1, callbacks=[])
    assert steps_of(compiled) == 3
    try:
        train(compiled, 10**9, {start}, callbacks=[Says(), *extra])
    except KeyboardInterrupt as error:
        assert "as the last batch left it" in error.__notes__[0]
    else:
        raise AssertionError("nothing interrupted it")
    steps = steps_of(compiled)
    np.random.seed(k)
    other = make({kind!r}).compile()
    train(other, 1, callbacks=[])
    if steps > 3:
        train(other, 10**9, {start}, callbacks=[StopsAfter(steps - 3), *extra])
    assert steps_of(other) == steps
    found, expected = everything(compiled), everything(other)
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array, err_msg=str(key))
    finished, left = divmod(steps - 3, 3)
    assert len(compiled.history.epoch) in (finished, finished - (left == 0))
    train(compiled, 1, 50)
    assert np.isfinite(compiled.history["loss"][0])
    print("interrupted after", steps, flush=True)
"""


@pytest.fixture(autouse=True)
def _as_in_a_terminal() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests were started in the background."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


def interrupted(kind: str, times: int, *, stepped: bool = False) -> list[int]:
    """How many steps each training had taken when it was interrupted."""
    script = SCRIPT.format(kind=kind, times=times, start=1, stepped=stepped)
    process = start(script)
    assert process.stdout is not None
    rng, steps = random.Random(0), []
    for _ in range(times):
        if process.stdout.readline():
            time.sleep(rng.uniform(0.0, 0.1))
            process.send_signal(signal.SIGINT)
        if said := process.stdout.readline():
            steps.append(int(said.split()[-1]))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return steps


@pytest.mark.parametrize("kind", ["plain", "parameters", "deep_r"])
def test_training_ends_after_a_whole_batch(kind: str) -> None:
    steps = interrupted(kind, 12)
    assert len(steps) == 12
    assert max(steps) > 10


def test_training_in_steps_ends_after_a_whole_batch() -> None:
    steps = interrupted("eprop-online", 6, stepped=True)
    assert len(steps) == 6
    assert max(steps) > 3


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_a_block() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        with deferred_interrupts():
            _interrupt()
            _interrupt()
            reached.append("inner")
        reached.append("outer")
    assert reached == ["inner", "outer"]
    with pytest.raises(KeyboardInterrupt):
        _interrupt()


def test_a_handler_of_the_users_own_is_called_once() -> None:
    seen: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with deferred_interrupts():
            _interrupt()
            assert seen == []
        assert seen == [signal.SIGINT]
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


def test_other_threads_train_as_they_are() -> None:
    results: list[Any] = []
    compiled = small().train_compiler()

    def train() -> None:
        results.append(compiled.train(spikes(8), labels(8), callbacks=[]))

    thread = Thread(target=train)
    thread.start()
    thread.join()
    assert len(results) == 1


class Slow(Numpy):
    """Is interrupted at each array that it writes."""

    def serialise(self, keys: Any, data: Any) -> None:
        """Writes an array."""
        _interrupt()
        super().serialise(keys, data)


class Interrupts(Callback):
    """Sends the signal in one hook."""

    def __init__(self, hook: str) -> None:
        setattr(self, hook, lambda *arguments: _interrupt())


@pytest.mark.parametrize("hook", ["on_batch_begin", "on_batch_end", "on_epoch_end"])
def test_callbacks_of_both_kinds_are_told(hook: str) -> None:
    compiled, spies = small().train_compiler(), [Spy("train"), Spy("validate")]
    with pytest.raises(KeyboardInterrupt):
        compiled.train(
            spikes(8),
            labels(8),
            callbacks=[spies[0]],
            validation_callbacks=[spies[1], Interrupts(hook)],
            validation_x=spikes(4),
            validation_y=labels(4),
        )
    for spy in spies:
        assert spy.hooks[-1] == "on_exception"
        assert "on_train_end" not in spy.hooks
    assert compiled.history.epoch == []
    metrics, _ = compiled.evaluate(spikes(8), labels(8), callbacks=[])
    assert metrics.loss > 0


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
def test_callbacks_of_a_test_are_told(how: str) -> None:
    compiled, spy = small().train_compiler(), Spy()
    data = [spikes(8)] if how == "predict" else [spikes(8), labels(8)]
    with pytest.raises(KeyboardInterrupt):
        getattr(compiled, how)(*data, callbacks=[spy, Interrupts("on_batch_end")])
    assert spy.hooks.count("on_exception") == 1
    assert "on_test_end" not in spy.hooks


def test_what_recorders_collected_is_kept() -> None:
    net = small()
    compiled, recorder = net.train_compiler(), SpikeRecorder(net.inputs, key="in")
    with pytest.raises(KeyboardInterrupt):
        compiled.train(
            spikes(8), labels(8), callbacks=[recorder, Interrupts("on_batch_end")]
        )
    key, (times, ids) = recorder.get_data()
    assert key == "in"
    assert len(times) == len(ids) == 4  # those of the first batch


def test_a_file_that_is_being_written_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = os.fsync

    def interrupted_flush(file: int) -> None:
        _interrupt()
        flush(file)

    monkeypatch.setattr(os, "fsync", interrupted_flush)
    path = tmp_path / "file"
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"all of it")
    assert path.read_bytes() == b"all of it"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_checkpoint_that_is_being_saved_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, compiled = Slow(tmp_path), small().train_compiler()
    with pytest.raises(KeyboardInterrupt):
        compiled.train(
            spikes(8), labels(8), num_epochs=3, callbacks=[Checkpoint(place)]
        )
    assert place.epochs() == [0]
    assert small().train_compiler().resume(place) == 1
