"""A few cases of the fuzzer; ``python -m fuzz.run`` runs thousands."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from fuzz.examples import draw_examples
from fuzz.mutations import check_code, check_equations, mutated, run_mutations
from fuzz.properties import EXAMPLES, Fuzzed, run_cases
from fuzz.structure import RULES, draw_structure

#: structures of the short run: EventProp, inference and BPTT
QUICK = (14, 18, 21)


def failures(structures: range, values: range, folder: Path) -> tuple[list[str], int]:
    """Failed cases of the fuzzer, and the number of those that passed."""
    failed: list[str] = []
    counts = run_cases(structures, values, folder, failed.append)
    return failed, counts["passed"]


@pytest.mark.parametrize("seed", QUICK)
def test_random_networks(seed: int, tmp_path: Path) -> None:
    failed, passed = failures(range(seed, seed + 1), range(5), tmp_path)
    assert not failed, "\n".join(failed)
    assert passed == 5, "the structure is refused; choose another for the short run"


@pytest.mark.slow
@pytest.mark.parametrize("first", [100, 115])
def test_many_random_networks(first: int, tmp_path: Path) -> None:
    failed, passed = failures(range(first, first + 15), range(5), tmp_path)
    assert not failed, "\n".join(failed)
    assert passed >= 30, "most structures are refused"


def test_structures_are_those_of_their_seeds() -> None:
    """Every rule is drawn, and a seed always draws the same."""
    structures = [draw_structure(seed) for seed in range(100)]
    assert structures == [draw_structure(seed) for seed in range(100)]
    assert {s.rule for s in structures} == set(RULES)
    assert len(set(structures)) == len(structures)


def test_a_difference_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fuzzer notices outputs that depend on the number of threads."""
    outputs = Fuzzed._outputs

    def other_outputs(self: Fuzzed, compiled: object, x: object) -> object:
        values, spikes = outputs(self, compiled, x)
        if compiled is self.two:
            values = [np.nextafter(value, np.inf) for value in values]
        return values, spikes

    monkeypatch.setattr(Fuzzed, "_outputs", other_outputs)
    failed, passed = failures(range(QUICK[0], QUICK[0] + 1), range(1), tmp_path)
    assert passed == 0
    (message,) = failed
    assert "two threads" in message
    assert f"structure {QUICK[0]}, values 0" in message


def test_examples_are_those_of_their_seeds() -> None:
    builder = Fuzzed(QUICK[0]).builder
    first, again = (draw_examples(builder, 1, EXAMPLES) for _ in range(2))
    for population, y in first[1].items():
        np.testing.assert_array_equal(y, again[1][population])


def test_mutated_equations_and_code() -> None:
    failed: list[str] = []
    counts = run_mutations(range(12), False, failed.append)
    assert not failed, "\n".join(failed)
    assert counts["check_equations: accepted"] and counts["check_equations: refused"]
    assert counts["check_code: accepted"] and counts["check_code: refused"]


@pytest.mark.slow
def test_accepted_mutations_compile_and_run() -> None:
    failed: list[str] = []
    run_mutations(range(100, 118), True, failed.append)
    assert not failed, "\n".join(failed)


def test_mutations_are_those_of_their_seeds() -> None:
    texts = [mutated("a + b", ["*"], Random(seed)) for seed in range(20)]
    assert texts == [mutated("a + b", ["*"], Random(seed)) for seed in range(20)]
    assert len(set(texts)) > 5
    assert check_equations(3, False) == check_equations(3, False)
    assert check_code(3, False) == check_code(3, False)
