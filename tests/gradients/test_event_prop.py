"""EventProp's gradients against differences of an exact event-time simulation.

The reference knows no time steps: it finds threshold crossings by root finding. Random
networks are chosen whose crossings are all steep, since where one is flat the exact
gradient is huge and any discretisation far from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients.nets import T_END, Case, make_case, steepness
from reference import exact

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.losses import RelativeMeanSquareError
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

CROSS_ENTROPY = "sparse_categorical_crossentropy"
TOLERANCE = 1e-2
ROUNDING = 1e-3  # what single precision leaves over thousands of steps
FINE, COARSE = 0.01, 0.1  # [ms]
FLATTEST = 0.02  # [1 / ms]

NETWORKS: dict[str, dict[str, Any]] = {
    "feedforward": {"seed": 59},
    "recurrent": {"seed": 7, "recurrent": True},
    "constant_delays": {"seed": 45, "recurrent": True, "delay": 2.0},
    "delay_of_each_synapse": {"seed": 45, "recurrent": True, "delay": "matrix"},
    "several_time_constants": {
        "seed": 4,
        "recurrent": True,
        "two_time_constants": True,
    },
    "equal_time_constants": {"seed": 14, "equal_time_constants": True},
    "v_reset": {"seed": 6, "v_reset": -0.3},
    "relative_reset": {"seed": 32, "v_reset": -0.3, "relative": True},
    "two_hidden_layers": {"seed": 2, "layers": 2},
}


def errors(
    case: Case,
    loss: Callable[[exact.Result], float],
    compiled: Callable[[float], tuple[Any, Any]],
    fine: float = FINE,
) -> dict[float, float]:
    """{dt: largest relative error over the connections}."""
    assert steepness(case) > FLATTEST
    expected = [
        exact.finite_difference(
            lambda w, k=k: loss(case.with_weight(k, w).simulate()), c.weight, 1e-5
        )
        for k, c in enumerate(case.connections)
    ]
    results = {}
    for dt in (COARSE, fine):
        network, target = compiled(dt)
        by_name = {
            c.name: g for c, g in network.gradients(case.data(dt), target).items()
        }
        results[dt] = max(
            float(np.linalg.norm(by_name[f"c{k}"] - e) / np.linalg.norm(e))
            for k, e in enumerate(expected)
        )
    return results


def check(actual: dict[float, float]) -> None:
    """The error is small at the fine step and falls with the step."""
    fine = actual[min(actual)]
    assert fine < TOLERANCE
    assert fine < max(0.5 * actual[COARSE], ROUNDING)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    case = make_case(**NETWORKS[name])
    check(
        errors(
            case,
            lambda r: exact.readout_loss(r, "out", "avg_var", case.label),
            lambda dt: (case.compile(dt, "avg_var", CROSS_ENTROPY)[0], [case.label]),
        )
    )


@pytest.mark.parametrize("readout", ["avg_var_exp_weight", "max_var", "var"])
def test_readouts(readout: str) -> None:
    """With relative reset, which keeps what a late spike overshoots."""
    case = make_case(59, relative=True)
    check(
        errors(
            case,
            lambda r: exact.readout_loss(r, "out", readout, case.label),
            lambda dt: (case.compile(dt, readout, CROSS_ENTROPY)[0], [case.label]),
        )
    )


def test_sum_var() -> None:
    """The sum over steps grows as 1 / dt; the temperature keeps the softmax soft."""
    case = make_case(59)
    results = {}
    for dt in (COARSE, FINE):
        temperature = 20.0 / dt

        def loss(r: exact.Result, dt: float = dt, t: float = temperature) -> float:
            return float(
                exact.readout_loss(
                    r, "out", "sum_var", case.label, temperature=t, dt=dt
                )
            )

        network = case.compile(
            dt, "sum_var", CROSS_ENTROPY, softmax_temperature=temperature
        )[0]
        gradients = network.gradients(case.data(dt), [case.label])
        by_name = {c.name: g for c, g in gradients.items()}
        results[dt] = 0.0
        for k, c in enumerate(case.connections):
            expected = exact.finite_difference(
                lambda w, k=k, loss=loss: loss(case.with_weight(k, w).simulate()),
                c.weight,
                1e-5,
            )
            error = np.linalg.norm(by_name[f"c{k}"] - expected)
            results[dt] = max(results[dt], float(error / np.linalg.norm(expected)))
    check(results)


def test_cross_entropy_per_time_step() -> None:
    case = make_case(59)
    check(
        errors(
            case,
            lambda r: exact.per_timestep_cross_entropy(r, "out", case.label),
            lambda dt: (
                case.compile(dt, "avg_var", CROSS_ENTROPY, per_timestep_loss=True)[0],
                [case.label],
            ),
        )
    )


def test_summed_cross_entropy_is_the_mean_times_the_number_of_steps() -> None:
    case = make_case(59)
    gradients = [
        case.compile(COARSE, readout, CROSS_ENTROPY, per_timestep_loss=True)[
            0
        ].gradients(case.data(COARSE), [case.label])
        for readout in ("avg_var", "sum_var")
    ]
    steps = round(T_END / COARSE)
    for mean, total in zip(*(g.values() for g in gradients), strict=True):
        np.testing.assert_allclose(total, steps * mean, rtol=1e-4, atol=1e-7)


def trajectory(times: np.ndarray) -> np.ndarray:
    """Three sines to follow: (times, 3)."""
    phases = np.arange(3)
    return 0.3 * np.sin(np.asarray(times)[:, None] / 5.0 + phases)


def test_mean_square_error_of_a_trajectory() -> None:
    case = make_case(59)

    def compiled(dt: float) -> tuple[Any, Any]:
        times = dt * (1 + np.arange(round(T_END / dt)))
        network = case.compile(dt, "var", "mean_square_error")[0]
        return network, trajectory(times)[None]

    check(
        errors(case, lambda r: exact.mean_square_error(r, "out", trajectory), compiled)
    )


@pytest.mark.parametrize("name", ["feedforward", "recurrent"])
def test_first_spike_time(name: str) -> None:
    options = {"feedforward": {"seed": 2}, "recurrent": {"seed": 120}}[name]
    if name == "recurrent":
        options |= {"recurrent": True, "delay": 1.0}
    case = make_case(**options, out="lif")
    temperature, alpha = 0.5, 0.1

    def loss(r: exact.Result) -> float:
        times = r.first_spike_times("out")
        return float(
            exact.first_spike_loss(times, case.label, T_END, temperature, alpha)
        )

    def compiled(dt: float) -> tuple[Any, Any]:
        network = case.compile(
            dt,
            "first_spike_time",
            CROSS_ENTROPY,
            softmax_temperature=temperature,
            ttfs_alpha=alpha,
        )[0]
        return network, [case.label]

    check(errors(case, loss, compiled, FINE if name == "feedforward" else 0.5 * FINE))


def test_relative_first_spike_times() -> None:
    case, delta = make_case(2, out="lif"), 3.0

    def loss(r: exact.Result) -> float:
        times = r.first_spike_times("out")
        lead = np.delete(times - times[case.label] - delta, case.label)
        return float(0.5 * np.sum(lead**2))

    def compiled(dt: float) -> tuple[Any, Any]:
        chosen = RelativeMeanSquareError(delta)
        return case.compile(dt, "first_spike_time", chosen)[0], [case.label]

    check(errors(case, loss, compiled))


def test_gradients_are_of_the_mean_over_the_batch() -> None:
    case = make_case(59)
    network = case.compile(COARSE, "avg_var", CROSS_ENTROPY)[0]
    data = case.data(COARSE)
    single = [network.gradients(data, [label]) for label in (0, 1, 2)]
    together = network.gradients(data * 3, [0, 1, 2])
    for connection, gradient in together.items():
        mean = np.mean([g[connection] for g in single], axis=0)
        np.testing.assert_allclose(gradient, mean, rtol=1e-4, atol=1e-7)


def test_a_silent_right_output_has_a_gradient() -> None:
    """A silent neuron has no spike time, but its input weights have a gradient."""
    case = make_case(59, out="lif")
    weight = case.connections[-1].weight.copy()
    weight[:, case.label] = 0.05
    case = case.with_weight(len(case.connections) - 1, weight)
    assert len(case.simulate().spikes["out"][case.label]) == 0
    network, connections, _ = case.compile(COARSE, "first_spike_time", CROSS_ENTROPY)
    gradient = network.gradients(case.data(COARSE), [case.label])
    pushed = gradient[connections[f"c{len(connections) - 1}"]][:, case.label]
    assert np.all(pushed <= 0.0)
    assert np.any(pushed < 0.0)


def test_regularisation_pushes_rates_to_their_target() -> None:
    """Too many spikes give a positive push on the adjoint of v, too few a negative."""
    case = make_case(59)
    silent_loss = {"softmax_temperature": 1e9}
    signs = {}
    for target in (0.0, 50.0):
        network, connections, _ = case.compile(
            COARSE,
            "avg_var",
            CROSS_ENTROPY,
            reg_lambda_upper=1e-2,
            reg_lambda_lower=1e-2,
            reg_nu_upper=target,
            **silent_loss,
        )
        gradient = network.gradients(case.data(COARSE), [case.label])
        signs[target] = float(np.sum(gradient[connections["c0"]]))
    assert signs[0.0] > 0.0 > signs[50.0]


def test_regularisation_counts_spikes_over_the_batch() -> None:
    """Each spike's push is tau^2 lambda (S/B - nu) / B for S spikes in B examples.

    So an example beside an empty one gets the push that it gets alone with a quarter of
    the strength and twice the target.
    """
    case = make_case(59)

    def regularised(strength: float, target: float, data: list[Any]) -> np.ndarray:
        network, connections, _ = case.compile(
            COARSE,
            "avg_var",
            CROSS_ENTROPY,
            reg_lambda_upper=strength,
            reg_lambda_lower=strength,
            reg_nu_upper=target,
            softmax_temperature=1e9,
        )
        gradients = network.gradients(data, [0] * len(data))
        return np.asarray(gradients[connections["c0"]])

    data = case.data(COARSE)
    spikes = data[0]
    empty = spikes._replace(
        end_spikes=np.zeros_like(spikes.end_spikes), spike_times=np.zeros(0)
    )
    beside = regularised(1e-3, 1.0, [spikes, empty])
    alone = regularised(0.25e-3, 2.0, data)
    assert np.linalg.norm(beside) > 0.0
    np.testing.assert_allclose(beside, alone, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("population", "parameter", "name", "value", "per_neuron"),
    [
        ("hidden0", "tau_mem", "tau_mem", 20.0, False),
        ("hidden0", "tau_mem", "tau_mem", 20.0, True),
        ("hidden0", "v_thresh", "v_thresh", 1.0, False),
        ("hidden0", "v_thresh", "v_thresh", 1.0, True),
        ("hidden0", "v_reset", "v_reset", 0.0, False),
        ("hidden0", "v_reset", "v_reset", 0.0, True),
        ("hidden0", "tau_syn", "tau_syn0", 5.0, False),
        ("out", "tau_mem", "tau_mem", 20.0, False),
        ("out", "tau_syn", "tau_syn0", 5.0, False),
    ],
)
def test_neuron_parameters(
    population: str, parameter: str, name: str, value: float, per_neuron: bool
) -> None:
    """Time constants, thresholds and resets, shared or one for each neuron."""
    case = make_case(2)
    size = case.populations[population].size
    values = np.full(size, value) if per_neuron else np.array(value)
    if per_neuron:
        case = case.with_parameter(population, parameter, values)

    def loss(v: np.ndarray) -> float:
        arguments = v if per_neuron else float(v)
        changed = case.with_parameter(population, parameter, arguments)
        return float(exact.readout_loss(changed.simulate(), "out", "avg_var", 1))

    expected = exact.finite_difference(loss, values, 1e-5)
    results = {}
    for dt in (COARSE, FINE):
        network, _, populations = case.compile(
            dt, "avg_var", CROSS_ENTROPY, learned={population: (name,)}
        )
        gradient = network.gradients(case.data(dt), [1])[populations[population], name]
        assert gradient.shape == values.shape
        error = np.linalg.norm(gradient - expected)
        results[dt] = float(error / np.linalg.norm(expected))
    check(results)


def test_coarse_steps_where_moving_a_spike_does_little() -> None:
    """A mean over a long time hardly depends on when an output's input arrives."""
    rng = np.random.default_rng(1)
    weights = [rng.normal(0.1, 0.1, (40, 20)), rng.normal(0.0, 0.3, (20, 3))]
    ids = rng.integers(0, 40, 300)
    spikes = preprocess_spikes(rng.uniform(0.0, 200.0, 300), ids, 40)
    gradients = {}
    for dt in (2.0, 0.1):
        with SequentialNetwork() as network:
            InputLayer("spike_input", 40)
            first = Layer(
                Dense(weights[0]), "leaky_integrate_fire", synapse=Exponential(10.0)
            )
            Layer(
                Dense(weights[1]),
                LeakyIntegrate(readout="avg_var_exp_weight"),
                synapse=Exponential(10.0),
            )
        compiled = EventPropCompiler(
            round(400.0 / dt), CROSS_ENTROPY, dt=dt, num_threads=1
        ).compile(network)
        gradients[dt] = compiled.gradients([spikes], [1])[first.connection()]
    coarse, fine = gradients[2.0], gradients[0.1]
    length = np.linalg.norm(coarse), np.linalg.norm(fine)
    assert 0.5 < length[0] / length[1] < 2.0
    assert np.sum(coarse * fine) / np.prod(length) > 0.8
