"""Random connectivity."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np

from ml_genn.connectivity.connectivity import (
    DEFAULT_WEIGHT,
    Connectivity,
    Indices,
    short,
)
from ml_genn.connectivity.sparse import Sparse, sparse_from
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.snapshot import SOURCES
from ml_genn.utils.checks import flag, probability


class FixedProbability(Connectivity):
    """Random connectivity: each pair of neurons is connected with probability p.

    Pairs are drawn when the network is compiled; they follow from the compiler's
    ``rng_seed``. If the attributes ``pre_ind`` and ``post_ind`` are set to lists of
    source and target neurons, these are connected instead.

    Args:
        p: probability, from 0 (no synapses) to 1 (all).
        weight: a number, initializer or its name, `FluctuationDriven` by default.
        allow_self_connections: True if, where a population is connected to itself, a
            neuron may be; False by default.
        delay: delay [time steps], 0 by default: an integer, initializer or its name.

    Raises:
        ValidationError: if p is out of its range, or weights or delays are an array,
            which ``Sparse`` takes.
    """

    #: source and target neuron of each synapse; None if they are drawn
    pre_ind: Any = None
    post_ind: Any = None

    def __init__(
        self,
        p: float,
        weight: InitValue = DEFAULT_WEIGHT,
        allow_self_connections: bool = False,
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay)
        self.p = probability("FixedProbability: p", p)
        for name, value in (("weight", self.weight), ("delay", self.delay)):
            if isinstance(value, np.ndarray):
                raise ValidationError(
                    f"FixedProbability: {name} is a number or an initializer, since it "
                    "is not known beforehand how many synapses there are. Received an "
                    f"array of shape {value.shape}. Sparse(pre_ind, post_ind, weight) "
                    "takes arrays."
                )
        self.allow_self_connections = flag(
            "FixedProbability: allow_self_connections", allow_self_connections
        )

    def connect(self, source: Node, target: Node) -> None:
        """Checks nothing: all shapes fit."""

    def indices(self, source: Node, target: Node, rng: np.random.Generator) -> Indices:
        """Returns pairs of neurons drawn at random, or those of the user's lists.

        Raises:
            ValidationError: if the lists do not fit.
        """
        if self.pre_ind is not None or self.post_ind is not None:
            return self._listed(source, target)
        pre, post = np.divmod(
            _draw_indices(source.size * target.size, self.p, rng), target.size
        )
        if source is target and not self.allow_self_connections:
            others = pre != post
            pre, post = pre[others], post[others]
        if not pre.size and self.p:
            warnings.warn(
                f"FixedProbability: with p={self.p} no neuron of '{source.name}' was "
                f"connected to one of '{target.name}'.",
                stacklevel=2,
            )
        return pre, post

    def _listed(self, source: Node, target: Node) -> Indices:
        """Returns the pairs of the attributes ``pre_ind`` and ``post_ind``."""
        if self.pre_ind is None or self.post_ind is None:
            raise ValidationError(
                "FixedProbability: pre_ind and post_ind are set together. Received one "
                "of them."
            )
        listed = Sparse(self.pre_ind, self.post_ind, self.weight, self.delay)
        arrays = isinstance(self.weight, np.ndarray) or isinstance(
            self.delay, np.ndarray
        )
        if arrays and not np.array_equal(listed.pre_ind, self.pre_ind):
            raise ValidationError(
                "FixedProbability: with arrays of weights or delays, pre_ind and "
                "post_ind are sorted by source, then target. Sparse(pre_ind, post_ind, "
                "weight) takes them in any order."
            )
        return listed.indices(source, target, np.random.default_rng(0))

    def config_arguments(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as files store them.

        Raises:
            UnsupportedError: if synapses are listed, which are no argument.
        """
        if self.pre_ind is not None:
            raise UnsupportedError(
                "FixedProbability with pre_ind and post_ind cannot be saved. Use "
                "Sparse(pre_ind, post_ind, weight)."
            )
        names = ("p", "weight", "allow_self_connections", "delay")
        return {name: getattr(self, name) for name in names}

    def with_arrays(
        self, arrays: Mapping[str, np.ndarray], source: Node, target: Node
    ) -> Connectivity:
        """Returns the saved synapses."""
        if SOURCES in arrays and not arrays[SOURCES].size:
            without_synapses = copy(self)
            without_synapses.p = 0.0
            return without_synapses
        return sparse_from(self, arrays, None, None)

    def expected(self, source: Node, target: Node) -> int:
        """Returns the expected number of synapses."""
        if self.pre_ind is not None:
            return len(self.pre_ind)
        return round(self.p * source.size * target.size)

    def __repr__(self) -> str:
        weight, delay = short(self.weight), short(self.delay)
        own = ", allow_self_connections=True" if self.allow_self_connections else ""
        return f"FixedProbability({self.p}, {weight}{own}, delay={delay})"


#: Standard deviations by which more gaps are drawn than needed on average, and a number
#: for short ranges, so that one draw is nearly always enough.
_DEVIATIONS, _SPARE = 4, 16
#: Sums of gaps up to this one do not overflow 64 bits; sizes of populations are 32-bit
#: integers, so there are fewer pairs of neurons.
_LARGEST_SUM = 2.0**62


def _draw_indices(count: int, p: float, rng: np.random.Generator) -> np.ndarray:
    """Returns indices below ``count``, each drawn with probability p.

    The gaps between them have a geometric distribution, so that only as many random
    numbers are drawn as there are indices.
    """
    if p == 0.0:
        return np.zeros(0, dtype=np.int64)
    parts, last = [], -1
    while last < count:
        expected = (count - last) * p
        gaps = rng.geometric(p, int(expected + _DEVIATIONS * expected**0.5) + _SPARE)
        # For small p gaps are as long as an integer can be: what follows a sum that
        # would overflow is beyond the last pair anyway.
        beyond = last + np.cumsum(gaps, dtype=np.float64) > _LARGEST_SUM
        if beyond.any():
            gaps = gaps[: int(np.argmax(beyond))]
        parts.append(last + np.cumsum(gaps))
        last = count if beyond.any() else int(parts[-1][-1])
    indices = np.concatenate(parts)
    return indices[indices < count]
