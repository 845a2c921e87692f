"""Network.load: saved arrays become weights and parameters of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import (
    INPUTS,
    STEPS,
    make,
    train,
)

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense, FixedProbability, Sparse
from ml_genn.errors import CheckpointError, CheckpointWarning
from ml_genn.neurons import (
    LeakyIntegrate,
    SpikeInput,
)
from ml_genn.serialisers import Numpy, Safetensors


@pytest.mark.parametrize("serialiser", [Numpy, Safetensors])
@pytest.mark.parametrize("kind", ["deep_r", "delays", "parameters", "eprop"])
def test_learned_arrays_are_loaded_into_a_network(
    kind: str, serialiser: Any, tmp_path: Path
) -> None:
    """Then the network runs in inference, also with other inputs and another seed."""
    trained = make(kind)
    compiled = trained.compile()
    train(compiled, 2)
    compiled.save((1,), serialiser(tmp_path))
    fresh = make(kind).network
    fresh.load((1,), serialiser(tmp_path))
    choices = {} if "eprop" in kind else {"scale_i": True, "relative_reset": False}
    rng = np.random.default_rng(3)
    x = rng.random((4, STEPS, INPUTS)) < 0.3
    with Network() as network:
        populations = [
            Population(SpikeInput() if k == 0 else resolved(p.neuron, choices), p.shape)
            for k, p in enumerate(fresh.populations)
        ]
        for c in fresh.connections:
            source, target = (fresh.populations.index(end) for end in c.ends())
            synapse = resolved(c.synapse, choices)
            Connection(
                populations[source],
                populations[target],
                c.connectivity,
                synapse,
                max_delay_steps=c.max_delay_steps,
            )
    inference = InferenceCompiler(STEPS, batch_size=4, rng_seed=9).compile(network)
    predictions, _ = inference.predict(x, callbacks=[])
    for loaded, saved in zip(
        fresh.connections, trained.network.connections, strict=True
    ):
        np.testing.assert_array_equal(
            np.ravel(loaded.connectivity.weight), np.ravel(compiled.weights(saved))
        )
    assert np.ptp(predictions[populations[-1]]) > 0
    if kind == "parameters":
        hidden, output = fresh.populations[1].neuron, fresh.populations[2]
        before = trained.network.populations[1]
        assert hidden.tau_mem == compiled.parameter(before, "tau_mem") != 20.0
        last = trained.network.populations[2]
        assert output.neuron.bias == compiled.parameter(last, "bias") != 0.0
        tau = fresh.connections[1].synapse.tau
        assert tau == compiled.parameter(last, "tau_syn0") != 4.0
        assert fresh.connections[0].synapse.tau == 4.0


def resolved(part: Any, choices: dict[str, Any]) -> Any:
    """Returns a neuron or synapse with defaults of the rule that trained it."""
    from dataclasses import replace

    known = {k: v for k, v in choices.items() if hasattr(part, k)}
    return replace(part, **known)


def test_files_of_mlgenn_are_loaded(tmp_path: Path) -> None:
    """They are flat arrays without a record; names may contain a '-'."""
    with Network() as network:
        source = Population("spike_input", 2, name="in-put")
        target = Population(LeakyIntegrate(readout="var"), 3, name="out")
        first = Connection(source, target, Dense(0.0), name="a-b")
        second = Connection(source, target, FixedProbability(0.5, 0.0), name="c")
    np.save(tmp_path / "9-a-b-g.npy", np.arange(6.0, dtype=np.float32))
    np.save(tmp_path / "9-c-g.npy", np.array([0.5, 0.25], dtype=np.float32))
    np.save(tmp_path / "9-out-Bias.npy", np.array([1, 2, 3], dtype=np.float32))
    with pytest.raises(CheckpointError, match="'c': array 'pre_ind' is missing"):
        network.load((9,), Numpy(tmp_path))
    assert first.connectivity.weight == 0.0
    np.save(tmp_path / "9-c-pre_ind.npy", np.array([0, 1], dtype=np.uint32))
    np.save(tmp_path / "9-c-post_ind.npy", np.array([2, 0], dtype=np.uint32))
    network.load((9,), Numpy(tmp_path))
    np.testing.assert_array_equal(first.connectivity.weight, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(target.neuron.bias, [1, 2, 3])
    assert isinstance(second.connectivity, Sparse)
    assert not second.connectivity.allow_self_connections
    (tmp_path / "9-a-b-g.npy").unlink()
    np.save(tmp_path / "9-out-Bias.npy", np.array([4, 5, 6], dtype=np.float32))
    with pytest.warns(CheckpointWarning, match="no weights of a-b, which keep") as seen:
        network.load((9,), Numpy(tmp_path))
    assert seen[0].filename == __file__
    np.testing.assert_array_equal(first.connectivity.weight, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(target.neuron.bias, [4, 5, 6])
    with pytest.raises(CheckpointError, match="'a-b/g' is missing"):
        network.load((10,), Numpy(tmp_path))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a-g", np.zeros(7), r"'a': array 'g' of this network has shape \(2, 3\)"),
        ("a-g", np.array([0, 0, 0, np.nan, 0, 0]), "'a': g holds numbers"),
        ("out-tau_mem", np.float32(-3.0), "'out': .*tau_mem is greater than 0"),
        ("out-v_thresh", np.float32(1.0), "'out/v_thresh' belongs to nothing"),
    ],
)
def test_invalid_arrays_are_refused(
    name: str, array: Any, message: str, tmp_path: Path
) -> None:
    with Network() as network:
        source = Population("spike_input", 2)
        target = Population(LeakyIntegrate(readout="var"), 3, name="out")
        Connection(source, target, Dense(0.5), name="a")
    np.save(tmp_path / "a-g.npy", np.zeros(6))
    np.save(tmp_path / f"{name}.npy", array)
    before = network.to_config()
    with pytest.raises(CheckpointError, match=message):
        network.load((), Numpy(tmp_path))
    assert network.to_config() == before
