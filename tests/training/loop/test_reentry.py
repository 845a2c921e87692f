"""Use of a compiled network while it runs: in callbacks, and in other threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import arrays_of
from training.small_nets import Small, labels, small, spikes

from ml_genn.callbacks import Callback
from ml_genn.errors import BusyError
from ml_genn.serialisers import Numpy

X, Y = spikes(8), labels(8)


class Hook(Callback):
    """Calls a function at one of the hooks of a run."""

    def __init__(self, hook: str, function: Callable[[], Any]) -> None:
        self._function = function
        setattr(self, hook, self._call)

    def _call(self, *_: Any) -> None:
        self._function()


#: runs of a compiled network that a callback may want
RUNS: dict[str, Callable[[Any], Any]] = {
    "predict": lambda c: c.predict(X[:3], callbacks=[]),
    "evaluate": lambda c: c.evaluate(X[:3], Y[:3], callbacks=[]),
    "gradients": lambda c: c.gradients(X[:3], Y[:3]),
    "loss": lambda c: c.loss(X[:3], Y[:3]),
    "train": lambda c: c.train(X[:3], Y[:3], callbacks=[]),
    "restore": lambda c: c.restore(c.snapshot()),
    "set_input": lambda c: (c.set_input(X[:3]), c.step_time()),
}
READS: dict[str, Callable[[Any, Small], Any]] = {
    "weights": lambda c, net: c.weights(net.hidden),
    "snapshot": lambda c, net: c.snapshot(),
    "state": lambda c, net: c.state(net.hidden, "v"),
}


def trained(net: Small, *callbacks: Callback) -> Any:
    """Returns a network after two epochs."""
    compiled = net.compile_training()
    train(compiled, *callbacks)
    return compiled


def train(compiled: Any, *callbacks: Callback) -> None:
    compiled.train(X, Y, 2, callbacks=list(callbacks))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("hook", ["on_timestep_begin", "on_timestep_end"])
def test_no_second_batch_within_a_batch(hook: str, run: str) -> None:
    """The network can be used afterwards, and its batches were not disturbed."""
    net = small()
    compiled, other = net.compile_training(), net.compile_training()
    with pytest.raises(BusyError, match=r"on_batch_end|in use already"):
        train(compiled, Hook(hook, lambda: RUNS[run](compiled)))
    compiled.restore(other.snapshot())
    train(compiled)
    train(other)
    np.testing.assert_equal(arrays_of(compiled), arrays_of(other))


@pytest.mark.parametrize("read", READS)
def test_arrays_may_be_read_within_a_batch(read: str) -> None:
    net = small()
    compiled = net.compile_training()
    train(compiled, Hook("on_timestep_end", lambda: READS[read](compiled, net)))
    expected = trained(net, Hook("on_timestep_end", lambda: None))
    np.testing.assert_equal(arrays_of(compiled), arrays_of(expected))


@pytest.mark.parametrize("run", [run for run in RUNS if run != "train"])
@pytest.mark.parametrize(
    "hook", ["on_batch_begin", "on_batch_end", "on_epoch_begin", "on_epoch_logs"]
)
def test_callbacks_between_batches_change_nothing(hook: str, run: str) -> None:
    net = small()
    compiled = net.compile_training()
    results: list[Any] = []
    train(compiled, Hook(hook, lambda: results.append(RUNS[run](compiled))))
    assert results
    np.testing.assert_equal(arrays_of(compiled), arrays_of(trained(net)))


def test_results_in_callbacks_are_those_of_the_weights_then() -> None:
    net = small()
    compiled, reference = net.compile_training(), net.compile_training()
    seen: list[Any] = []

    def look() -> None:
        predictions, _ = compiled.predict(X, callbacks=[])
        seen.append((compiled.weights(net.hidden), compiled.weights(net.output)))
        reference.set_weights(net.hidden, seen[-1][0])
        reference.set_weights(net.output, seen[-1][1])
        expected, _ = reference.predict(X, callbacks=[])
        assert np.array_equal(predictions[net.output], expected[net.output])

    train(compiled, Hook("on_batch_end", look))
    assert len(seen) == 4


def test_predictions_within_predictions() -> None:
    net = small()
    compiled = net.compile_inference()
    expected, _ = compiled.predict(X, callbacks=[])
    inner: list[Any] = []
    again = Hook(
        "on_batch_end", lambda: inner.append(compiled.predict(X[::-1], callbacks=[]))
    )
    outer, _ = compiled.predict(X, callbacks=[again])
    assert np.array_equal(outer[net.output], expected[net.output])
    for predictions, _ in inner:
        assert np.array_equal(predictions[net.output], expected[net.output][::-1])


@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_end", "on_train_begin"])
def test_training_within_training_is_refused(hook: str) -> None:
    net = small()
    compiled = net.compile_training()
    with pytest.raises(BusyError, match="train: the compiled network is in use"):
        train(compiled, Hook(hook, lambda: RUNS["train"](compiled)))
    train(compiled)  # usable afterwards


def test_a_network_with_lasting_state_runs_one_evaluation_at_a_time() -> None:
    net = small()
    compiled = net.compile_inference(reset_vars_between_batches=False)
    nested = Hook("on_batch_end", lambda: compiled.predict(X, callbacks=[]))
    with pytest.raises(BusyError, match=r"predict: .* in use"):
        compiled.evaluate(X, Y, callbacks=[nested])


def test_other_batches_end_manual_stepping() -> None:
    net = small()
    compiled = net.compile_inference()
    expected, _ = compiled.predict(X[:4], callbacks=[])
    for run in ("predict", "evaluate"):
        compiled.set_input(X[:4])
        compiled.step_time()
        RUNS[run](compiled)
        with pytest.raises(BusyError, match="the batch ended when another one ran"):
            compiled.step_time()
        compiled.reset_time()
        for _ in range(compiled.num_steps):
            compiled.step_time()
        assert np.array_equal(compiled.get_readout(net.output), expected[net.output])


# ---------------------------------------------------------------- threads
def in_threads(*functions: Callable[[], Any]) -> list[BaseException]:
    """Runs functions in threads; returns their errors."""
    errors: list[BaseException] = []

    def guarded(function: Callable[[], Any]) -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=guarded, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    return errors


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("stepped", [False, True])
def test_predictions_in_several_threads(num_threads: int, stepped: bool) -> None:
    """Also of a model that the threads build at their first batch."""
    net = small()
    compiled = net.compile_inference(num_threads=num_threads)
    expected, _ = net.compile_inference().predict(X, callbacks=[])
    steps = [Hook("on_timestep_end", lambda: None)] if stepped else []

    def check(order: int) -> None:
        for _ in range(5):
            predictions, _ = compiled.predict(X[::order], callbacks=steps)
            np.testing.assert_allclose(
                predictions[net.output], expected[net.output][::order], rtol=1e-6
            )

    assert not in_threads(lambda: check(1), lambda: check(-1), lambda: check(1))


def test_training_and_other_uses_in_several_threads(tmp_path: Path) -> None:
    net = small()
    compiled, alone = net.compile_training(), net.compile_training()

    def learn(network: Any) -> None:
        network.train(X, Y, 20, callbacks=[])

    def look() -> None:
        for _ in range(20):
            RUNS["evaluate"](compiled)
            RUNS["gradients"](compiled)
            compiled.weights(net.hidden)
            compiled.save((0,), Numpy(tmp_path))

    assert not in_threads(lambda: learn(compiled), look)
    learn(alone)
    np.testing.assert_equal(arrays_of(compiled), arrays_of(alone))


def test_training_in_two_threads_is_refused() -> None:
    net = small()
    compiled = net.compile_training()
    (error,) = _train_in_a_thread_while_training(compiled)
    assert isinstance(error, BusyError)
    np.testing.assert_equal(arrays_of(compiled), arrays_of(trained(net)))


def _train_in_a_thread_while_training(compiled: Any) -> list[BaseException]:
    errors: list[BaseException] = []

    def once() -> None:
        if not errors:
            errors.extend(in_threads(lambda: RUNS["train"](compiled)))

    train(compiled, Hook("on_batch_end", once))
    return errors
