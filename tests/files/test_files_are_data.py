"""A file chooses neither programs nor backends, flags, threads or classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving.saved_nets import make

import ml_genn
from ml_genn import Connection, Network, Population
from ml_genn.backends.host.cores import available_cores
from ml_genn.compilers import InferenceCompiler
from ml_genn.config.codec import CODE_CLASSES, MODULES, Decoder
from ml_genn.connectivity import Dense
from ml_genn.errors import CheckpointError
from ml_genn.model.snapshot import Snapshot
from ml_genn.neurons import CodeNeuron, UserNeuron
from ml_genn.serialisers import Numpy
from ml_genn.serialisers.safetensors import read_file, write_file

CODE = {
    "var_name_types": [("V", "scalar")],
    "sim_code": "V += Isyn;",
    "threshold_condition_code": "V > 1",
    "reset_code": "V = 0;",
}


class OwnCode(CodeNeuron):
    """A class of the user's own whose code comes from the file all the same."""


def network(neuron: Any) -> Network:
    with Network() as net:
        source = Population("spike_input", 3, name="i")
        Connection(source, Population(neuron, 2, name="o"), Dense(1.0))
    return net


def code_neuron(cls: type[CodeNeuron] = CodeNeuron) -> CodeNeuron:
    return cls(CODE, "V", readout="spike_count")


def edited(path: Path, edit: Any) -> Path:
    """Changes the info of a model file; its checksums match it again."""
    contents = read_file(path)
    info = json.loads(json.dumps(dict(contents.info)))
    edit(info)
    write_file(path, Snapshot(contents.arrays, info))
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """File of a compiled network."""
    compiled = InferenceCompiler(5, num_threads=1).compile(
        make("plain", num_threads=1).network
    )
    ml_genn.save_model(compiled, tmp_path / "x")
    return tmp_path / "x"


@pytest.mark.parametrize("cls", [CodeNeuron, OwnCode])
@pytest.mark.parametrize("compiled", [False, True], ids=["network", "compiled"])
def test_code_needs_permission(
    cls: type[CodeNeuron], compiled: bool, tmp_path: Path
) -> None:
    model: Any = network(code_neuron(cls))
    if compiled:
        model = InferenceCompiler(5, num_threads=1).compile(model)
    ml_genn.save_model(model, tmp_path / "x")
    custom = {"OwnCode": OwnCode}
    with pytest.raises(CheckpointError, match=r"'o'.*code strings.*allow_code=True"):
        ml_genn.load_model(tmp_path / "x", custom)
    loaded = ml_genn.load_model(tmp_path / "x", custom, allow_code=True)
    net = loaded.network if compiled else loaded
    assert type(net.populations[1].neuron) is cls


@pytest.mark.parametrize("text", [False, True], ids=["data", "JSON"])
def test_configurations_with_code_need_permission(text: bool) -> None:
    config: Any = network(code_neuron()).to_config()
    if text:
        config = json.loads(json.dumps(config))
    with pytest.raises(CheckpointError, match="allow_code=True"):
        Network.from_config(config)
    assert Network.from_config(config, allow_code=True).to_config() == config


def test_code_hidden_in_arguments_needs_permission(tmp_path: Path) -> None:
    """In default arguments, in lists, and in arguments of the compiler."""
    data = {"class": "neurons.CodeNeuron", "arguments": {"model": {"mapping": []}}}
    for hidden in (
        [data],
        {"tuple": [data]},
        {"mapping": [["x", data]]},
        {"mapping": [[data, "x"]]},
        {"class": "neurons.SpikeInput", "arguments": {"x": data}},
    ):
        with pytest.raises(CheckpointError, match="allow_code=True"):
            Decoder().decode(hidden)
    config: Any = network("leaky_integrate").to_config()
    config["default_params"] = {"mapping": [["x", data]]}
    with pytest.raises(CheckpointError, match="allow_code=True"):
        Network.from_config(config)


def test_equations_need_no_permission(tmp_path: Path) -> None:
    neuron = UserNeuron(
        {"v": ("(-v + Isyn) / tau", "0")},
        "v",
        threshold="v - 1",
        param_vals={"tau": 20.0},
        readout="spike_count",
    )
    ml_genn.save_model(network(neuron), tmp_path / "x")
    assert ml_genn.load_model(tmp_path / "x").to_config() == (
        network(neuron).to_config()
    )


def test_every_class_with_code_is_known() -> None:
    """No other class that files may name parses code strings."""
    parsing = {
        path.stem
        for module in MODULES.values()
        for path in Path(str(module.__file__)).parent.rglob("*.py")
        if "code_strings" in path.read_text("utf-8")
    }
    assert parsing == {"code_neuron"}
    assert (CodeNeuron,) == CODE_CLASSES


def test_arrays_are_loaded_without_permission(tmp_path: Path) -> None:
    """A checkpoint has numbers only, also that of a network with code."""
    net = network(code_neuron())
    compiled = InferenceCompiler(5, num_threads=1).compile(net)
    compiled.save((1,), Numpy(tmp_path))
    net.load((1,), Numpy(tmp_path))
    np.testing.assert_array_equal(
        net.connections[0].connectivity.weight, np.ones((3, 2))
    )


MACHINE = {
    "user_cxx_flags_gnu": "-fplugin=/tmp/evil.so",
    "user_nvcc_flags": "-ccbin /tmp/evil",
    "optimize_code": False,
    "backend": "null",
    "communicator": 3,
    "kernel_profiling": True,
    "device_select_method": "MANUAL",
}


@pytest.mark.parametrize("name", MACHINE)
def test_arguments_of_the_machine_in_files_are_ignored(name: str, saved: Path) -> None:
    edited(saved, lambda i: i["compiler"]["arguments"].update({name: MACHINE[name]}))
    loaded = ml_genn.load_model(saved)
    assert loaded._config.backend.name == "cpu"
    assert loaded._config.genn_kwargs == {"kernel_profiling": False}
    again = saved.with_name("again")
    ml_genn.save_model(loaded, again)
    assert name not in read_file(again).info["compiler"]["arguments"]


def test_backends_are_not_saved(tmp_path: Path) -> None:
    compiled = InferenceCompiler(5, backend="cpu").compile(network("leaky_integrate"))
    ml_genn.save_model(compiled, tmp_path / "x")
    assert "backend" not in read_file(tmp_path / "x").info["compiler"]["arguments"]
    with pytest.raises(ml_genn.errors.MlGennError, match="unknown backend 'cup'"):
        ml_genn.load_model(tmp_path / "x", backend="cup")
    loaded = ml_genn.load_model(tmp_path / "x", backend="cpu", num_threads=1)
    assert loaded._config.num_threads == 1


@pytest.mark.parametrize("threads", [10**9, available_cores() + 1])
def test_threads_in_files_are_bounded(threads: int, saved: Path) -> None:
    edited(saved, lambda i: i["compiler"]["arguments"].update(num_threads=threads))
    assert ml_genn.load_model(saved)._config.num_threads == available_cores()
    assert ml_genn.load_model(saved, num_threads=1)._config.num_threads == 1


@pytest.mark.parametrize(
    "name", ["system", "Compiler", "CompiledNetwork", "__name__", "Feedback", "x" * 999]
)
def test_only_compilers_are_called(name: str, saved: Path) -> None:
    edited(saved, lambda i: i["compiler"].update({"class": name}))
    with pytest.raises(CheckpointError, match=r"(no compiler of ml_genn|compiler: )"):
        ml_genn.load_model(saved)


@pytest.mark.parametrize(
    "name", ["neurons.get_neuron", "os.system", "neurons.__loader__", "builtins.eval"]
)
def test_only_public_classes_are_named(name: str) -> None:
    with pytest.raises(CheckpointError, match="unknown"):
        Decoder().decode({"class": name, "arguments": {}})
    with pytest.raises(CheckpointError, match="unknown"):
        Decoder().decode({"named": name})


def test_objects_have_the_kind_of_their_place(tmp_path: Path) -> None:
    """A synapse is no neuron, even if its class is one of ml_genn."""
    for part, other in (("neuron", "synapse"), ("synapse", "connectivity")):
        config: Any = network("leaky_integrate").to_config()
        owner = (
            config["populations"][1] if part == "neuron" else config["connections"][0]
        )
        owner[part] = config["connections"][0][other]
        with pytest.raises(
            CheckpointError, match=rf"{part}: expected a {part.title()}"
        ):
            Network.from_config(config)
