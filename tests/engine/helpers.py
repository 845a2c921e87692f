"""Networks that run twice: on the engine, and in the NumPy reference beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference import discrete

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    CodeNeuron,
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
    SpikeInput,
)
from ml_genn.synapses import Delta, Exponential, Synapse

Bool = NDArray[np.bool_]
Float = NDArray[np.float32]

TIE = 1e-6  #: a potential this near its threshold may or may not be a spike
EXAMPLES = 7
STEPS = 60


class ScaledAdaptive(discrete.AdaptiveLeakyIntegrateFire):
    """The adaptive neuron with its input scaled by 1 - alpha."""

    def coefficients(self, dt: float) -> Any:
        """Return the coefficients of a step."""
        plain = super().coefficients(dt)
        return replace(plain, gain=1.0 - np.asarray(plain.alpha))


_NEURONS: dict[type[Neuron], type[Any]] = {
    SpikeInput: discrete.Input,
    IntegrateFire: discrete.IntegrateFire,
    LeakyIntegrate: discrete.LeakyIntegrate,
    LeakyIntegrateFire: discrete.LeakyIntegrateFire,
    AdaptiveLeakyIntegrateFire: discrete.AdaptiveLeakyIntegrateFire,
}


def reference_neuron(neuron: Neuron) -> Any:
    """The reference's counterpart of a neuron, with the choices of inference."""
    kind = _NEURONS[type(neuron)]
    choices = neuron.choices()
    if kind is discrete.AdaptiveLeakyIntegrateFire and choices["scale_i"]:
        kind = ScaledAdaptive
    values = {f.name: getattr(neuron, f.name) for f in fields(kind)} | {
        name: value
        for name, value in choices.items()
        if name in {f.name for f in fields(kind)}
    }
    return kind(**{name: _flat(value) for name, value in values.items()})


def _flat(value: Any) -> Any:
    return np.ravel(value) if isinstance(value, np.ndarray | list) else value


def reference_synapse(synapse: Synapse) -> discrete.Delta | discrete.Exponential:
    """The reference's counterpart of a synapse."""
    if isinstance(synapse, Delta):
        return discrete.Delta()
    if not isinstance(synapse, Exponential):
        raise TypeError(f"the reference has no {type(synapse).__name__}")
    return discrete.Exponential(_flat(synapse.tau), synapse.choices()["scale_i"])


def reference_run(
    network: Network,
    inputs: Mapping[Population, Bool],
    dt: float = 1.0,
    delays: Mapping[str, NDArray[Any]] | None = None,
) -> discrete.Result:
    """The network in the reference; inputs have the shape (examples, steps, neurons).

    ``delays`` are those of connections whose delays are drawn, by name.
    """
    populations = {
        p.name: discrete.Population(p.size, reference_neuron(p.neuron))
        for p in network.populations
    }
    connections = []
    for connection in network.connections:
        source, target = connection.ends()
        shape = (source.size, target.size)
        delay = (delays or {}).get(connection.name, connection.connectivity.delay)
        connections.append(
            discrete.Connection(
                source.name,
                target.name,
                np.broadcast_to(np.asarray(connection.connectivity.weight), shape),
                reference_synapse(connection.synapse),
                np.asarray(delay).astype(int),
            )
        )
    spikes = {p.name: flat(raster) for p, raster in inputs.items()}
    steps = next(iter(spikes.values())).shape[1]
    return discrete.run(populations, connections, spikes, steps, dt)


def flat(raster: NDArray[Any]) -> NDArray[Any]:
    """(examples, steps) + shape as (examples, steps, neurons)."""
    return raster.reshape(*raster.shape[:2], -1)


@dataclass(frozen=True, eq=False)
class EngineRun:
    """Activity in a run of the engine, by name of population.

    Attributes:
        spikes: (examples, steps, neurons).
        v: after each step, of the same shape.
        readouts: (examples, neurons), of populations that have one.
    """

    spikes: dict[str, Bool]
    v: dict[str, Float]
    readouts: dict[str, Float]


def engine_run(
    network: Network,
    inputs: Mapping[Population, Bool],
    dt: float = 1.0,
    batch_size: int = EXAMPLES,
    num_threads: int = 1,
) -> EngineRun:
    """The network on the engine, everything recorded that the reference has."""
    steps = next(iter(inputs.values())).shape[1]
    compiled = InferenceCompiler(
        steps, dt=dt, batch_size=batch_size, num_threads=num_threads
    ).compile(network)
    stepped = [p for p in network.populations if p not in inputs]
    spiking = [p for p in network.populations if p.record_spikes]
    recorders: list[Any] = [SpikeRecorder(p, key=("spikes", p.name)) for p in spiking]
    recorders += [VarRecorder(p, "v", key=("v", p.name)) for p in stepped]
    predictions, data = compiled.predict(dict(inputs), callbacks=recorders)
    return EngineRun(
        spikes={
            p.name: raster_of(data["spikes", p.name], steps, p.size, dt)
            for p in spiking
        },
        v={p.name: np.stack(data["v", p.name]) for p in stepped},
        readouts={
            p.name: values.reshape(len(values), -1) for p, values in predictions.items()
        },
    )


def raster_of(
    recorded: tuple[Sequence[Any], Sequence[Any]],
    steps: int,
    size: int,
    dt: float = 1.0,
) -> Bool:
    """Raster of a SpikeRecorder's spikes: (examples, steps, neurons)."""
    times, ids = recorded
    raster = np.zeros((len(times), steps, size), dtype=bool)
    for example, (t, i) in enumerate(zip(times, ids, strict=True)):
        at = np.rint(np.asarray(t) / dt).astype(int)
        raster[example, at, i] = True
        assert raster[example].sum() == len(at), "a neuron spikes at most once a step"
    return raster


def assert_same(run: EngineRun, result: discrete.Result) -> None:
    """The same spikes, and voltages to 1e-5."""
    for name, raster in run.spikes.items():
        np.testing.assert_array_equal(raster, result.spikes[name], err_msg=name)
    for name, v in run.v.items():
        np.testing.assert_allclose(
            v, result.v_after_step[name], rtol=1e-5, atol=1e-5, err_msg=name
        )


def assert_readout(
    run: EngineRun, result: discrete.Result, population: str, readout: str
) -> None:
    """A readout that is a number of spikes or a time exactly, others to 1e-5."""
    expected = result.readouts[population][readout]
    outputs = run.readouts[population]
    assert outputs.shape == expected.shape
    if readout in ("spike_count", "first_spike_time"):
        np.testing.assert_array_equal(outputs, expected, err_msg=population)
        return
    largest = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(
        outputs, expected, rtol=1e-5, atol=1e-5 * largest, err_msg=population
    )


Case = tuple[Network, dict[Population, Bool]]


def without_ties(
    make: Callable[[np.random.Generator], Case], dt: float = 1.0, **options: Any
) -> tuple[Case, discrete.Result]:
    """The first random case in which no potential is within TIE of its threshold."""
    for seed in range(200):
        case = make(np.random.default_rng(seed))
        result = reference_run(*case, dt, **options)
        nearest = [d.min() for d in result.threshold_distance.values()]
        if min(nearest) > TIE:
            return case, result
    raise AssertionError("every case has a tie")


def random_input(
    rng: np.random.Generator,
    shape: int | Sequence[int],
    rate: float = 0.15,
    *,
    examples: int = EXAMPLES,
    steps: int = STEPS,
) -> Bool:
    """Independent spikes, (examples, steps) + shape; the first example has none."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    raster = rng.random((examples, steps, *sizes)) < rate
    if examples > 1:
        raster[0] = False
    return raster


def traces(
    network: Network,
    inputs: Mapping[Population, Bool],
    variables: Mapping[Population, Sequence[str]],
    *,
    dt: float = 1.0,
    batch_size: int = EXAMPLES,
    num_threads: int = 1,
    seed: int = 0,
) -> tuple[dict[str, Bool], dict[tuple[str, str], Float]]:
    """Spikes by population and variables by (population, name) of a network's run."""
    steps = next(iter(inputs.values())).shape[1]
    compiled = InferenceCompiler(
        steps, dt=dt, batch_size=batch_size, num_threads=num_threads, rng_seed=seed
    ).compile(network)
    spiking = [p for p in network.populations if p.record_spikes]
    recorders: list[Any] = [SpikeRecorder(p, key=p.name) for p in spiking]
    for population, names in variables.items():
        recorders += [
            VarRecorder(population, genn_var=name, key=(population.name, name))
            for name in names
        ]
    _, data = compiled.predict(dict(inputs), callbacks=recorders)
    rasters = {p.name: raster_of(data.pop(p.name), steps, p.size, dt) for p in spiking}
    return rasters, {key: np.stack(values) for key, values in data.items()}


def arrivals(
    raster: NDArray[Any], weight: NDArray[Any], delay: int = 0
) -> NDArray[np.float64]:
    """The sum of the weights of the spikes that arrive: (examples, steps, targets)."""
    late = np.zeros_like(raster)
    late[:, 1 + delay :] = raster[:, : raster.shape[1] - 1 - delay]
    return late.astype(np.float64) @ np.asarray(weight, dtype=np.float64)


def advance(
    x: NDArray[np.float64], slope: NDArray[np.float64], own: float | None, h: float
) -> NDArray[np.float64]:
    """x after h: exact for slope = own x + rest, rest constant; else forward Euler."""
    if not own:
        return np.asarray(x + h * slope)
    rest = slope - own * x
    return np.asarray(x * np.exp(own * h) + rest * np.expm1(own * h) / own)


def run_one(
    model: Mapping[str, Any],
    variables: tuple[str, ...],
    *,
    params: Mapping[str, Any] | None = None,
    start: Mapping[str, Any] | None = None,
    size: int = 3,
    steps: int = 8,
    examples: int = 1,
    weight: float = 0.4,
    **options: Any,
) -> tuple[Bool, dict[str, Float]]:
    """One population that gets ``weight`` in every step but the first."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        neuron = CodeNeuron(model, param_vals=params, var_vals=start)
        spiking = bool(model.get("threshold_condition_code"))
        target = Population(neuron, size, name="target", record_spikes=spiking)
        Connection(source, target, Dense(weight))
    raster = np.ones((examples, steps, 1), dtype=bool)
    spikes, recordings = traces(
        network, {source: raster}, {target: variables}, **options
    )
    none = np.zeros((examples, steps, size), dtype=bool)
    return spikes.get("target", none), {name: v for (_, name), v in recordings.items()}
