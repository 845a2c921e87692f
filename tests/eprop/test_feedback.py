"""Feedback weights, through which errors of outputs reach hidden populations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from eprop.reference_nets import ALIF, LIF, Case

from ml_genn.errors import MlGennError, UnknownNameError, UnsupportedError
from ml_genn.optimisers import Adam

TWO = Case({"a": LIF, "b": ALIF}, c_reg=0.2)
BEHIND = Case({"a": LIF, "b": ALIF}, to_output=("b",))  # a reaches it through b only


@pytest.mark.parametrize("case", [TWO, BEHIND], ids=["two", "behind"])
@pytest.mark.parametrize("feedback", ["random", "adaptive"])
def test_gradients(feedback: str, case: Case) -> None:
    compiled, connections, populations = case.compile(feedback=feedback)
    weights = {
        name: compiled.feedback_weights(populations[name], populations["out"])
        for name in case.hidden
    }
    expected = case.reference(weights)
    spikes, target = case.data()
    gradients = compiled.gradients(spikes[None], np.array(target)[None])
    for k, connection in enumerate(connections):
        e, g = expected.gradients[k], gradients[connection]
        assert np.linalg.norm(e) > 0
        assert np.linalg.norm(g - e) / np.linalg.norm(e) < 1e-4, connection


def test_adaptive_feedback_learns_as_the_weights_to_the_output() -> None:
    compiled, connections, populations = BEHIND.compile(feedback="adaptive")
    spikes, target = BEHIND.data()
    gradients = compiled.gradients(spikes[None], [target])
    out = next(c for c in connections if c.target() is populations["out"])
    own = gradients[populations["b"], populations["out"]]
    np.testing.assert_allclose(own, gradients[out], rtol=1e-6)
    assert (populations["a"], populations["out"]) not in gradients


def _alike(compiled: object, case_parts: tuple[object, object, object]) -> float:
    connection, hidden, output = case_parts
    b = compiled.feedback_weights(hidden, output).ravel()  # type: ignore[attr-defined]
    w = compiled.weights(connection).ravel()  # type: ignore[attr-defined]
    return float(b @ w / np.linalg.norm(b) / np.linalg.norm(w))


def test_adaptive_feedback_becomes_alike_and_random_feedback_stays() -> None:
    alike = {}
    spikes, target = BEHIND.data()
    for feedback in ("random", "adaptive"):
        compiled, connections, populations = BEHIND.compile(
            feedback=feedback, feedback_decay=0.02, optimiser=Adam(0.01)
        )
        out = next(c for c in connections if c.target() is populations["out"])
        parts = (out, populations["b"], populations["out"])
        before = compiled.feedback_weights(*parts[1:])
        first = _alike(compiled, parts)
        compiled.train(spikes[None], [target], num_epochs=300, callbacks=[])
        alike[feedback] = first, _alike(compiled, parts)
        same = np.array_equal(compiled.feedback_weights(*parts[1:]), before)
        assert same == (feedback == "random")
    assert alike["adaptive"][1] > 0.95 > alike["adaptive"][0]
    assert alike["random"][1] < 0.9


def test_a_population_behind_others_needs_other_feedback_than_symmetric() -> None:
    with pytest.raises(UnsupportedError, match="or use feedback='random'"):
        BEHIND.compile()


@pytest.mark.parametrize("feedback", [None, 3, "", [], {}, np.nan])
def test_other_kinds_are_refused(feedback: Any) -> None:
    with pytest.raises(MlGennError, match=r"EPropCompiler: .*feedback.*symmetric"):
        TWO.compile(feedback=feedback)


def test_a_typo_gets_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'adaptive'"):
        TWO.compile(feedback="adaptiv")
