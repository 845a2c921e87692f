"""Connectivity drawn at random."""

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
    """Each pair of neurons is connected with the same probability.

    Which ones are is drawn when the network is compiled, from the compiler's
    ``rng_seed``.

    Args:
        p: probability, above 0 and at most 1.
        weight: a number, initializer or its name.
        allow_self_connections: where a population is connected to itself, whether a
            neuron may be; no by default.
        delay: delay in time steps, 0 by default: a whole number, initializer or its
            name.

    Raises:
        ValidationError: if a number is out of its range, or weights or delays are given
            as an array; ``Sparse`` takes those.
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
        """Shapes are not determined by it."""

    def indices(self, source: Node, target: Node, rng: np.random.Generator) -> Indices:
        """Draws which neurons are connected.

        Raises:
            ValidationError: if none are.
        """
        pre, post = np.divmod(
            _chosen(source.size * target.size, self.p, rng), target.size
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
        """The synapses that were drawn and saved."""
        return sparse_from(self, arrays, None, None)

    def expected(self, source: Node, target: Node) -> int:
        """How many synapses there will be on average."""
        return round(self.p * source.size * target.size)

    def __repr__(self) -> str:
        weight, delay = short(self.weight), short(self.delay)
        own = ", allow_self_connections=True" if self.allow_self_connections else ""
        return f"FixedProbability({self.p}, {weight}{own}, delay={delay})"


def _chosen(count: int, p: float, rng: np.random.Generator) -> np.ndarray:
    """Indices below ``count``, each with probability p, by their gaps."""
    parts, last = [], -1
    while last < count:
        expected = (count - last) * p
        gaps = rng.geometric(p, int(expected + 4 * expected**0.5) + 16)
        parts.append(last + np.cumsum(gaps))
        last = int(parts[-1][-1])
    found = np.concatenate(parts)
    return found[found < count]
