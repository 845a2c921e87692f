"""The reference models, checked against brute force and against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import discrete, exact
from reference.exact import Connection, Population, simulate
from reference.membrane import response

T_END = 30.0
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Net:
    """A network with its input."""

    populations: dict[str, Population]
    connections: tuple[Connection, ...]
    inputs: dict[str, list[Array]]

    def simulate(self, t_end: float = T_END) -> exact.Result:
        return simulate(self.populations, self.connections, self.inputs, t_end)

    def with_connection(self, index: int, **changes: object) -> Net:
        connections = list(self.connections)
        connections[index] = replace(connections[index], **changes)
        return replace(self, connections=tuple(connections))


def make_net(seed: int = 0, hidden: str = "lif", output: str = "li") -> Net:
    """5 inputs, 6 recurrent hidden neurons, 3 outputs; delays and two time scales."""
    rng = np.random.default_rng(seed)
    populations = {
        "in": Population(5, "input"),
        "hid": Population(6, hidden, tau_mem=rng.uniform(8.0, 12.0, 6)),
        "out": Population(3, output, tau_mem=15.0, v_thresh=0.3),
    }
    connections = (
        Connection("in", "hid", rng.normal(0.8, 0.6, (5, 6)), 5.0, 1.3),
        Connection("in", "hid", rng.normal(0.0, 0.8, (5, 6)), 2.0),
        Connection(
            "hid",
            "hid",
            rng.normal(-0.1, 0.6, (6, 6)),
            5.0,
            rng.uniform(0.5, 3, (6, 6)),
        ),
        Connection("hid", "out", rng.normal(0.3, 0.8, (6, 3)), 15.0),
    )
    trains = [np.sort(rng.uniform(0.0, 20.0, 4)) for _ in range(5)]
    return Net(populations, connections, {"in": trains})


def simple_net(
    weight: float = 1.0,
    tau_syn: float = 5.0,
    tau_mem: float = 20.0,
    kind: str = "li",
    time: float = 2.0,
) -> Net:
    """One input spike, one neuron."""
    populations = {
        "in": Population(1, "input"),
        "out": Population(1, kind, tau_mem=tau_mem),
    }
    connections = (Connection("in", "out", np.full((1, 1), weight), tau_syn),)
    return Net(populations, connections, {"in": [np.array([time])]})


class BruteForce:
    """Runge-Kutta of the same equations, knowing nothing of their solution.

    Steps end at arrivals; a step in which some V reaches its threshold is cut there
    by bisection. Every connection has a current of its own.
    """

    def __init__(self, net: Net, step: float, t_end: float):
        self.net, self.step, self.t_end = net, step, t_end
        self.names = [n for n, p in net.populations.items() if p.kind != "input"]
        sizes = [net.populations[n].size for n in self.names]
        bounds = np.cumsum([0, *sizes])
        self.where = {
            n: slice(a, b)
            for n, a, b in zip(self.names, bounds, bounds[1:], strict=False)
        }
        total = int(bounds[-1])
        self.tau_mem, self.thresh, self.reset = np.empty((3, total))
        self.tau_syn = np.ones((len(net.connections), total))
        for name, part in self.where.items():
            population = net.populations[name]
            self.tau_mem[part] = population.tau_mem
            spiking = population.kind == "lif"
            self.thresh[part] = population.v_thresh if spiking else np.inf
            self.reset[part] = population.v_reset
        for c, connection in enumerate(net.connections):
            self.tau_syn[c, self.where[connection.target]] = connection.tau_syn
        self.spikes: list[tuple[float, int]] = []
        self.arrivals: list[tuple[float, int, int, float]] = []
        for name, trains in net.inputs.items():
            for i, train in enumerate(trains):
                for time in train:
                    self.emit(name, i, float(time))

    def emit(self, name: str, i: int, time: float) -> None:
        for c, connection in enumerate(self.net.connections):
            if connection.source == name:
                delay = np.broadcast_to(connection.delay, connection.weight.shape)
                first = self.where[connection.target].start
                for j, weight in enumerate(connection.weight[i]):
                    event = (time + delay[i, j], c, first + j, weight)
                    self.arrivals.append(event)
        self.arrivals.sort()

    def derivative(self, y: Array) -> Array:
        """y holds V in row 0, the currents below."""
        dv = (y[1:].sum(axis=0) - y[0]) / self.tau_mem
        return np.concatenate([dv[None], -y[1:] / self.tau_syn])

    def advance(self, y: Array, h: float) -> Array:
        a = self.derivative(y)
        b = self.derivative(y + 0.5 * h * a)
        c = self.derivative(y + 0.5 * h * b)
        d = self.derivative(y + h * c)
        return y + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)

    def crossing(self, y: Array, h: float) -> float:
        """Length of the step after which the first threshold is reached."""
        low, high = 0.0, h
        for _ in range(60):
            middle = 0.5 * (low + high)
            reached = np.any(self.advance(y, middle)[0] >= self.thresh)
            low, high = (low, middle) if reached else (middle, high)
        return high

    def run(self) -> tuple[Array, Array]:
        """Times and voltages after every step."""
        y = np.zeros((1 + len(self.net.connections), len(self.tau_mem)))
        time, times, voltages = 0.0, [0.0], [y[0].copy()]
        while time < self.t_end:
            while self.arrivals and self.arrivals[0][0] <= time:
                _, c, j, weight = self.arrivals.pop(0)
                y[1 + c, j] += weight
            until = self.arrivals[0][0] if self.arrivals else self.t_end
            h = min(self.step, until - time, self.t_end - time)
            moved = self.advance(y, h)
            if np.any(moved[0] >= self.thresh):
                h = self.crossing(y, h)
                moved = self.advance(y, h)
            end = until if h == until - time else time + h
            y, time = moved, min(end, self.t_end)
            for j in np.flatnonzero(y[0] >= self.thresh):
                y[0, j] = self.reset[j]
                self.spikes.append((time, int(j)))
                self.fired(int(j), time)
            times.append(time)
            voltages.append(y[0].copy())
        return np.array(times), np.array(voltages)

    def fired(self, j: int, time: float) -> None:
        for name, part in self.where.items():
            if part.start <= j < part.stop:
                self.emit(name, j - part.start, time)


def merged_spikes(result: exact.Result, names: list[str]) -> list[tuple[float, int]]:
    """Spikes as the brute force numbers them."""
    trains = [train for name in names for train in result.spikes[name]]
    return sorted((float(t), j) for j, train in enumerate(trains) for t in train)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("output", ["li", "lif"])
def test_spikes_and_voltages_match_brute_force(seed: int, output: str) -> None:
    net = make_net(seed, output=output)
    result = net.simulate()
    brute = BruteForce(net, 0.02, T_END)
    times, voltages = brute.run()
    spikes = merged_spikes(result, brute.names)
    assert len(spikes) >= 8
    assert [j for _, j in spikes] == [j for _, j in brute.spikes]
    np.testing.assert_allclose(
        [t for t, _ in spikes], [t for t, _ in brute.spikes], rtol=0, atol=1e-8
    )
    between = np.array(
        [all(abs(t - s) > 1e-6 for s, _ in spikes) for t in times.tolist()]
    )
    got = np.concatenate([result.voltages(n, times) for n in brute.names], axis=1)
    np.testing.assert_allclose(got[between], voltages[between], rtol=0, atol=1e-8)


@pytest.mark.parametrize("output", ["li", "lif"])
def test_functionals_match_sums_over_a_fine_grid(output: str) -> None:
    result = make_net(3, output=output).simulate()
    h = 1e-4
    times = (np.arange(round(T_END / h)) + 0.5) * h
    v = result.voltages("out", times)
    tolerance = {"rtol": 0, "atol": 1e-8 if output == "li" else 1e-4}
    np.testing.assert_allclose(
        exact.avg_var(result, "out"), v.sum(axis=0) * h / T_END, **tolerance
    )
    np.testing.assert_allclose(
        exact.sum_var(result, "out", dt=0.5), v.sum(axis=0) * h / 0.5, rtol=1e-4
    )
    weighted = np.exp(-times / T_END)[:, None] * v
    np.testing.assert_allclose(
        exact.avg_var_exp_weight(result, "out"),
        weighted.sum(axis=0) * h / T_END,
        **tolerance,
    )
    np.testing.assert_allclose(
        exact.max_var(result, "out"), np.maximum(v.max(axis=0), 0.0), atol=1e-4
    )
    np.testing.assert_allclose(
        exact.var(result, "out"), result.voltages("out", [T_END])[0]
    )
    per_step = [exact.cross_entropy(row, 1, 0.5) for row in v[::50]]
    assert exact.per_timestep_cross_entropy(result, "out", 1, 0.5) == pytest.approx(
        np.mean(per_step), abs=1e-3
    )


def test_maximum_and_its_time_are_those_of_the_alpha_function() -> None:
    trace = simple_net(3.0, 20.0, 20.0).simulate(60.0).traces["out"][0]
    height, when = trace.maximum()
    assert when == pytest.approx(22.0, abs=1e-6)
    assert height == pytest.approx(3.0 * math.exp(-1.0), rel=1e-14)
    below = simple_net(-3.0).simulate().traces["out"][0]
    assert below.maximum() == (0.0, 0.0)


def test_mean_square_error_of_functions_and_samples() -> None:
    result = make_net(4).simulate()
    h = 1e-3
    times = (np.arange(round(T_END / h)) + 0.5) * h
    v = result.voltages("out", times)

    def wave(t: Array) -> Array:
        return np.sin(t[:, None] * np.array([0.1, 0.2, 0.3]))

    brute = np.mean((v - wave(times)) ** 2)
    assert exact.mean_square_error(result, "out", wave) == pytest.approx(
        brute, abs=1e-6
    )
    samples = np.random.default_rng(0).normal(size=(60, 3))
    held = samples[(times / 0.5).astype(int)]
    assert exact.mean_square_error(result, "out", samples, 0.5) == pytest.approx(
        np.mean((v - held) ** 2), abs=1e-6
    )
    with pytest.raises(ValueError, match="cover"):
        exact.mean_square_error(result, "out", samples, 0.4)


@pytest.mark.parametrize("gap", [1e-12, 1e-9, 1e-6, 1e-3])
def test_nearly_equal_time_constants_approach_the_limit(gap: float) -> None:
    limit = response(7.0, 5.0, 5.0)
    assert limit == pytest.approx(7.0 / 5.0 * math.exp(-7.0 / 5.0), rel=1e-15)
    for tau in (5.0 + gap, 5.0 - gap):
        assert response(7.0, 5.0, tau) == pytest.approx(limit, rel=gap + 1e-15)
    slope = (response(7.0, 5.0, 5.0 + gap) - response(7.0, 5.0, 5.0 - gap)) / gap / 2
    at_limit = math.exp(-1.4) * 7.0**2 / (2 * 5.0**3)
    assert slope == pytest.approx(at_limit, rel=1e-6 + 1e-15 / gap * 20)


@pytest.mark.parametrize("tau_syn", [2.0, 20.0, 45.0])
def test_barely_reached_and_barely_missed_thresholds(tau_syn: float) -> None:
    peak = simple_net(1.0, tau_syn).simulate(150.0).traces["out"][0].maximum()[0]
    for excess, expected in ((1e-12, 1), (-1e-12, 0)):
        net = simple_net((1.0 + excess) / peak, tau_syn, kind="lif")
        assert len(net.simulate(150.0).spikes["out"][0]) == expected


def test_no_crossing_is_missed_with_several_time_constants() -> None:
    rng = np.random.default_rng(5)
    grid = np.linspace(0.0, T_END, 30001)
    populations = {"in": Population(4, "input"), "out": Population(1, "li", 10.0)}
    num_crossings = 0
    for _ in range(60):
        connections = tuple(
            Connection("in", "out", rng.normal(0.0, 4.0, (4, 1)), tau)
            for tau in (1.0, 3.0, 10.0, 25.0)
        )
        inputs = {"in": [np.sort(rng.uniform(0.0, 20.0, 1)) for _ in range(4)]}
        net = Net(populations, connections, inputs)
        v = net.simulate().voltages("out", grid)[:, 0]
        height = float(v.max())
        if height <= 0.0:
            continue
        for level in height * np.array([0.2, 0.7, 1.0 - 1e-7]):
            spiking = {**populations, "out": Population(1, "lif", 10.0, level)}
            first = replace(net, populations=spiking).simulate()
            step = int(np.argmax(v >= level))
            time = first.first_spike_times("out")[0]
            assert grid[step - 1] - 1e-9 <= time <= grid[step] + 1e-9
            num_crossings += 1
    assert num_crossings > 100


def test_relative_and_absolute_reset_agree_in_continuous_time() -> None:
    net = make_net(1)
    hidden = replace(net.populations["hid"], relative_reset=True, v_reset=-0.2)
    relative = replace(net, populations={**net.populations, "hid": hidden}).simulate()
    hidden = replace(hidden, relative_reset=False)
    absolute = replace(net, populations={**net.populations, "hid": hidden}).simulate()
    assert relative.spike_order() == absolute.spike_order()
    for a, b in zip(relative.spikes["hid"], absolute.spikes["hid"], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)


def test_spike_time_and_its_derivatives_match_the_implicit_formula() -> None:
    weight, tau_syn, tau_mem = 8.0, 5.0, 20.0

    def first(w: float = weight, delay: float = 0.0, thresh: float = 1.0) -> float:
        net = simple_net(w, tau_syn, tau_mem, "lif").with_connection(0, delay=delay)
        out = replace(net.populations["out"], v_thresh=thresh)
        net = replace(net, populations={**net.populations, "out": out})
        return float(net.simulate().first_spike_times("out")[0])

    s = first() - 2.0
    assert weight * response(s, tau_mem, tau_syn) == pytest.approx(1.0, rel=1e-14)
    slope = (weight * math.exp(-s / tau_syn) - 1.0) / tau_mem
    by_weight = exact.finite_difference(lambda w: first(w=float(w)), weight)
    assert float(by_weight) == pytest.approx(-1.0 / (weight * slope), rel=1e-7)
    by_delay = exact.finite_difference(lambda d: first(delay=float(d)), 0.5)
    assert float(by_delay) == pytest.approx(1.0, rel=1e-8)
    by_thresh = exact.finite_difference(lambda v: first(thresh=float(v)), 1.0)
    assert float(by_thresh) == pytest.approx(1.0 / slope, rel=1e-7)


PARAMETERS = ("weight 0", "weight 2", "weight 3", "delay 2", "tau_syn 2")


@pytest.mark.parametrize("what", [*PARAMETERS, "tau_mem hid", "v_thresh hid"])
def test_differences_do_not_depend_on_the_step(what: str) -> None:
    name, owner = what.split()
    net = make_net(5)
    order = net.simulate().spike_order()
    assert len(order) > 25
    part = net.populations["hid"] if owner == "hid" else net.connections[int(owner)]
    whole = np.array(getattr(part, name))
    if whole.ndim == 0:
        whole = np.full(6, float(whole))

    def loss(first: Array) -> float:
        values = np.concatenate([first, whole[len(first) :]])
        if owner == "hid":
            moved = replace(net.populations["hid"], **{name: values})
            changed = replace(net, populations={**net.populations, "hid": moved})
        else:
            changed = net.with_connection(int(owner), **{name: values})
        result = changed.simulate()
        assert result.spike_order() == order
        return exact.per_timestep_cross_entropy(result, "out", 1)

    coarse = exact.finite_difference(loss, whole[:2], 1e-5)
    fine = exact.finite_difference(loss, whole[:2], 1e-6)
    assert np.abs(fine).max() > 1e-5
    np.testing.assert_allclose(coarse, fine, rtol=1e-4, atol=1e-8)


def test_differences_of_a_linear_readout_are_its_coefficients() -> None:
    net = simple_net(1.5)
    unit = exact.avg_var(simple_net(1.0).simulate(), "out")

    def readout(weight: Array) -> Array:
        return exact.avg_var(net.with_connection(0, weight=weight).simulate(), "out")

    gradient = exact.finite_difference(readout, net.connections[0].weight)
    assert gradient.shape == (1, 1, 1)
    np.testing.assert_allclose(gradient[0, 0], unit, rtol=1e-9)


def test_losses_of_known_values() -> None:
    y = np.array([1.0, 2.0, 4.0])
    p = np.exp(y / 2.0) / np.exp(y / 2.0).sum()
    assert exact.cross_entropy(y, 1, 2.0) == pytest.approx(-math.log(p[1]))
    assert exact.cross_entropy(1e4 * y, 2) == 0.0
    expected = exact.cross_entropy(-y, 1, 2.0) + 0.01 / (1.01 * T_END - 2.0)
    assert exact.first_spike_loss(y, 1, T_END, 2.0) == pytest.approx(expected)
    silent = np.array([1.0, np.inf])
    assert exact.first_spike_loss(silent, 0, T_END, alpha=0.0) == 0.0
    assert exact.first_spike_loss(silent, 1, T_END) == np.inf


def test_parts_that_do_not_fit_are_refused() -> None:
    net = simple_net()
    with pytest.raises(ValueError, match="weight must have shape"):
        net.with_connection(0, weight=np.ones((2, 1))).simulate()
    with pytest.raises(ValueError, match="negative"):
        net.with_connection(0, delay=-1.0).simulate()
    with pytest.raises(ValueError, match="one train"):
        replace(net, inputs={"in": []}).simulate()
    with pytest.raises(ValueError, match="times must lie"):
        net.simulate().voltages("out", [T_END + 1.0])


def stepped(net: Net, dt: float) -> discrete.Result:
    """The same network in steps of dt; a spike at t is emitted in step t/dt - 1."""
    make = {
        "input": lambda p: discrete.Input(),
        "li": lambda p: discrete.LeakyIntegrate(tau_mem=p.tau_mem, scale_i=True),
        "lif": lambda p: discrete.LeakyIntegrateFire(
            p.v_thresh,
            p.v_reset,
            tau_mem=p.tau_mem,
            relative_reset=False,
            scale_i=True,
        ),
    }
    populations = {
        name: discrete.Population(p.size, make[p.kind](p))
        for name, p in net.populations.items()
    }
    connections = [
        discrete.Connection(
            c.source,
            c.target,
            c.weight,
            discrete.Exponential(c.tau_syn, scale_i=True),
            np.round(np.asarray(c.delay) / dt).astype(int),
        )
        for c in net.connections
    ]
    steps = round(T_END / dt)
    played = np.zeros((1, steps, 5), dtype=bool)
    for i, train in enumerate(net.inputs["in"]):
        played[0, np.round(train / dt).astype(int) - 1, i] = True
    return discrete.run(populations, connections, {"in": played}, steps, dt)


def on_grid(net: Net, seed: int) -> Net:
    """The same network with input times and delays that are multiples of 0.1 ms."""
    rng = np.random.default_rng(seed)
    trains = [np.sort(rng.choice(np.arange(1, 200), 4, False)) / 10 for _ in range(5)]
    delay = np.round(rng.uniform(0.5, 3.0, (6, 6)), 1)
    return replace(net, inputs={"in": trains}).with_connection(2, delay=delay)


@pytest.mark.parametrize("seed", [1, 4])
def test_time_stepped_model_tends_to_the_exact_one(seed: int) -> None:
    net = on_grid(make_net(seed), seed)
    truth = net.simulate()
    assert sum(map(len, truth.spikes["hid"])) > 15
    errors = []
    for dt in (0.1, 0.01):
        result = stepped(net, dt)
        times = (np.arange(round(T_END / dt)) + 1) * dt
        v = truth.voltages("out", np.minimum(times, T_END))
        errors.append(np.abs(result.v_after_step["out"][0] - v).max())
        assert errors[-1] < 3.0 * dt
        for j, train in enumerate(truth.spikes["hid"]):
            emitted = (np.flatnonzero(result.spikes["hid"][0, :, j]) + 1) * dt
            assert len(emitted) == len(train)
            # each reset comes up to dt late, and delays add up along a train
            np.testing.assert_allclose(emitted, train, rtol=0, atol=20.0 * dt)
            np.testing.assert_allclose(emitted[:1], train[:1], rtol=0, atol=2.0 * dt)
        readouts = result.readouts["out"]
        for name in ("avg_var", "avg_var_exp_weight", "max_var", "var"):
            expected = exact.READOUTS[name](truth, "out")
            np.testing.assert_allclose(readouts[name][0], expected, atol=2.0 * dt)
        total = exact.sum_var(truth, "out", dt)
        np.testing.assert_allclose(readouts["sum_var"][0] / total, 1.0, atol=6.0 * dt)
    assert errors[1] < 0.2 * errors[0]


def test_time_stepped_model_is_exact_without_spikes_but_for_rounding() -> None:
    net = make_net(0, hidden="li")
    trains = [np.round(train, 1) for train in net.inputs["in"]]
    net = replace(net, inputs={"in": trains}, connections=net.connections[:2])
    truth = net.simulate()
    for dt, tolerance in ((0.1, 2e-3), (0.05, 1e-3)):
        times = (np.arange(round(T_END / dt)) + 1) * dt
        v = truth.voltages("hid", np.minimum(times, T_END))
        got = stepped(net, dt).v_after_step["hid"][0]
        np.testing.assert_allclose(got, v, rtol=0, atol=tolerance)


def one_neuron(
    neuron: discrete.Neuron, weight: float, spikes: list[int], delay: object = 0
) -> discrete.Result:
    """Run a neuron behind one input that spikes in the given steps."""
    populations = {
        "in": discrete.Population(1, discrete.Input()),
        "out": discrete.Population(1, neuron),
    }
    connections = [
        discrete.Connection("in", "out", np.full((1, 1), weight), delay=delay)
    ]
    played = np.zeros((1, 10, 1), dtype=bool)
    played[0, spikes] = True
    return discrete.run(populations, connections, {"in": played}, 10)


def test_step_latency_and_delays() -> None:
    for delay in (0, 3, np.array([[3]])):
        result = one_neuron(discrete.IntegrateFire(), 1.0, [2], delay=delay)
        expected = [3 + int(np.max(delay))]
        assert np.flatnonzero(result.spikes["out"]).tolist() == expected


def test_readouts_look_before_the_reset() -> None:
    result = one_neuron(discrete.IntegrateFire(v_reset=0.25), 1.5, [0, 4])
    v, after = (
        result.v_before_reset["out"][0, :, 0],
        result.v_after_step["out"][0, :, 0],
    )
    np.testing.assert_array_equal(v[:7], [0, 1.5, 0.25, 0.25, 0.25, 1.75, 0.25])
    np.testing.assert_array_equal(after[:7], [0, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25])
    readouts = {name: float(x[0, 0]) for name, x in result.readouts["out"].items()}
    assert readouts["max_var"] == 1.75
    assert readouts["sum_var"] == float(v.sum())
    assert readouts["avg_var"] == pytest.approx(float(v.mean()))
    assert readouts["avg_var_exp_weight"] == pytest.approx(
        float(np.mean(v * np.exp(-np.arange(10) / 10)))
    )
    assert readouts["var"] == 0.25
    assert readouts["spike_count"] == 2
    assert readouts["first_spike_time"] == -1.0
    assert result.threshold_distance["out"][0, 1, 0] == 0.5
    assert all(x.dtype == np.float32 for x in result.v_before_reset.values())


def test_a_silent_neuron_has_the_lowest_first_spike_time() -> None:
    result = one_neuron(discrete.IntegrateFire(), 0.5, [0])
    assert result.readouts["out"]["first_spike_time"] == np.finfo(np.float32).min


@pytest.mark.parametrize(("integrate", "expected"), [(True, 3.0), (False, 1.0)])
def test_refractory_timer(integrate: bool, expected: float) -> None:
    neuron = discrete.LeakyIntegrateFire(
        tau_mem=1e9,
        tau_refrac=3.0,
        relative_reset=False,
        integrate_during_refrac=integrate,
    )
    result = one_neuron(neuron, 1.0, list(range(10)))
    v = result.v_before_reset["out"][0, :, 0]
    # spike in step 1; steps 2 to 4 count 3, 2, 1 down, and step 4 may spike again
    second = 4 if integrate else 5
    assert np.flatnonzero(result.spikes["out"])[:2].tolist() == [1, second]
    assert v[second] == expected


def test_adaptation_raises_the_threshold() -> None:
    neuron = discrete.AdaptiveLeakyIntegrateFire(
        beta=0.5, tau_mem=1e9, tau_adapt=1e9, relative_reset=True
    )
    result = one_neuron(neuron, 1.0, list(range(10)))
    assert np.flatnonzero(result.spikes["out"]).tolist() == [1, 3, 4, 6, 7, 9]
    np.testing.assert_array_equal(
        result.v_before_reset["out"][0, :6, 0], [0, 1, 1, 2, 2, 2]
    )
    np.testing.assert_allclose(
        result.threshold_distance["out"][0, :6, 0], [1, 0, 0.5, 0.5, 0, 0.5]
    )


def test_batch_elements_do_not_see_each_other() -> None:
    rng = np.random.default_rng(0)
    populations = {
        "in": discrete.Population(8, discrete.Input()),
        "out": discrete.Population(4, discrete.LeakyIntegrateFire(v_thresh=0.8)),
    }
    delay = rng.integers(0, 4, (8, 4))
    connections = [
        discrete.Connection(
            "in", "out", rng.normal(0.3, 0.3, (8, 4)), discrete.Exponential(), delay
        ),
        discrete.Connection("out", "out", rng.normal(0.0, 0.3, (4, 4))),
    ]
    played = rng.random((5, 40, 8)) < 0.1
    whole = discrete.run(populations, connections, {"in": played}, 40)
    assert whole.spikes["out"].any()
    for b in range(5):
        one = discrete.run(populations, connections, {"in": played[b : b + 1]}, 40)
        np.testing.assert_allclose(
            one.v_after_step["out"][0], whole.v_after_step["out"][b], atol=1e-5
        )
