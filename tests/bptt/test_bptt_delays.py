"""BPTT's gradients of delays against torch's automatic differentiation.

A delay between two whole numbers splits each spike between both, in proportion, so the
loss has a left and a right derivative at whole numbers. The gradient is their mean; at
a delay of zero it is the right one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from bptt.test_bptt import SURROGATE_DERIVATIVES, spike_function

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Exponential

torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")

SIZES = (6, 5, 3)  #: input, hidden, output
ENDS = ((0, 1), (1, 1), (1, 2))
STEPS, BATCH, LONGEST = 40, 2, 5
TAU_MEM, TAU_SYN = 20.0, 5.0
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Case:
    """Training of a network with a recurrent hidden layer.

    Args:
        readout: "spike_count" of spiking outputs, or a readout of voltages.
        learned: indices of `ENDS` whose delays are learned; the others' are 1.
        reset_gradient, backward_threshold: as for `BPTTCompiler`.
        constant: one delay for all that are learned; None for random ones.
    """

    readout: str = "spike_count"
    learned: tuple[int, ...] = (0, 1, 2)
    reset_gradient: bool = False
    backward_threshold: float | None = None
    constant: int | None = None

    def weights(self) -> list[np.ndarray]:
        """Input, recurrent and output weights."""
        rng = np.random.default_rng(1)
        means = (0.9, 0.1, 0.9 if self.readout == "spike_count" else 0.0)
        shapes = [(SIZES[i], SIZES[j]) for i, j in ENDS]
        return [rng.normal(m, 0.5, s) for m, s in zip(means, shapes, strict=True)]

    def delays(self) -> list[np.ndarray]:
        """Whole numbers up to the longest; some lead beyond the end."""
        rng = np.random.default_rng(2)
        samples = [rng.integers(0, LONGEST + 1, (SIZES[i], SIZES[j])) for i, j in ENDS]
        return [
            np.full_like(d, 1)
            if k not in self.learned
            else d
            if self.constant is None
            else np.full_like(d, self.constant)
            for k, d in enumerate(samples)
        ]

    def own(self) -> tuple[Any, list[Connection]]:
        """The network in ml_genn."""
        spiking = self.readout == "spike_count"
        output: Any = LeakyIntegrateFire if spiking else LeakyIntegrate
        with Network() as network:
            populations = [
                Population("spike_input", SIZES[0]),
                Population(LeakyIntegrateFire(relative_reset=False), SIZES[1]),
                Population(
                    output(
                        readout=self.readout,
                        **({"relative_reset": False} if spiking else {}),
                    ),
                    SIZES[2],
                ),
            ]
            connections = [
                Connection(
                    populations[i],
                    populations[j],
                    Dense(w, d),
                    Exponential(TAU_SYN),
                    max_delay_steps=LONGEST,
                )
                for (i, j), w, d in zip(
                    ENDS, self.weights(), self.delays(), strict=True
                )
            ]
        compiler = BPTTCompiler(
            STEPS,
            "sparse_categorical_crossentropy",
            reset_gradient=self.reset_gradient,
            backward_threshold=self.backward_threshold,
            batch_size=BATCH,
            num_threads=1,
            delay_learn_conns=[connections[k] for k in self.learned],
        )
        return compiler.compile(network), connections

    def reference(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Gradients of the weights and delays of each connection."""
        right = self._one_side([np.zeros(d.shape, int) for d in self.delays()])
        left = self._one_side([np.minimum(d, 1) for d in self.delays()])
        results = []
        for d, (w, r), (_, e) in zip(self.delays(), right, left, strict=True):
            results.append((w, np.where(d > 0, 0.5 * (e + r), r)))
        return results

    def _one_side(self, back: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Gradients with a delay d written as d - back, plus a fraction ``back``."""
        whole = [d - b for d, b in zip(self.delays(), back, strict=True)]
        fraction = [_leaf(b) for b in back]
        weight = [_leaf(w) for w in self.weights()]
        x, labels = data()
        spikes: list[list[Any]] = [
            list(torch.tensor(x, dtype=torch.float64).unbind(1)),
            [],
            [],
        ]
        spike = spike_function(
            SURROGATE_DERIVATIVES["fast_sigmoid"], self.backward_threshold
        )
        a, b = math.exp(-1.0 / TAU_MEM), math.exp(-1.0 / TAU_SYN)
        gain = (1.0 - a) * TAU_SYN * (1.0 - b)
        zero = [torch.zeros(BATCH, n, dtype=torch.float64) for n in SIZES]
        v, current, total = list(zero), list(zero), zero[2]
        for t in range(STEPS):
            for k, (i, j) in enumerate(ENDS):
                for d in range(LONGEST + 2):
                    if t - 1 - d < 0:
                        continue
                    here = torch.tensor(whole[k] == d)
                    next_ = torch.tensor(whole[k] + 1 == d)
                    factor = here * (1.0 - fraction[k]) + next_ * fraction[k]
                    current[j] = current[j] + spikes[i][t - 1 - d] @ (
                        weight[k] * factor
                    )
            for j in (1, 2):
                v[j] = a * v[j] + gain * current[j]
                current[j] = b * current[j]
                if j == 2 and self.readout != "spike_count":
                    total = total + v[j] / STEPS
                    continue
                fired = spike(v[j] - 1.0)
                r = fired if self.reset_gradient else fired.detach()
                v[j] = v[j] * (1.0 - r)
                spikes[j].append(fired)
                total = total + fired if j == 2 else total
        torch.nn.functional.cross_entropy(total, torch.tensor(labels)).backward()
        assert sum(float(s.detach().sum()) for s in spikes[1]) > 10
        return [
            (w.grad.numpy(), f.grad.numpy())
            for w, f in zip(weight, fraction, strict=True)
        ]


def _leaf(array: np.ndarray) -> Any:
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def data() -> tuple[np.ndarray, list[int]]:
    """Spike rasters and labels."""
    return np.random.default_rng(5).random((BATCH, STEPS, SIZES[0])) < 0.15, [1, 2]


def compare(case: Case) -> None:
    """Relative errors of all gradients are small."""
    compiled, connections = case.own()
    gradients = compiled.gradients(*data())
    for k, (weight, delay) in enumerate(case.reference()):
        pairs = [(gradients[connections[k]], weight)]
        if k in case.learned:
            pairs.append((gradients[connections[k], "delay"], delay))
        else:
            assert (connections[k], "delay") not in gradients
        for kind, (g, e) in zip(("weight", "delay"), pairs, strict=False):
            assert np.linalg.norm(e) > 0, (k, kind)
            assert np.linalg.norm(g - e) / np.linalg.norm(e) < TOLERANCE, (k, kind)


CASES = {
    "all": Case(),
    "reset_gradient": Case(reset_gradient=True),
    "backward_threshold": Case(backward_threshold=0.5),
    "input_only": Case(learned=(0,), readout="avg_var"),
    "input_and_recurrent": Case(learned=(0, 1), readout="avg_var"),
    "no_delay": Case(constant=0),
    "one_step": Case(constant=1),
    "longest": Case(constant=LONGEST),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients(name: str) -> None:
    compare(CASES[name])


def test_delays_onto_an_output_that_does_not_spike() -> None:
    case = Case(readout="avg_var", learned=(2,))
    compare(case)
