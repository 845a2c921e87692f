"""Models in single files, and networks as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine.processes import finish, start
from saving.saved_nets import (
    CLASSES,
    INPUTS,
    KINDS,
    LOSS,
    STEPS,
    assert_equal,
    data,
    make,
    train,
)

import ml_genn
from ml_genn import Connection, Network, Population, SequentialNetwork
from ml_genn.callbacks import ModelCheckpoint
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense, FixedProbability, Sparse
from ml_genn.errors import CheckpointError, UnsupportedError, ValidationError
from ml_genn.initializers import Normal, Wrapper
from ml_genn.neurons import (
    CodeNeuron,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
    UserNeuron,
)
from ml_genn.readouts import AvgVar
from ml_genn.serialisers import Numpy, Safetensors
from ml_genn.synapses import Exponential, UserSynapse


def test_arguments_of_genn_are_not_saved(tmp_path: Path) -> None:
    """They belong to a machine, and may be objects that only GeNN knows."""
    with pytest.warns(UserWarning, match="device_select_method belongs to GeNN"):
        compiled = make("plain", device_select_method=object()).compile()
    ml_genn.save_model(compiled, tmp_path / "model.safetensors")
    assert_equal(ml_genn.load_model(tmp_path / "model.safetensors"), compiled)


@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_network_goes_on_from_its_file(kind: str, tmp_path: Path) -> None:
    """It is the same to the bit, predicts the same and learns the same."""
    path = tmp_path / "model.safetensors"
    compiled = make(kind).compile()
    train(compiled, 2)
    ml_genn.save_model(compiled, path)
    loaded = ml_genn.load_model(path)
    assert_equal(loaded, compiled)
    assert loaded.network.to_config() == compiled.network.to_config()
    found = []
    for network in (loaded, compiled):
        np.random.seed(5)
        train(network, 1, 2)
        metrics, _ = network.evaluate(*data(), callbacks=[])
        found.append((metrics.loss, next(iter(metrics.values())).result))
    assert found[0] == found[1]
    assert_equal(loaded, compiled)


def test_a_model_loads_in_another_process(tmp_path: Path) -> None:
    """Without the script that made it."""
    path = tmp_path / "model.safetensors"
    compiled = make("deep_r").compile()
    train(compiled, 1)
    ml_genn.save_model(compiled, path)
    script = f"""
import ml_genn, numpy as np
model = ml_genn.load_model({str(path)!r})
x = np.random.default_rng(1).uniform(0, 1, (4, {INPUTS}))
found, _ = model.predict(x, callbacks=[])
print(found[model.network.layers[-1]].tolist())
"""
    loaded = json.loads(finish(start(script)))
    x = np.random.default_rng(1).uniform(0, 1, (4, INPUTS))
    fresh = ml_genn.load_model(path)
    expected, _ = fresh.predict(x, callbacks=[])
    np.testing.assert_array_equal(loaded, expected[fresh.network.layers[-1]])


def test_inference_networks_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    network = make("plain").network
    compiled = InferenceCompiler(STEPS, rng_seed=3, batch_size=4).compile(network)
    ml_genn.save_model(compiled, path)
    loaded = ml_genn.load_model(path)
    assert_equal(loaded, compiled)
    assert loaded.batch_size == 4


def test_a_network_alone_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    network = everything()
    ml_genn.save_model(network, path)
    loaded = ml_genn.load_model(path)
    assert type(loaded) is Network
    assert loaded.to_config() == network.to_config()


def everything() -> Network:
    """A network with parts of all kinds."""
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


@pytest.mark.parametrize("beside", [False, True], ids=["lists", "arrays beside"])
def test_config_goes_there_and_back(beside: bool) -> None:
    network = everything()
    arrays: Any = {} if beside else None
    text = json.dumps(network.to_config(arrays))
    made = Network.from_config(json.loads(text), arrays)
    assert made.to_config() == network.to_config()
    assert str(made.populations[0]) == "A, ä/1"
    x = np.random.default_rng(0).random((2, STEPS, 2, 3)) < 0.3
    found = []
    for one in (network, made):
        compiled = InferenceCompiler(STEPS, batch_size=2, num_threads=1).compile(one)
        result, _ = compiled.predict(x, callbacks=[])
        found.append([result[p] for p in compiled.outputs])
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)


def test_layers_come_back() -> None:
    network = make("bptt").network
    made = SequentialNetwork.from_config(network.to_config())
    assert [type(layer) for layer in made.layers] == [
        type(layer) for layer in network.layers
    ]
    assert made.layers[1].connection() is made.connections[0]
    with made:
        assert SequentialNetwork.get_prev_layer() is made.layers[-1]


class MyNeuron(LeakyIntegrateFire):
    """A class of a user."""


def ramp(rng: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A function of a user."""
    return np.linspace(0, 1, int(np.prod(shape))).reshape(shape)


def test_objects_of_users_are_named_when_loading() -> None:
    with Network() as network:
        source = Population("spike_input", 2)
        target = Population(MyNeuron(readout="spike_count"), 2)
        Connection(source, target, Dense(Wrapper(ramp)))
    config = json.loads(json.dumps(network.to_config()))
    with pytest.raises(CheckpointError, match=r"custom_objects=.*MyNeuron"):
        Network.from_config(config)
    custom = {"MyNeuron": MyNeuron, "ramp": ramp}
    made = Network.from_config(config, custom_objects=custom)
    assert type(made.populations[1].neuron) is MyNeuron
    assert made.connections[0].connectivity.weight == Wrapper(ramp)


def test_what_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    with Network() as network:
        source = Population("spike_input", 2)
        target = Population(LeakyIntegrate(readout="var"), 2, name="out")
        Connection(source, target, Dense(Wrapper(lambda rng, shape: rng.random(shape))))
    with pytest.raises(UnsupportedError, match=r"'Conn_Pop0_out'.*lambda has no name"):
        ml_genn.save_model(network, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(ValidationError, match="expected a Network or a compiled"):
        ml_genn.save_model(3, tmp_path / "x")  # type: ignore[arg-type]


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
def test_config_that_is_none_is_refused(change: Any, message: str) -> None:
    config = everything().to_config()
    change(config)
    with pytest.raises(ValidationError, match=message):
        Network.from_config(config)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(CheckpointError, match="there is no such file"):
        ml_genn.load_model(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="cannot be read"):
        ml_genn.load_model(path)
    make("plain").compile().save(("x",), Safetensors(tmp_path))
    with pytest.raises(CheckpointError, match="holds no network"):
        ml_genn.load_model(path)


# ------------------------------------------------------------ arrays into networks
@pytest.mark.parametrize("place", [Numpy, Safetensors])
@pytest.mark.parametrize("kind", ["deep_r", "delays", "parameters", "eprop"])
def test_what_was_learned_is_loaded_into_a_network(
    kind: str, place: Any, tmp_path: Path
) -> None:
    """Compiled for inference with another seed, it gives what training gave."""
    trained = make(kind)
    compiled = trained.compile()
    train(compiled, 2)
    compiled.save((1,), place(tmp_path))
    fresh = make(kind).network
    fresh.load((1,), place(tmp_path))
    choices = {} if "eprop" in kind else {"scale_i": True, "relative_reset": False}
    rng = np.random.default_rng(3)
    x = rng.random((4, STEPS, INPUTS)) < 0.3
    with Network() as whole:
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
    inference = InferenceCompiler(STEPS, batch_size=4, rng_seed=9).compile(whole)
    found, _ = inference.predict(x, callbacks=[])
    for mine, theirs in zip(
        fresh.connections, trained.network.connections, strict=True
    ):
        np.testing.assert_array_equal(
            np.ravel(mine.connectivity.weight), np.ravel(compiled.weights(theirs))
        )
    assert np.ptp(found[populations[-1]]) > 0
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
    """A neuron or synapse with the choices of the rule that trained it."""
    from dataclasses import replace

    known = {k: v for k, v in choices.items() if hasattr(part, k)}
    return replace(part, **known)


def test_files_of_mlgenn_are_loaded(tmp_path: Path) -> None:
    """Flat arrays and nothing else; names may have a '-'."""
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
    with pytest.raises(CheckpointError, match="'a-b/g' is missing"):
        network.load((9,), Numpy(tmp_path))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a-g", np.zeros(7), r"'a': array 'g' of this network has shape \(2, 3\)"),
        ("a-g", np.array([0, 0, 0, np.nan, 0, 0]), "'a': g holds numbers"),
        ("out-tau_mem", np.float32(-3.0), "'out': .*tau_mem is greater than 0"),
        ("out-v_thresh", np.float32(1.0), "'out/v_thresh' belongs to nothing"),
    ],
)
def test_arrays_that_do_not_fit_a_network(
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


# ------------------------------------------------------------ the best model
def test_model_checkpoint_keeps_the_best(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    compiled = make("plain").compile()
    losses = []

    class Best(ModelCheckpoint):
        def on_epoch_end(self, epoch: int, metrics: Any) -> None:
            losses.append(metrics.loss)
            super().on_epoch_end(epoch, metrics)

    np.random.seed(0)
    x, y = data()
    held = {"validation_x": x, "validation_y": (y + 1) % CLASSES}
    train(compiled, 5, validation_callbacks=[Best(path)], **held)
    assert losses[-1] > min(losses)  # the wrong labels become less and less likely
    best = ml_genn.load_model(path)
    assert best.epoch == int(np.argmin(losses))
    train(compiled, 2, 5, validation_callbacks=[Best(path)], **held)
    assert min(losses[5:]) > min(losses)
    assert ml_genn.load_model(path).epoch == best.epoch


@pytest.mark.parametrize("mode", ["auto", "max", "min"])
def test_model_checkpoint_modes(mode: str, tmp_path: Path) -> None:
    callback = ModelCheckpoint(
        tmp_path / "{epoch}.safetensors", "sparse_categorical_accuracy", mode
    )
    results = []

    class Watch(ml_genn.callbacks.Callback):
        def on_epoch_end(self, epoch: int, metrics: Any) -> None:
            results.append(next(iter(metrics.values())).result)

    train(make("plain").compile(), 6, callbacks=[callback, Watch()])
    worth = [-r if mode == "min" else r for r in results]
    expected = [k for k, w in enumerate(worth) if all(w > v for v in worth[:k])]
    assert sorted(int(p.stem) for p in tmp_path.glob("*.safetensors")) == expected


def test_every_epoch_if_asked_for(tmp_path: Path) -> None:
    callback = ModelCheckpoint(tmp_path / "{epoch}.safetensors", save_best_only=False)
    train(make("plain").compile(), 3, callbacks=[callback])
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_model_checkpoint_refuses_what_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="unknown mode 'mini'"):
        ModelCheckpoint(tmp_path / "x", mode="mini")
    callback = ModelCheckpoint(tmp_path / "x", "sparse_accuracy")
    with pytest.raises(ValidationError, match="Did you mean 'sparse_categorical_acc"):
        train(make("plain").compile(), 1, callbacks=[callback])


def test_compilers_keep_what_they_were_given(tmp_path: Path) -> None:
    """Losses and lists by population or layer, surrogates, threads."""
    made = make("plain")
    compiled = EventPropCompiler(
        STEPS,
        {made.layers[2]: LOSS},
        "adam",
        reg_lambda_upper={made.layers[1]: 1e-3},
        reg_nu_upper=5,
        num_threads=1,
        batch_size=5,
    ).compile(made.network)
    train(compiled, 1)
    compiled.save_model(tmp_path / "x")
    loaded = ml_genn.load_model(tmp_path / "x")
    np.random.seed(1)
    train(loaded, 1, 1)
    np.random.seed(1)
    train(compiled, 1, 1)
    assert_equal(loaded, compiled)
