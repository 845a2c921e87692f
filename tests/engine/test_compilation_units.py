"""Sources that are compiled in two parts at the same time, against one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.helpers import random_input

from ml_genn import Connection, Network, Population
from ml_genn.backends.cpu import toolchain
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import BuildError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Delta, Exponential
from ml_genn_eprop import EPropCompiler

STEPS, EXAMPLES = 20, 3
LOSS = "sparse_categorical_crossentropy"
RULES: dict[str, Callable[..., Any]] = {
    "EventProp": EventPropCompiler,
    "BPTT": BPTTCompiler,
    "e-prop": EPropCompiler,
    "e-prop, online": lambda *a, **k: EPropCompiler(*a, mode="online", **k),
}


def compiled(rule: str, hidden: int, **options: Any) -> tuple[Any, list[Connection]]:
    """A compiled network, and its connections."""
    with Network() as network:
        source = Population(SpikeInput(), 6)
        middle = Population(LeakyIntegrateFire(v_thresh=0.6), hidden)
        output = Population(LeakyIntegrate(readout="avg_var"), 3)
        synapse = Delta() if "e-prop" in rule else Exponential(5.0)
        connections = [
            Connection(pre, post, Dense(Normal(mean, 0.5)), synapse)
            for pre, post, mean in ((source, middle, 1.0), (middle, output, 0.0))
        ]
    make = RULES[rule](STEPS, LOSS, rng_seed=4, **options)
    return make.compile(network), connections


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = random_input(rng, 6, 0.3, examples=EXAMPLES, steps=STEPS)
    return x, np.arange(EXAMPLES)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to which the compiler writes a line each time it is called."""
    log, script = tmp_path / "log", tmp_path / "compiler"
    script.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexec g++ "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setenv("ML_GENN_CACHE", str(tmp_path / "cache"))
    return log


@pytest.mark.parametrize(
    ("rule", "hidden", "batch"),
    [
        ("EventProp", 9, 2),
        ("EventProp", 1030, 1),  # threads share each example
        ("BPTT", 9, 2),
        ("BPTT", 1030, 1),
        ("e-prop", 9, 2),
        ("e-prop, online", 9, 2),
    ],
)
def test_two_parts_do_what_one_does(
    rule: str,
    hidden: int,
    batch: int,
    calls: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the last bit; there are none of a rule that does not go back in time."""
    results = []
    for in_parts in (False, True):
        monkeypatch.setenv("ML_GENN_CACHE", str(tmp_path / f"cache{in_parts}"))
        monkeypatch.setattr(toolchain, "IN_PARTS", in_parts)
        calls.write_text("")
        model, connections = compiled(rule, hidden, batch_size=batch, num_threads=2)
        model.train(*data(), num_epochs=2, shuffle=False, callbacks=[])
        results.append([model.weights(c) for c in connections])
        lines = calls.read_text().splitlines()
        split = in_parts and rule != "e-prop, online"
        assert len(lines) == (3 if split else 1)
        assert sum("-DMLG_PARTS" in line for line in lines) == 2 * split
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_inference_has_one_part(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "IN_PARTS", True)
    with Network() as network:
        source = Population(SpikeInput(), 6)
        output = Population(LeakyIntegrate(readout="avg_var"), 3)
        Connection(source, output, Dense(1.0), Exponential(5.0))
    InferenceCompiler(STEPS).compile(network).predict(data()[0], callbacks=[])
    assert len(calls.read_text().splitlines()) == 1


@pytest.mark.parametrize("fails", ["-DMLG_PARTS=1", "-DMLG_PARTS=2", ".o "])
def test_a_part_that_fails(
    fails: str, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either, or putting them together: nothing is left, and it can be mended."""
    monkeypatch.setattr(toolchain, "IN_PARTS", True)
    script = tmp_path / "compiler"
    works = script.read_text()
    script.write_text(
        f'#!/bin/sh\ncase "$* " in *"{fails}"*"-o"*) echo strange machine; exit 3;; '
        'esac\nexec g++ "$@"\n'
    )
    model, _ = compiled("EventProp", 9)
    with pytest.raises(BuildError, match="strange machine") as caught:
        model.train(*data(), callbacks=[])
    (source,) = (tmp_path / "cache").glob("*.cpp")
    assert str(source) in str(caught.value)
    assert not list((tmp_path / "cache").glob("build-*"))
    assert not list((tmp_path / "cache").glob("*.so"))
    script.write_text(works)
    model, connections = compiled("EventProp", 9)
    model.train(*data(), callbacks=[])
    assert np.isfinite(model.weights(connections[0])).all()
