"""Each optimiser in compiled code against NumPy, and against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training.small_nets import Small, labels, small, spikes

from ml_genn.errors import DivergedError, ValidationError
from ml_genn.optimisers import (
    SGD,
    Adam,
    Adamax,
    AdamW,
    CosineDecay,
    Lion,
    Optimiser,
    RMSprop,
    default_optimisers,
)

Arrays = dict[Any, np.ndarray]
RATE = 0.05


# ---------------------------------------------------------------- in NumPy
def sgd(o: SGD, g: Any, s: Arrays, n: int) -> Any:
    """Momentum as torch has it, whose rate is not part of the momentum."""
    s["u"] = o.momentum * s.get("u", 0.0) + g
    return g + o.momentum * s["u"] if o.nesterov else s["u"]


def rmsprop(o: RMSprop, g: Any, s: Arrays, n: int) -> Any:
    """The gradient over the root of its mean square."""
    s["v"] = o.rho * s.get("v", 0.0) + (1 - o.rho) * g**2
    s["u"] = o.momentum * s.get("u", 0.0) + g / (np.sqrt(s["v"]) + o.epsilon)
    return s["u"]


def adam(o: Adam, g: Any, s: Arrays, n: int) -> Any:
    """Kingma & Ba (2015), algorithm 1."""
    s["m"] = o.beta1 * s.get("m", 0.0) + (1 - o.beta1) * g
    s["v"] = o.beta2 * s.get("v", 0.0) + (1 - o.beta2) * g**2
    v_hat = s["v"] / (1 - o.beta2**n)
    return s["m"] / (1 - o.beta1**n) / (np.sqrt(v_hat) + o.epsilon)


def adamax(o: Adamax, g: Any, s: Arrays, n: int) -> Any:
    """Kingma & Ba (2015), algorithm 2."""
    s["m"] = o.beta1 * s.get("m", 0.0) + (1 - o.beta1) * g
    s["u"] = np.maximum(o.beta2 * s.get("u", 0.0), np.abs(g))
    return s["m"] / (1 - o.beta1**n) / (s["u"] + o.epsilon)


def lion(o: Lion, g: Any, s: Arrays, n: int) -> Any:
    """Chen et al. (2023), algorithm 2; Keras has the same formula."""
    m = s.get("m", np.zeros_like(g))
    s["m"] = o.beta2 * m + (1 - o.beta2) * g
    return np.sign(o.beta1 * m + (1 - o.beta1) * g)


IN_NUMPY: dict[type, Callable[..., Any]] = {
    SGD: sgd,
    RMSprop: rmsprop,
    Adam: adam,
    AdamW: adam,
    Adamax: adamax,
    Lion: lion,
}

CASES = [
    SGD(RATE),
    SGD(RATE, momentum=0.9),
    SGD(RATE, momentum=0.8, nesterov=True),
    RMSprop(RATE),
    RMSprop(RATE, rho=0.7, momentum=0.5, epsilon=1e-3),
    Adam(RATE),
    AdamW(RATE, weight_decay=0.1),
    Adamax(RATE),
    Adamax(RATE, beta1=0.5, beta2=0.9),
    Lion(RATE),
    Lion(RATE, beta1=0.5, beta2=0.8, weight_decay=0.2),
]


def norm(*gradients: np.ndarray) -> float:
    """The length of several arrays together."""
    return float(np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in gradients)))


class Follower:
    """Steps of one array in NumPy, with what comes around them."""

    def __init__(self, optimiser: Any, x: np.ndarray) -> None:
        self.optimiser, self.x = optimiser, x.astype(np.float64)
        self.state: Arrays = {}
        self.n = 0

    def step(self, gradient: np.ndarray, together: float) -> None:
        """One step; ``together`` is the norm of all gradients."""
        o, g = self.optimiser, gradient.astype(np.float64)
        rate = o.alpha(self.n) if callable(o.alpha) else o.alpha
        self.n += 1
        if o.clip_norm is not None:
            g = g * o.clip_norm / max(norm(g), o.clip_norm)
        if o.global_clip_norm is not None:
            g = g * o.global_clip_norm / max(together, o.global_clip_norm)
        if o.clip_value is not None:
            g = np.clip(g, -o.clip_value, o.clip_value)
        self.x = self.x - rate * o.weight_decay * self.x
        self.x = self.x - rate * IN_NUMPY[type(o)](o, g, self.state, self.n)
        if o.limits is not None:
            self.x = np.clip(self.x, *o.limits)


def batches(count: int = 6, size: int = 4) -> list[tuple[Any, Any]]:
    """Different data in each step."""
    return [(spikes(size, seed=k), labels(size)) for k in range(count)]


def follow(net: Small, compiled: Any, optimisers: dict[Any, Optimiser]) -> None:
    """Trains step by step and compares with NumPy after each."""
    followers = {
        layer: Follower(optimiser, compiled.weights(layer))
        for layer, optimiser in optimisers.items()
    }
    start = {layer: compiled.weights(layer) for layer in optimisers}
    for x, y in batches():
        gradients = compiled.gradients(x, y)
        together = norm(*gradients.values())
        for layer, one in followers.items():
            one.step(gradients[layer.connection()], together)
        compiled.train(x, y, shuffle=False, callbacks=[])
        for layer, one in followers.items():
            np.testing.assert_allclose(
                compiled.weights(layer), one.x, rtol=3e-5, atol=3e-6
            )
    for layer, weights in start.items():
        assert not np.array_equal(compiled.weights(layer), weights)


@pytest.mark.parametrize("optimiser", CASES, ids=repr)
def test_steps_are_those_of_the_equations(optimiser: Optimiser) -> None:
    net = small()
    compiled = net.train_compiler(optimiser=optimiser)
    follow(net, compiled, dict.fromkeys((net.hidden, net.output), optimiser))


AROUND: list[dict[str, Any]] = [
    {"clip_norm": 0.01},
    {"clip_norm": 1e6},
    {"global_clip_norm": 0.01},
    {"clip_value": 0.002},
    {"weight_decay": 0.5},
    {"limits": (0.0, 1.0)},
    {
        "global_clip_norm": 0.02,
        "clip_value": 0.004,
        "weight_decay": 0.02,
        "limits": (-0.4, 1.0),
    },
]


@pytest.mark.parametrize("around", AROUND, ids=str)
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_what_is_around_a_step_holds_for_any_optimiser(
    kind: Any, around: dict[str, Any]
) -> None:
    net = small()
    optimiser = kind(1.0 if kind is SGD else RATE, **around)
    compiled = net.train_compiler(optimiser=optimiser)
    follow(net, compiled, dict.fromkeys((net.hidden, net.output), optimiser))
    if "limits" in around:
        lowest, highest = around["limits"]
        weights = compiled.weights(net.hidden)
        assert weights.min() >= lowest
        assert weights.max() <= np.float32(highest)
        assert "weight_decay" in around or weights.max() == np.float32(highest)


@pytest.mark.parametrize("threads", [1, 2])
def test_norms_are_summed_over_threads(threads: int) -> None:
    net = small()
    optimiser = SGD(1.0, global_clip_norm=0.01)
    compiled = net.train_compiler(optimiser=optimiser, num_threads=threads)
    follow(net, compiled, dict.fromkeys((net.hidden, net.output), optimiser))


def test_each_connection_may_have_its_own() -> None:
    net = small()
    first, second = Lion(0.01), RMSprop(CosineDecay(0.1, 4), clip_norm=0.02)
    chosen = {net.hidden: {"weight": first}, net.output: {"weight": second}}
    compiled = _compile(net, chosen)
    assert compiled.optimisers == [
        (first, [net.hidden.connection()]),
        (second, [net.output.connection()]),
    ]
    follow(net, compiled, {net.hidden: first, net.output: second})


def _compile(net: Small, chosen: dict[Any, Any]) -> Any:
    from ml_genn.compilers import EventPropCompiler

    compiler = EventPropCompiler(
        20, "sparse_categorical_crossentropy", batch_size=4, num_threads=1
    )
    return compiler.compile(net.network, optimisers=chosen)


# ---------------------------------------------------------------- in torch
def _torch_kinds(torch: Any) -> list[tuple[Optimiser, Callable[..., Any]]]:
    optim = torch.optim
    return [
        (SGD(RATE), lambda p: optim.SGD(p, RATE)),
        (
            SGD(RATE, momentum=0.9, nesterov=True),
            lambda p: optim.SGD(p, RATE, momentum=0.9, nesterov=True),
        ),
        (
            RMSprop(RATE, momentum=0.5),
            lambda p: optim.RMSprop(p, RATE, alpha=0.9, momentum=0.5),
        ),
        (Adam(RATE), lambda p: optim.Adam(p, RATE)),
        (AdamW(RATE), lambda p: optim.AdamW(p, RATE)),
        (Adamax(RATE), lambda p: optim.Adamax(p, RATE)),
    ]


@pytest.mark.parametrize("case", range(6))
def test_steps_are_those_of_torch(case: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    ours, theirs = _torch_kinds(torch)[case]
    net = small()
    compiled = net.train_compiler(optimiser=ours)
    layer = net.output
    start = compiled.weights(layer)
    weights = torch.tensor(start, requires_grad=True)
    stepper = theirs([weights])
    for x, y in batches():
        weights.grad = torch.tensor(compiled.gradients(x, y)[layer.connection()])
        stepper.step()
        compiled.train(x, y, shuffle=False, callbacks=[])
        np.testing.assert_allclose(
            compiled.weights(layer), weights.detach().numpy(), rtol=3e-5, atol=3e-6
        )
    assert not np.array_equal(compiled.weights(layer), start)


def test_clipping_by_norm_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    net = small()
    compiled = net.train_compiler(optimiser=SGD(1.0, global_clip_norm=0.01))
    layers = (net.hidden, net.output)
    weights = [torch.tensor(compiled.weights(n), requires_grad=True) for n in layers]
    stepper = torch.optim.SGD(weights, 1.0)
    for x, y in batches():
        gradients = compiled.gradients(x, y)
        for layer, one in zip(layers, weights, strict=True):
            one.grad = torch.tensor(gradients[layer.connection()])
        assert torch.nn.utils.clip_grad_norm_(weights, 0.01) > 0.01
        stepper.step()
        compiled.train(x, y, shuffle=False, callbacks=[])
        for layer, one in zip(layers, weights, strict=True):
            # torch adds 1e-6 to the norm
            np.testing.assert_allclose(
                compiled.weights(layer), one.detach().numpy(), atol=5e-6
            )


# ---------------------------------------------------------------- as objects
@pytest.mark.parametrize("name", default_optimisers)
def test_names_and_representations(name: str) -> None:
    kind = default_optimisers[name]
    assert repr(kind()) == f"{kind.__name__}()"
    given = kind(0.5, clip_norm=2.0)
    assert repr(given) == f"{kind.__name__}(alpha=0.5, clip_norm=2.0)"
    again = eval(repr(given), dict(vars(__import__("ml_genn.optimisers").optimisers)))
    assert (again.alpha, again.clip_norm) == (0.5, 2.0)


@pytest.mark.parametrize("kind", IN_NUMPY)
@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": -1.0},
        {"clip_norm": 0.0},
        {"clip_value": -1.0},
        {"global_clip_norm": np.nan},
        {"weight_decay": -0.1},
        {"limits": (1.0, 0.0)},
        {"limits": 1.0},
        {"limits": (0.0, np.inf)},
        {"clip_norm": 1.0, "global_clip_norm": 1.0},
    ],
    ids=str,
)
def test_bad_numbers_are_refused(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=rf"^{kind.__name__}: .*Received"):
        kind(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [lambda: SGD(momentum=1.0), lambda: RMSprop(rho=-0.1), lambda: Lion(beta2=2)],
)
def test_shares_are_below_one(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="at least 0 and below 1"):
        wrong()


def test_numbers_may_be_changed_later_but_not_what_there_is() -> None:
    net = small()
    optimiser = SGD(1.0, clip_value=0.01)
    compiled = net.train_compiler(optimiser=optimiser)
    x, y = batches(1)[0]
    before = compiled.weights(net.output)
    compiled.train(x, y, callbacks=[])
    moved = compiled.weights(net.output)
    assert np.abs(moved - before).max() == pytest.approx(0.01, rel=1e-3)
    optimiser.clip_value = 1e-3
    compiled.train(x, y, callbacks=[])
    again = compiled.weights(net.output)
    assert np.abs(again - moved).max() == pytest.approx(1e-3, rel=1e-3)
    optimiser.weight_decay = 0.1
    with pytest.raises(ValidationError, match="Compile it again"):
        compiled.train(x, y, callbacks=[])
    assert np.array_equal(compiled.weights(net.output), again)


# ---------------------------------------------------------------- steps that count
def test_a_batch_that_diverges_is_no_step() -> None:
    """Adam's correction of its means counts the steps that were taken."""
    left, right = (small("var") for _ in range(2))
    y = np.random.default_rng(0).normal(size=(8, 20, 3))
    bad = y.copy()
    bad[:] = 1e30
    weights = []
    for net, disturbed in ((left, True), (right, False)):
        compiled = net.train_compiler(losses="mean_square_error", optimiser=Adam(0.05))
        told = {"metrics": "mean_square_error", "callbacks": [], "shuffle": False}
        compiled.train(spikes(8), y, **told)
        if disturbed:
            for _ in range(3):
                with pytest.raises(DivergedError):
                    compiled.train(spikes(8), bad, **told)
        compiled.train(spikes(8), y, **told)
        weights.append(compiled.weights(net.output))
    assert np.array_equal(*weights)
