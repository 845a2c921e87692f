"""EventProp for neurons given by any equation, against differences of their ODEs.

The reference integrates the equations with small Runge-Kutta steps and finds threshold
crossings by root finding; it knows nothing of adjoints or time steps of the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from reference import exact, ode

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    SpikeInput,
    UserNeuron,
)
from ml_genn.synapses import Exponential

T_END, LABEL = 30.0, 1
FINE, COARSE = 0.01, 0.1
TOLERANCE = 1e-2


@dataclass(frozen=True)
class Case:
    """A hidden neuron in both worlds, and a network around it."""

    model: ode.Model
    neuron: Any
    mean: float
    seed: int = 0

    def weights(self) -> list[np.ndarray]:
        """Input, recurrent and output weights."""
        rng = np.random.default_rng(self.seed)
        return [
            rng.normal(self.mean, 0.3 * self.mean, (4, 4)),
            rng.normal(0.0, 0.1 * self.mean, (4, 4)),
            rng.normal(0.0, 0.8, (4, 3)),
        ]

    def inputs(self) -> list[np.ndarray]:
        """Spike times."""
        rng = np.random.default_rng(100 + self.seed)
        return [np.sort(rng.uniform(0.5, 18.0, 4)) for _ in range(4)]

    def loss(self, weights: list[np.ndarray]) -> float:
        """Cross-entropy of the mean output voltage, from the equations."""
        ends = [("in", "hidden"), ("hidden", "hidden"), ("hidden", "out")]
        connections = [
            exact.Connection(source, target, w, 5.0, 1.0 if source == target else 0.0)
            for (source, target), w in zip(ends, weights, strict=True)
        ]
        populations = {
            "in": ode.Population(4),
            "hidden": ode.Population(4, self.model),
            "out": ode.Population(3, ode.leaky_integrator(20.0)),
        }
        inputs = {"in": self.inputs()}
        result = ode.simulate(populations, connections, inputs, T_END, 0.05)
        assert sum(map(len, result.spikes["hidden"])) >= 4
        return float(ode.avg_var_cross_entropy(result, "out", LABEL))

    def gradients(self, dt: float) -> list[np.ndarray]:
        """EventProp's gradients."""
        with Network() as network:
            source = Population(SpikeInput(), 4)
            hidden = Population(self.neuron, 4)
            out = Population(LeakyIntegrate(tau_mem=20.0, readout="avg_var"), 3)
            ends = [(source, hidden, 0), (hidden, hidden, 1.0), (hidden, out, 0)]
            connections = [
                Connection(a, b, Dense(w, round(delay / dt)), Exponential(5.0))
                for (a, b, delay), w in zip(ends, self.weights(), strict=True)
            ]
        compiled = EventPropCompiler(
            round(T_END / dt), "sparse_categorical_crossentropy", dt=dt, num_threads=1
        ).compile(network)
        times = np.concatenate(self.inputs()) - dt
        ids = np.repeat(np.arange(4), [len(t) for t in self.inputs()])
        grads = compiled.gradients([preprocess_spikes(times, ids, 4)], [LABEL])
        return [grads[c] for c in connections]


def quadratic() -> UserNeuron:
    """v' = (v (v - 1) + I) / tau."""
    return UserNeuron(
        {"v": ("(v*(v - 1) + Isyn)/tau", "0")},
        "v",
        threshold="v - 1.5",
        param_vals={"tau": 20.0},
    )


def exponential() -> UserNeuron:
    """v' = (-v + s exp((v - v_soft) / s) + I) / tau."""
    return UserNeuron(
        {"v": ("(-v + 0.2*exp((v - 1)/0.2) + Isyn)/tau", "0")},
        "v",
        threshold="v - 1.5",
        param_vals={"tau": 20.0},
    )


def branched() -> UserNeuron:
    """v' = (-v + max(v - 0.7, 0)^2 + I) / tau, as two branches."""
    return UserNeuron(
        {"v": ("(-v + where(v > 0.7, (v - 0.7)**2, 0) + Isyn)/tau", "0")},
        "v",
        threshold="v - 1.5",
        param_vals={"tau": 20.0},
    )


CASES = {
    "adaptive": Case(
        ode.adaptive_lif(
            tau_mem=20.0, v_thresh=1.0, beta=0.3, tau_adapt=30.0, relative_reset=True
        ),
        AdaptiveLeakyIntegrateFire(beta=0.3, tau_adapt=30.0, relative_reset=True),
        2.5,
    ),
    "quadratic": Case(ode.quadratic_if(tau_mem=20.0), quadratic(), 4.0, 4),
    "branched": Case(ode.branched_if(tau_mem=20.0), branched(), 3.0),
    "exponential": Case(ode.exponential_if(tau_mem=20.0), exponential(), 3.0, 2),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients(name: str) -> None:
    """Networks are chosen as in test_event_prop: no threshold crossing is flat."""
    case = CASES[name]
    weights = case.weights()

    def loss(k: int, w: np.ndarray) -> float:
        changed = list(weights)
        changed[k] = w
        return case.loss(changed)

    expected = [
        exact.finite_difference(lambda w, k=k: loss(k, w), weights[k], 1e-5)
        for k in range(3)
    ]
    errors = {
        dt: max(
            float(np.linalg.norm(g - e) / np.linalg.norm(e))
            for g, e in zip(case.gradients(dt), expected, strict=True)
        )
        for dt in (COARSE, FINE)
    }
    assert errors[FINE] < TOLERANCE
    assert errors[FINE] < 0.5 * errors[COARSE]
