"""Choice of the PyGeNN backend and its device, arguments, and errors."""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from contract.test_every_class_runs import inputs, labels, network
from genn.fake import library

from ml_genn import Connection, Network, Population
from ml_genn.backends import DEVICES, get_backend
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.errors import (
    BuildError,
    UnknownNameError,
    UnsupportedError,
    ValidationError,
)
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire

STEPS = 15
CROSS_ENTROPY = "sparse_categorical_crossentropy"


@pytest.fixture
def _without_pygenn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes PyGeNN impossible to import."""
    monkeypatch.setitem(sys.modules, "pygenn", None)
    monkeypatch.delenv("ML_GENN_BACKEND", raising=False)


@pytest.mark.usefixtures("_without_pygenn")
def test_without_pygenn_the_error_says_how_to_get_it() -> None:
    with pytest.raises(BuildError, match="not on the package index") as caught:
        InferenceCompiler(STEPS, backend="pygenn")
    assert "github.com/genn-team/genn" in str(caught.value)
    assert "backend='cpu', the default, needs nothing" in str(caught.value)


@pytest.mark.usefixtures("_without_pygenn")
@pytest.mark.parametrize("device", DEVICES)
def test_without_pygenn_its_devices_are_the_engine_with_one_warning(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.warns(UserWarning) as caught:
        compiler = InferenceCompiler(STEPS, backend=device)
    assert compiler.backend.name == "cpu"
    reason = (
        "needs CuPy (pip install 'ml_genn[cuda]') or PyGeNN; backend 'cpu' goes "
        "without, since neither is installed."
        if device == "cuda"
        else "belongs to GeNN; backend 'cpu' goes without, since PyGeNN is not "
        "installed."
    )
    assert [str(w.message) for w in caught] == [f"ml_genn: backend='{device}' {reason}"]
    assert caught[0].filename == __file__


def test_devices_of_pygenn(pygenn: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    for device in DEVICES:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiler = InferenceCompiler(STEPS, backend=device)
        compiled = compiler.compile(network())
        assert compiler.backend.name == "pygenn"
        assert compiled.genn_model.backend_name == device


def test_the_environment_chooses(
    pygenn: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for chosen, device in (("pygenn", None), ("hip", "hip")):
        monkeypatch.setenv("ML_GENN_BACKEND", chosen)
        backend: Any = InferenceCompiler(STEPS).backend
        assert (backend.name, backend.device) == ("pygenn", device)
    assert get_backend("cpu").name == "cpu"
    with pytest.raises(UnknownNameError, match="Did you mean 'cuda'"):
        get_backend("cud")


def test_arguments_of_genn_are_passed_on(pygenn: ModuleType) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiler = InferenceCompiler(
            STEPS, backend="pygenn", optimize_code=True, kernel_profiling=True
        )
    model = compiler.compile(network()).genn_model
    assert model.preferences == {"optimize_code": True}
    assert model.timing_enabled
    assert (model.dt, model.batch_size) == (1.0, 1)
    other = InferenceCompiler(STEPS, backend="pygenn", manual_device_id=1)
    with pytest.raises(ValueError, match="Unknown preference"):
        _ = other.compile(network()).genn_model


def test_cpu_device_has_batch_size_one(
    pygenn: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library.installation, "default_backend", DEVICES[-1])
    net = network()
    many = InferenceCompiler(STEPS, batch_size=2, backend="pygenn").compile(net)
    with pytest.raises(
        ValidationError, match=r"Received batch_size=2\. Use batch_size=1"
    ):
        many.predict(inputs(net), callbacks=[])
    single = InferenceCompiler(STEPS, backend="pygenn").compile(net)
    engine = InferenceCompiler(STEPS, backend="cpu", num_threads=1).compile(net)
    expected, received = (
        next(iter(compiled.predict(inputs(net), callbacks=[])[0].values()))
        for compiled in (engine, single)
    )
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


def test_names_are_made_valid_and_unique(pygenn: ModuleType) -> None:
    with Network() as net:
        first = Population("spike_input", 4, name="a b")
        second = Population(LeakyIntegrateFire(), 4, name="a_b")
        last = Population(LeakyIntegrate(readout="var"), 4, name="ä")
        Connection(first, second, Dense(1.0), name="1-2")
        Connection(second, last, Dense(1.0), name="1_2")
    model = InferenceCompiler(STEPS, backend="pygenn").compile(net).genn_model
    assert list(model.neuron_populations) == ["a_b", "a_b_1", "_"]
    assert list(model.synapse_populations) == ["1_2", "1_2_1"]


def test_closing_unloads_the_model(pygenn: ModuleType) -> None:
    net = network()
    compiled = InferenceCompiler(STEPS, backend="pygenn").compile(net)
    compiled.predict(inputs(net), callbacks=[])
    compiled.model.close()
    with pytest.raises(RuntimeError, match="not loaded"):
        compiled.genn_model.unload()


# ---------------------------------------------------------------- errors
def test_delays_longer_than_an_example_are_rejected(pygenn: ModuleType) -> None:
    net = network(connectivity=Dense(Normal(0.2, 0.1), delay=STEPS + 1))
    compiled = EventPropCompiler(
        STEPS, CROSS_ENTROPY, "adam", batch_size=6, backend="pygenn"
    ).compile(net)
    with pytest.raises(UnsupportedError, match=r"Received 16 steps. Use backend='cpu'"):
        compiled.train(inputs(net), labels(), callbacks=[])


def test_arrays_too_large_for_32_bit_indices_are_rejected(pygenn: ModuleType) -> None:
    net = network()
    compiled = EventPropCompiler(
        2**27, CROSS_ENTROPY, "adam", batch_size=6, backend="pygenn"
    ).compile(net)
    x = [preprocess_spikes(np.array([1.0]), np.array([2]), 16)]
    with pytest.raises(ValidationError, match="Use a smaller batch or fewer time"):
        compiled.train(x, [0], callbacks=[])


def test_a_loss_that_is_not_finite_changes_no_weight(pygenn: ModuleType) -> None:
    net = network()
    compiled = EventPropCompiler(
        STEPS, CROSS_ENTROPY, "adam", batch_size=6, backend="pygenn"
    ).compile(net)
    weights = [compiled.weights(c) for c in net.connections]
    compiled.set_weights(net.connections[1], np.full((4, 4), 3e38))
    with pytest.raises(ArithmeticError), np.errstate(all="ignore"):
        compiled.train(inputs(net), labels(), callbacks=[])
    np.testing.assert_array_equal(compiled.weights(net.connections[0]), weights[0])
