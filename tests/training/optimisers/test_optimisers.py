"""Every optimiser in compiled code, compared with NumPy and torch."""

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


def sgd(o: SGD, g: Any, s: Arrays, n: int) -> Any:
    """Momentum as in torch: it does not contain the learning rate."""
    s["u"] = o.momentum * s.get("u", 0.0) + g
    return g + o.momentum * s["u"] if o.nesterov else s["u"]


def rmsprop(o: RMSprop, g: Any, s: Arrays, n: int) -> Any:
    """Gradient divided by the root of its running mean square."""
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
    """Chen et al. (2023), algorithm 2, as in Keras."""
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
    """Returns the Euclidean norm of several arrays together."""
    return float(np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in gradients)))


class NumpyOptimiser:
    """Steps of one array in NumPy, with clipping, decay and limits."""

    def __init__(self, optimiser: Any, x: np.ndarray) -> None:
        self.optimiser, self.x = optimiser, x.astype(np.float64)
        self.state: Arrays = {}
        self.n = 0

    def step(self, gradient: np.ndarray, global_norm: float) -> None:
        """Takes one step; ``global_norm`` is that of the gradients of all arrays."""
        o, g = self.optimiser, gradient.astype(np.float64)
        rate = o.alpha(self.n) if callable(o.alpha) else o.alpha
        self.n += 1
        if o.clip_norm is not None:
            g = g * o.clip_norm / max(norm(g), o.clip_norm)
        if o.global_clip_norm is not None:
            g = g * o.global_clip_norm / max(global_norm, o.global_clip_norm)
        if o.clip_value is not None:
            g = np.clip(g, -o.clip_value, o.clip_value)
        self.x = self.x - rate * o.weight_decay * self.x
        self.x = self.x - rate * IN_NUMPY[type(o)](o, g, self.state, self.n)
        if o.limits is not None:
            self.x = np.clip(self.x, *o.limits)


def batches(count: int = 6, size: int = 4) -> list[tuple[Any, Any]]:
    """Returns different data for each step."""
    return [(spikes(size, seed=k), labels(size)) for k in range(count)]


def compare_with_numpy(
    net: Small, compiled: Any, optimisers: dict[Any, Optimiser]
) -> None:
    """Trains step by step and compares weights with NumPy after each."""
    in_numpy = {
        layer: NumpyOptimiser(optimiser, compiled.weights(layer))
        for layer, optimiser in optimisers.items()
    }
    initial = {layer: compiled.weights(layer) for layer in optimisers}
    for x, y in batches():
        gradients = compiled.gradients(x, y)
        global_norm = norm(*gradients.values())
        for layer, expected in in_numpy.items():
            expected.step(gradients[layer.connection()], global_norm)
        compiled.train(x, y, shuffle=False, callbacks=[])
        for layer, expected in in_numpy.items():
            np.testing.assert_allclose(
                compiled.weights(layer), expected.x, rtol=3e-5, atol=3e-6
            )
    for layer, weights in initial.items():
        assert not np.array_equal(compiled.weights(layer), weights)


@pytest.mark.parametrize("optimiser", CASES, ids=repr)
def test_steps_follow_the_equations(optimiser: Optimiser) -> None:
    net = small()
    compiled = net.compile_training(optimiser=optimiser)
    compare_with_numpy(
        net, compiled, dict.fromkeys((net.hidden, net.output), optimiser)
    )


TRANSFORMS: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("transforms", TRANSFORMS, ids=str)
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_clipping_decay_and_limits(kind: Any, transforms: dict[str, Any]) -> None:
    net = small()
    optimiser = kind(1.0 if kind is SGD else RATE, **transforms)
    compiled = net.compile_training(optimiser=optimiser)
    compare_with_numpy(
        net, compiled, dict.fromkeys((net.hidden, net.output), optimiser)
    )
    if "limits" in transforms:
        lowest, highest = transforms["limits"]
        weights = compiled.weights(net.hidden)
        assert weights.min() >= lowest
        assert weights.max() <= np.float32(highest)
        assert "weight_decay" in transforms or weights.max() == np.float32(highest)


@pytest.mark.parametrize("threads", [1, 2])
def test_global_norm_is_summed_over_threads(threads: int) -> None:
    net = small()
    optimiser = SGD(1.0, global_clip_norm=0.01)
    compiled = net.compile_training(optimiser=optimiser, num_threads=threads)
    compare_with_numpy(
        net, compiled, dict.fromkeys((net.hidden, net.output), optimiser)
    )


def test_each_connection_may_have_its_own_optimiser() -> None:
    net = small()
    first, second = Lion(0.01), RMSprop(CosineDecay(0.1, 4), clip_norm=0.02)
    optimisers = {net.hidden: {"weight": first}, net.output: {"weight": second}}
    compiled = _compile(net, optimisers)
    assert [(repr(o), keys) for o, keys in compiled.optimisers] == [
        (repr(first), [net.hidden.connection()]),
        (repr(second), [net.output.connection()]),
    ]
    compare_with_numpy(net, compiled, {net.hidden: first, net.output: second})


def _compile(net: Small, optimisers: dict[Any, Any]) -> Any:
    from ml_genn.compilers import EventPropCompiler

    compiler = EventPropCompiler(
        20, "sparse_categorical_crossentropy", batch_size=4, num_threads=1
    )
    return compiler.compile(net.network, optimisers=optimisers)


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
def test_steps_equal_those_of_torch(case: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    ours, theirs = _torch_kinds(torch)[case]
    net = small()
    compiled = net.compile_training(optimiser=ours)
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


def test_clipping_by_norm_equals_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    net = small()
    compiled = net.compile_training(optimiser=SGD(1.0, global_clip_norm=0.01))
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


@pytest.mark.parametrize("name", default_optimisers)
def test_names_and_repr(name: str) -> None:
    kind = default_optimisers[name]
    assert repr(kind()) == f"{kind.__name__}()"
    optimiser = kind(0.5, clip_norm=2.0)
    assert repr(optimiser) == f"{kind.__name__}(alpha=0.5, clip_norm=2.0)"
    again = eval(
        repr(optimiser), dict(vars(__import__("ml_genn.optimisers").optimisers))
    )
    assert (again.alpha, again.clip_norm) == (0.5, 2.0)


@pytest.mark.parametrize("kind", IN_NUMPY)
@pytest.mark.parametrize(
    "arguments",
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
def test_invalid_arguments_are_refused(kind: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=rf"^{kind.__name__}: .*Received"):
        kind(**arguments)


@pytest.mark.parametrize(
    "create",
    [lambda: SGD(momentum=1.0), lambda: RMSprop(rho=-0.1), lambda: Lion(beta2=2)],
)
def test_decay_rates_are_below_one(create: Any) -> None:
    with pytest.raises(ValidationError, match="at least 0 and below 1"):
        create()


def test_numbers_may_change_but_transforms_may_not() -> None:
    net = small()
    compiled = net.compile_training(optimiser=SGD(1.0, clip_value=0.01))
    optimiser = compiled.optimiser
    x, y = batches(1)[0]
    before = compiled.weights(net.output)
    compiled.train(x, y, callbacks=[])
    after = compiled.weights(net.output)
    assert np.abs(after - before).max() == pytest.approx(0.01, rel=1e-3)
    optimiser.clip_value = 1e-3
    compiled.train(x, y, callbacks=[])
    final = compiled.weights(net.output)
    assert np.abs(final - after).max() == pytest.approx(1e-3, rel=1e-3)
    optimiser.weight_decay = 0.1
    with pytest.raises(ValidationError, match="Compile it again"):
        compiled.train(x, y, callbacks=[])
    assert np.array_equal(compiled.weights(net.output), final)


def test_diverging_batches_are_not_counted_as_steps() -> None:
    """Adam's bias correction depends on the number of steps."""
    diverging, reference = (small("var") for _ in range(2))
    y = np.random.default_rng(0).normal(size=(8, 20, 3))
    huge = np.full_like(y, 1e30)
    weights = []
    for net in (diverging, reference):
        compiled = net.compile_training(
            losses="mean_square_error", optimiser=Adam(0.05)
        )
        options = {"metrics": "mean_square_error", "callbacks": [], "shuffle": False}
        compiled.train(spikes(8), y, **options)
        if net is diverging:
            for _ in range(3):
                with pytest.raises(DivergedError):
                    compiled.train(spikes(8), huge, **options)
        compiled.train(spikes(8), y, **options)
        weights.append(compiled.weights(net.output))
    assert np.array_equal(*weights)
