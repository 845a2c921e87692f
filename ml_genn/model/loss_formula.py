"""Formulas of losses in the languages of the backends: C++, NumPy and GeNN code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from ml_genn.model.equations.c_expression import c_expression
from ml_genn.model.equations.complexity import check_complexity
from ml_genn.model.equations.expression import check_identifier, check_names, evaluate

#: (loss, dL/dy) from outputs y (..., neurons), targets and the scalar; the loss has one
#: axis less than y.
NumpyLoss = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]
#: A first spike at time t of an example of length T costs alpha / (1.01 T - t): more
#: than T, so that a spike in the last step has a finite cost.
LATE_SPIKE_END = 1.01
#: An output neuron that never spiked has the gradient alpha / (1e-4 T).
SILENT_SPIKE_END = 1e-4
ERROR = "error"  #: output minus target in the expressions of `elementwise`


class Targets(Enum):
    """Kinds of targets."""

    LABELS = "labels"  #: one class index per example
    PROBABILITIES = "probabilities"  #: one probability per class and example
    VALUES = "values"  #: one value per neuron and example, or per step as well


@dataclass(frozen=True, slots=True)
class LossFormula:
    """Loss L(y, target) of the outputs y of one example, and its gradient dL/dy.

    The three forms compute the same. `elementwise` makes them from one expression.

    Args:
        name: identifier of the C++ function, and what `print(plan)` shows.
        targets: kind of the targets.
        scalar: name of the number that the formula reads besides outputs and targets,
            for example "temperature"; it may change without a build.
        cpp: statements of a C++ function. They read ``y`` (float pointer), ``n``
            (number of outputs), ``label`` (int) or ``target`` (float pointer), the
            scalar by its name, and ``scale``; they write ``grad[k] = scale * dL/dy[k]``
            for all k and return L.
        numpy: function of (y, target, scalar) that returns (L, dL/dy) in double
            precision. Axes before the last one are examples and time steps. Labels have
            no axis of neurons.
        genn: C statements of one output neuron in one time step, which the PyGeNN
            backend translates for losses computed while the network runs. They read
            ``y_`` (output of this neuron), ``outputs_[first_ + k_]`` (output of k_),
            ``num_neurons``, ``target_`` (value, or probability of the neuron's class),
            ``target_sum_`` (sum of the probabilities), ``scale_`` and the scalar's name
            followed by an underscore; they add this neuron's part of L to ``loss_`` and
            set ``grad_`` to scale_ * dL/dy_. Locals end in an underscore. Empty
            (default) where the loss is not defined in a single step.
        late_spike_penalty: True if, with times t of first spikes, alpha / (1.01 T - t)
            of the label's neuron is added; False by default.
    """

    name: str
    targets: Targets
    scalar: str
    cpp: tuple[str, ...]
    numpy: NumpyLoss = field(repr=False, compare=False)
    genn: tuple[str, ...] = ()
    late_spike_penalty: bool = False

    def __post_init__(self) -> None:
        for name in (self.name, self.scalar):
            check_identifier(name, "LossFormula")

    @property
    def signature(self) -> str:
        """Arguments of the C++ function."""
        labels = self.targets is Targets.LABELS
        target = "int label" if labels else "const float *target"
        return (
            f"const float *y, int n, {target}, float {self.scalar}, float scale, "
            "float *grad"
        )


@dataclass(frozen=True, slots=True)
class _ElementwiseInNumpy:
    """Mean of an expression of the error over the last axis, times a factor."""

    value: str
    gradient: str

    def __call__(
        self, y: np.ndarray, target: np.ndarray, factor: float
    ) -> tuple[np.ndarray, np.ndarray]:
        error, n = y - target, y.shape[-1]
        value = evaluate(self.value, {ERROR: error})
        gradient = evaluate(self.gradient, {ERROR: error})
        return factor * value.sum(axis=-1) / n, factor * gradient / n


def elementwise(name: str, value: str, gradient: str | None = None) -> LossFormula:
    r"""Returns the mean over output neurons of a function of the error, times a factor.

    .. math:: L = \frac{factor}{K} \sum_k f(y_k - y^*_k)

    Args:
        name: identifier of the formula.
        value: f as an expression over ``error``, for example "error**2".
        gradient: its derivative, for example "2 * error"; None (default) derives it
            with SymPy.

    Raises:
        EquationError, UnknownNameError: if an expression cannot be parsed.
    """
    check_complexity(value, f"Loss '{name}'")
    check_names(value, frozenset({ERROR}), f"Loss '{name}'")
    if gradient is None:
        from ml_genn.model.equations.sympy_text import derivative_text  # imports SymPy

        gradient = derivative_text(value, ERROR)
    check_names(gradient, frozenset({ERROR}), f"Loss '{name}'")
    c_value, c_gradient = c_expression(value), c_expression(gradient).as_factor()
    genn_value, genn_gradient = (
        c_expression(text, suffix="_").as_factor() for text in (value, gradient)
    )
    return LossFormula(
        name,
        Targets.VALUES,
        scalar="factor",
        cpp=(
            "float sum = 0;",
            "for (int k = 0; k < n; ++k) {",
            "  const float error = y[k] - target[k];",
            f"  sum += {c_value.text};",
            f"  grad[k] = scale * factor * {c_gradient} / n;",
            "}",
            "return factor * sum / n;",
        ),
        numpy=_ElementwiseInNumpy(value, gradient),
        genn=(
            "const float error_ = y_ - target_;",
            f"loss_ += factor_ * {genn_value} / num_neurons;",
            f"grad_ = scale_ * factor_ * {genn_gradient} / num_neurons;",
        ),
    )


def one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns ones at the class of each label: (..., classes) in double precision."""
    is_label = np.arange(num_classes) == np.asarray(labels)[..., None]
    return np.asarray(is_label, dtype=np.float64)
