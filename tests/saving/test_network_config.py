"""Networks as plain data: to_config and from_config."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from saving.all_parts import network_with_all_parts
from saving.saved_nets import (
    STEPS,
    make,
)

from ml_genn import Connection, Network, Population, SequentialNetwork
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import CheckpointError
from ml_genn.initializers import Wrapper
from ml_genn.neurons import (
    LeakyIntegrateFire,
)


@pytest.mark.parametrize("separate", [False, True], ids=["lists", "separate arrays"])
def test_config_round_trip(separate: bool) -> None:
    network = network_with_all_parts()
    arrays: Any = {} if separate else None
    text = json.dumps(network.to_config(arrays))
    copy = Network.from_config(json.loads(text), arrays, allow_code=True)
    assert copy.to_config() == network.to_config()
    assert str(copy.populations[0]) == "A, ä/1"
    x = np.random.default_rng(0).random((2, STEPS, 2, 3)) < 0.3
    readouts = []
    for one in (network, copy):
        compiled = InferenceCompiler(STEPS, batch_size=2, num_threads=1).compile(one)
        predictions, _ = compiled.predict(x, callbacks=[])
        readouts.append([predictions[p] for p in compiled.outputs])
    for first, second in zip(*readouts, strict=True):
        np.testing.assert_array_equal(first, second)


def test_config_round_trip_of_layers() -> None:
    network = make("bptt").network
    copy = SequentialNetwork.from_config(network.to_config())
    assert [type(layer) for layer in copy.layers] == [
        type(layer) for layer in network.layers
    ]
    assert copy.layers[1].connection() is copy.connections[0]
    with copy:
        assert SequentialNetwork.get_prev_layer() is copy.layers[-1]


class MyNeuron(LeakyIntegrateFire):
    """User-defined neuron."""


def ramp(rng: Any, shape: tuple[int, ...]) -> np.ndarray:
    """User-defined initial values."""
    return np.linspace(0, 1, int(np.prod(shape))).reshape(shape)


def test_user_defined_objects_need_custom_objects() -> None:
    with Network() as network:
        source = Population("spike_input", 2)
        target = Population(MyNeuron(readout="spike_count"), 2)
        Connection(source, target, Dense(Wrapper(ramp)))
    config = json.loads(json.dumps(network.to_config()))
    with pytest.raises(CheckpointError, match=r"custom_objects=.*MyNeuron"):
        Network.from_config(config)
    custom = {"MyNeuron": MyNeuron, "ramp": ramp}
    copy = Network.from_config(config, custom_objects=custom)
    assert type(copy.populations[1].neuron) is MyNeuron
    assert copy.connections[0].connectivity.weight == Wrapper(ramp)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("populations"), "populations"),
        (lambda c: c.update(format=2), "format 2"),
        (lambda c: c.update({"class": "Nothing"}), "'Nothing'"),
        (
            lambda c: c["populations"][0]["neuron"].update({"class": "neurons.Spike"}),
            r"unknown class 'Spike'\. Did you mean 'SpikeInput'",
        ),
        (lambda c: c["connections"][0].update(source="B"), "B"),
    ],
)
def test_invalid_configs_are_refused(change: Any, message: str) -> None:
    config = network_with_all_parts().to_config()
    change(config)
    with pytest.raises(CheckpointError, match=message):
        Network.from_config(config, allow_code=True)
