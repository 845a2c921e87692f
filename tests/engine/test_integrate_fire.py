"""Integrate-and-fire neurons: bias, reset by subtraction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import OneToOne
from ml_genn.errors import ValidationError
from ml_genn.neurons import IntegrateFire, IntegrateFireInput

STEPS = 40
X = np.array([[0.3, 0.7, 1.0], [0.25, 0.5, 0.0]])
BIAS = [0.0, 0.125, -0.5]


def spikes(current: np.ndarray, threshold: float, relative: bool) -> np.ndarray:
    """Raster of spikes: (examples, steps, neurons)."""
    v, fired = np.zeros_like(current[:, 0]), np.zeros_like(current)
    for step in range(current.shape[1]):
        v += current[:, step]
        fired[:, step] = v >= threshold
        v = np.where(fired[:, step], v - threshold if relative else 0.0, v)
    return fired


@pytest.mark.parametrize("relative", [False, True])
def test_spikes(relative: bool) -> None:
    """Counts are those of the equations, with a bias in each step from the first on."""
    arguments: dict[str, Any] = {"relative_reset": relative}
    with Network() as network:
        inputs = Population(IntegrateFireInput(0.75, **arguments), 3)
        neuron = IntegrateFire(0.375, bias=BIAS, readout="spike_count", **arguments)
        fired = Population(neuron, 3)
        end = Population(IntegrateFire(1e30, readout="var", bias=0.5), 3)
        Connection(inputs, fired, OneToOne(0.5))
        Connection(fired, end, OneToOne(2.0))
    compiled = InferenceCompiler(STEPS, batch_size=2, num_threads=1).compile(network)
    outputs, _ = compiled.predict(X, callbacks=[])
    first = spikes(np.repeat(X[:, None], STEPS, 1).astype(np.float32), 0.75, relative)
    current = np.zeros_like(first) + BIAS
    current[:, 1:] += 0.5 * first[:, :-1]
    second = spikes(current.astype(np.float32), 0.375, relative)
    np.testing.assert_array_equal(outputs[fired], second.sum(1))
    potential = 2.0 * second[:, :-1].sum(1) + 0.5 * STEPS
    np.testing.assert_allclose(outputs[end], potential)


def test_arguments() -> None:
    assert IntegrateFireInput(1.0, 0.0, 0.0, 2, 5).input_frame_timesteps == 5
    with pytest.raises(ValidationError, match="IntegrateFire: relative_reset is True"):
        IntegrateFire(relative_reset=None)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="IntegrateFire: bias"):
        IntegrateFire(bias="much")
