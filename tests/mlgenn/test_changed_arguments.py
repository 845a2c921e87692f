"""Arguments of the neurons and synapses of a network may be changed."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import UnknownNameError, ValidationError
from ml_genn.neurons import CodeNeuron, LeakyIntegrateFire, Neuron, SpikeInput
from ml_genn.readouts import SpikeCount
from ml_genn.synapses import Exponential


def network(neuron: Neuron) -> tuple[Network, Population, Population, Connection]:
    with Network() as net:
        source = Population(SpikeInput(), 2)
        target = Population(neuron, 2)
        connection = Connection(source, target, Dense(1.0), Exponential(5.0))
    return net, source, target, connection


def test_changed_arguments_are_compiled() -> None:
    net, source, target, connection = network(LeakyIntegrateFire(v_thresh=100.0))
    target.neuron.v_thresh = 1.5  # type: ignore[attr-defined]
    target.neuron.readout = "spike_count"
    connection.synapse.tau = 2.0  # type: ignore[attr-defined]
    assert isinstance(target.neuron.readout, SpikeCount)
    other, source2, target2, _ = network(
        LeakyIntegrateFire(v_thresh=1.5, readout="spike_count")
    )
    other.connections[0].synapse = Exponential(2.0)
    x = np.random.default_rng(0).random((3, 20, 2)) < 0.4
    results = [
        InferenceCompiler(20, batch_size=3)
        .compile(n)
        .predict({s: x}, callbacks=[])[0][t]
        for n, s, t in ((net, source, target), (other, source2, target2))
    ]
    assert results[0].min() > 0
    np.testing.assert_array_equal(*results)


def test_populations_do_not_change_each_other() -> None:
    neuron = LeakyIntegrateFire()
    neuron.v_thresh = 2.0
    _, _, first, _ = network(neuron)
    _, _, second, _ = network(first.neuron)
    first.neuron.v_thresh = 3.0  # type: ignore[attr-defined]
    assert second.neuron.v_thresh == 2.0  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match=r"Change population.neuron.v_thresh"):
        neuron.v_thresh = 4.0


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_copies_of_networks_may_be_changed(copied: object) -> None:
    net, _, target, _ = network(LeakyIntegrateFire())
    other = copied(net).populations[1]  # type: ignore[operator]
    other.neuron.v_thresh = 0.5
    assert target.neuron.v_thresh == 1.0  # type: ignore[attr-defined]


def test_values_are_checked() -> None:
    _, _, target, _ = network(LeakyIntegrateFire())
    with pytest.raises(ValidationError, match="tau_mem is greater than 0"):
        target.neuron.tau_mem = -1.0  # type: ignore[attr-defined]
    with pytest.raises(UnknownNameError, match="Did you mean 'v_thresh'"):
        target.neuron.v_tresh = 1.0  # type: ignore[attr-defined]
    assert target.neuron.tau_mem == 20.0  # type: ignore[attr-defined]


def test_a_code_neuron_is_copied_too() -> None:
    neuron = CodeNeuron({"var_name_types": [("V", "scalar")], "sim_code": "V += Isyn;"})
    _, _, first, _ = network(neuron)
    first.neuron.readout = "spike_count"
    assert isinstance(first.neuron.readout, SpikeCount)
    assert neuron.readout is None
