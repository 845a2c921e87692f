"""Connectivity given synapse by synapse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.connectivity.connectivity import Connectivity, Indices, short
from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.snapshot import DELAYS, SOURCES, TARGETS, WEIGHTS
from ml_genn.utils.checks import flag, real_array, shown

FEW = 16  #: synapses that a representation lists
MOST = 2**31 - 1  #: the largest index of a neuron


class Sparse(Connectivity):
    """Each synapse is listed; synapses are kept sorted by source, then target.

    Args:
        pre_ind: neuron of the source that each synapse comes from.
        post_ind: neuron of the target that it leads to.
        weight: a number, initializer or its name, or an array with one number for each
            synapse in the order of the lists.
        delay: delay in time steps, 0 by default: a whole number, an initializer or its
            name, or an array with one for each synapse.
        allow_self_connections: where Deep-R rewires the synapses of a population onto
            itself, whether a neuron may come to be connected to itself; yes by default.

    Raises:
        ValidationError: if lists do not fit each other or the populations, or a pair of
            neurons is listed twice.
    """

    def __init__(
        self,
        pre_ind: Any,
        post_ind: Any,
        weight: InitValue,
        delay: InitValue = 0,
        allow_self_connections: bool = True,
    ) -> None:
        super().__init__(weight, delay)
        pre, post = _whole("pre_ind", pre_ind), _whole("post_ind", post_ind)
        if pre.shape != post.shape or not pre.size:
            raise ValidationError(
                "Sparse: pre_ind and post_ind are lists of the same length, with at "
                f"least one synapse. Received lengths {pre.size} and {post.size}."
            )
        order = np.lexsort((post, pre))
        self.pre_ind, self.post_ind = pre[order], post[order]
        same = (np.diff(self.pre_ind) == 0) & (np.diff(self.post_ind) == 0)
        if np.any(same):
            k = int(np.argmax(same))
            raise ValidationError(
                "Sparse: each pair of neurons is listed once. Received neuron "
                f"{self.pre_ind[k]} to neuron {self.post_ind[k]} more than once."
            )
        self.weight = _ordered("weight", self.weight, order)
        self.delay = _ordered("delay", self.delay, order)
        self.allow_self_connections = flag(
            "Sparse: allow_self_connections", allow_self_connections
        )

    def connect(self, source: Node, target: Node) -> None:
        """Checks that both populations have the neurons that are listed."""
        for population, listed in ((source, self.pre_ind), (target, self.post_ind)):
            if population.shape is not None and listed.max() >= population.size:
                raise ValidationError(
                    f"Sparse: population '{population.name}' has {population.size} "
                    f"neurons, but neuron {listed.max()} is listed (the first is 0)."
                )

    def indices(self, source: Node, target: Node, rng: np.random.Generator) -> Indices:
        """The neurons that were listed."""
        self.connect(source, target)
        return self.pre_ind, self.post_ind

    def with_arrays(
        self, arrays: Mapping[str, np.ndarray], source: Node, target: Node
    ) -> Connectivity:
        """The synapses that were saved; those that there are where none were."""
        return sparse_from(self, arrays, self.pre_ind, self.post_ind)

    def expected(self, source: Node, target: Node) -> int:
        """How many synapses there are."""
        return int(self.pre_ind.size)

    def __repr__(self) -> str:
        weight, delay = short(self.weight), short(self.delay)
        lists = f"<{self.pre_ind.size} synapses>"
        if self.pre_ind.size <= FEW:
            lists = f"{self.pre_ind.tolist()}, {self.post_ind.tolist()}"
        own = "" if self.allow_self_connections else ", allow_self_connections=False"
        return f"Sparse({lists}, {weight}, delay={delay}{own})"


def sparse_from(
    own: Any, arrays: Mapping[str, np.ndarray], pre_ind: Any, post_ind: Any
) -> Sparse:
    """Synapses with weights and delays that were saved.

    Args:
        own: connectivity that has what was not saved.
        arrays: as for `Connectivity.with_arrays`.
        pre_ind, post_ind: neurons, where they were not saved; None if not known.

    Raises:
        CheckpointError: if lists are missing or do not fit each other.
    """
    pre, post = arrays.get(SOURCES, pre_ind), arrays.get(TARGETS, post_ind)
    if pre is None or post is None:
        missing = SOURCES if pre is None else TARGETS
        raise CheckpointError(
            f"array '{missing}' is missing, without which weights do not belong to "
            "synapses. Save it with save or save_connectivity."
        )
    delay = arrays.get(DELAYS, own.delay)
    try:
        return Sparse(pre, post, arrays[WEIGHTS], delay, own.allow_self_connections)
    except ValidationError as error:
        raise CheckpointError(str(error)) from None


def _whole(name: str, given: Any) -> np.ndarray:
    array = real_array(f"Sparse: {name}", given)
    indices = (array >= 0) & (array <= MOST) & (array == np.floor(array))
    if array.ndim != 1 or array.dtype.kind == "b" or not np.all(indices):
        raise ValidationError(
            f"Sparse: {name} is a list of indices of neurons. Received {shown(given)}."
        )
    return array.astype(np.int64)


def _ordered(name: str, value: Any, order: np.ndarray) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    if value.shape != order.shape:
        raise ValidationError(
            f"Sparse: an array given as {name} has one number for each of the "
            f"{order.size} synapses. Received shape {value.shape}."
        )
    return value[order]
