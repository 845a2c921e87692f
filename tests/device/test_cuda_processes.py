"""Data-parallel training on GPUs, with threads as ranks."""

from __future__ import annotations

import ctypes
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from parallel.rank_threads import run_ranks
from parallel.trained_net import compiled, examples, weights

from ml_genn.optimisers import Adam

REGULARISED = {
    "reg_nu_upper": 5.0,
    "reg_lambda_upper": 1e-6,
    "reg_lambda_lower": 1e-6,
    "optimiser": lambda: Adam(clip_norm=0.1),
}


class Nccl:
    """NCCL between two threads: sums numbers at an address of each."""

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
        assert (self.numbers[0] == self.numbers[1]).all(), "all join the first"
        return SimpleNamespace(allReduce=lambda *given: self.all_sum(rank, *given))

    def all_sum(
        self,
        rank: int,
        place: int,
        to: int,
        count: int,
        kind: Any,
        op: str,
        stream: int,
    ) -> None:
        assert place == to and op == "sum"
        current = self.cupy.cuda.get_current_stream()
        assert stream == current.ptr

        def work() -> None:
            mine = np.ctypeslib.as_array((kind * count).from_address(place))
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
    """Weights after some batches, the last of which has one example."""
    given = {k: make() if callable(make) else make for k, make in options.items()}
    network = compiled(communicator, **given)
    x, y = examples()
    few = 8 * batches + 1
    network.train(x[:few], y[:few], shuffle=False, callbacks=[])
    return weights(network)


def assert_same(found: list[dict[str, np.ndarray]], **options: Any) -> None:
    wanted = trained(None, backend="cpu", **options)
    for each in found:
        for name, values in wanted.items():
            scale = np.abs(values).max()
            assert np.abs(each[name] - values).max() < 1e-5 * scale


@pytest.mark.parametrize(
    "options",
    [{}, pytest.param(REGULARISED, marks=pytest.mark.slow)],
    ids=["plain", "regularised"],
)
def test_as_one_process(simulated: ModuleType, options: dict[str, Any]) -> None:
    """Sums go through the host where there is no NCCL; one has no example at last."""
    found = run_ranks(
        lambda communicator: trained(communicator, backend="cuda", **options)
    )
    assert_same(found, **options)


def test_through_nccl(simulated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPUs of their own sum by NCCL; one GPU that two share goes through the host."""
    nccl = Nccl(simulated)
    monkeypatch.setitem(sys.modules, "cupy.cuda.nccl", nccl)
    assert_same(run_ranks(lambda communicator: trained(communicator, backend="cuda")))
    assert nccl.sums > 0
    before = nccl.sums
    runtime = simulated.cuda.runtime
    monkeypatch.setattr(runtime, "deviceGetPCIBusId", lambda device: "0000:01")
    run_ranks(lambda communicator: trained(communicator, batches=1, backend="cuda"))
    assert nccl.sums == before
