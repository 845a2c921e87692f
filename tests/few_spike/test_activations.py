"""Few-spike neurons send functions of sums, and numbers below zero with an offset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import FewSpikeCompiler
from ml_genn.connectivity import OneToOne
from ml_genn.errors import EquationError, UnknownNameError, ValidationError
from ml_genn.neurons import FewSpikeActivation, FewSpikeRelu, FewSpikeReluInput

K = 12
X = np.linspace(-3.0, 3.0, 61)
OFFSET = -3.0

#: {activation: NumPy's function}
EXPECTED: dict[str, Any] = {
    "swish": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "square": np.square,
    "tanh": np.tanh,
    "where(x > 1, 2 * x, x)": lambda x: np.where(x > 1, 2 * x, x),
}


def read_numbers(neuron: FewSpikeActivation) -> tuple[np.ndarray, np.ndarray]:
    """Returns the function as the neuron computes it, and as its digits send it."""
    with Network() as network:
        numbers = Population(FewSpikeReluInput(K, 6.01, offset=OFFSET), (len(X),))
        hidden = Population(neuron, (len(X),))
        # The input sends x - OFFSET; the bias of the target adds the offset again.
        Connection(numbers, hidden, OneToOne(1.0))
        output = Population(FewSpikeRelu(K, readout="var"), (len(X),))
        Connection(hidden, output, OneToOne(1.0))
    compiled = FewSpikeCompiler(K).compile(network)
    values, _ = compiled.predict({numbers: X[None]}, callbacks=[])
    return values[hidden][0], values[output][0] + neuron.offset


@pytest.mark.parametrize("name", EXPECTED)
def test_functions(name: str) -> None:
    neuron = FewSpikeActivation(name, K, 16.0, -4.0, "var", bias=OFFSET)
    computed, sent = read_numbers(neuron)
    expected = EXPECTED[name](X)
    np.testing.assert_allclose(computed, expected, atol=6 * 6.01 / 2**K)
    assert np.all((computed - sent >= -1e-5) & (computed - sent <= 16.0 / 2**K))


@pytest.mark.parametrize(
    ("activation", "error", "message"),
    [
        ("swich", UnknownNameError, "Did you mean 'swish'"),
        ("y * y", UnknownNameError, "'y'"),
        ("x +", EquationError, "is not an expression"),
        (3, ValidationError, "name of a function or an expression in x"),
    ],
)
def test_wrong_functions(activation: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FewSpikeActivation(activation)
