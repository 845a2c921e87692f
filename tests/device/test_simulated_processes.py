"""Threads that stand for processes train on simulated GPUs as one process does."""

from __future__ import annotations

import ctypes
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from parallel.rank_threads import run_ranks
from parallel.trained_net import HIDDEN, INPUTS, compiled, examples, weights

from ml_genn.errors import DivergedError
from ml_genn.optimisers import Adam

REGULARISED = {
    "reg_nu_upper": 5.0,
    "reg_lambda_upper": 1e-6,
    "reg_lambda_lower": 1e-6,
    "optimiser": lambda: Adam(clip_norm=0.1),
}


class Nccl:
    """NCCL between two threads: sums arrays at an address of each."""

    available = True
    NCCL_FLOAT32, NCCL_INT32, NCCL_SUM = ctypes.c_float, ctypes.c_int32, "sum"

    def __init__(self, cupy: ModuleType) -> None:
        self.cupy, self.barrier = cupy, threading.Barrier(2, timeout=60)
        self.numbers: dict[int, np.ndarray] = {}
        self.sums = 0

    def get_unique_id(self) -> bytes:
        return threading.get_ident().to_bytes(16, "little") * 8

    def NcclCommunicator(self, count: int, name: bytes, rank: int) -> Any:
        assert count == 2 and len(name) == 128
        self.numbers[rank] = np.frombuffer(name, np.uint8)
        self.barrier.wait()
        assert (self.numbers[0] == self.numbers[1]).all(), (
            "both have the identifier of rank 0"
        )
        return SimpleNamespace(allReduce=lambda *args: self.all_sum(rank, *args))

    def all_sum(
        self,
        rank: int,
        source: int,
        to: int,
        count: int,
        kind: Any,
        op: str,
        stream: int,
    ) -> None:
        assert source == to and op == "sum"
        current = self.cupy.cuda.get_current_stream()
        assert stream == current.ptr

        def work() -> None:
            mine = np.ctypeslib.as_array((kind * count).from_address(source))
            self.numbers[rank] = mine.copy()
            self.barrier.wait()
            total = self.numbers[0] + self.numbers[1]
            self.barrier.wait()
            mine[...] = total
            self.sums += 1

        current.do(work)


def trained(
    communicator: Any, batches: int = 4, **options: Any
) -> dict[str, np.ndarray]:
    """Returns the weights after some batches, the last of which has one example."""
    values = {k: v() if callable(v) else v for k, v in options.items()}
    network = compiled(communicator, **values)
    x, y = examples()
    size = 8 * batches + 1
    network.train(x[:size], y[:size], shuffle=False, callbacks=[])
    return weights(network)


def assert_same(actual: list[dict[str, np.ndarray]], **options: Any) -> None:
    expected = trained(None, backend="cpu", **options)
    for each in actual:
        for name, values in expected.items():
            scale = np.abs(values).max()
            assert np.abs(each[name] - values).max() < 1e-5 * scale


@pytest.mark.parametrize(
    "options",
    [{}, pytest.param(REGULARISED, marks=pytest.mark.slow)],
    ids=["plain", "regularised"],
)
def test_sums_in_host_memory(simulated: ModuleType, options: dict[str, Any]) -> None:
    """Without NCCL; a process has no example in the last batch."""
    actual = run_ranks(
        lambda communicator: trained(communicator, backend="cuda", **options)
    )
    assert_same(actual, **options)


def test_sums_by_nccl(simulated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """NCCL sums if each process has a GPU of its own; with one GPU the host does."""
    nccl = Nccl(simulated)
    monkeypatch.setitem(sys.modules, "cupy.cuda.nccl", nccl)
    assert_same(run_ranks(lambda communicator: trained(communicator, backend="cuda")))
    assert nccl.sums > 0
    before = nccl.sums
    runtime = simulated.cuda.runtime
    monkeypatch.setattr(runtime, "deviceGetPCIBusId", lambda device: "0000:01")
    run_ranks(lambda communicator: trained(communicator, batches=1, backend="cuda"))
    assert nccl.sums == before


def test_all_processes_leave_a_batch_out(simulated: ModuleType) -> None:
    """Only the second process has infinite states."""

    def run(communicator: Any) -> tuple[str, bool]:
        network = compiled(communicator, backend="cuda")
        x, y = examples()
        if communicator.rank == 1:
            connection = network.network.connections[0]
            network.set_weights(connection, np.full((INPUTS, HIDDEN), -3e38))
        before = weights(network)
        with pytest.raises(DivergedError) as caught:
            network.train(x[:8], y[:8], shuffle=False, callbacks=[])
        after = weights(network)
        unchanged = all(np.array_equal(before[name], after[name]) for name in after)
        return str(caught.value), unchanged

    messages, unchanged = zip(*run_ranks(run), strict=True)
    assert unchanged == (True, True)
    assert "another process" in messages[0]
    assert "'hidden'" in messages[1]
