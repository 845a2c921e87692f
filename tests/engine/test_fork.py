"""Compiled networks in forked processes, and at the end of Python."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.processes import finish, start
from engine.small_networks import Chain, Trained, trained

from ml_genn.backends.cpu.batch import Batch
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.backends.host.abi.call import Phase, Status
from ml_genn.backends.host.process import ProcessBound
from ml_genn.callbacks import Callback
from ml_genn.compilers import CompiledNetwork, CompiledTrainingNetwork
from ml_genn.errors import MlGennError

LIMIT = 30  #: seconds after which a process ends instead of waiting for ever


def in_child(function: Callable[[], object]) -> None:
    """Runs a function in a forked child; fails if it fails or hangs there."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        signal.alarm(LIMIT)
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


class Checked:
    """A network that ran on two threads, and a check that it still predicts so."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.compiled: CompiledNetwork | None = self.chain.compile(num_threads=2)
        self.expected = self.chain.predict(self.compiled)

    def check(self, compiled: CompiledNetwork | None = None) -> None:
        predicted = self.chain.predict(compiled or self.compiled)
        np.testing.assert_array_equal(predicted, self.expected)


def predict() -> None:
    net = Checked()
    in_child(net.check)
    in_child(net.check)
    net.check()


def first_use() -> None:
    net = Checked()
    unused = net.chain.compile(num_threads=2)
    in_child(lambda: net.check(unused))


def compile_in_child() -> None:
    net = Checked()
    in_child(lambda: net.check(net.chain.compile(num_threads=3)))


def train() -> None:
    """Parent and child take the same step, each with weights of its own."""
    net = trained()
    learner, twin = net.compile(num_threads=2), net.compile(num_threads=2)

    def step(compiled: CompiledTrainingNetwork) -> None:
        compiled.train(net.x, net.y, shuffle=False, callbacks=[])

    def check() -> None:
        step(learner)
        for weight, expected in zip(net.weights(learner), weights, strict=True):
            np.testing.assert_array_equal(weight, expected)

    step(learner)
    step(twin)
    step(twin)
    weights = net.weights(twin)
    in_child(check)
    check()


def grandchild() -> None:
    net = Checked()

    def use() -> None:
        net.check()
        in_child(net.check)
        net.check()

    in_child(use)


def free_in_child() -> None:
    net = Checked()

    def free() -> None:
        net.compiled = None
        net.check(net.chain.compile(num_threads=2))

    in_child(free)
    net.check()


def fork_between_steps() -> None:
    """Parent and child complete the batch."""

    class Fork(Callback):
        child = -1

        def on_timestep_end(self, timestep: int) -> None:
            if timestep == 10:
                self.child = os.fork()

    net = Checked()
    fork = Fork()
    try:
        assert net.compiled is not None
        predicted, _ = net.compiled.predict(net.chain.x, callbacks=[fork])
        np.testing.assert_array_equal(predicted[net.chain.output], net.expected)
        code = 0
    finally:
        if not fork.child:
            os._exit(code)
    assert os.waitpid(fork.child, 0)[1] == 0


def processes() -> None:
    net = Checked()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def work() -> None:
        queue.put(net.chain.predict(net.compiled))

    children = [context.Process(target=work) for _ in range(3)]
    for child in children:
        child.start()
    for _ in children:
        np.testing.assert_array_equal(queue.get(timeout=LIMIT), net.expected)
    for child in children:
        child.join()
        assert child.exitcode == 0
    net.check()


def batches_from_workers() -> None:
    """Workers are forked in each epoch, as those of data loaders, and use a network."""
    net = trained()
    learner, twin = net.compile(num_threads=2), net.compile(num_threads=2)
    predictor = net.compile(num_threads=2)
    expected = predictor.predict(net.x, callbacks=[])[0][net.output]
    firsts = range(0, len(net.x), 4)

    def load(first: int) -> tuple[Any, Any]:
        predicted = predictor.predict(net.x, callbacks=[])[0][net.output]
        np.testing.assert_array_equal(predicted, expected)
        return net.x[first : first + 4], net.y[first : first + 4]

    def work(queue: Any) -> None:
        for first in firsts:
            queue.put(load(first))

    def epoch() -> Iterator[tuple[Any, Any]]:
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        worker = context.Process(target=work, args=(queue,))
        worker.start()
        for _ in firsts:
            yield queue.get(timeout=LIMIT)
        worker.join()
        assert worker.exitcode == 0

    learner.train(epoch, num_epochs=3, callbacks=[])
    twin.train(net.x, net.y, num_epochs=3, shuffle=False, callbacks=[])
    for weight, same in zip(net.weights(learner), net.weights(twin), strict=True):
        np.testing.assert_array_equal(weight, same)


def execute_in_child() -> None:
    net = Checked()
    in_child(lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]))
    net.check()


def fork_while_a_thread_trains() -> None:
    """The child uses other networks; that in the middle of a batch is refused."""
    net, busy = Checked(), trained()
    learner: CompiledTrainingNetwork | None = busy.compile(num_threads=2)
    assert learner is not None
    learner.train(busy.x, busy.y, callbacks=[])
    stop = threading.Event()

    def train_on(compiled: CompiledTrainingNetwork) -> None:
        while not stop.is_set():
            compiled.train(busy.x, busy.y, callbacks=[])

    def use() -> None:
        nonlocal learner
        net.check()
        net.check(net.chain.compile(num_threads=2))
        assert learner is not None
        try:
            learner.predict(busy.x, callbacks=[])
        except MlGennError as error:  # a batch ran at the time of the fork
            assert "fork" in str(error) or "thread" in str(error), error
        learner = None

    thread = threading.Thread(target=train_on, args=(learner,))
    thread.start()
    try:
        for _ in range(10):
            in_child(use)
    finally:
        stop.set()
        thread.join()


def bound_to_a_process() -> None:
    """Resources such as memory of a GPU, which only one process can use."""
    bound, calls = ProcessBound("a network on a GPU"), []
    bound.check()
    bound.only_here(calls.append)(1)
    assert calls == [1]

    def use() -> None:
        bound.only_here(calls.append)(2)
        assert calls == [1]
        with pytest.raises(MlGennError, match=r"a network on a GPU .* forked"):
            bound.check()

    in_child(use)


PROGRAMS = (
    predict,
    first_use,
    compile_in_child,
    train,
    grandchild,
    free_in_child,
    fork_between_steps,
    processes,
    batches_from_workers,
    execute_in_child,
    fork_while_a_thread_trains,
    bound_to_a_process,
)


def main() -> None:
    """Runs all programs, in a process of their own."""
    warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks
    for program in PROGRAMS:
        signal.alarm(2 * LIMIT)
        try:
            program()
            print("through", program.__name__)
        except Exception:
            traceback.print_exc()


@cache
def output_of_main() -> tuple[str, str]:
    script = "from engine.test_fork import main; main()"
    return start(script).communicate(timeout=300)


@pytest.mark.parametrize("name", [program.__name__ for program in PROGRAMS])
def test_forked_process(name: str) -> None:
    output, errors = output_of_main()
    assert f"through {name}" in output.splitlines(), errors


def train_in_daemon_thread(net: Trained) -> None:
    """Returns while a daemon thread is in the middle of training."""
    compiled = net.compile(num_threads=2)
    compiled.train(net.x, net.y, callbacks=[])
    started = threading.Event()

    def train_on() -> None:
        while True:
            compiled.train(net.x, net.y, callbacks=[])
            started.set()

    threading.Thread(target=train_on, daemon=True).start()
    started.wait(LIMIT)


def test_python_ends_while_a_thread_trains() -> None:
    script = """
from engine.small_networks import trained
from engine.test_fork import train_in_daemon_thread
train_in_daemon_thread(trained(examples=200))
print("through")
"""
    assert finish(start(script)) == "through"


def test_exit_of_a_child_leaves_threads_of_the_parent() -> None:
    """The child ends with all that Python does at its end."""
    script = """
import os, signal, sys, warnings
from engine.test_fork import Checked
warnings.simplefilter("ignore", DeprecationWarning)
signal.alarm(60)
net = Checked()
child = os.fork()
net.check()
if child:
    assert os.waitpid(child, 0)[1] == 0
    net.check()
    print("through")
"""
    assert finish(start(script)) == "through"


def test_engine_runs_one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call from a second thread is refused: both would write into one batch."""
    chain = Chain()
    compiled = chain.compile(num_threads=2)
    expected = chain.predict(compiled)
    batches: list[Batch] = []
    run = CpuModel._run

    def remember(model: CpuModel, batch: Batch, phases: Phase) -> Status:
        batches.append(batch)
        return run(model, batch, phases)

    monkeypatch.setattr(CpuModel, "_run", remember)
    chain.predict(compiled)
    (batch,) = batches
    engine = compiled.model._engine
    refused = []

    def run_often() -> None:
        for _ in range(300):
            try:
                assert engine.run(batch.call) == Status.OK
            except MlGennError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=run_often) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused
    assert all("another thread" in message for message in refused)
    np.testing.assert_array_equal(chain.predict(compiled), expected)
