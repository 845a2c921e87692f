"""Unusual but possible uses of training: a clear error, or the expected result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from training.small_nets import (
    CROSS_ENTROPY,
    INPUTS,
    STEPS,
    Small,
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.data import preprocess_spikes
from ml_genn.errors import MlGennError, UnknownNameError
from ml_genn.optimisers import Adam

X, Y = spikes(8), labels(8)
OTHER = small()
RASTER = np.random.default_rng(0).random((8, STEPS, INPUTS)) < 0.2


@pytest.fixture(scope="module")
def net() -> Small:
    return small()


@pytest.fixture(scope="module")
def compiled(net: Small) -> Any:
    return net.compile_training()


def broken() -> Iterator[Any]:
    yield X[:4], Y[:4]
    yield [], []


#: {case: (positional arguments of `train`, keyword arguments, error message)}
REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "infinite raster": ((np.full(RASTER.shape, np.inf), Y), {}, "Received inf in exam"),
    "complex raster": ((RASTER.astype(complex), Y), {}, "Received type complex128"),
    "raster of objects": ((RASTER.astype(object), Y), {}, "Received type object"),
    "nested lists": ((RASTER.tolist(), Y), {}, "example 0: expected .*Received list"),
    "one example": ((RASTER[0], Y[0]), {}, "expected a list or an array"),
    "a number as targets": ((X, np.array(3)), {}, "'Pop2': expected a list or an ar"),
    "one-hot": ((X, np.eye(3)[Y]), {}, r"'categorical_crossentropy'.*np.argmax\(y, "),
    "columns": ((X, Y[:, None]), {}, r"Received an array of shape \(8, 1\)"),
    "swapped": ((Y, X), {}, "labels are one whole number per example"),
    "names of populations": (({"Pop1": X}, Y), {}, "Did you mean 'Pop0'"),
    "no outputs": ((X, {}), {}, r"for the outputs \['Pop2'\]. Received data for \[\]"),
    "shuffle": ((X, Y), {"shuffle": "no"}, "shuffle is True or False. Received 'no'"),
    "no epochs": ((X, Y), {"num_epochs": 0}, "num_epochs is a whole number of at lea"),
    "split": ((X, Y), {"validation_split": "0.1"}, "validation_split is a finite num"),
    "split nan": ((X, Y), {"validation_split": np.nan}, "Received nan"),
    "unknown class": ((X, Y), {"class_weight": {7: 1.0}}, "from 0 to 2. Received 7"),
    "class by name": ((X, Y), {"class_weight": {"1": 1.0}}, "Received '1'"),
    "weights nan": ((X, Y), {"sample_weight": np.full(8, np.nan)}, "Received nan"),
    "steps in memory": ((X, Y), {"steps_per_epoch": 1}, "shown whole"),
    "function of nothing": ((lambda: None,), {}, "iterator of batches .*NoneType"),
    "generator of nothing": ((lambda: iter([]),), {}, "yielded none"),
    "no data set": ((7,), {}, "__getitem__ and __len__. Received int"),
    "batch of dictionaries": ((iter([{"x": X, "y": Y}]),), {}, "Received dict"),
    "pairs of examples": (([(X[0], 0), (X[1], 1)],), {}, "Received int"),
    "callback's class": ((X, Y), {"callbacks": [Spy]}, r"Did you mean Spy\(\)"),
    "one callback": ((X, Y), {"callbacks": Spy()}, "give a list of callbacks"),
    "metric": ((X, Y), {"metrics": "acuracy"}, "Did you mean 'accuracy'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_training_refuses(case: str, net: Small, compiled: Any) -> None:
    data, options, message = REFUSED[case]
    before = compiled.weights(net.output)
    with pytest.raises(MlGennError, match=message):
        compiled.train(*data, **{"callbacks": [], **options})
    assert np.array_equal(compiled.weights(net.output), before)


def test_batches_before_an_invalid_one_are_trained_on(net: Small) -> None:
    """The error names the number of the batch."""
    compiled = net.compile_training()
    with pytest.raises(MlGennError, match="there are no examples") as caught:
        compiled.train(broken, callbacks=[])
    assert caught.value.__notes__ == ["In item 1 of the iterable of batches."]
    expected = net.compile_training()
    expected.train(X[:4], Y[:4], shuffle=False, callbacks=[])
    weights = [c.weights(net.output) for c in (compiled, expected)]
    assert np.array_equal(*weights)


def test_an_iterator_may_end_within_an_epoch(net: Small) -> None:
    compiled, spy = net.compile_training(), Spy()
    compiled.train(iter([(X[:4], Y[:4])]), steps_per_epoch=5, callbacks=[spy])
    assert spy.hooks.count("on_batch_end") == 1


def test_tensors_that_numpy_cannot_read(compiled: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = torch.tensor(RASTER.astype(np.float32), requires_grad=True)
    for tensors in (x, list(x), x.detach().to(torch.bfloat16)):
        with pytest.raises(MlGennError, match=r"'Pop0'.*NumPy cannot make an array"):
            compiled.train(tensors, Y, callbacks=[])


SAME: dict[str, Any] = {
    "bytes": RASTER.astype(np.uint8) * 255,
    "whole numbers": RASTER.astype(np.int64),
    "half precision": RASTER.astype(np.float16),
    "a list of examples": list(RASTER),
}


@pytest.mark.parametrize("case", SAME)
def test_rasters_of_any_type(case: str, net: Small, compiled: Any) -> None:
    expected, _ = compiled.predict(RASTER, callbacks=[])
    predictions, _ = compiled.predict(SAME[case], callbacks=[])
    assert np.array_equal(predictions[net.output], expected[net.output])


def test_examples_without_spikes_or_steps(net: Small, compiled: Any) -> None:
    """Such examples have no input spikes."""
    nothing: list[Any] = [
        preprocess_spikes([], [], INPUTS),
        np.zeros((0, INPUTS)),
        np.zeros((STEPS, INPUTS)),
    ]
    predictions, _ = compiled.predict([*nothing, X[0]], callbacks=[])
    values = predictions[net.output]
    assert np.all(values[:3] == 0) and np.any(values[3] != 0)
    loss = compiled.loss(nothing, [0, 1, 2])
    assert loss == pytest.approx(np.log(3.0))


def test_a_batch_larger_than_the_data(net: Small) -> None:
    large = net.compile_training(batch_size=512)
    exact = net.compile_training(batch_size=8)
    for one in (large, exact):
        one.train(X, Y, shuffle=False, callbacks=[])
    assert np.array_equal(large.weights(net.output), exact.weights(net.output))


def test_results_of_another_network_of_the_same_names(net: Small) -> None:
    with pytest.raises(UnknownNameError, match=r"of another network\. There are"):
        _ = net.compile_inference().predict(X, callbacks=[])[0][OTHER.output]


OPTIMISERS: dict[str, tuple[Callable[[Small], Any], str]] = {
    "an optimiser": (lambda n: Adam(), "expected a dictionary, .*Received Adam"),
    "no owner": (lambda n: {"all_connections": "adam"}, "expected a dictionary"),
    "typo": (
        lambda n: {"all_conections": {"weight": "adam"}},
        "unknown key 'all_conections'. Did you mean 'all_connections'",
    ),
    "variable": (
        lambda n: {n.hidden: {"wieght": "adam"}},
        "wieght",
    ),
    "another network's layer": (
        lambda n: {OTHER.hidden: {"weight": "adam"}},
        "is not part of this network",
    ),
    "another network's neurons": (
        lambda n: {OTHER.hidden: {"tau_mem": "adam"}},
        "is not part of this network",
    ),
}


@pytest.mark.parametrize("compiler", [EventPropCompiler, BPTTCompiler])
@pytest.mark.parametrize("case", OPTIMISERS)
def test_learned_connections_and_parameters_are_checked(
    case: str, compiler: Any, net: Small
) -> None:
    make, message = OPTIMISERS[case]
    net.network.reset_choices()
    with pytest.raises(MlGennError, match=message):
        compiler(STEPS, CROSS_ENTROPY).compile(net.network, optimisers=make(net))
