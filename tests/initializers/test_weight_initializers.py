"""Initializers of weights: their widths follow from synapses, equations and neurons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ml_genn
from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import (
    AvgPoolConv2D,
    AvgPoolDense2D,
    Connectivity,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    FixedProbability,
    OneToOne,
    Sparse,
)
from ml_genn.errors import ValidationError
from ml_genn.initializers import (
    FluctuationDriven,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initializer,
    LeCunNormal,
)
from ml_genn.initializers.projection import Projection, SpikeResponse
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    CodeNeuron,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    UserNeuron,
)
from ml_genn.synapses import Delta, Exponential

IMAGE = (12, 12, 3)
#: {name: (connectivity of a weight, shape of the target, fan-in, fan-out)}
FANS: dict[str, tuple[Any, Any, float, float]] = {
    "dense": (Dense, 50, 432, 50),
    "fixed probability": (lambda w: FixedProbability(0.5, w), 60, 216, 30),
    "one to one": (OneToOne, IMAGE, 1, 1),
    "mask": (lambda w: Dense.from_mask(np.tri(432) > 0, w), 432, 216.5, 216.5),
    "convolution": (lambda w: Conv2D(w, 8, 5), None, 75, 5**2 * 8 * 64 / 144),
    "stride": (lambda w: Conv2D(w, 8, 2, conv_strides=2), None, 12, 8),
    "transposed": (
        lambda w: Conv2DTranspose(w, 8, 2, conv_strides=2),
        None,
        3,
        4 * 8,
    ),
    "depthwise": (lambda w: DepthwiseConv2D(w, 2, 4, conv_strides=2), None, 4, 4),
    "pooled convolution": (
        lambda w: AvgPoolConv2D(w, 8, 2, 3),
        None,
        27,
        9 * 8 * 16 / 36,
    ),
    "pooled dense": (lambda w: AvgPoolDense2D(w, 2), 50, 108, 50),
}
#: {initializer: variance of weights with a fan-in m and a fan-out n}
VARIANCES: dict[Initializer, Any] = {
    GlorotNormal(): lambda m, n: 2 / (m + n),
    GlorotUniform(): lambda m, n: 2 / (m + n),
    HeNormal(): lambda m, n: 2 / m,
    HeUniform(gain=3.0): lambda m, n: 9 * 2 / m,
    LeCunNormal(0.5): lambda m, n: 0.25 / m,
}
PROJECTION = Projection("test", 30.0, 70.0, 1, lambda: None)


class _Seen(Initializer):
    """Weights of 0, and the projections that were asked for."""

    def __init__(self) -> None:
        self.projections: list[Projection] = []

    def of_projection(self, projection: Projection) -> Initializer:
        self.projections.append(projection)
        return self

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape)


def projection_onto(
    neuron: Any,
    connectivity: Any = Dense,
    synapse: Any = "delta",
    shape: Any = 10,
    dt: float = 1.0,
) -> Projection:
    """Returns the projection of a connection from an image."""
    seen = _Seen()
    with Network() as network:
        source = Population("spike_input", IMAGE)
        Connection(source, Population(neuron, shape), connectivity(seen), synapse)
    InferenceCompiler(1, dt=dt).compile(network).weights(network.connections[0])
    return seen.projections[0]


@pytest.mark.parametrize("name", FANS)
def test_fans_are_mean_numbers_of_synapses(name: str) -> None:
    connectivity, shape, fan_in, fan_out = FANS[name]
    projection = projection_onto("leaky_integrate_fire", connectivity, shape=shape)
    assert projection.fan_in == pytest.approx(fan_in)
    assert projection.fan_out == pytest.approx(fan_out)


@pytest.mark.parametrize("initializer", VARIANCES, ids=repr)
def test_variances(initializer: Initializer) -> None:
    fitted = initializer.of_projection(PROJECTION)
    values = fitted.sample(np.random.default_rng(0), (200, 200))
    assert np.mean(values) == pytest.approx(0.0, abs=0.01)
    assert np.var(values) == pytest.approx(VARIANCES[initializer](30, 70), rel=0.02)


def responses() -> dict[str, tuple[Any, Any, float, float]]:
    """{name: (neuron, synapse, energy, distance to the threshold)}."""
    leaky = {"tau_mem": 20.0, "scale_i": True}
    exact = Exponential(5.0, scale_i=True)
    alpha = np.exp(-1 / 20)
    delta = 1 / (1 - alpha**2)  # sum of alpha**(2 n)
    exponential = 5.0**2 / (2 * 25.0)
    quadratic = UserNeuron(
        {"v": ("(v * (v - 1) + Isyn) / tau", "0")},
        "v",
        "v - theta",
        param_vals={"tau": 20.0, "theta": 0.5},
    )
    return {
        "delta": (LeakyIntegrateFire(), Delta(), delta, 1.0),
        "scaled": (
            LeakyIntegrateFire(2.0, 0.0, 0.5, **leaky),
            Delta(),
            delta * (1 - alpha) ** 2,
            1.5,
        ),
        "exponential": (LeakyIntegrateFire(**leaky), exact, exponential, 1.0),
        "refractory": (
            LeakyIntegrateFire(tau_refrac=5.0, integrate_during_refrac=False, **leaky),
            exact,
            exponential,
            1.0,
        ),
        "adaptive": (AdaptiveLeakyIntegrateFire(**leaky), exact, exponential, 1.0),
        "array": (
            LeakyIntegrateFire(np.linspace(0.5, 1.5, 10), **leaky),
            exact,
            exponential,
            1.0,
        ),
        "output": (LeakyIntegrate(readout="var", **leaky), exact, exponential, 1.0),
        "no leak": (IntegrateFire(4.0), Delta(), 100.0, 4.0),
        "equations": (quadratic, Delta(), delta / 20**2, 0.5),
    }


@pytest.mark.parametrize("name", responses())
def test_responses_are_those_of_the_equations(name: str) -> None:
    neuron, synapse, energy, threshold = responses()[name]
    response = projection_onto(neuron, synapse=synapse, shape=10).response()
    assert response is not None
    assert response.threshold == pytest.approx(threshold)
    assert response.energy == pytest.approx(energy, rel=0.06)


def test_the_energy_does_not_depend_on_the_time_step() -> None:
    neuron = LeakyIntegrateFire(scale_i=True)
    synapse = Exponential(5.0, scale_i=True)
    coarse, fine = (
        projection_onto(neuron, synapse=synapse, dt=dt).response() for dt in (1.0, 0.1)
    )
    assert coarse is not None and fine is not None
    assert coarse.energy == pytest.approx(fine.energy, rel=0.02)


def test_widths_of_the_default() -> None:
    """The potential has the deviation theta / xi, shared by all connections."""
    response = SpikeResponse(energy=0.5, threshold=2.0)
    projection = Projection("test", 100.0, 10.0, 2, lambda: response)
    fitted = FluctuationDriven(20.0, 4.0).of_projection(projection)
    expected = 2.0 / (4.0 * (2 * 100 * 0.02 * 0.5) ** 0.5)
    assert fitted.sd == pytest.approx(expected)  # type: ignore[attr-defined]
    fitted = FluctuationDriven().of_projection(PROJECTION)
    assert fitted.sd == pytest.approx(30**-0.5)  # type: ignore[attr-defined]


def test_neurons_of_code_have_no_response() -> None:
    code = CodeNeuron(
        {
            "var_name_types": [("V", "scalar")],
            "sim_code": "V += Isyn;",
            "threshold_condition_code": "V >= 1.0",
            "reset_code": "V = 0.0;",
        }
    )
    assert projection_onto(code).response() is None


#: {name: (connectivity with default weights, shape of the target)}
DEFAULTS: dict[str, tuple[Connectivity, Any]] = {
    "dense": (Dense(), 20),
    "mask": (Dense.from_mask(np.ones((432, 20), bool)), 20),
    "fixed probability": (FixedProbability(0.5), 20),
    "sparse": (Sparse([0, 1, 2, 3], [0, 1, 0, 1]), 2),
    "one to one": (OneToOne(), IMAGE),
    "convolution": (Conv2D(filters=4, conv_size=3), None),
    "transposed": (Conv2DTranspose(filters=4, conv_size=3), None),
    "depthwise": (DepthwiseConv2D(conv_size=3), None),
    "pooled convolution": (AvgPoolConv2D(filters=4, pool_size=2, conv_size=3), None),
    "pooled dense": (AvgPoolDense2D(pool_size=2), 20),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_neurons_spike_with_default_weights(name: str) -> None:
    """Input at 10 Hz makes them spike at rates of the same order."""
    connectivity, shape = DEFAULTS[name]
    with Network() as network:
        source = Population("spike_input", IMAGE)
        hidden = Population("leaky_integrate_fire", shape, record_spikes=True)
        Connection(source, hidden, connectivity, Exponential(5.0))
    compiled = InferenceCompiler(500, batch_size=8, num_threads=1).compile(network)
    x = np.random.default_rng(0).random((8, 500, *IMAGE)) < 0.01
    recorder = SpikeRecorder(hidden, key="counts", record_counts=True)
    _, data = compiled.predict(x, callbacks=[recorder])
    rates = np.mean(data["counts"]) / 0.5
    assert 1.0 < rates < 30.0


@pytest.mark.parametrize(
    ("cls", "arguments", "missing"),
    [
        (Conv2D, (16, 3), "conv_size"),
        (Conv2D, (), "filters"),
        (DepthwiseConv2D, (0.5,), "conv_size"),
        (AvgPoolConv2D, (0.5, 4), "conv_size"),
        (AvgPoolDense2D, (), "pool_size"),
    ],
)
def test_arguments_after_the_weight_are_needed(
    cls: type, arguments: tuple[Any, ...], missing: str
) -> None:
    match = rf"{cls.__name__}: {missing} is needed.*{cls.__name__}\({missing}=\.\.\.\)"
    with pytest.raises(ValidationError, match=match):
        cls(*arguments)


def test_initializers_of_weights_draw_nothing_else() -> None:
    with Network() as network:
        source = Population("spike_input", 3)
        neuron = LeakyIntegrateFire(v_thresh=HeNormal())
        Connection(source, Population(neuron, 4), Dense(1.0))
    with pytest.raises(ValidationError, match="HeNormal: it is an initializer of wei"):
        InferenceCompiler(5).compile(network)


def test_initializers_are_saved(tmp_path: Path) -> None:
    initializer = FluctuationDriven(rate=5.0, deviations=2.0)
    with Network() as network:
        source = Population("spike_input", 3)
        hidden = Population("leaky_integrate_fire", 4)
        Connection(source, hidden, Dense(initializer))
        Connection(source, hidden, Dense(GlorotUniform(2.0)), name="second")
    ml_genn.save_model(network, tmp_path / "network.safetensors")
    loaded = ml_genn.load_model(tmp_path / "network.safetensors")
    weights = [c.connectivity.weight for c in loaded.connections]
    assert weights == [initializer, GlorotUniform(2.0)]
