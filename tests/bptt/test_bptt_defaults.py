"""BPTT with default arguments on a network of all that delays and remembers.

Two recurrent layers of adaptive neurons with refractory periods, and delays, against
torch in double precision; the gradient passes through adaptation, not the reset of v.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from bptt.test_bptt import SURROGATE_DERIVATIVES, spike_function

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import UnknownNameError, ValidationError
from ml_genn.neurons import AdaptiveLeakyIntegrateFire, LeakyIntegrate
from ml_genn.synapses import Exponential

torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")

SIZES = (12, 10, 8, 3)
ENDS = ((0, 1), (1, 1), (1, 2), (2, 2), (2, 3))
DELAYS = (0, 2, 1, 3, 0)
STEPS, BATCH, LABELS = 60, 4, [0, 2, 1, 1]
BETA, REFRACTORY_STEPS = 0.3, 2
TOLERANCE = 2e-5


def weights() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    means = (0.7, 0.0, 0.9, 0.0, 0.0)
    return [
        rng.normal(m, 0.5, (SIZES[i], SIZES[j]))
        for (i, j), m in zip(ENDS, means, strict=True)
    ]


def data() -> np.ndarray:
    return np.random.default_rng(5).random((BATCH, STEPS, SIZES[0])) < 0.15


def own_gradients(**kwargs: Any) -> list[np.ndarray]:
    hidden = AdaptiveLeakyIntegrateFire(
        beta=BETA, tau_adapt=100.0, tau_refrac=float(REFRACTORY_STEPS)
    )
    neurons = ("spike_input", hidden, hidden, LeakyIntegrate(readout="avg_var"))
    with Network() as network:
        populations = [
            Population(n, size) for n, size in zip(neurons, SIZES, strict=True)
        ]
        connections = [
            Connection(populations[i], populations[j], Dense(w, d), Exponential(5.0))
            for (i, j), w, d in zip(ENDS, weights(), DELAYS, strict=True)
        ]
    loss = "sparse_categorical_crossentropy"
    compiled = BPTTCompiler(STEPS, loss, batch_size=BATCH, **kwargs).compile(network)
    gradients = compiled.gradients(data(), LABELS)
    return [gradients[c] for c in connections]


def torch_gradients(follow_adaptation: bool) -> list[np.ndarray]:
    w = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in weights()]
    x = torch.tensor(data(), dtype=torch.float64)
    spike = spike_function(SURROGATE_DERIVATIVES["fast_sigmoid"], None)
    alpha, rho, b = (math.exp(-1.0 / tau) for tau in (20.0, 100.0, 5.0))
    gain = (1.0 - alpha) * 5.0 * (1.0 - b)
    zero = [torch.zeros(BATCH, n, dtype=torch.float64) for n in SIZES]
    v, i, a, rest = list(zero), list(zero), list(zero), list(zero)
    fired: list[list[Any]] = [list(x.unbind(1)), [], []]
    total = zero[3]
    for t in range(STEPS):
        for (source, target), weight, d in zip(ENDS, w, DELAYS, strict=True):
            if t - 1 - d >= 0:
                i[target] = i[target] + fired[source][t - 1 - d] @ weight
        for k in (1, 2, 3):
            frozen = rest[k] > 0
            v[k] = torch.where(frozen, v[k], alpha * v[k] + gain * i[k])
            i[k] = b * i[k]
        total = total + v[3] / STEPS
        for k in (1, 2):
            a[k], rest[k] = rho * a[k], torch.clamp(rest[k] - 1.0, min=0.0)
            ready = (rest[k] == 0).to(torch.float64)
            s = ready * spike(v[k] - 1.0 - BETA * a[k])
            fired[k].append(s)
            v[k] = v[k] * (1.0 - s.detach())
            a[k] = a[k] + (s if follow_adaptation else s.detach())
            rest[k] = torch.where(s > 0, float(REFRACTORY_STEPS), rest[k])
    assert all(sum(float(s.detach().sum()) for s in fired[k]) > 50 for k in (1, 2))
    torch.nn.functional.cross_entropy(total, torch.tensor(LABELS)).backward()
    return [x.grad.numpy() for x in w]


@pytest.mark.parametrize("detach", [(), "a"])
def test_recurrent_adaptive_layers(detach: Any) -> None:
    expected = torch_gradients(follow_adaptation=not detach)
    for e, own in zip(expected, own_gradients(detach=detach), strict=True):
        assert np.linalg.norm(own - e) / np.linalg.norm(e) < TOLERANCE


def test_followed_adaptation_changes_the_gradient() -> None:
    followed, cut = own_gradients(), own_gradients(detach="a")
    assert np.linalg.norm(followed[1] - cut[1]) > 0.01 * np.linalg.norm(cut[1])


def test_unknown_and_wrong_names() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'refrac_steps'"):
        own_gradients(detach=["refrac_step"])
    with pytest.raises(ValidationError, match="BPTTCompiler: detach"):
        own_gradients(detach=3)
