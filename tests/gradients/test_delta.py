"""EventProp with delta synapses, whose spikes make the voltage jump.

Exponential synapses onto the same neurons make them cross their thresholds between
arrivals, too. A spike that an arrival itself causes keeps that arrival's time: no
weight moves it, but it moves with the spike that arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gradients.nets import Case, differences, make_case, some, steepness
from gradients.test_event_prop import (
    COARSE,
    CROSS_ENTROPY,
    FINE,
    FLATTEST,
    TOLERANCE,
    check,
)
from reference import exact

from ml_genn.errors import TrainingWarning


def jumping(seed: int, which: Sequence[str], **options: Any) -> Case:
    """A random network, with delta synapses where they are asked for."""
    case = make_case(seed, **options)
    rng = np.random.default_rng(2000 + seed)
    connections = list(case.connections)
    if "output" in which:
        connections[-1] = replace(connections[-1], tau_syn=0.0)
    if "recurrent" in which:
        weight = rng.normal(-0.05, 0.03, (6, 6))
        delay = np.round(rng.uniform(0.5, 3.0, (6, 6)), 1)
        new = exact.Connection("hidden0", "hidden0", weight, 0.0, delay)
        connections.append(new)
    if "input" in which:
        weight = rng.normal(-0.03, 0.03, (5, 6))
        delay = np.round(rng.uniform(0.5, 3.0, (5, 6)), 1)
        connections.append(exact.Connection("in", "hidden0", weight, 0.0, delay))
    return replace(case, connections=tuple(connections))


def direct_spikes(case: Case) -> int:
    """Returns the number of spikes that an arrival causes from well below threshold."""
    result = case.simulate()
    count = 0
    for name, population in case.populations.items():
        if population.kind == "lif":
            for neuron, times in enumerate(result.spikes[name]):
                before = result.voltages(name, np.maximum(times - 1e-6, 0.0))
                count += int(np.sum(before[:, neuron] < 1.0 - 1e-3))
    return count


def errors(
    case: Case, learned: Sequence[int], readout: str = "avg_var"
) -> dict[float, dict[tuple[int, str], float]]:
    """{dt: {(connection, weight or delay): relative error}}."""

    def loss(case: Case) -> float:
        return float(exact.readout_loss(case.simulate(), "out", readout, case.label))

    expected = {}
    for k, c in enumerate(case.connections):
        expected[k, "weight"] = differences(
            lambda w, k=k: loss(case.with_weight(k, w)), c.weight
        )
        if k in learned:
            expected[k, "delay"] = differences(
                lambda d, k=k: loss(case.with_delays(k, d)), np.asarray(c.delay)
            )
    results: dict[float, dict[tuple[int, str], float]] = {}
    for dt in (COARSE, FINE):
        network, connections, _ = case.compile(
            dt, readout, CROSS_ENTROPY, delays=learned
        )
        gradients = network.gradients(case.data(dt), [case.label])
        results[dt] = {}
        for (k, kind), e in expected.items():
            c = connections[f"c{k}"]
            per_jump = gradients[c] / case.jump(case.connections[k], dt)
            g = per_jump if kind == "weight" else gradients[c, "delay"] / dt
            error = np.linalg.norm(g.flat[some(g.shape)] - e) / max(
                np.linalg.norm(e), 1e-12
            )
            results[dt][k, kind] = float(error)
    return results


#: name: (seed, where delta synapses are, delays that are learned, readout, network)
NETWORKS: dict[str, tuple[int, Sequence[str], Sequence[int], str, dict[str, Any]]] = {
    "input": (9, ["input"], [2], "avg_var", {}),
    "recurrent": (3, ["recurrent"], [2], "avg_var", {}),
    "both": (7, ["input", "recurrent"], [2, 3], "avg_var", {}),
    "relative_reset": (
        12,
        ["input"],
        [2],
        "avg_var",
        {"relative": True, "v_reset": -0.3},
    ),
    "output": (59, ["output"], [], "var", {}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    seed, which, learned, readout, options = NETWORKS[name]
    case = jumping(seed, which, **options)
    assert steepness(case) > FLATTEST
    assert direct_spikes(case) == 0
    outputs = errors(case, learned, readout)
    check({dt: max(e.values()) for dt, e in outputs.items()})


def single(kind: str, readout: str) -> tuple[Case, dict[float, dict[Any, float]]]:
    """An input that makes the voltage of a neuron of its own jump at 3 and 9 ms.

    Args:
        kind: "out" for jumps of the outputs, "hidden" for a hidden neuron between.
        readout: of the outputs.
    """
    connections = [
        exact.Connection(
            "in", "hidden", np.array([[0.7]]), 0.0, delay=np.array([[1.0]])
        ),
        exact.Connection("hidden", "out", np.array([[1.0, -0.5]]), 5.0),
    ]
    populations = {
        "in": exact.Population(1, "input"),
        "hidden": exact.Population(1, "lif"),
        "out": exact.Population(2, "li"),
    }
    if kind == "out":
        weight, delay = np.array([[0.7, -0.4]]), np.array([[1.0, 1.5]])
        connections = [exact.Connection("in", "out", weight, 0.0, delay)]
        del populations["hidden"]
    case = Case(populations, tuple(connections), [np.array([2.0, 8.0])], label=0)
    return case, errors(case, [0], readout)


def test_jumps_of_an_output_that_is_read_at_the_end() -> None:
    errors_by_step = single("out", "var")[1]
    check({dt: max(e.values()) for dt, e in errors_by_step.items()})


@pytest.mark.parametrize("readout", ["avg_var", "avg_var_exp_weight"])
def test_jumps_of_an_output_that_is_read_in_each_step(readout: str) -> None:
    outputs = single("out", readout)[1]
    assert outputs[FINE][0, "delay"] < TOLERANCE


@pytest.mark.parametrize("dt", [COARSE, FINE])
def test_no_weight_moves_a_spike_that_an_arrival_causes(dt: float) -> None:
    case, _ = single("hidden", "avg_var")
    assert direct_spikes(case) == 1
    with pytest.warns(TrainingWarning, match="no weight moves them"):
        network, connections, _ = case.compile(dt, "avg_var", CROSS_ENTROPY)
    gradients = network.gradients(case.data(dt), [case.label])
    own = gradients[connections["c0"]] / case.jump(case.connections[0], dt)
    assert np.linalg.norm(gradients[connections["c1"]]) > 1e-2
    assert np.all(own == 0.0)


def test_a_spike_that_an_arrival_causes_moves_with_it() -> None:
    _, errors_by_step = single("hidden", "avg_var")
    assert errors_by_step[FINE][0, "delay"] < TOLERANCE


def lifting(seed: int, which: Sequence[str], **options: Any) -> Case:
    """A random network whose delta synapses lift neurons over their thresholds."""
    case = make_case(seed, **options)
    rng = np.random.default_rng(500 + seed)
    connections = list(case.connections)
    if "layers" in which:
        (k,) = (k for k, c in enumerate(connections) if c.target == "hidden1")
        weight = rng.normal(0.5, 0.3, (6, 6))
        delay = np.round(rng.uniform(0.5, 3.0, (6, 6)), 1)
        connections[k] = replace(
            connections[k], weight=weight, tau_syn=0.0, delay=delay
        )
    if "input" in which:
        weight = rng.normal(0.2, 0.2, (5, 6))
        delay = np.round(rng.uniform(0.5, 3.0, (5, 6)), 1)
        connections.append(exact.Connection("in", "hidden0", weight, 0.0, delay))
    return replace(case, connections=tuple(connections))


#: name: (seed, where delta synapses are, network)
LIFTED: dict[str, tuple[int, Sequence[str], dict[str, Any]]] = {
    "input": (1, ["input"], {}),
    "relative_reset": (1, ["input"], {"relative": True, "v_reset": -0.3}),
    "layers": (7, ["layers"], {"layers": 2}),
    "refractory": (4, ["input"], {"tau_refrac": 2.0}),
}


@pytest.mark.parametrize("name", LIFTED)
def test_networks_in_which_arrivals_cause_spikes(name: str) -> None:
    seed, which, options = LIFTED[name]
    case = lifting(seed, which, **options)
    assert direct_spikes(case) > 10
    delayed = [k for k, c in enumerate(case.connections) if np.ndim(c.delay)]
    outputs = errors(case, delayed)
    check({dt: max(e.values()) for dt, e in outputs.items()})
