"""A plan whose tapes are expanded to buffers runs as the plan itself does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backend_comparison import compare, spike_count
from contract.test_every_class_runs import labels
from test_pygenn_training import (
    CASES,
    IMAGES,
    NETS,
    SHARED,
    eprop_data,
    shared_weights,
)

from ml_genn import backends
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.model.plan.tapes import expand


@pytest.fixture
def _expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends.BUILT_IN, "expanded", "expanded_engine:BACKEND")


def test_tapes_become_buffers() -> None:
    plan = CASES["learned delays"].compile("null").model.plan
    expanded = expand(plan)
    assert expand(expanded) == expanded != plan
    buffers = [name for group in expanded.neurons for name in group.buffers]
    assert buffers and all(name in str(expanded) for name in buffers)
    online = NETS["plain"].compile("online", backend="null").model.plan
    assert expand(online) is online


CASES_WITH_TAPES = (
    "delay of each synapse",
    "learned delays",
    "sparse",
    "regularised",
    "shared parameters",
    "first spike",
    "surrogate delays",
    "surrogate resets",
    "surrogate spike count",
)


def check(compile_for: Any, x: Any, y: Any) -> None:
    """Compares the two plans, and asserts that one has buffers and no tapes."""
    other, result = compare(compile_for, x, y, device="expanded")
    groups = other.model.plan.neurons
    assert any(group.buffers for group in groups)
    for adjoint in (group.adjoint for group in groups if group.adjoint):
        assert not (adjoint.tape or adjoint.records)
        assert not (adjoint.surrogate and adjoint.surrogate.records)
    assert spike_count(result, "hidden") > 20
    assert all(np.abs(g).max() > 0 for g in result.gradients.values())


@pytest.mark.usefixtures("_expanded")
@pytest.mark.parametrize("name", CASES_WITH_TAPES)
def test_rules_and_delays(name: str) -> None:
    case = CASES[name]
    check(case.compile, *case.data())


@pytest.mark.usefixtures("_expanded")
@pytest.mark.parametrize("name", ["learned", "sparse"])
def test_eprop(name: str) -> None:
    net = NETS[name]

    def compile_for(backend: str) -> Any:
        return net.compile("event_driven", backend=backend)

    check(compile_for, *eprop_data(net))


@pytest.mark.usefixtures("_expanded")
@pytest.mark.parametrize("rule", [EventPropCompiler, BPTTCompiler])
def test_convolutions(rule: Any) -> None:
    check(shared_weights(SHARED["strides"], rule), IMAGES, labels())
