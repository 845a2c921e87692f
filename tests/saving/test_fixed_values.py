"""Values that training does not change are compared with those of a checkpoint."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population, load_model
from ml_genn.callbacks import EarlyStopping
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import CheckpointError, TrainingWarning
from ml_genn.initializers import Normal
from ml_genn.model.snapshot import Snapshot
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput, UserNeuron
from ml_genn.serialisers import Numpy, Safetensors
from ml_genn.synapses import Exponential

LOSS = "sparse_categorical_crossentropy"
X = np.random.default_rng(0).random((4, 10, 3)) < 0.3
Y = np.arange(4) % 2


def network(
    neuron: Any = None,
    synapse: Any = None,
    delay: int = 2,
    readout: str = "avg_var",
) -> Network:
    with Network() as result:
        source = Population(SpikeInput(), 3, name="in")
        inner = Population(neuron or LeakyIntegrateFire(), 4, name="hidden")
        out = Population(LeakyIntegrate(readout=readout), 2, name="out")
        weight = Dense(Normal(0.5, 0.5), delay)
        Connection(source, inner, weight, synapse or Exponential(5.0), name="first")
        Connection(inner, out, Dense(Normal(0, 1)), Exponential(5.0), name="second")
    return result


def hidden(built: Network) -> Population:
    return built.populations[1]


def trained(compiler: Any = EventPropCompiler, **changes: Any) -> Any:
    compiled = compiler(10, LOSS, num_threads=1).compile(network(**changes))
    compiled.train(X, Y, callbacks=[])
    return compiled


TAUS = np.array([20.0, 21.0, 22.0, 23.0])
#: {case: (arguments of the other network, its difference in the message)}
OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "time constant": (
        {"neuron": LeakyIntegrateFire(tau_mem=30.0)},
        "population 'hidden': tau_mem=20.0 there, 30.0 here",
    ),
    "threshold": (
        {"neuron": LeakyIntegrateFire(v_thresh=0.1)},
        "population 'hidden': v_thresh=1.0 there, 0.1 here",
    ),
    "array": (
        {"neuron": LeakyIntegrateFire(tau_mem=TAUS)},
        "tau_mem=20.0 there, 20.0 to 23.0 .checksum",
    ),
    "delay": ({"delay": 3}, "connection 'first': delay=2.0 there, 3.0 here"),
    "synapse": (
        {"synapse": Exponential(2.0)},
        "connection 'first': tau=5.0 there, 2.0 here",
    ),
    "kind of synapse": (
        {"synapse": "delta"},
        "connection 'first': synapse=Exponential there, Delta here",
    ),
    "readout": (
        {"readout": "sum_var"},
        "population 'out': readout=AvgVar there, SumVar here",
    ),
    "kind of neuron": (
        {
            "neuron": UserNeuron(
                {"v": ("(-v + Isyn) / tau", "0")}, "v", "v - 1", {"tau": 20.0}
            )
        },
        "population 'hidden': neuron=LeakyIntegrateFire there, UserNeuron here",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
@pytest.mark.parametrize("way", ["resume", "inference", "network"])
def test_other_values_are_warned_of_and_used(
    case: str, way: str, tmp_path: Path
) -> None:
    changes, message = OTHERS[case]
    inference = InferenceCompiler(10, num_threads=1)
    compiled = inference.compile(network()) if way == "inference" else trained()
    compiled.save((1,), Numpy(tmp_path))
    other = network(**changes)
    with pytest.warns(TrainingWarning, match=message) as caught:
        if way == "network":
            other.load((1,), Numpy(tmp_path))
        elif way == "inference":
            compiled_other: Any = inference.compile(other)
            compiled_other.load((1,), Numpy(tmp_path))
        else:
            compiled_other = EventPropCompiler(10, LOSS, num_threads=1).compile(other)
            assert compiled_other.resume(Numpy(tmp_path)) == 1
    values = [w for w in caught if "other values" in str(w.message)]
    assert [w.filename for w in values] == [__file__]
    if way == "network":
        compiled_other = inference.compile(other)
    for own, saved in zip(other.connections, compiled.network.connections, strict=True):
        np.testing.assert_array_equal(
            compiled_other.weights(own), compiled.weights(saved)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # its own values are the same before and after
        compiled_other.restore(compiled_other.snapshot())


def test_another_rule_is_warned_of(tmp_path: Path) -> None:
    trained().save((1,), Safetensors(tmp_path))
    compiled = BPTTCompiler(10, LOSS, num_threads=1).compile(network())
    message = "training: compiler=EventPropCompiler there, BPTTCompiler here"
    with pytest.warns(TrainingWarning, match=message):
        compiled.resume(Safetensors(tmp_path))


def test_values_that_are_learned_or_sampled_equally_are_no_difference(
    tmp_path: Path,
) -> None:
    neuron = LeakyIntegrateFire(tau_mem=Normal(20.0, 1.0))
    options: dict[str, Any] = {"rng_seed": 3, "num_threads": 1}
    first = EventPropCompiler(10, LOSS, **options).compile(network(neuron))
    first.save((1,), Numpy(tmp_path))
    again = EventPropCompiler(10, LOSS, **options).compile(network(neuron))
    again.load((1,), Numpy(tmp_path))
    network(neuron).load((1,), Numpy(tmp_path))  # not sampled yet: not compared
    other = EventPropCompiler(10, LOSS, num_threads=1, rng_seed=4).compile(
        network(neuron)
    )
    message = "tau_mem=.*checksum.* there, .* here"
    with (
        pytest.warns(TrainingWarning, match="rng_seed"),
        pytest.warns(TrainingWarning, match=message),
    ):
        other.load((1,), Numpy(tmp_path))


def test_learned_parameters_come_from_the_checkpoint(tmp_path: Path) -> None:
    def compiled(tau: float) -> Any:
        built = network(LeakyIntegrateFire(tau_mem=tau))
        learned = {
            "all_connections": {"weight": "adam"},
            hidden(built): {"tau_mem": "adam"},
        }
        compiler = EventPropCompiler(10, LOSS, num_threads=1)
        return compiler.compile(built, optimisers=learned)

    first, second = compiled(20.0), compiled(30.0)
    first.save((1,), Numpy(tmp_path))
    second.load((1,), Numpy(tmp_path))
    tau = second.parameter(hidden(second.network), "tau_mem")
    np.testing.assert_array_equal(tau, 20.0)


def test_models_and_the_best_epoch_are_restored_without_a_warning(
    tmp_path: Path,
) -> None:
    compiled = EventPropCompiler(10, LOSS, num_threads=1).compile(network())
    stop = EarlyStopping("loss", patience=1, min_delta=9.0, restore_best_weights=True)
    compiled.train(X, Y, num_epochs=3, callbacks=[stop])
    compiled.save_model(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.snapshot().info["fixed_values"]["population 'hidden'"] == {
        "neuron": "LeakyIntegrateFire",
        "readout": "NoneType",
        "v_thresh": "1.0",
        "v_reset": "0.0",
        "tau_mem": "20.0",
    }


@pytest.mark.parametrize(
    "values", [3, {"a": 1}, {"a": {"b": 1.5}}, {"a": {"b": "x" * 999}}]
)
def test_malformed_values_are_refused(values: Any) -> None:
    compiled = trained()
    saved = compiled.snapshot()
    with pytest.raises(CheckpointError, match="fixed_values"):
        compiled.restore(Snapshot(saved.arrays, {**saved.info, "fixed_values": values}))
