"""EventProp with refractory periods against differences of the exact simulation.

A membrane that stands still in the period restarts at its end, which moves with the
spike that began it. A membrane that is integrated may be above the threshold at the
end: that spike moves with the one before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradients.nets import Case, make_case
from gradients.test_event_prop import CROSS_ENTROPY, FINE, check, errors
from reference import exact

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense, OneToOne
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    SpikeInput,
)
from ml_genn.synapses import Exponential

PERIOD = 3.0  # [ms]
RECURRENT = {"recurrent": True, "delay": 1.0, "tau_refrac": PERIOD}
NETWORKS: dict[str, dict[str, Any]] = {
    "frozen": {"seed": 5, **RECURRENT},
    "frozen, relative reset": {"seed": 3, "relative": True, **RECURRENT},
    "integrated": {"seed": 4, "integrates": True, **RECURRENT},
    "integrated, relative reset": {
        "seed": 0,
        "relative": True,
        "integrates": True,
        **RECURRENT,
    },
}


def spikes_at_ends(case: Case) -> int:
    """Returns the number of spikes at the end of a refractory period."""
    trains = case.simulate().spikes["hidden0"]
    return sum(int(np.sum(np.abs(np.diff(t) - PERIOD) < 1e-9)) for t in trains)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    case = make_case(**NETWORKS[name])
    assert (spikes_at_ends(case) > 0) == name.startswith("integrated")
    check(
        errors(
            case,
            lambda r: exact.readout_loss(r, "out", "avg_var", case.label),
            lambda dt: (case.compile(dt, "avg_var", CROSS_ENTROPY)[0], [case.label]),
        )
    )


@pytest.mark.parametrize("integrates", [False, True])
def test_delays_before_and_after_adaptive_neurons(integrates: bool) -> None:
    """The gradient of the first delay is that of all later spikes moved together."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        hidden = Population(
            AdaptiveLeakyIntegrateFire(tau_refrac=4.0, beta=0.1, relative_reset=False),
            1,
        )
        output = Population(LeakyIntegrate(readout="var"), 2)
        synapse = {"synapse": Exponential(8.0), "max_delay_steps": 800}
        first = Connection(source, hidden, OneToOne(8.0, 200), **synapse)
        second = Connection(hidden, output, Dense([[1.0, -0.5]]), **synapse)
    compiled = EventPropCompiler(
        3000,
        CROSS_ENTROPY,
        dt=FINE,
        num_threads=1,
        delay_learn_conns=[first, second],
    ).compile(network)
    data = np.zeros((1, 3000, 1), bool)
    data[0, 300] = True
    gradients = compiled.gradients(data, [0])
    both = gradients[second, "delay"].sum()
    assert abs(both) > 1e-5
    np.testing.assert_allclose(gradients[first, "delay"].sum(), both, rtol=1e-2)
