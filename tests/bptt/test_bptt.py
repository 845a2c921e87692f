"""BPTT's gradients against torch's automatic differentiation of the same steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.losses import SpikeCountMeanSquareError, SpikeRateMeanSquareError
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    UserNeuron,
)
from ml_genn.synapses import Delta, Exponential

torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")

NUM_IN, NUM_HIDDEN, NUM_OUT, STEPS, BATCH = 12, 9, 4, 40, 3
TAU_MEM, TAU_SYN, DT = 20.0, 5.0, 1.0
TOLERANCE = 1e-4

SURROGATE_DERIVATIVES: dict[str, Callable[[Any], Any]] = {
    "fast_sigmoid": lambda u: 1.0 / (1.0 + 10.0 * u.abs()) ** 2,
    "triangle": lambda u: torch.clamp(1.0 - u.abs(), min=0.0),
    "boxcar": lambda u: 0.5 * (u.abs() < 1.0),
    "arctan": lambda u: 1.0 / (1.0 + (math.pi * u) ** 2),
    "exponential": lambda u: torch.exp(-5.0 * u.abs()),
    "1 / (1 + u**2)": lambda u: 1.0 / (1.0 + u**2),
}


def spike_function(derivative: Callable[[Any], Any], threshold: float | None) -> Any:
    """A step whose derivative is the surrogate, cut off beyond the threshold."""

    class Spike(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, u: Any) -> Any:
            ctx.save_for_backward(u)
            return (u >= 0).to(u.dtype)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (u,) = ctx.saved_tensors
            near = torch.ones_like(u) if threshold is None else u.abs() < threshold
            return gradient * derivative(u) * near

    return Spike.apply


def weights() -> list[np.ndarray]:
    """Input, recurrent, between the hidden layers, recurrent, output."""
    rng = np.random.default_rng(3)
    shapes = [
        (NUM_IN, NUM_HIDDEN),
        (NUM_HIDDEN, NUM_HIDDEN),
        (NUM_HIDDEN, NUM_HIDDEN),
        (NUM_HIDDEN, NUM_HIDDEN),
        (NUM_HIDDEN, NUM_OUT),
    ]
    means, deviations = (0.5, 0.0, 0.8, 0.0, 0.0), (0.4, 0.3, 0.6, 0.3, 0.8)
    return [
        rng.normal(m, d, s) for m, d, s in zip(means, deviations, shapes, strict=True)
    ]


def data() -> tuple[np.ndarray, np.ndarray]:
    """Spike rasters and labels."""
    rng = np.random.default_rng(5)
    return rng.random((BATCH, STEPS, NUM_IN)) < 0.12, np.array([1, 3, 0])


def layer(
    state: dict[str, Any], current: Any, spike: Any, options: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """A step of a LIF or ALIF layer with an exponential synapse."""
    a, b = math.exp(-DT / TAU_MEM), math.exp(-DT / TAU_SYN)
    mean = TAU_SYN / DT * (1.0 - b)
    i = state["i"] + current
    v = a * state["v"] + (1.0 - a) * mean * i
    beta, rho = options.get("beta", 0.0), math.exp(-DT / 50.0)
    adaptation = rho * state["a"]
    s = spike(v - 1.0 - beta * adaptation)
    r = s if options["reset_gradient"] else s.detach()
    grown = s.detach() if options.get("detach") else s
    v = v - r if options.get("relative") else v * (1.0 - r) + options["v_reset"] * r
    return s, {"i": b * i, "v": v, "a": adaptation + grown}


def cross_entropy(readout: Any, labels: Any) -> Any:
    """The loss unless another one is given."""
    return torch.nn.functional.cross_entropy(readout, labels)


def torch_gradients(
    spike: Any, options: dict[str, Any], readout: str, loss: Any = cross_entropy
) -> tuple[list[np.ndarray], float]:
    """Gradients of the mean loss, and the number of hidden spikes."""
    w = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in weights()]
    x, labels = data()
    inputs = torch.tensor(x, dtype=torch.float64)

    def zero(n: int) -> dict[str, Any]:
        return {k: torch.zeros(BATCH, n, dtype=torch.float64) for k in "iva"}

    one, two, out = zero(NUM_HIDDEN), zero(NUM_HIDDEN), zero(NUM_OUT)
    before = torch.zeros(BATCH, NUM_IN, dtype=torch.float64)
    s1 = s2 = torch.zeros(BATCH, NUM_HIDDEN, dtype=torch.float64)
    a, b = math.exp(-DT / TAU_MEM), math.exp(-DT / TAU_SYN)
    mean = TAU_SYN / DT * (1.0 - b)
    total, count = torch.zeros(BATCH, NUM_OUT, dtype=torch.float64), 0.0
    for t in range(STEPS):
        new1, one = layer(one, before @ w[0] + s1 @ w[1], spike, options)
        new2, two = layer(two, s1 @ w[2] + s2 @ w[3], spike, options)
        if readout == "spike_count":
            fired, out = layer(out, s2 @ w[4], spike, options)
            total = total + fired
        else:
            i = out["i"] + s2 @ w[4]
            out = {**out, "v": a * out["v"] + (1.0 - a) * mean * i, "i": b * i}
            total = total + out["v"] / STEPS
        s1, s2, before = new1, new2, inputs[:, t]
        count += float((s1 + s2).detach().sum())
    loss(total, torch.tensor(labels)).backward()
    return [x.grad.numpy() for x in w], count


def neuron(options: dict[str, Any], readout: str | None = None) -> Any:
    """The hidden neuron in ml_genn."""
    common = {
        "v_reset": options["v_reset"],
        "tau_mem": TAU_MEM,
        "relative_reset": bool(options.get("relative")),
        "readout": readout,
    }
    if "beta" in options:
        return AdaptiveLeakyIntegrateFire(
            beta=options["beta"], tau_adapt=50.0, **common
        )
    return LeakyIntegrateFire(**common)


def own_gradients(
    options: dict[str, Any],
    readout: str,
    loss: Any = "sparse_categorical_crossentropy",
    y: Any = None,
    **kwargs: Any,
) -> list[Any]:
    """Gradients of the same network in ml_genn."""
    with Network() as network:
        populations = [
            Population("spike_input", NUM_IN),
            Population(neuron(options), NUM_HIDDEN),
            Population(neuron(options), NUM_HIDDEN),
            Population(
                neuron(options, readout)
                if readout == "spike_count"
                else LeakyIntegrate(tau_mem=TAU_MEM, readout=readout),
                NUM_OUT,
            ),
        ]
        ends = [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3)]
        connections = [
            Connection(populations[i], populations[j], Dense(w), Exponential(TAU_SYN))
            for (i, j), w in zip(ends, weights(), strict=True)
        ]
    compiled = BPTTCompiler(
        STEPS,
        loss,
        reset_gradient=options["reset_gradient"],
        detach=options.get("detach", ()),
        batch_size=BATCH,
        num_threads=1,
        **kwargs,
    ).compile(network)
    x, labels = data()
    gradients = compiled.gradients(x, labels if y is None else y)
    return [gradients[c] for c in connections]


def compare(
    options: dict[str, Any],
    readout: str,
    surrogate: str,
    in_torch: Any = cross_entropy,
    **kwargs: Any,
) -> None:
    """Relative errors of all gradients are small."""
    derivative = SURROGATE_DERIVATIVES[surrogate]
    spike = spike_function(derivative, kwargs.get("backward_threshold"))
    expected, count = torch_gradients(spike, options, readout, in_torch)
    assert count > 20
    own = own_gradients(options, readout, surrogate=surrogate, **kwargs)
    for k, (e, o) in enumerate(zip(expected, own, strict=True)):
        assert np.linalg.norm(e) > 0, k
        assert np.linalg.norm(o - e) / np.linalg.norm(e) < TOLERANCE, k


ABSOLUTE = {"reset_gradient": False, "v_reset": 0.0}


@pytest.mark.parametrize("surrogate", SURROGATE_DERIVATIVES)
def test_surrogates(surrogate: str) -> None:
    compare(ABSOLUTE, "avg_var", surrogate)


@pytest.mark.parametrize("reset_gradient", [False, True])
@pytest.mark.parametrize(
    ("relative", "v_reset"), [(False, 0.0), (False, -0.3), (True, 0.0)]
)
def test_resets(reset_gradient: bool, relative: bool, v_reset: float) -> None:
    options = {
        "reset_gradient": reset_gradient,
        "relative": relative,
        "v_reset": v_reset,
    }
    compare(options, "avg_var", "fast_sigmoid")


@pytest.mark.parametrize("detach", [(), "a", ["a"]])
@pytest.mark.parametrize("reset_gradient", [False, True])
def test_adaptive_neurons(reset_gradient: bool, detach: Any) -> None:
    options = {
        **ABSOLUTE,
        "reset_gradient": reset_gradient,
        "beta": 0.2,
        "detach": detach,
    }
    compare(options, "avg_var", "fast_sigmoid")


def test_spike_counts() -> None:
    compare(ABSOLUTE, "spike_count", "triangle")


def _squares(correct: float, incorrect: float) -> Callable[[Any, Any], Any]:
    """Squared distance of what is read out from numbers that labels stand for."""

    def loss(readout: Any, labels: Any) -> Any:
        hit = torch.nn.functional.one_hot(labels, NUM_OUT)
        return ((readout - torch.where(hit > 0, correct, incorrect)) ** 2).mean()

    return loss


def test_squared_errors_of_spike_counts_and_rates() -> None:
    arguments = (ABSOLUTE, "spike_count", "triangle")
    counts = SpikeCountMeanSquareError(9.0, 2.0)
    compare(*arguments, in_torch=_squares(9.0, 2.0), loss=counts)
    rates = SpikeRateMeanSquareError(250.0, 25.0)  # 10 spikes and 1 spike
    of_rates = _squares(10.0, 1.0)
    compare(*arguments, in_torch=lambda n, y: of_rates(n, y) / STEPS**2, loss=rates)


def test_losses_of_values() -> None:
    """Of spike counts and of voltages, against torch's own."""
    y = np.random.default_rng(1).uniform(0.0, 1.0, (BATCH, NUM_OUT))
    functional, target = torch.nn.functional, torch.tensor(y)
    probabilities = y / y.sum(axis=1, keepdims=True)
    for loss, in_torch, arguments in (
        ("mean_square_error", lambda v, _: functional.mse_loss(v, target), y),
        ("mean_absolute_error", lambda v, _: functional.l1_loss(v, target), y),
        (
            "categorical_crossentropy",
            lambda v, _: functional.cross_entropy(v, torch.tensor(probabilities)),
            probabilities,
        ),
    ):
        for readout in ("avg_var", "spike_count"):
            compare(ABSOLUTE, readout, "triangle", in_torch, loss=loss, y=arguments)


@pytest.mark.parametrize(
    ("surrogate", "threshold"),
    [("fast_sigmoid", 0.9), ("fast_sigmoid", 0.3), ("boxcar", 0.5)],
)
def test_sparse_backward_pass(surrogate: str, threshold: float) -> None:
    """Inactive neurons have a surrogate derivative of zero in the dense gradient."""
    compare(ABSOLUTE, "avg_var", surrogate, backward_threshold=threshold)


def test_equations_whose_derivative_depends_on_the_state() -> None:
    """A quadratic integrate-and-fire neuron: its Jacobian is read from the history."""
    rng = np.random.default_rng(0)
    w_in, w_out = rng.normal(0.3, 0.2, (NUM_IN, 5)), rng.normal(0.0, 0.5, (5, NUM_OUT))
    x, labels = data()
    with Network() as network:
        inputs = Population("spike_input", NUM_IN)
        hidden = Population(
            UserNeuron(
                {"v": ("(v*(v - 1) + Isyn)/tau", "v_reset")},
                "v",
                threshold="v - 1.5",
                param_vals={"tau": 10.0, "v_reset": -0.5},
            ),
            5,
        )
        output = Population(LeakyIntegrate(readout="avg_var"), NUM_OUT)
        first = Connection(inputs, hidden, Dense(w_in), Exponential(TAU_SYN))
        second = Connection(hidden, output, Dense(w_out), Delta())
    compiled = BPTTCompiler(
        STEPS, "sparse_categorical_crossentropy", batch_size=BATCH, num_threads=1
    ).compile(network)
    gradients = compiled.gradients(x, labels)
    spike = spike_function(SURROGATE_DERIVATIVES["fast_sigmoid"], None)
    w = [
        torch.tensor(k, dtype=torch.float64, requires_grad=True) for k in (w_in, w_out)
    ]
    a, b = math.exp(-DT / TAU_MEM), math.exp(-DT / TAU_SYN)
    mean = TAU_SYN / DT * (1.0 - b)
    v = i = s = torch.zeros(BATCH, 5, dtype=torch.float64)
    out = total = torch.zeros(BATCH, NUM_OUT, dtype=torch.float64)
    before, count = torch.zeros(BATCH, NUM_IN, dtype=torch.float64), 0.0
    for t in range(STEPS):
        i = i + before @ w[0]
        out = a * out + (1.0 - a) * (s @ w[1])
        v = v + DT * (v * (v - 1.0) + mean * i) / 10.0
        i = b * i
        s = spike(v - 1.5)
        v = torch.where(s.detach() > 0, torch.full_like(v, -0.5), v)
        total = total + out / STEPS
        before = torch.tensor(x[:, t], dtype=torch.float64)
        count += float(s.detach().sum())
    torch.nn.functional.cross_entropy(total, torch.tensor(labels)).backward()
    assert count > 5
    for connection, expected in ((first, w[0].grad), (second, w[1].grad)):
        error = np.linalg.norm(gradients[connection] - expected.numpy())
        assert error / np.linalg.norm(expected.numpy()) < TOLERANCE
