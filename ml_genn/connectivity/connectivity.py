"""Base of connectivity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import ClassVar

import numpy as np

from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers import Initializer
from ml_genn.initializers.value import InitValue, as_value
from ml_genn.model.plan.kernel import Kernel
from ml_genn.model.snapshot import DELAYS, WEIGHTS
from ml_genn.utils.checks import finite_array, shown

#: Source and target neuron of each synapse, sorted by source, then target.
Indices = tuple[np.ndarray, np.ndarray]


class Connectivity(ABC):
    """Which neurons are connected, with which weights and delays.

    Args:
        weight: a number, array, initializer or its name.
        delay: delays in time steps: a whole number, array, initializer or its name.

    Raises:
        ValidationError: if a delay is negative.
    """

    weight: float | np.ndarray | Initializer
    delay: float | np.ndarray | Initializer
    #: whether its weights can be learned
    trainable: ClassVar[bool] = True

    def __init__(self, weight: InitValue, delay: InitValue) -> None:
        name = type(self).__name__
        self.weight = as_value(f"{name}: weight", weight)
        self.delay = as_value(f"{name}: delay", delay)
        if not isinstance(self.delay, Initializer) and np.any(
            np.asarray(self.delay) < 0
        ):
            raise ValidationError(
                f"{name}: delays are not negative. Received {shown(delay)}."
            )

    @abstractmethod
    def connect(self, source: Node, target: Node) -> None:
        """Checks the shapes of two populations, and gives one where there is none.

        Args:
            source, target: populations, whose ``shape`` may be None.

        Raises:
            ValidationError: if they do not fit.
        """

    def indices(
        self, source: Node, target: Node, rng: np.random.Generator
    ) -> Indices | None:
        """Which neurons are connected; None if each is with each.

        Args:
            source, target: populations whose shapes are known.
            rng: what connectivity that is random is drawn from.
        """
        return None

    def kernel(self, source: Node, target: Node) -> Kernel | None:
        """The weights that patches of an image share; None if synapses have their own.

        Args:
            source, target: populations whose shapes are known.
        """
        return None

    @property
    def gain(self) -> float:
        """What weights are multiplied by as they are drawn."""
        return 1.0

    def with_arrays(
        self, arrays: Mapping[str, np.ndarray], source: Node, target: Node
    ) -> Connectivity:
        """The same connectivity with weights and delays that were saved.

        Args:
            arrays: ``g`` weights, and where there are ``d`` delays, ``pre_ind`` and
                ``post_ind``, as in `ml_genn.model.snapshot`.
            source, target: populations whose shapes are known.

        Raises:
            CheckpointError: if they do not fit.
        """
        shape = self.weight_shape(source, target)
        made = copy(self)
        made.weight = _shaped(arrays, WEIGHTS, shape) / self.gain
        if DELAYS in arrays:
            made.delay = _shaped(arrays, DELAYS, shape)
        return made

    def weight_shape(self, source: Node, target: Node) -> tuple[int, ...]:
        """The shape of its weights, for `with_arrays`.

        Args:
            source, target: populations whose shapes are known.
        """
        kernel = self.kernel(source, target)
        return (source.size, target.size) if kernel is None else kernel.shape

    def expected(self, source: Node, target: Node) -> int:
        """How many synapses there will be, about.

        Args:
            source, target: populations, whose shapes are known.
        """
        return source.size * target.size

    def num_weights(self, source: Node, target: Node) -> int:
        """How many weights there will be, about.

        Args:
            source, target: populations, whose shapes are known.
        """
        return self.expected(source, target)


def _shaped(
    arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> np.ndarray:
    found = arrays[name]
    if found.shape not in (shape, (int(np.prod(shape)),)):
        raise CheckpointError(
            f"array '{name}' of this network has shape {shape}. Received shape "
            f"{found.shape}."
        )
    return finite_array(name, found).reshape(shape)


def short(value: object) -> str:
    """A weight or delay as the representation of connectivity shows it."""
    if isinstance(value, np.ndarray):
        return f"<array {value.shape}>"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return repr(value)
