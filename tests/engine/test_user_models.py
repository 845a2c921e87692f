"""Neurons from users' equations, against the same written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.helpers import (
    EXAMPLES,
    STEPS,
    Bool,
    advance,
    arrivals,
    random_input,
    traces,
)
from numpy.typing import NDArray

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import VarRecorder
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import EquationError
from ml_genn.neurons import (
    LeakyIntegrateFire,
    SpikeInput,
    UserNeuron,
)
from ml_genn.synapses import Exponential

Array = NDArray[np.float64]
State = dict[str, Array]

INPUTS, SIZE = 8, 5
SOLVERS = ("exponential_euler", "linear_euler")


@dataclass(frozen=True)
class Model:
    """A neuron as strings for ml_genn and as functions for the loop here.

    Attributes:
        vars, threshold, params, start: as UserNeuron's.
        slopes: right-hand sides, from state and input.
        fires: what is >= 0 at a spike.
        after: values of the variables that jump, from the state before.
        own: factor of a variable in its own slope where that is linear.
        weight: mean of the input's weights.
        largest: scale of each variable, which differences are compared with.
    """

    vars: Mapping[str, tuple[str | None, str | None]]
    threshold: str
    params: Mapping[str, float]
    start: Mapping[str, float]
    slopes: Callable[[State, Array], State]
    fires: Callable[[State], Array]
    after: Callable[[State], State]
    own: Mapping[str, float]
    weight: float
    largest: Mapping[str, float] = field(default_factory=dict)

    def neuron(self, solver: str, sub_steps: int) -> UserNeuron:
        output = next(iter(self.vars))
        return UserNeuron(
            self.vars,
            output,
            self.threshold,
            self.params,
            self.start,
            solver,
            sub_steps,
        )

    def step(
        self, state: State, current: Array, dt: float, solver: str, sub_steps: int
    ) -> tuple[Array, State]:
        """Returns the distance to the threshold after one step, and the new state."""
        own = self.own if solver == "exponential_euler" else {}
        for _ in range(sub_steps):
            slopes = self.slopes(state, current)
            state = {
                name: advance(x, slopes[name], own.get(name), dt / sub_steps)
                if name in slopes
                else x
                for name, x in state.items()
            }
        margin, jumped = self.fires(state), self.after(state)
        return margin, {
            name: np.where(margin >= 0.0, jumped.get(name, x), x)
            for name, x in state.items()
        }


IZHIKEVICH = Model(
    vars={
        "v": ("0.04*v**2 + 5*v + 140 - u + Isyn", "c"),
        "u": ("a*(b*v - u)", "u + d"),
        "count": (None, "count + 1"),
    },
    threshold="v - 30",
    params={"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0},
    start={"v": -65.0, "u": -13.0},
    slopes=lambda s, i: {
        "v": 0.04 * s["v"] ** 2 + 5.0 * s["v"] + 140.0 - s["u"] + i,
        "u": 0.02 * (0.2 * s["v"] - s["u"]),
    },
    fires=lambda s: s["v"] - 30.0,
    after=lambda s: {"v": -65.0, "u": s["u"] + 8.0, "count": s["count"] + 1.0},
    own={"u": -0.02},
    weight=8.0,
    largest={"v": 100.0, "u": 15.0},
)
ADEX = Model(
    vars={
        "v": (
            "(-gl*(v - el) + gl*slope*exp(min((v - vt)/slope, 8)) - w + Isyn)"
            " / capacity",
            "v_reset",
        ),
        "w": ("(a*(v - el) - w) / tau_w", "w + b"),
    },
    threshold="v - 0",
    params={
        "gl": 30.0,
        "el": -70.6,
        "slope": 2.0,
        "vt": -50.4,
        "capacity": 281.0,
        "v_reset": -60.0,
        "a": 4.0,
        "tau_w": 144.0,
        "b": 80.5,
    },
    start={"v": -70.6},
    slopes=lambda s, i: {
        "v": (
            -30.0 * (s["v"] + 70.6)
            + 60.0 * np.exp(np.minimum((s["v"] + 50.4) / 2.0, 8.0))
            - s["w"]
            + i
        )
        / 281.0,
        "w": (4.0 * (s["v"] + 70.6) - s["w"]) / 144.0,
    },
    fires=lambda s: s["v"],
    after=lambda s: {"v": -60.0, "w": s["w"] + 80.5},
    own={"w": -1.0 / 144.0},
    weight=900.0,
    largest={"v": 100.0, "w": 300.0},
)
QUADRATIC = Model(
    vars={
        "v": ("k*(v - vr)*(v - vc) + Isyn", "w"),
        "w": ("1 / tau", "v / 4"),
    },
    threshold="v - 2",
    params={"k": 0.2, "vr": 0.0, "vc": 1.0, "tau": 50.0},
    start={"v": 0.1, "w": -0.5},
    slopes=lambda s, i: {
        "v": 0.2 * s["v"] * (s["v"] - 1.0) + i,
        "w": np.full_like(s["w"], 1.0 / 50.0),
    },
    fires=lambda s: s["v"] - 2.0,
    after=lambda s: {"v": s["w"], "w": s["v"] / 4.0},
    own={"w": 0.0},
    weight=0.15,
)
MODELS = {"Izhikevich": IZHIKEVICH, "AdEx": ADEX, "quadratic": QUADRATIC}
VARIANTS = [
    (name, solver, sub_steps)
    for name in MODELS
    for solver in SOLVERS
    for sub_steps in (1, 3)
]


def variant_name(name: str, solver: str, sub_steps: int) -> str:
    return f"{name}, {solver}, {sub_steps}"


@cache
def all_variants(
    dt: float,
) -> tuple[Bool, dict[str, Array], dict[str, Bool], dict[tuple[str, str], Any]]:
    """Input, weights, and what the engine makes of every model and solver at once."""
    rng = np.random.default_rng(7)
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="input")
        weights, variables = {}, {}
        for name, model in MODELS.items():
            mean = model.weight
            weights[name] = rng.normal(mean, 0.5 * mean, (INPUTS, SIZE))
            for variant in [v for v in VARIANTS if v[0] == name]:
                target = Population(
                    model.neuron(*variant[1:]),
                    SIZE,
                    name=variant_name(*variant),
                    record_spikes=True,
                )
                Connection(source, target, Dense(weights[name]))
                variables[target] = tuple(model.vars)
    raster = random_input(rng, INPUTS, 0.2, steps=2 * STEPS)
    spikes, recordings = traces(network, {source: raster}, variables, dt=dt)
    return raster, weights, spikes, recordings


@pytest.mark.parametrize("dt", [0.25, 0.4])
@pytest.mark.parametrize(("name", "solver", "sub_steps"), VARIANTS)
def test_user_neuron(name: str, solver: str, sub_steps: int, dt: float) -> None:
    """Every step is compared, from the state in which the engine left the one before.

    So rounding does not add up over the upstrokes of spikes, which would multiply it;
    what remains is that of one step, in which an upstroke in parts can still multiply
    single precision's 6e-8 by a hundred.
    """
    model = MODELS[name]
    raster, weights, spikes, recordings = all_variants(dt)
    where = variant_name(name, solver, sub_steps)
    after = {v: recordings[where, v].astype(np.float64) for v in model.vars}
    before = {
        v: np.concatenate(
            [np.full_like(x[:, :1], model.start.get(v, 0.0)), x[:, :-1]], axis=1
        )
        for v, x in after.items()
    }
    current = arrivals(raster, weights[name])
    margin, expected = model.step(before, current, dt, solver, sub_steps)
    assert np.abs(margin).min() > 1e-5 * model.largest.get("v", 1.0)
    np.testing.assert_array_equal(spikes[where], margin >= 0.0)
    assert spikes[where].sum() > 40
    for variable, values in expected.items():
        scale = model.largest.get(variable, 1.0)
        np.testing.assert_allclose(
            after[variable], values, rtol=1e-5, atol=1e-5 * scale, err_msg=variable
        )


@pytest.mark.parametrize("name", MODELS)
def test_solvers_and_sub_steps_differ(name: str) -> None:
    """So that the comparison above could tell them apart."""
    _, _, _, recordings = all_variants(0.4)
    variable = list(MODELS[name].vars)[1]
    runs = [recordings[variant_name(*v), variable] for v in VARIANTS if v[0] == name]
    distinct = {run.tobytes() for run in runs}
    same_solution = name == "quadratic"
    assert len(distinct) == (2 if same_solution else 4)


def user_lif(*, relative: bool, scaled: bool) -> UserNeuron:
    current = "Isyn" if scaled else "Isyn / (1 - exp(-dt / tau))"
    jump = "v - vt + vr" if relative else "vr"
    return UserNeuron(
        {"v": (f"(-v + {current}) / tau", jump)},
        "v",
        "v - vt",
        {"tau": 12.0, "vt": 0.9, "vr": -0.1},
        {"v": 0.2},
        readout="sum_var",
    )


def test_user_neuron_is_the_built_in_one() -> None:
    rng = np.random.default_rng(1)
    with Network() as network:
        source = Population(SpikeInput(), INPUTS, name="input")
        pairs = []
        for relative in (False, True):
            for scaled in (False, True):
                built_in = LeakyIntegrateFire(
                    v_thresh=0.9,
                    v_reset=-0.1,
                    v=0.2,
                    tau_mem=12.0,
                    relative_reset=relative,
                    scale_i=scaled,
                    readout="sum_var",
                )
                own = user_lif(relative=relative, scaled=scaled)
                pair = [
                    Population(neuron, SIZE, record_spikes=True)
                    for neuron in (own, built_in)
                ]
                mean = 3.0 if scaled else 0.25
                weight = rng.normal(mean, mean, (INPUTS, SIZE))
                for target in pair:
                    Connection(source, target, Dense(weight), Exponential(3.0))
                pairs.append(pair)
    variables = {target: ("v", "i_syn0") for pair in pairs for target in pair}
    inputs = {source: random_input(rng, INPUTS)}
    spikes, recordings = traces(network, inputs, variables)
    for first, second in ((a.name, b.name) for a, b in pairs):
        assert spikes[first].sum() > 100
        np.testing.assert_array_equal(spikes[first], spikes[second])
        np.testing.assert_allclose(
            recordings[first, "v"], recordings[second, "v"], rtol=1e-6, atol=1e-6
        )
        np.testing.assert_array_equal(
            recordings[first, "i_syn0"], recordings[second, "i_syn0"]
        )


def test_jumps_and_steps_see_old_values() -> None:
    """Two variables that rotate into each other, and change places at a spike."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        swap = UserNeuron(
            {"x": ("-w*y", "y"), "y": ("w*x", "x"), "age": ("1", "0")},
            "x",
            "age - 3.5",
            {"w": 0.25},
            {"x": 1.0, "y": 0.25},
        )
        target = Population(swap, 1, record_spikes=True)
        Connection(source, target, Dense(1.0))
    raster = np.zeros((1, 12, 1), dtype=bool)
    spikes, recordings = traces(network, {source: raster}, {target: ("x", "y")})
    x, y, expected = 1.0, 0.25, []
    for n in range(1, 13):
        x, y = x - 0.25 * y, y + 0.25 * x
        if n % 4 == 0:
            x, y = y, x
        expected.append((x, y))
    assert np.flatnonzero(spikes[target.name]).tolist() == [3, 7, 11]
    for column, name in enumerate(("x", "y")):
        np.testing.assert_allclose(
            recordings[target.name, name][0, :, 0],
            np.array(expected)[:, column],
            rtol=1e-6,
        )


def test_where() -> None:
    """In dynamics, jumps and thresholds, nested, with and, or and not.

    Some of the values to choose from are numbers or parameters.
    """
    described = {
        "v": (
            "-v/8 + where(Isyn > 0.3, Isyn, where(not Isyn < -0.3, Isyn/2, 0))",
            "where(w > 1, 0.1, rest)",
        ),
        "w": ("where((v > 0.5) and (w < 2) or v > 0.9, 0.31, -w/5)", None),
    }
    with Network() as network:
        source = Population(SpikeInput(), INPUTS)
        neuron = UserNeuron(
            described,
            "v",
            "where(w > 1.5, v - 0.8, v - 1)",
            {"rest": -0.05},
            solver="linear_euler",
        )
        target = Population(neuron, SIZE, record_spikes=True)
        rng = np.random.default_rng(3)
        weight = rng.normal(0.05, 0.4, (INPUTS, SIZE))
        Connection(source, target, Dense(weight))
    raster = random_input(rng, INPUTS, 0.2)
    current = arrivals(raster, weight)
    v, w = np.zeros((2, EXAMPLES, SIZE))
    spikes, recordings = traces(network, {source: raster}, {target: ("v", "w")})
    fired, nearest = 0, np.inf
    for n in range(STEPS):
        i = current[:, n]
        rectified = np.where(i > 0.3, i, np.where(i >= -0.3, i / 2.0, 0.0))
        rising = ((v > 0.5) & (w < 2.0)) | (v > 0.9)
        v, w = v - v / 8.0 + rectified, w + np.where(rising, 0.31, -w / 5.0)
        edge = np.where(w > 1.5, v - 0.8, v - 1.0)
        edges = (edge, v - 0.5, v - 0.9, w - 1.5, w - 2.0, w - 1.0)
        nearest = min(nearest, *(float(np.abs(e).min()) for e in edges))
        v = np.where(edge >= 0.0, np.where(w > 1.0, 0.1, -0.05), v)
        fired += int((edge >= 0.0).sum())
        np.testing.assert_array_equal(spikes[target.name][:, n], edge >= 0.0)
        np.testing.assert_allclose(recordings[target.name, "v"][:, n], v, atol=1e-5)
        np.testing.assert_allclose(recordings[target.name, "w"][:, n], w, atol=1e-5)
    assert fired > 20
    assert nearest > 1e-6


def test_each_branch_of_where_is_integrated_exactly() -> None:
    """The variable relaxes with one time constant and to one value per branch."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        neuron = UserNeuron(
            {"v": ("where(s > 4.5, (1 - v)/3, -v/7)", None), "s": ("1", None)},
            "v",
            var_vals={"v": 2.0},
        )
        target = Population(neuron, 1)
        Connection(source, target, Dense(1.0))
    raster = np.zeros((1, 10, 1), dtype=bool)
    _, recordings = traces(network, {source: raster}, {target: ("v",)})
    v, expected = 2.0, []
    for n in range(10):
        v = 1 + (v - 1) * np.exp(-1 / 3) if n > 4 else v * np.exp(-1 / 7)
        expected.append(v)
    np.testing.assert_allclose(
        recordings[target.name, "v"][0, :, 0], expected, rtol=1e-5, atol=1e-6
    )


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "exp(x)": np.exp,
    "log(x)": np.log,
    "ln(x)": np.log,
    "sqrt(x)": np.sqrt,
    "cbrt(x - 2)": lambda x: np.cbrt(x - 2.0),
    "root(x, 4)": lambda x: x**0.25,
    "sin(x)": np.sin,
    "cos(x)": np.cos,
    "tan(x / 4)": lambda x: np.tan(x / 4.0),
    "asin(x / 5)": lambda x: np.arcsin(x / 5.0),
    "acos(x / 5)": lambda x: np.arccos(x / 5.0),
    "atan(x)": np.arctan,
    "atan2(x, -2)": lambda x: np.arctan2(x, -2.0),
    "sinh(x)": np.sinh,
    "cosh(x)": np.cosh,
    "tanh(x)": np.tanh,
    "asinh(x)": np.arcsinh,
    "acosh(x + 1)": lambda x: np.arccosh(x + 1.0),
    "atanh(x / 5)": lambda x: np.arctanh(x / 5.0),
    "sinc(x - 2)": lambda x: np.sinc((x - 2.0) / np.pi),
    "abs(x - 2)": lambda x: np.abs(x - 2.0),
    "sign(x - 2.25)": lambda x: np.sign(x - 2.25),
    "min(x, 2)": lambda x: np.minimum(x, 2.0),
    "max(x, 2)": lambda x: np.maximum(x, 2.0),
    "x**2 - x**3 / 7 + x**-1": lambda x: x**2 - x**3 / 7.0 + 1.0 / x,
    "x**0.3": lambda x: x**0.3,
    "2**x": lambda x: 2.0**x,
    "pi * x": lambda x: np.pi * x,
    "1 / (x + 1e-3)": lambda x: 1.0 / (x + 1e-3),
}


def test_functions() -> None:
    """Each function of the language, of a variable that goes from 0.5 to 4.5."""
    names = {text: f"y{k}" for k, text in enumerate(FUNCTIONS)}
    described: dict[str, tuple[str | None, str | None]] = {"x": ("0.5", None)}
    described |= {name: (f"{text} - {name}", None) for text, name in names.items()}
    with Network() as network:
        source = Population(SpikeInput(), 1)
        neuron = UserNeuron(described, "x", var_vals={"x": 0.5}, solver="linear_euler")
        target = Population(neuron, 2)
        Connection(source, target, Dense(1.0))
    raster = np.zeros((1, 8, 1), dtype=bool)
    _, recordings = traces(network, {source: raster}, {target: tuple(names.values())})
    x = 0.5 + 0.5 * np.arange(8)
    for text, name in names.items():
        values = recordings[target.name, name][0, :, 1]
        np.testing.assert_allclose(
            values, FUNCTIONS[text](x), rtol=2e-6, atol=2e-6, err_msg=text
        )


@pytest.mark.parametrize("name", ["step", "output", "v_avg", "j0"])
def test_names_of_the_engine_are_free_or_refused(name: str) -> None:
    """A variable may have any name that is not refused with a reason beforehand."""
    with Network() as network:
        source = Population(SpikeInput(), 1)
        try:
            equations = {name: ("Isyn / dt", None)}
            neuron = UserNeuron(equations, name, readout="avg_var_exp_weight")
            target = Population(neuron, 1)
            Connection(source, target, Dense(0.5))
            compiled = InferenceCompiler(6).compile(network)
        except EquationError as error:
            assert name in str(error)
            return
    x, k = np.ones((1, 6, 1), dtype=bool), np.arange(6)
    outputs, _ = compiled.predict(x, callbacks=[])
    expected = np.sum(0.5 * k * np.exp(-k / 6.0) / 6.0)
    np.testing.assert_allclose(outputs[target], [[expected]], rtol=1e-5)


@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("where(v > 0.5, 1, 0)", lambda v: np.float64(v > 0.5)),
        ("2 * sign(v - 0.5)", lambda v: 2 * np.sign(v - 0.5)),
        ("ceil(v)", np.ceil),
        ("where(where(v > 0.5, 1, 0) > 0, 1, -1)", lambda v: 1 if v > 0.5 else -1),
    ],
)
def test_terms_that_jump_take_forward_euler_steps(
    step: str, number: Callable[[float], float]
) -> None:
    """They depend on their own variable although their derivative is 0."""
    with Network() as network:
        source = Population("spike_input", 1)
        dynamics = f"(-v + Isyn + {step}) / tau_mem"
        values = {"tau_mem": 10.0}, {"v": 0.1}
        neuron = UserNeuron({"v": (dynamics, None)}, "v", None, *values, readout="var")
        cell = Population(neuron, 1)
        Connection(source, cell, Dense(5.0))
    compiled = InferenceCompiler(12, num_threads=1).compile(network)
    recorder = VarRecorder(cell, "v", key="v")
    _, data = compiled.predict(np.ones((1, 12, 1)), callbacks=[recorder])
    v, expected = 0.1, []
    for n in range(12):
        v += (-v + (5.0 if n else 0.0) + number(v)) / 10.0
        expected.append(v)
    np.testing.assert_allclose(data["v"][0][:, 0], expected, rtol=1e-5)
