"""Random connectivity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ml_genn.connectivity.connectivity import Connectivity, Indices, short
from ml_genn.connectivity.sparse import sparse_from
from ml_genn.errors import ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.utils.checks import flag, number


class FixedProbability(Connectivity):
    """Random connectivity: each pair of neurons is connected with probability p.

    Pairs are drawn when the network is compiled; they follow from the compiler's
    ``rng_seed``.

    Args:
        p: probability, above 0 and at most 1.
        weight: a number, initializer or its name.
        allow_self_connections: True if, where a population is connected to itself, a
            neuron may be; False by default.
        delay: delay [time steps], 0 by default: an integer, initializer or its name.

    Raises:
        ValidationError: if p is out of its range, or weights or delays are an array,
            which ``Sparse`` takes.
    """

    def __init__(
        self,
        p: float,
        weight: InitValue,
        allow_self_connections: bool = False,
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay)
        if not 0 < number("FixedProbability: p", p) <= 1:
            raise ValidationError(
                f"FixedProbability: p is above 0 and at most 1. Received {p!r}."
            )
        for name, value in (("weight", self.weight), ("delay", self.delay)):
            if isinstance(value, np.ndarray):
                raise ValidationError(
                    f"FixedProbability: {name} is a number or an initializer, since it "
                    "is not known beforehand how many synapses there are. Received an "
                    f"array of shape {value.shape}. Sparse(pre_ind, post_ind, weight) "
                    "takes arrays."
                )
        self.p = float(p)
        self.allow_self_connections = flag(
            "FixedProbability: allow_self_connections", allow_self_connections
        )

    def connect(self, source: Node, target: Node) -> None:
        """Checks nothing: all shapes fit."""

    def indices(self, source: Node, target: Node, rng: np.random.Generator) -> Indices:
        """Returns pairs of neurons drawn at random.

        Raises:
            ValidationError: if no pair was drawn.
        """
        pre, post = np.divmod(
            _draw_indices(source.size * target.size, self.p, rng), target.size
        )
        if source is target and not self.allow_self_connections:
            others = pre != post
            pre, post = pre[others], post[others]
        if not pre.size:
            raise ValidationError(
                f"FixedProbability: with p={self.p} no neuron of '{source.name}' was "
                f"connected to one of '{target.name}'. Use a larger p."
            )
        return pre, post

    def with_arrays(
        self, arrays: Mapping[str, np.ndarray], source: Node, target: Node
    ) -> Connectivity:
        """Returns the saved synapses."""
        return sparse_from(self, arrays, None, None)

    def expected(self, source: Node, target: Node) -> int:
        """Returns the expected number of synapses."""
        return round(self.p * source.size * target.size)

    def __repr__(self) -> str:
        weight, delay = short(self.weight), short(self.delay)
        own = ", allow_self_connections=True" if self.allow_self_connections else ""
        return f"FixedProbability({self.p}, {weight}{own}, delay={delay})"


#: Standard deviations by which more gaps are drawn than needed on average, and a number
#: for short ranges, so that one draw is nearly always enough.
_DEVIATIONS, _SPARE = 4, 16


def _draw_indices(count: int, p: float, rng: np.random.Generator) -> np.ndarray:
    """Returns indices below ``count``, each drawn with probability p.

    The gaps between them have a geometric distribution, so that only as many random
    numbers are drawn as there are indices.
    """
    parts, last = [], -1
    while last < count:
        expected = (count - last) * p
        gaps = rng.geometric(p, int(expected + _DEVIATIONS * expected**0.5) + _SPARE)
        parts.append(last + np.cumsum(gaps))
        last = int(parts[-1][-1])
    indices = np.concatenate(parts)
    return indices[indices < count]
