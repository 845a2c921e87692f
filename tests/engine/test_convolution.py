"""Connectivity between images against SciPy and torch, and against listed synapses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from engine.helpers import random_input
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import images
from reference.images import Synapses

from ml_genn import Connection, Network, Population
from ml_genn.backends.host.arrays.host_arrays import host_arrays
from ml_genn.callbacks import VarRecorder
from ml_genn.codegen.layout import Layout
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Connectivity,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    OneToOne,
    Sparse,
)
from ml_genn.lowering import lower
from ml_genn.model.plan import SharedKernelFormat
from ml_genn.neurons import (
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    SpikeInput,
)
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential
from ml_genn_eprop import EPropCompiler

IMAGE = (7, 6, 3)
PADDINGS = ("valid", "same")
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Case:
    """A connection from an image, and what it does to images.

    Args:
        connectivity: the connection.
        expected: {library: image (examples, rows, columns, channels) to the target's}.
    """

    connectivity: Connectivity
    expected: dict[str, Callable[[np.ndarray], np.ndarray]]


def torch_like(function: Callable[[Any, Any], Any]) -> Callable[..., np.ndarray]:
    """A function of torch and of images with channels first as one of ours."""

    def called(image: np.ndarray) -> np.ndarray:
        torch = pytest.importorskip("torch", reason="needs torch (extra 'torch')")
        result = function(torch, torch.tensor(image).permute(0, 3, 1, 2))
        return np.asarray(result.permute(0, 2, 3, 1))

    return called


def tensor(torch: Any, kernel: np.ndarray) -> Any:
    """A kernel with filters, then channels first; for both of its kinds."""
    return torch.tensor(kernel).permute(3, 2, 0, 1)


def torch_framed(torch: Any, x: Any, size: Pair, strides: Pair, padding: str) -> Any:
    """Zeros around an image where it keeps its size."""
    if padding == "valid":
        return x
    rows, columns = (
        images.same_padding(*numbers)[1:]
        for numbers in zip(x.shape[2:], size, strides, strict=True)
    )
    return torch.nn.functional.pad(x, (*columns, *rows))


def conv_case(
    rng: np.random.Generator, size: Pair, strides: Pair, padding: str, flatten: bool
) -> Case:
    kernel = rng.normal(0.0, 0.3, (*size, IMAGE[2], 5))
    connectivity = Conv2D(kernel, 5, size, flatten, strides, padding)

    def in_torch(torch: Any, x: Any) -> Any:
        x = torch_framed(torch, x, size, strides, padding)
        function = torch.nn.functional.conv2d
        return function(x, tensor(torch, kernel), stride=strides)

    return Case(
        connectivity,
        {
            "scipy": lambda x: images.convolution(x, kernel, strides, padding),
            "torch": torch_like(in_torch),
        },
    )


def depthwise_case(
    rng: np.random.Generator, size: Pair, strides: Pair, padding: str, flatten: bool
) -> Case:
    kernel = rng.normal(0.0, 0.3, (*size, IMAGE[2], 2))
    connectivity = DepthwiseConv2D(kernel, size, 2, flatten, strides, padding)

    def in_torch(torch: Any, x: Any) -> Any:
        x = torch_framed(torch, x, size, strides, padding)
        grouped = tensor(torch, kernel.transpose(0, 1, 3, 2).reshape(*size, 1, -1))
        order = np.arange(6).reshape(2, 3).T.reshape(-1)
        function = torch.nn.functional.conv2d
        return function(x, grouped[order], stride=strides, groups=IMAGE[2])

    return Case(
        connectivity,
        {
            "scipy": lambda x: images.depthwise(x, kernel, strides, padding),
            "torch": torch_like(in_torch),
        },
    )


def transposed_case(
    rng: np.random.Generator, size: Pair, strides: Pair, padding: str, flatten: bool
) -> Case:
    kernel = rng.normal(0.0, 0.3, (*size, 4, IMAGE[2]))
    connectivity = Conv2DTranspose(kernel, 4, size, flatten, strides, padding)

    def in_torch(torch: Any, x: Any) -> Any:
        function = torch.nn.functional.conv_transpose2d
        more = [max(s - k, 0) for s, k in zip(strides, size, strict=True)]
        whole = function(x, tensor(torch, kernel), stride=strides, output_padding=more)
        if padding == "valid":
            return whole
        before = [max(k - s, 0) // 2 for s, k in zip(strides, size, strict=True)]
        rows, columns = (n * s for n, s in zip(IMAGE, strides, strict=False))
        return whole[..., before[0] : before[0] + rows, before[1] : before[1] + columns]

    return Case(
        connectivity,
        {
            "scipy": lambda x: images.transposed(x, kernel, strides, padding),
            "torch": torch_like(in_torch),
        },
    )


def pool_case(size: Pair, strides: Pair | None, flatten: bool) -> Case:
    apart = strides or size

    def in_torch(torch: Any, x: Any) -> Any:
        return torch.nn.functional.avg_pool2d(x, size, apart)

    return Case(
        AvgPool2D(size, flatten, strides),
        {
            "scipy": lambda x: images.pooling(x, size, apart),
            "torch": torch_like(in_torch),
        },
    )


def pool_conv_case(
    rng: np.random.Generator, pool: tuple[Pair, Pair], conv: tuple[Pair, Pair, str]
) -> Case:
    size, strides, padding = conv
    kernel = rng.normal(0.0, 0.3, (*size, IMAGE[2], 5))
    connectivity = AvgPoolConv2D(
        kernel, 5, pool[0], size, False, pool[1], strides, padding
    )

    def expected(x: np.ndarray) -> np.ndarray:
        return images.convolution(images.pooling(x, *pool), kernel, strides, padding)

    return Case(connectivity, {"scipy": expected})


def pool_dense_case(rng: np.random.Generator, size: Pair, strides: Pair) -> Case:
    rows, columns = (
        (n - k) // s + 1 for n, k, s in zip(IMAGE, size, strides, strict=False)
    )
    weight = rng.normal(0.0, 0.3, (rows * columns * IMAGE[2], 6))

    def expected(x: np.ndarray) -> np.ndarray:
        pooled = images.pooling(x, size, strides)
        return pooled.reshape(len(x), -1) @ weight

    return Case(AvgPoolDense2D(weight, size, strides), {"scipy": expected})


def one_to_one_case(rng: np.random.Generator) -> Case:
    weight = rng.normal(0.0, 0.3, IMAGE)
    return Case(OneToOne(weight), {"scipy": lambda x: x * weight})


CONVOLUTIONS: dict[str, Callable[..., Case]] = {
    "conv": conv_case,
    "depthwise": depthwise_case,
    "transposed": transposed_case,
}
GRID = [
    ((3, 3), (1, 1)),
    ((3, 2), (2, 1)),
    ((2, 4), (3, 2)),
    ((5, 5), (2, 3)),
    ((1, 1), (2, 2)),
]


@cache
def cases(kind: str) -> dict[str, Case]:
    """All connections of a kind, to be run in one network."""
    rng = np.random.default_rng(0)
    if kind in CONVOLUTIONS:
        return {
            f"{size} {strides} {padding}": CONVOLUTIONS[kind](
                rng, size, strides, padding, flatten=k % 2 == 1
            )
            for k, (size, strides) in enumerate(GRID)
            for padding in PADDINGS
        }
    pools = [((2, 2), (2, 2)), ((2, 3), (3, 3)), ((1, 2), (2, 2)), ((3, 1), (3, 1))]
    convs = [((2, 2), (1, 1), "valid"), ((3, 2), (1, 1), "same")]
    results = {
        "pool 2": pool_case((2, 2), None, False),
        "pool 3, 2 apart by 4, 3": pool_case((3, 2), (4, 3), True),
        "pool overlapping": pool_case((3, 3), (2, 1), False),
        "one to one": one_to_one_case(rng),
        "pool, strided conv": pool_conv_case(
            rng, ((2, 1), (2, 1)), ((2, 3), (1, 2), "same")
        ),
    }
    for pool in pools:
        results[f"pool {pool}, dense"] = pool_dense_case(rng, *pool)
        for conv in convs:
            if conv[2] == "same" or pool[0][0] < 3:
                results[f"pool {pool}, conv {conv}"] = pool_conv_case(rng, pool, conv)
    return results


@cache
def compiled(kind: str) -> tuple[Any, Population, list[Any]]:
    """Populations that sum up what arrives, one for each case."""
    with Network() as network:
        source = Population(SpikeInput(), IMAGE)
        for name, case in cases(kind).items():
            target = Population(IntegrateFire(v_thresh=1e9), name=name)
            Connection(source, target, case.connectivity)
    recorders = [VarRecorder(p, "v", key=p.name) for p in network.populations[1:]]
    model = InferenceCompiler(3, batch_size=5, num_threads=1).compile(network)
    return model, source, recorders


@st.composite
def spikes(draw: Any) -> np.ndarray:
    """A batch of spikes in three steps, the last of which does not arrive."""
    examples = draw(st.integers(1, 7))
    density = draw(st.sampled_from([0.02, 0.3, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.random((examples, 3, *IMAGE)) < density


@pytest.mark.parametrize("library", ["scipy", "torch"])
@pytest.mark.parametrize("kind", [*CONVOLUTIONS, "pools"])
@settings(max_examples=10, deadline=None, derandomize=True)
@given(x=spikes())
def test_outputs(kind: str, library: str, x: np.ndarray) -> None:
    """Sums of the arrived input after each step, to 1e-5."""
    network, source, recorders = compiled(kind)
    _, recorded = network.predict({source: x}, callbacks=recorders)
    for name, case in cases(kind).items():
        if library not in case.expected:
            continue
        v = np.stack(recorded[name])
        assert not v[:, 0].any()
        for step in (1, 2):
            image = x[:, :step].sum(axis=1).astype(np.float64)
            expected = case.expected[library](image).reshape(len(x), -1)
            np.testing.assert_allclose(
                v[:, step], expected, rtol=0, atol=1e-5, err_msg=name
            )


@pytest.mark.parametrize("kind", [*CONVOLUTIONS, "pools"])
def test_shapes(kind: str) -> None:
    """Targets have the shape of the images, or are flat."""
    network, _, _ = compiled(kind)
    image = np.zeros((1, *IMAGE))
    for name, case in cases(kind).items():
        shape = case.expected["scipy"](image).shape[1:]
        target = next(p for p in network.network.populations if p.name == name)
        flat = getattr(case.connectivity, "flatten", False)
        assert target.shape == ((int(np.prod(shape)),) if flat else shape), name


def test_kernels_are_stored_once() -> None:
    """700,000 synapses in less than 100 kB."""
    with Network() as network:
        source = Population(SpikeInput(), (300, 300, 1))
        target = Population(LeakyIntegrateFire())
        Connection(source, target, Conv2D("normal", 4, 3, conv_strides=2))
    lowered = lower(network, dt=1.0, seed=0, choices={})
    storage = lowered.plan.synapses[0].format
    assert isinstance(storage, SharedKernelFormat)
    assert storage.kernel.synapses > 700_000
    arrays = host_arrays(Layout(lowered.plan), lowered.values).arrays
    assert sum(array.nbytes for array in arrays) < 100_000


# ---------------------------------------------------------------- listed synapses
CROSS_ENTROPY = "sparse_categorical_crossentropy"
STEPS = 25
RULES: dict[str, Callable[..., Any]] = {
    "event_prop": EventPropCompiler,
    "bptt": BPTTCompiler,
    "bptt_threshold": lambda *a, **k: BPTTCompiler(*a, backward_threshold=0.5, **k),
    "e_prop": EPropCompiler,
}
Shared = tuple[Callable[[np.ndarray, Any], Connectivity], tuple[int, ...], Synapses]
LONGEST = 6  #: delay in steps, of random ones


def first_layers() -> dict[str, Shared]:
    """Kernels from an image (6, 5, 2), their shapes, and synapse by synapse."""
    image = (6, 5, 2)
    shape = (3, 2, 2, 3)
    convolution = Synapses.of(image, shape, (2, 1), "same")
    pooled = Synapses.of((3, 2, 2), (2, 2, 2, 3), (1, 1), "same")
    dense = Synapses.of((3, 2, 2), (3, 2, 2, 7), (1, 1), "valid")
    return {
        "conv": (
            lambda w, d: Conv2D(w, 3, (3, 2), False, (2, 1), "same", d),
            shape,
            convolution,
        ),
        "transposed": (
            lambda w, d: Conv2DTranspose(w, 2, (3, 2), True, 2, "same", d),
            (3, 2, 2, 2),
            Synapses.of(image, (3, 2, 2, 2), (2, 2), "same", "transposed"),
        ),
        "depthwise": (
            lambda w, d: DepthwiseConv2D(w, (3, 2), 2, delay=d),
            (3, 2, 2, 2),
            Synapses.of(image, (3, 2, 2, 2), (1, 1), "valid", "depthwise"),
        ),
        "pool_conv": (
            lambda w, d: AvgPoolConv2D(4.0 * w, 3, 2, 2, True, None, 1, "same", d),
            (2, 2, 2, 3),
            pooled.after_pooling(image, (2, 2), (2, 2)),
        ),
        "pool_dense": (
            lambda w, d: AvgPoolDense2D(4.0 * w, 2, delay=d),
            (12, 7),
            dense.after_pooling(image, (2, 2), (2, 2)),
        ),
    }


FIRST = first_layers()


@dataclass(frozen=True, eq=False)
class Twin:
    """A network with shared weights, or with their synapses listed.

    Args:
        connections: from the input, and to the second hidden layer.
        output: what is read out.
        compiled: compiled for a rule.
    """

    connections: list[Connection]
    output: Population
    compiled: Any

    @classmethod
    def of(
        cls, first: str, rule: str, listed: bool, delay: int | None, **options: Any
    ) -> Twin:
        """Input, hidden neurons, after "conv" more by a convolution, outputs.

        Under e-prop all hidden neurons lead to the outputs. Without a delay each weight
        has a random one, which other rules learn.
        """
        rng = np.random.default_rng(3)
        make, shape, synapses = FIRST[first]
        e_prop = rule == "e_prop"
        synapse = Delta() if e_prop else Exponential(5.0)
        kernel = rng.normal(1.0, 1.0, shape) * (0.2 if e_prop else 0.8)
        chained: list[Synapses] = [synapses]
        kernels, makes = [kernel], [make]
        if first == "conv":
            kernels.append(rng.normal(0.3, 0.5, (2, 2, 3, 4)))
            makes.append(lambda w, d: Conv2D(w, 4, 2, delay=d))
            chained.append(Synapses.of((3, 5, 3), (2, 2, 3, 4), (1, 1), "valid"))
        delays = [
            np.random.default_rng(k).integers(0, LONGEST + 1, kernel.shape)
            if delay is None
            else np.full(kernel.shape, delay)
            for k, kernel in enumerate(kernels)
        ]
        arguments = [
            Sparse(s.pre, s.post, *(a.reshape(-1)[s.weight] for a in (k, d)))
            if listed
            else m(k, d if delay is None else delay)
            for m, s, k, d in zip(makes, chained, kernels, delays, strict=True)
        ]
        with Network() as network:
            populations = [Population(SpikeInput(), (6, 5, 2))]
            connections = []
            for s, connectivity in zip(chained, arguments, strict=True):
                shape_of = (3, 5, 3) if s.sizes[1] == 45 else s.sizes[1]
                target = Population(LeakyIntegrateFire(), shape_of)
                connections.append(
                    Connection(
                        populations[-1],
                        target,
                        connectivity,
                        synapse,
                        max_delay_steps=LONGEST,
                    )
                )
                populations.append(target)
            output = Population(LeakyIntegrate(readout="avg_var"), 3)
            hidden = populations[1:] if e_prop else populations[-1:]
            for p in hidden:
                weight = rng.normal(0.0, 1.0, (p.size, 3))
                Connection(p, output, Dense(weight), synapse)
        if delay is None and not e_prop:
            options["delay_learn_conns"] = connections
        compiler = RULES[rule](STEPS, CROSS_ENTROPY, Adam(0.01), **options)
        return cls(connections, output, compiler.compile(network))


@pytest.mark.parametrize(
    ("rule", "first", "delay"),
    [
        *((rule, f, 3 * (k % 2)) for rule in RULES for k, f in enumerate(FIRST)),
        *((rule, "conv", None) for rule in RULES),
        ("event_prop", "transposed", None),
        ("bptt", "depthwise", None),
        ("bptt_threshold", "pool_conv", None),
        ("event_prop", "pool_dense", None),
    ],
)
def test_shared_weights_are_listed_ones_summed(
    rule: str, first: str, delay: int | None
) -> None:
    """Outputs, losses, gradients by weights and delays, the optimiser's first step."""
    synapses = [FIRST[first][2], Synapses.of((3, 5, 3), (2, 2, 3, 4), (1, 1), "valid")]
    x = random_input(np.random.default_rng(1), 60, 0.1, examples=7, steps=STEPS)
    x = x.reshape(7, STEPS, 6, 5, 2)
    y = np.arange(7) % 3
    for batch, threads in ((7, 1), (3, 2)):
        options = {"batch_size": batch, "num_threads": threads}
        shared, listed = (Twin.of(first, rule, k, delay, **options) for k in (0, 1))
        predicted = (
            t.compiled.predict(x, callbacks=[])[0][t.output] for t in (shared, listed)
        )
        np.testing.assert_allclose(*predicted, rtol=1e-5, atol=1e-6)
        loss = listed.compiled.loss(x, y)
        assert shared.compiled.loss(x, y) == pytest.approx(loss, rel=1e-5)
        grads, expected = (t.compiled.gradients(x, y) for t in (shared, listed))
        for c, other, s in zip(
            shared.connections, listed.connections, synapses, strict=False
        ):
            learned: list[tuple[Any, Any]] = [(c, other)]
            if (c, "delay") in grads:
                learned.append(((c, "delay"), (other, "delay")))
            for key, listed_key in learned:
                summed = s.shared(expected[listed_key], grads[key].shape)
                assert np.abs(summed).max() > 0
                np.testing.assert_allclose(
                    grads[key], summed, rtol=0, atol=2e-5 * np.abs(summed).max()
                )
            assert len(learned) == 1 + (delay is None and rule != "e_prop")
    before = [shared.compiled.weights(c) for c in shared.connections]
    few = shared.compiled.gradients(x[:3], y[:3])
    shared.compiled.train(x[:3], y[:3], shuffle=False, callbacks=[])
    for c, w in zip(shared.connections, before, strict=True):
        step = shared.compiled.weights(c) - w
        clear = np.abs(few[c]) > 1e-5
        np.testing.assert_allclose(
            step[clear], -0.01 * np.sign(few[c][clear]), rtol=5e-3
        )
        assert clear.any()
        if delay is None and rule != "e_prop":
            delays = shared.compiled.delays(c)
            moved = delays - np.round(delays)
            assert delays.shape == w.shape
            assert delays.min() >= 0 and delays.max() <= LONGEST
            assert 0 < np.abs(moved).max() < 0.011
