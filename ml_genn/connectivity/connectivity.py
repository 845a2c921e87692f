"""Base of connectivity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from inspect import signature
from typing import ClassVar

import numpy as np

from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers import FluctuationDriven, Initializer
from ml_genn.initializers.value import InitValue, as_value
from ml_genn.model.plan import DENSE, SharedKernelFormat, SynapseFormat
from ml_genn.model.plan.kernel import Kernel
from ml_genn.model.snapshot import DELAYS, SOURCES, WEIGHTS
from ml_genn.utils.checks import LARGEST_INT32, finite_array, shown
from ml_genn.utils.synonyms import AnswersSynonyms

#: Weights where none are set: neurons with default thresholds spike with them.
DEFAULT_WEIGHT = FluctuationDriven()

#: Source and target neuron of each synapse, sorted by source, then target.
Indices = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Pooling:
    """Sums over patches of an image.

    Args:
        size: rows and columns of a patch.
        strides: pixels from one patch to the next.
    """

    size: tuple[int, int]
    strides: tuple[int, int]


class Connectivity(AnswersSynonyms, ABC):
    """Base of connectivity: which neurons are connected, with which weights and delays.

    Synapses are stored in one of three formats, which a class chooses by the methods
    that it defines: a list of pairs (`indices`), weights that patches of an image share
    (`kernel`), or else a weight for every pair of neurons. A class may also have a
    format of its own (`format`). Code generation, training, saving and inspection
    follow from the format.

    Args:
        weight: a number, array, initializer or its name.
        delay: delays [time steps]: an integer, array, initializer or its name.

    Raises:
        ValidationError: if a delay is negative.
    """

    weight: float | np.ndarray | Initializer
    delay: float | np.ndarray | Initializer
    #: True if its weights can be learned
    trainable: ClassVar[bool] = True
    #: True if rewiring (Deep-R) may connect a neuron to itself
    allow_self_connections: bool = True

    def __init__(self, weight: InitValue, delay: InitValue) -> None:
        name = type(self).__name__
        self.weight = as_value(f"{name}: weight", weight)
        self.delay = as_value(f"{name}: delay", delay)
        if not isinstance(self.delay, Initializer):
            _check_delays(name, self.delay)

    @abstractmethod
    def connect(self, source: Node, target: Node) -> None:
        """Checks the shapes of two populations, and sets a shape that follows.

        Args:
            source, target: populations, whose ``shape`` may be None.

        Raises:
            ValidationError: if they do not fit.
        """

    def indices(
        self, source: Node, target: Node, rng: np.random.Generator
    ) -> Indices | None:
        """Returns which neurons are connected; None (default) if all pairs are.

        Args:
            source, target: populations whose shapes are known.
            rng: random numbers of this connection, which follow from the seed.
        """
        return None

    def kernel(self, source: Node, target: Node) -> Kernel | None:
        """Returns the weights that patches of an image share; None (default) for none.

        Args:
            source, target: populations whose shapes are known.
        """
        return None

    def format(self, source: Node, target: Node) -> SynapseFormat | None:
        """Returns the storage format of the synapses.

        None (default) stands for CSR, or for dense weights without `indices`.

        Args:
            source, target: populations whose shapes are known.
        """
        kernel = self.kernel(source, target)
        return None if kernel is None else SharedKernelFormat("shared kernel", kernel)

    def image(self, source: Node, target: Node) -> tuple[int, int, int] | None:
        """Returns rows, columns and channels of the target; None if it is no image.

        Args:
            source, target: populations whose shapes are known.
        """
        kernel = self.kernel(source, target)
        return None if kernel is None else kernel.target_shape

    @property
    def gain(self) -> float:
        """Factor of weights between the argument and what a network is trained with."""
        return 1.0

    @property
    def pooling(self) -> Pooling | None:
        """Pooling of the source before the weights; None (default) for none."""
        return None

    @property
    def mean_pooling(self) -> Pooling | None:
        """Patches whose means it computes, without weights; None (default) for none."""
        return None

    def with_arrays(
        self, arrays: Mapping[str, np.ndarray], source: Node, target: Node
    ) -> Connectivity:
        """Returns a copy with weights and delays that were saved.

        Args:
            arrays: ``g`` weights, and where there are ``d`` delays, ``pre_ind`` and
                ``post_ind``, as in `ml_genn.model.snapshot`.
            source, target: populations whose shapes are known.

        Raises:
            CheckpointError: if they do not fit.
        """
        shape = self.weight_shape(source, target)
        if SOURCES in arrays and type(self).indices is not Connectivity.indices:
            shape = arrays[SOURCES].shape  # one weight for each pair that is listed
        connectivity = copy(self)
        connectivity.weight = _shaped(arrays, WEIGHTS, shape) / self.gain
        if DELAYS in arrays:
            connectivity.delay = _shaped(arrays, DELAYS, shape)
        return connectivity

    def weight_shape(self, source: Node, target: Node) -> tuple[int, ...]:
        """Returns the shape of the weights, for `with_arrays`.

        Args:
            source, target: populations whose shapes are known.
        """
        storage = self.format(source, target) or DENSE
        return storage.weights_shape(source.size, target.size, 0)

    def expected(self, source: Node, target: Node) -> int:
        """Returns the expected number of synapses.

        Args:
            source, target: populations whose shapes are known.
        """
        return source.size * target.size

    def num_weights(self, source: Node, target: Node) -> int:
        """Returns the expected number of weights.

        Args:
            source, target: populations whose shapes are known.
        """
        return self.expected(source, target)

    def __repr__(self) -> str:
        names = signature(type(self)).parameters
        arguments = ", ".join(f"{n}={short(getattr(self, n))}" for n in names)
        return f"{type(self).__name__}({arguments})"


def _check_delays(name: str, delay: float | np.ndarray) -> None:
    """Raises ValidationError for delays that are no numbers of time steps."""
    if np.any(np.asarray(delay) < 0):
        raise ValidationError(
            f"{name}: delays are not negative. Received {shown(delay)}."
        )
    if np.any(np.asarray(delay) > LARGEST_INT32):
        raise ValidationError(
            f"{name}: a delay is at most {LARGEST_INT32} time steps. Received "
            f"{shown(delay)}."
        )


def _shaped(
    arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> np.ndarray:
    """Returns a saved array, reshaped if it is flat."""
    array = arrays[name]
    if array.shape not in (shape, (int(np.prod(shape)),)):
        raise CheckpointError(
            f"array '{name}' of this network has shape {shape}. Received shape "
            f"{array.shape}."
        )
    return finite_array(name, array).reshape(shape)


def short(value: object) -> str:
    """Returns a weight or delay as representations of connectivity show it."""
    if isinstance(value, np.ndarray):
        return f"<array {value.shape}>"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return repr(value)
