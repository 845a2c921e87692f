"""Formulas of losses: their NumPy forms, and the C of elementwise ones."""

from __future__ import annotations

import numpy as np
import pytest

from ml_genn.errors import EquationError, UnknownNameError
from ml_genn.losses import LOSSES
from ml_genn.model.equations.c_expression import c_expression
from ml_genn.model.loss_formula import LossFormula, Targets, elementwise, one_hot

FORMULAS = {loss.FORMULA.name: loss.FORMULA for loss in LOSSES}
EXAMPLES, STEPS, CLASSES = 3, 4, 5
SCALAR = 1.5


def targets(kind: Targets, rng: np.random.Generator) -> np.ndarray:
    """Targets (EXAMPLES, STEPS) or (EXAMPLES, STEPS, CLASSES) of one kind."""
    if kind is Targets.LABELS:
        return rng.integers(CLASSES, size=(EXAMPLES, STEPS))
    drawn = rng.uniform(0.1, 1.0, (EXAMPLES, STEPS, CLASSES))
    return drawn / drawn.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_numpy_gradient_is_the_derivative_of_the_loss(name: str) -> None:
    rng = np.random.default_rng(1)
    formula = FORMULAS[name]
    y = rng.normal(size=(EXAMPLES, STEPS, CLASSES))
    target = targets(formula.targets, rng)
    loss, grad = formula.numpy(y, target, SCALAR)
    assert loss.shape == (EXAMPLES, STEPS)
    step = 1e-6
    for k in range(CLASSES):
        change = step * one_hot(np.full((EXAMPLES, STEPS), k), CLASSES)
        above, _ = formula.numpy(y + change, target, SCALAR)
        below, _ = formula.numpy(y - change, target, SCALAR)
        difference = (above - below) / (2 * step)
        np.testing.assert_allclose(grad[..., k], difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("value", "gradient"), [("error**2", "2 * error"), ("abs(error)", "sign(error)")]
)
def test_gradients_of_elementwise_losses_can_be_left_out(
    value: str, gradient: str
) -> None:
    written, derived = elementwise("f", value, gradient), elementwise("f", value)
    y, target = np.linspace(-2.0, 2.0, CLASSES), np.zeros(CLASSES)
    for one, other in zip(
        written.numpy(y, target, 1.0), derived.numpy(y, target, 1.0), strict=True
    ):
        np.testing.assert_allclose(one, other)
    assert written.cpp[4] == derived.cpp[4]


def test_names_of_formulas_and_expressions_are_checked() -> None:
    with pytest.raises(EquationError, match="cannot be used as a name"):
        elementwise("squared error", "error**2")
    with pytest.raises(UnknownNameError, match="'eror'"):
        elementwise("squared_error", "eror**2")


def test_formulas_are_equal_if_their_code_is() -> None:
    squared = FORMULAS["squared_error"]
    assert squared == elementwise("squared_error", "error**2")
    assert squared != elementwise("squared_error", "2 * error**2")
    assert hash(squared) == hash(elementwise("squared_error", "error**2"))


def test_the_signature_follows_from_the_targets() -> None:
    def signature(kind: Targets) -> str:
        zero = lambda y, target, scalar: (y[..., 0], y)  # noqa: E731
        return LossFormula("zero", kind, "lead", ("return 0;",), zero).signature

    assert "int label, float lead" in signature(Targets.LABELS)
    assert "const float *target, float lead" in signature(Targets.VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 * error", "2.0f * error"),
        ("error**2", "error * error"),
        ("(a + b)**3", "(a + b) * (a + b) * (a + b)"),
        ("a**b", "powf(a, b)"),
        ("-a**2", "-(a * a)"),
        ("a - (b - c)", "a - (b - c)"),
        ("a / (b * c)", "a / (b * c)"),
        ("abs(a) + ln(b)", "fabsf(a) + logf(b)"),
        ("max(0, 1e-7 - a)", "fmaxf(0.0f, 1e-07f - a)"),
        ("where(a < 1 and not b > 2, a, -b)", "a < 1.0f && !(b > 2.0f) ? a : -b"),
        ("1 + where(a < 1, a, b)", "1.0f + (a < 1.0f ? a : b)"),
        ("sign(a)", "a > 0.0f ? 1.0f : (a < 0.0f ? -1.0f : 0.0f)"),
    ],
)
def test_expressions_as_c(text: str, expected: str) -> None:
    assert c_expression(text).text == expected


def test_c_has_no_sinc() -> None:
    with pytest.raises(EquationError, match="C has no function 'sinc'"):
        c_expression("sinc(a)")
