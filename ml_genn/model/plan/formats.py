"""Storage formats of synapses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from ml_genn.model.plan.kernel import Kernel

#: Source and target neuron of each synapse, sorted by source, then target.
Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class SynapseFormat(ABC):
    """Storage format of the synapses of a group.

    Weights and delays have two forms: the array that users see, and the one that
    engines store, whose rows they pad. Engines have loops for each format
    (`ml_genn.codegen.formats`).

    Args:
        name: name in the text of a plan.

    Attributes:
        index_arrays: {array of indices that the code of engines reads: its type in C}:
            "int32_t", "int64_t", or "id_type" for indices of neurons.
        has_pairs: True if `PlanValues.indices` has the pairs of connected neurons.
        can_rewire: True if Deep-R can move synapses.
        shares_weights: True if several synapses have one weight.
    """

    name: str
    index_arrays: ClassVar[Mapping[str, str]] = {}
    has_pairs: ClassVar[bool] = False
    can_rewire: ClassVar[bool] = False
    shares_weights: ClassVar[bool] = False

    @abstractmethod
    def weights_shape(
        self, num_sources: int, num_targets: int, num_synapses: int
    ) -> tuple[int, ...]:
        """Returns the shape of weights that users see.

        Args:
            num_sources, num_targets: neurons.
            num_synapses: pairs that are listed, for formats with ``has_pairs``.
        """

    def neurons(self) -> tuple[int, int] | None:
        """Returns the sizes of source and target that it fits; None for any."""
        return None

    def storage_shape(self, weights_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of stored weights, without padding."""
        return weights_shape

    def to_storage(self, values: np.ndarray) -> np.ndarray:
        """Returns values of synapses in the order in which engines store them."""
        return values

    def from_storage(self, stored: np.ndarray) -> np.ndarray:
        """Returns stored values of synapses, without padding, in the users' form."""
        return stored

    def index_array(
        self, name: str, pairs: Pairs | None, num_sources: int
    ) -> np.ndarray:
        """Returns one of the ``index_arrays``.

        Args:
            name: name of the array.
            pairs: pairs of connected neurons, if they are listed.
            num_sources: neurons of the source.
        """
        raise KeyError(name)

    def num_synapses(self, num_weights: int) -> int:
        """Returns the number of pairs of neurons that are connected."""
        return num_weights


@dataclass(frozen=True)
class DenseFormat(SynapseFormat):
    """A weight for each pair of neurons, one row for each source neuron."""

    def weights_shape(
        self, num_sources: int, num_targets: int, num_synapses: int
    ) -> tuple[int, ...]:
        """Returns (sources, targets)."""
        return (num_sources, num_targets)


@dataclass(frozen=True)
class CsrFormat(SynapseFormat):
    """Compressed sparse rows: a list of targets for each source neuron."""

    index_arrays: ClassVar[Mapping[str, str]] = {
        "offset": "int64_t",
        "target": "id_type",
    }
    has_pairs: ClassVar[bool] = True
    can_rewire: ClassVar[bool] = True

    def weights_shape(
        self, num_sources: int, num_targets: int, num_synapses: int
    ) -> tuple[int, ...]:
        """Returns (synapses,)."""
        return (num_synapses,)

    def index_array(
        self, name: str, pairs: Pairs | None, num_sources: int
    ) -> np.ndarray:
        """Returns the offsets of rows, or the targets of synapses."""
        if pairs is None:
            raise KeyError(name)
        source, target = pairs
        return {"offset": row_offsets(source, num_sources), "target": target}[name]


@dataclass(frozen=True)
class SharedKernelFormat(SynapseFormat):
    """Weights that the patches of an image share.

    Args:
        kernel: the patches and the shape of the weights.
    """

    kernel: Kernel
    index_arrays: ClassVar[Mapping[str, str]] = {
        "patch_rows": "int32_t",
        "patch_columns": "int32_t",
    }
    shares_weights: ClassVar[bool] = True

    def neurons(self) -> tuple[int, int]:
        """Returns the numbers of pixels times channels of the two images."""
        return self.kernel.source_size, prod(self.kernel.target_shape)

    def weights_shape(
        self, num_sources: int, num_targets: int, num_synapses: int
    ) -> tuple[int, ...]:
        """Returns the shape of the kernel."""
        return self.kernel.shape

    def storage_shape(self, weights_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns (weights,)."""
        return (prod(weights_shape),)

    def to_storage(self, values: np.ndarray) -> np.ndarray:
        """Returns weights in the order of `Kernel.order`."""
        return np.asarray(values.reshape(-1)[self.kernel.order()])

    def from_storage(self, stored: np.ndarray) -> np.ndarray:
        """Returns weights in the shape of the kernel."""
        values = np.empty(self.kernel.size, dtype=stored.dtype)
        values[self.kernel.order()] = stored
        return values.reshape(self.kernel.shape)

    def index_array(
        self, name: str, pairs: Pairs | None, num_sources: int
    ) -> np.ndarray:
        """Returns the rows or columns that pixels reach (`Axis.reach`)."""
        axes = {"patch_rows": self.kernel.rows, "patch_columns": self.kernel.columns}
        return axes[name].reach().reshape(-1)

    def num_synapses(self, num_weights: int) -> int:
        """Returns the number of pairs of neurons that the kernel connects."""
        return self.kernel.synapses


#: One weight for each pair of neurons, row by row.
DENSE = DenseFormat("dense")  #: a weight for each pair of neurons
CSR = CsrFormat("csr")  #: a list of synapses for each source neuron


def row_offsets(source: np.ndarray, num_sources: int) -> np.ndarray:
    """Returns the index of the first synapse of each source, then their number.

    Args:
        source: source neuron of each synapse, ascending.
        num_sources: number of source neurons.
    """
    return np.searchsorted(source, np.arange(num_sources + 1)).astype(np.int64)
