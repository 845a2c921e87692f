"""Sparse connectivity from lists of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.connectivity.connectivity import (
    DEFAULT_WEIGHT,
    Connectivity,
    Indices,
    short,
)
from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.snapshot import DELAYS, SOURCES, TARGETS, WEIGHTS
from ml_genn.utils.checks import flag, real_array, shown

MAX_SHOWN = 16  #: synapses that a representation lists at most
MAX_INDEX = 2**31 - 1  #: largest index of a neuron, a signed 32-bit integer


class Sparse(Connectivity):
    """Sparse connectivity from lists of pairs, sorted by source, then target.

    Args:
        pre_ind: source neuron of each synapse.
        post_ind: target neuron of each synapse.
        weight: a number, initializer or its name, or an array with one number for each
            synapse in the order of the lists; `FluctuationDriven` by default.
        delay: delay [time steps], 0 by default: an integer, an initializer or its name,
            or an array with one for each synapse.
        allow_self_connections: True (default) if Deep-R, when it rewires synapses of a
            population onto itself, may connect a neuron to itself.

    Raises:
        ValidationError: if lists do not fit each other or the populations, or a pair of
            neurons is listed twice.
    """

    def __init__(
        self,
        pre_ind: Any,
        post_ind: Any,
        weight: InitValue = DEFAULT_WEIGHT,
        delay: InitValue = 0,
        allow_self_connections: bool = True,
    ) -> None:
        super().__init__(weight, delay)
        pre = _checked_indices("pre_ind", pre_ind)
        post = _checked_indices("post_ind", post_ind)
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
        """Returns the neurons of the lists."""
        self.connect(source, target)
        return self.pre_ind, self.post_ind

    def with_arrays(
        self, arrays: Mapping[str, np.ndarray], source: Node, target: Node
    ) -> Connectivity:
        """Returns the saved synapses, or its own with weights that were saved."""
        return sparse_from(self, arrays, self.pre_ind, self.post_ind)

    def expected(self, source: Node, target: Node) -> int:
        """Returns the number of synapses."""
        return int(self.pre_ind.size)

    def __repr__(self) -> str:
        weight, delay = short(self.weight), short(self.delay)
        lists = f"<{self.pre_ind.size} synapses>"
        if self.pre_ind.size <= MAX_SHOWN:
            lists = f"{self.pre_ind.tolist()}, {self.post_ind.tolist()}"
        own = "" if self.allow_self_connections else ", allow_self_connections=False"
        return f"Sparse({lists}, {weight}, delay={delay}{own})"


def sparse_from(
    own: Connectivity, arrays: Mapping[str, np.ndarray], pre_ind: Any, post_ind: Any
) -> Sparse:
    """Returns synapses with weights and delays that were saved.

    Args:
        own: connectivity whose arguments stand in for arrays that were not saved.
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


def _checked_indices(name: str, value: Any) -> np.ndarray:
    """Returns a list of neurons as integers."""
    array = real_array(f"Sparse: {name}", value)
    indices = (array >= 0) & (array <= MAX_INDEX) & (array == np.floor(array))
    if array.ndim != 1 or array.dtype.kind == "b" or not np.all(indices):
        raise ValidationError(
            f"Sparse: {name} is a list of indices of neurons. Received {shown(value)}."
        )
    return array.astype(np.int64)


def _ordered(name: str, value: Any, order: np.ndarray) -> Any:
    """Returns an array of synapses in another order; other values as they are."""
    if not isinstance(value, np.ndarray):
        return value
    if value.shape != order.shape:
        raise ValidationError(
            f"Sparse: an array given as {name} has one number for each of the "
            f"{order.size} synapses. Received shape {value.shape}."
        )
    return value[order]
