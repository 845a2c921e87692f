"""A network with parts of many kinds."""

from __future__ import annotations

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.connectivity import Dense, FixedProbability, Sparse
from ml_genn.initializers import Normal
from ml_genn.neurons import (
    CodeNeuron,
    LeakyIntegrateFire,
    UserNeuron,
)
from ml_genn.readouts import AvgVar
from ml_genn.synapses import Exponential, UserSynapse


def network_with_all_parts() -> Network:
    """Returns a network with neurons, synapses and connectivity of many kinds."""
    rng = np.random.default_rng(0)
    user = UserNeuron(
        {"v": ("(-v + Isyn) / tau", "v - 1")},
        "v",
        threshold="v - 1",
        param_vals={"tau": np.linspace(5, 9, 4)},
        var_vals={"v": [0.1, 0.2, 0.3, 0.4]},
        sub_steps=2,
        readout="spike_count",
    )
    synapse = UserSynapse(
        {"i": ("-i / tau", "i + weight")}, "i", param_vals={"tau": 3.0}
    )
    code = CodeNeuron(
        {
            "var_name_types": [("V", "scalar")],
            "sim_code": "V += Isyn;",
            "threshold_condition_code": "V >= 1.0",
            "reset_code": "V = 0.0;",
        },
        readout=AvgVar(),
    )
    with Network({LeakyIntegrateFire: {"tau_mem": 7.0}}) as network:
        a = Population("spike_input", (2, 3), record_spikes=True, name="A, ä/1")
        b = Population(user, 4)
        c = Population(LeakyIntegrateFire(v_thresh="uniform"), 4)
        d = Population(code, 2)
        Connection(a, b, Dense(rng.normal(size=(6, 4))), synapse)
        Connection(a, c, FixedProbability(0.5, Normal(1.0), delay=2), Exponential())
        Connection(c, c, Sparse([0, 1], [1, 3], [0.5, -0.5], [0, 2]), name="own")
        Connection(b, c, Dense("normal", "uniform"), max_delay_steps=3)
        Connection(c, d, Dense(0.5))
    return network
