"""The references for e-prop and for neurons given by any differential equation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import discrete, eprop, exact, ode
from reference.losses import finite_difference
from reference.membrane import Membrane

Array = NDArray[np.float64]

STEPS, INPUTS, OUTPUTS = 40, 6, 3
LABEL = 1


def eprop_network(beta: float = 0.0, tau_refrac: float = 0.0) -> eprop.Network:
    """Two recurrent hidden populations; they and the input project to the output."""
    rng = np.random.default_rng(5)

    def connection(source: str, target: str, *size: int) -> eprop.Connection:
        return eprop.Connection(source, target, rng.normal(0.15, 0.5, size))

    hidden = {
        "a": eprop.Hidden(5, rng.uniform(8, 20, 5), 0.6, beta, 30.0, tau_refrac),
        "b": eprop.Hidden(
            4, 12.0, rng.uniform(0.6, 0.9, 4), 2 * beta, 50.0, tau_refrac
        ),
    }
    connections = (
        connection("in", "a", INPUTS, 5),
        connection("in", "b", INPUTS, 4),
        connection("a", "a", 5, 5),
        connection("a", "b", 5, 4),
        connection("b", "a", 4, 5),
        connection("a", "out", 5, OUTPUTS),
        connection("b", "out", 4, OUTPUTS),
        connection("in", "out", INPUTS, OUTPUTS),
    )
    return eprop.Network(hidden, connections, rng.normal(0, 0.1, OUTPUTS), tau_out=7.0)


def eprop_example(loss: str) -> tuple[dict[str, Array], Any]:
    """Input spikes and target."""
    rng = np.random.default_rng(6)
    played = {"in": (rng.random((STEPS, INPUTS)) < 0.2).astype(np.float64)}
    if loss == "squared_error":
        return played, rng.normal(0.0, 1.0, (STEPS, OUTPUTS))
    return played, rng.integers(0, OUTPUTS, STEPS)


def torch_neurons(
    torch: Any,
    network: eprop.Network,
    h: eprop.Hidden,
    s: dict[str, Any],
    current: Any,
    o: eprop.Options,
) -> Any:
    """Advance state s of a hidden population by a step; return F."""

    def constant(x: Any) -> Any:
        return torch.tensor(np.asarray(x, dtype=np.float64))

    a, rho = (
        constant(np.exp(-network.dt / np.asarray(tau)))
        for tau in (h.tau_mem, h.tau_adapt)
    )
    thresh, beta = constant(h.v_thresh), constant(h.beta)
    drop = thresh * s["z"].detach()
    if network.jumps_decay:
        s["v"] = a * (s["v"] - drop) + current
        s["a"] = rho * (s["a"] + s["z"])
    else:
        s["v"] = a * s["v"] - drop + current
        s["a"] = rho * s["a"] + s["z"]
    s["t"] = torch.clamp(s["t"] - network.dt, min=0.0)
    free = s["t"] == 0.0
    u = s["v"] - thresh - beta * s["a"]
    psi = 0.3 / thresh * torch.relu(1.0 - (u / thresh).abs()) * free
    line = psi.detach() * u
    s["z"] = ((u >= 0.0) & free).double() + line - line.detach()
    s["t"] = torch.where(s["z"].detach() > 0.5, constant(h.tau_refrac), s["t"])
    keep = np.exp(-network.dt / o.tau_reg)
    rate = keep * s["f"]
    s["f"] = rate + (1.0 - keep) * s["z"].detach()
    return s["f"] if o.rate_after_spike else rate


def torch_loss(torch: Any, y: Any, target: Any, t: int, o: eprop.Options) -> Any:
    """Part of step t in the loss."""
    if o.loss == "squared_error":
        return ((y - torch.tensor(target[t])) ** 2).mean() / STEPS
    return -torch.log_softmax(y, 0)[int(target[t])]


def torch_gradients(
    network: eprop.Network, inputs: dict[str, Array], target: Any, o: eprop.Options
) -> tuple[list[Array], Array, float]:
    """Reverse-mode gradients, by weight and bias, of the computation e-prop cuts."""
    torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")

    def constant(x: Any) -> Any:
        return torch.tensor(np.asarray(x, dtype=np.float64))

    weights = [constant(c.weight).requires_grad_() for c in network.connections]
    bias = constant(network.bias).requires_grad_()
    played = {name: constant(x) for name, x in inputs.items()}
    state = {
        name: {k: torch.zeros(h.size, dtype=torch.float64) for k in "vaztf"}
        for name, h in network.hidden.items()
    }
    y, loss, push = constant(np.zeros(OUTPUTS)), 0.0, 0.0
    for t in range(STEPS):
        emitted = {k: x[t - 1] if t else 0.0 * x[0] for k, x in played.items()}
        emitted |= {k: s["z"] for k, s in state.items()}
        arriving = dict.fromkeys(network.hidden, 0.0)
        readout = 0.0
        for c, w in zip(network.connections, weights, strict=True):
            z = emitted[c.source]
            if c.target != network.output:
                arriving[c.target] = arriving[c.target] + z.detach() @ w
                continue
            readout = readout + z.detach() @ w
            feedback = (o.feedback or {}).get(c.source)
            back = w.detach() if feedback is None else constant(feedback)
            readout = readout + (z - z.detach()) @ back
        for name, h in network.hidden.items():
            rate = torch_neurons(torch, network, h, state[name], arriving[name], o)
            excess = rate - o.f_target * network.dt / 1000.0
            push = push + o.factor * o.c_reg * (excess * state[name]["z"]).sum()
        y = np.exp(-network.dt / network.tau_out) * y + readout + bias
        loss = loss + torch_loss(torch, y, target, t, o)
    (loss + push).backward()
    return [w.grad.numpy() for w in weights], bias.grad.numpy(), float(loss.detach())


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("beta", [0.0, 0.25], ids=["lif", "alif"])
@pytest.mark.parametrize("tau_refrac", [0.0, 3.0])
@pytest.mark.parametrize("jumps_decay", [False, True])
@pytest.mark.parametrize("variant", ["plain", "regularised", "feedback"])
def test_eprop_is_the_gradient_of_the_cut_computation(
    loss: Any, beta: float, tau_refrac: float, jumps_decay: bool, variant: str
) -> None:
    network = replace(eprop_network(beta, tau_refrac), jumps_decay=jumps_decay)
    options = eprop.Options(loss)
    if variant == "regularised":
        options = replace(
            options, c_reg=3.0, factor=0.7, tau_reg=60.0, rate_after_spike=beta > 0.0
        )
    elif variant == "feedback":
        rng = np.random.default_rng(7)
        sizes = {name: h.size for name, h in network.hidden.items()}
        matrices = {k: rng.normal(0, 1, (n, OUTPUTS)) for k, n in sizes.items()}
        options = replace(options, feedback=matrices)
    inputs, target = eprop_example(loss)
    result = eprop.run(network, inputs, target, options)
    weights, bias, value = torch_gradients(network, inputs, target, options)
    assert result.loss == pytest.approx(value, rel=1e-12)
    for mine, theirs in zip(
        (*result.gradients, result.bias), (*weights, bias), strict=True
    ):
        assert np.any(theirs != 0.0)
        assert np.max(np.abs(mine - theirs)) <= 1e-10 * np.max(np.abs(theirs))
    for z in result.spikes.values():
        assert 10 < z.sum() < 0.6 * z.size


def test_eprop_published_trace_differs_only_with_adaptation_and_decaying_jumps() -> (
    None
):
    inputs, target = eprop_example("cross_entropy")

    def gap(beta: float, jumps_decay: bool) -> float:
        network = replace(eprop_network(beta), jumps_decay=jumps_decay)
        values = [
            eprop.run(network, inputs, target, eprop.Options(published_trace=p))
            for p in (False, True)
        ]
        return float(np.abs(values[0].gradients[0] - values[1].gradients[0]).max())

    assert gap(0.0, True) == gap(0.25, False) == 0.0
    assert gap(0.25, True) > 1e-4


def test_eprop_output_gradients_are_differences_of_the_loss() -> None:
    network = eprop_network(0.25, 3.0)
    inputs, target = eprop_example("squared_error")
    options = eprop.Options("squared_error")
    result = eprop.run(network, inputs, target, options)

    def loss(bias: Array) -> float:
        changed = replace(network, bias=bias)
        return eprop.run(changed, inputs, target, options).loss

    assert result.bias == pytest.approx(finite_difference(loss, network.bias), rel=1e-7)

    def loss_by_weight(weight: Array) -> float:
        last = replace(network.connections[-1], weight=weight)
        changed = replace(network, connections=(*network.connections[:-1], last))
        return eprop.run(changed, inputs, target, options).loss

    numeric = finite_difference(loss_by_weight, network.connections[-1].weight)
    assert result.gradients[-1] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.25], ids=["lif", "alif"])
def test_eprop_with_decaying_jumps_spikes_as_the_discrete_reference(
    beta: float,
) -> None:
    network = replace(eprop_network(beta, 3.0), jumps_decay=True)
    inputs, target = eprop_example("cross_entropy")
    result = eprop.run(network, inputs, target)
    populations = {
        name: discrete.Population(
            h.size,
            discrete.AdaptiveLeakyIntegrateFire(
                v_thresh=h.v_thresh,
                beta=h.beta,
                tau_mem=h.tau_mem,
                tau_adapt=h.tau_adapt,
                tau_refrac=h.tau_refrac,
            ),
        )
        for name, h in network.hidden.items()
    }
    populations["in"] = discrete.Population(INPUTS, discrete.Input())
    connections = [
        discrete.Connection(c.source, c.target, c.weight)
        for c in network.connections
        if c.target != network.output
    ]
    played = {"in": inputs["in"][None] > 0.0}
    other = discrete.run(populations, connections, played, STEPS)
    for name in network.hidden:
        assert other.threshold_distance[name].min() > 1e-5
        assert np.array_equal(other.spikes[name][0], result.spikes[name] > 0.0)
        assert other.v_before_reset[name][0] == pytest.approx(
            result.voltages[name], abs=1e-5
        )


T_END = 30.0


def lif_connections() -> list[ode.Connection]:
    """Two time constants into the hidden neurons, delays of many kinds."""
    rng = np.random.default_rng(0)
    delays = rng.uniform(0.5, 3.0, (6, 6))
    return [
        ode.Connection("in", "hid", rng.normal(0.8, 0.6, (5, 6)), 5.0, 1.3),
        ode.Connection("in", "hid", rng.normal(0.0, 0.8, (5, 6)), rng.uniform(2, 3, 6)),
        ode.Connection("hid", "hid", rng.normal(-0.1, 0.6, (6, 6)), 5.0, delays),
        ode.Connection("hid", "out", rng.normal(0.3, 0.8, (6, 3)), 15.0),
    ]


def trains() -> dict[str, list[Array]]:
    rng = np.random.default_rng(1)
    return {"in": [np.sort(rng.uniform(0.0, 20.0, 4)) for _ in range(5)]}


def both(
    connections: list[ode.Connection],
    relative: bool = False,
    tau_mem: Any = 10.0,
    v_thresh: Any = 0.6,
    step: float = 0.01,
) -> tuple[ode.Result, exact.Result]:
    """The same LIF network by Runge-Kutta and in closed form."""
    neuron = {"tau_mem": tau_mem, "v_thresh": v_thresh, "relative_reset": relative}
    odes = {
        "in": ode.Population(5),
        "hid": ode.Population(6, ode.lif(**neuron)),
        "out": ode.Population(3, ode.leaky_integrator(15.0)),
    }
    closed = {
        "in": exact.Population(5, "input"),
        "hid": exact.Population(6, "lif", **neuron),
        "out": exact.Population(3, "li", tau_mem=15.0),
    }
    return (
        ode.simulate(odes, connections, trains(), T_END, step),
        exact.simulate(closed, connections, trains(), T_END),
    )


@pytest.mark.parametrize("relative", [False, True])
def test_ode_lif_agrees_with_the_closed_form(relative: bool) -> None:
    tau_mem = np.linspace(8.0, 12.0, 6)
    mine, theirs = both(lif_connections(), relative, tau_mem)
    assert mine.spike_order() == theirs.spike_order()
    assert sum(len(times) for times in theirs.spikes["hid"]) > 10
    for a, b in zip(mine.spikes["hid"], theirs.spikes["hid"], strict=True):
        assert a == pytest.approx(b, abs=1e-10)
    assert ode.avg_var(mine, "out") == pytest.approx(
        exact.avg_var(theirs, "out"), abs=1e-11
    )
    assert ode.var(mine, "out") == pytest.approx(exact.var(theirs, "out"), abs=1e-11)


def changed_weight(value: Array) -> dict[str, Any]:
    connections = lif_connections()
    weight = connections[0].weight.copy()
    weight[:2, 0] = value
    connections[0] = replace(connections[0], weight=weight)
    return {"connections": connections}


def changed_delay(value: Array) -> dict[str, Any]:
    connections = lif_connections()
    delay = np.array(connections[2].delay)
    delay[0, :2] = value
    connections[2] = replace(connections[2], delay=delay)
    return {"connections": connections}


def changed_tau_syn(value: Array) -> dict[str, Any]:
    connections = lif_connections()
    connections[0] = replace(connections[0], tau_syn=value[0])
    return {"connections": connections}


@pytest.mark.parametrize(
    ("change", "at"),
    [
        (changed_weight, lif_connections()[0].weight[:2, 0]),
        (changed_delay, np.asarray(lif_connections()[2].delay)[0, :2]),
        (changed_tau_syn, [5.2]),
        (lambda x: {"tau_mem": x[0]}, [10.0]),
        (lambda x: {"v_thresh": x[0]}, [0.6]),
    ],
    ids=["weight", "delay", "tau_syn", "tau_mem", "v_thresh"],
)
def test_ode_differences_are_those_of_the_closed_form(
    change: Callable[[Array], dict[str, Any]], at: Any
) -> None:
    def losses(value: Array) -> Array:
        args = {"connections": lif_connections(), **change(value)}
        mine, theirs = both(**args, step=0.05)
        a = ode.avg_var_cross_entropy(mine, "out", LABEL)
        b = exact.cross_entropy(exact.avg_var(theirs, "out"), LABEL)
        return np.array([a, b])

    mine, theirs = finite_difference(losses, at).T
    assert np.all(theirs != 0.0)
    assert mine == pytest.approx(theirs, rel=1e-6, abs=1e-8)


def single(model: ode.Model, step: float, weight: float = 3.0) -> ode.Result:
    """Two neurons excited by 3 input spikes, exciting each other, and an output."""
    populations = {
        "in": ode.Population(1),
        "hid": ode.Population(2, model),
        "out": ode.Population(1, ode.leaky_integrator()),
    }
    connections = [
        ode.Connection("in", "hid", weight * np.array([[1.0, 1.3]]), 6.0),
        ode.Connection("hid", "hid", np.array([[0.0, 0.4], [0.3, 0.0]]), 4.0, 1.0),
        ode.Connection("hid", "out", np.ones((2, 1)), 5.0),
    ]
    times = {"in": [[1.0, 4.0, 11.0]]}
    return ode.simulate(populations, connections, times, T_END, step)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (ode.quadratic_if(8.0), 1e-10),
        (ode.exponential_if(8.0), 1e-8),
        (ode.adaptive_lif(8.0, beta=0.3, tau_adapt=40.0), 1e-10),
        (ode.adaptive_lif(8.0, 1.0, 0.0, False, 0.3, 40.0), 1e-10),
    ],
    ids=["qif", "eif", "alif", "alif-absolute"],
)
def test_ode_models_converge(model: ode.Model, error: float) -> None:
    coarse, fine = single(model, 0.01), single(model, 0.0037)
    assert fine.spike_order() == coarse.spike_order()
    assert sum(len(times) for times in fine.spikes["hid"]) >= 4
    for a, b in zip(coarse.spikes["hid"], fine.spikes["hid"], strict=True):
        assert a == pytest.approx(b, abs=error)
    assert ode.avg_var(coarse, "out") == pytest.approx(
        ode.avg_var(fine, "out"), abs=error
    )


def test_ode_unforced_spike_times_are_the_quadrature_of_the_equation() -> None:
    tau, start = 8.0, 1.2
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def crossing(model: ode.Model) -> float:
        populations = {"hid": ode.Population(1, model)}
        result = ode.simulate(populations, [], {}, T_END)
        return float(result.spikes["hid"][0][0])

    qif = tau * (np.log(0.5 / 1.5) - np.log(0.2 / 1.2))
    model = ode.quadratic_if(tau, initial=start)
    assert crossing(model) == pytest.approx(qif, abs=1e-11)
    start = 1.4
    v = start + (1.6 - start) * 0.5 * (nodes + 1.0)
    speed = (0.2 * np.exp((v - 1.0) / 0.2) - v) / tau
    eif = 0.5 * (1.6 - start) * float(weights @ (1.0 / speed))
    model = ode.exponential_if(tau, 1.6, initial=start)
    assert crossing(model) == pytest.approx(eif, abs=1e-9)


def test_ode_adaptive_lif_spikes_where_the_closed_form_meets_its_threshold() -> None:
    tau_mem, tau_syn, tau_adapt, beta = 10.0, 6.0, 40.0, 0.3
    model = ode.adaptive_lif(tau_mem, 1.0, 0.0, True, beta, tau_adapt)
    populations = {"in": ode.Population(1), "hid": ode.Population(1, model)}
    connections = [ode.Connection("in", "hid", np.full((1, 1), 16.0), tau_syn)]
    result = ode.simulate(populations, connections, {"in": [[0.0]]}, T_END)
    first, second, third = result.spikes["hid"][0][:3].tolist()
    membrane = Membrane(tau_mem, (tau_syn,))
    v, current, height = 0.0, [16.0], 0.0
    for gap in (first, second - first, third - second):
        v = membrane.voltage(v, current, gap)
        current = membrane.currents(current, gap)
        height *= np.exp(-gap / tau_adapt)
        assert v == pytest.approx(1.0 + beta * height, abs=1e-11)
        v, height = v - 1.0, height + 1.0


def test_ode_simultaneous_spikes_and_zero_delays() -> None:
    populations = {
        "in": ode.Population(1),
        "hid": ode.Population(3, ode.lif(10.0)),
        "out": ode.Population(1, ode.lif(10.0, 0.2)),
    }
    connections = [
        ode.Connection("in", "hid", np.full((1, 3), 6.0)),
        ode.Connection("hid", "out", np.full((3, 1), 1.0)),
    ]
    result = ode.simulate(populations, connections, {"in": [[1.0]]}, T_END)
    a, b, c = result.spikes["hid"]
    assert len(a) > 0
    assert np.array_equal(a, b)
    assert np.array_equal(a, c)
    v, current = 0.0, [3.0]
    gap = Membrane(10.0, (5.0,)).first_crossing(v, current, 0.2, 10.0)
    assert gap is not None
    assert result.first_spike_times("out") == pytest.approx(a[0] + gap, abs=1e-11)


def test_ode_rejects_a_jump_that_stays_above_the_threshold() -> None:
    model = ode.lif(10.0, v_thresh=0.5, v_reset=0.7)
    populations = {"in": ode.Population(1), "hid": ode.Population(1, model)}
    connections = [ode.Connection("in", "hid", np.full((1, 1), 6.0))]
    with pytest.raises(ValueError, match="below threshold"):
        ode.simulate(populations, connections, {"in": [[1.0]]}, T_END)
