"""Helper functions of mlGeNN, and default parameters of networks."""

from __future__ import annotations

import numpy as np
import pytest
from ml_genn.utils.network import get_underlying_conn, get_underlying_pop

from ml_genn import InputLayer, Layer, Network, SequentialNetwork
from ml_genn.compilers import eprop_compiler, event_prop_compiler
from ml_genn.connectivity import Dense, default_connectivity
from ml_genn.neurons import (
    LeakyIntegrate,
    LeakyIntegrateFire,
    LeakyIntegrateFireInput,
    Neuron,
    default_neurons,
)
from ml_genn.optimisers import Adam, Optimiser, default_optimisers
from ml_genn.utils.data import PreprocessedSpikes, preprocess_spikes
from ml_genn.utils.module import get_object, get_object_mapping

assert default_connectivity == {}
assert get_object(None, Neuron, "Neuron", default_neurons) is None
neuron = get_object("leaky_integrate_fire", Neuron, "Neuron", default_neurons)
assert isinstance(neuron, LeakyIntegrateFire)
mapping = get_object_mapping(
    "adam", ["a", "b"], Optimiser, "Optimiser", default_optimisers
)
assert [type(o) for o in mapping.values()] == [Adam, Adam]
with pytest.raises((RuntimeError, ValueError)):
    get_object("leak", Neuron, "Neuron", default_neurons)

fire = event_prop_compiler.default_params[LeakyIntegrateFire]
assert (fire["relative_reset"], fire["scale_i"]) == (False, True)
assert eprop_compiler.default_params[LeakyIntegrateFire]["relative_reset"]
network = SequentialNetwork({LeakyIntegrateFireInput: {"scale_i": True}})
with network:
    inputs = InputLayer(LeakyIntegrateFireInput(v_thresh=2.0), 4)
    output = Layer(Dense(1.0), LeakyIntegrate(readout="avg_var"), 2)
    assert Network.get_default_params(LeakyIntegrateFireInput) == {"scale_i": True}
assert inputs.population().neuron.scale_i is True
assert get_underlying_pop(output) is output.population()
assert get_underlying_conn(output) is output.connection()
assert output.connection().source() is inputs.population()
assert inputs.population().outgoing_connections[0]() is output.connection()

spikes = preprocess_spikes(np.array([3.0, 1.0, 2.0]), np.array([1, 0, 1]), 3)
assert isinstance(spikes, PreprocessedSpikes)
assert spikes.end_spikes.tolist() == [1, 3, 3]
assert spikes.spike_times.tolist() == [1.0, 2.0, 3.0]
