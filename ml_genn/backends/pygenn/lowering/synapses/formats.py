"""Matrices of GeNN that store synapse groups, one class for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ml_genn.backends.pygenn.lowering.synapses.convolution import (
    is_toeplitz,
    listed_synapses,
    toeplitz_parameters,
)
from ml_genn.backends.pygenn.lowering.synapses.storage import (
    CopiedWeights,
    FlatStorage,
    MaskedDense,
    SynapseStorage,
)
from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import (
    Plan,
    PlanValues,
    SharedKernelFormat,
    SynapseFormat,
    SynapseGroup,
)
from ml_genn.model.plan.formats import CsrFormat, DenseFormat
from ml_genn.model.plan.kernel import Kernel


class GennFormat:
    """Matrix of GeNN in which the synapses of a group are stored.

    A format of another package that runs on this backend inherits from this class as
    well as from `SynapseFormat`.

    Attributes:
        matrix: GeNN's matrix type: "DENSE", "SPARSE" or "TOEPLITZ".
    """

    matrix: ClassVar[str]

    @property
    def convolution(self) -> Mapping[str, int] | None:
        """Parameters of GeNN's ``Conv2D``; None (default) for other matrices."""
        return None

    def indices(
        self, values: PlanValues, s: SynapseGroup
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns sorted source and target of each synapse of a sparse matrix; None
        (default) for other matrices."""
        return None

    def storage(
        self, plan: Plan, values: PlanValues, s: SynapseGroup
    ) -> SynapseStorage:
        """Returns the layout of values of synapses: by default the user's, flat."""
        return FlatStorage()


class DenseMatrix(GennFormat):
    """A weight for each pair of neurons."""

    matrix = "DENSE"


class SparseMatrix(GennFormat):
    """A list of synapses."""

    matrix = "SPARSE"

    def indices(
        self, values: PlanValues, s: SynapseGroup
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the pairs of the plan."""
        return values.indices[s.stored]


class RewiredMatrix(GennFormat):
    """Sparse synapses that Deep-R moves within a dense matrix."""

    matrix = "DENSE"

    def storage(
        self, plan: Plan, values: PlanValues, s: SynapseGroup
    ) -> SynapseStorage:
        """Returns the storage of the initial synapses."""
        source, target = values.indices[s.stored]
        rows, columns = (plan.neuron(name).size for name in (s.source, s.target))
        positions = source.astype(np.int64) * columns + target
        return MaskedDense(rows * columns, lambda: positions)


@dataclass(frozen=True, slots=True)
class ToeplitzMatrix(GennFormat):
    """A convolution without a backward pass that GeNN's ``Conv2D`` fits.

    GeNN's code for this matrix on GPUs reads variables of the neurons of the first
    example for all examples, which the backward pass could not use.

    Args:
        kernel: the patches and the shape of the weights.
    """

    matrix = "TOEPLITZ"
    kernel: Kernel

    @property
    def convolution(self) -> Mapping[str, int]:
        """Sizes of kernel and images."""
        return toeplitz_parameters(self.kernel)


@dataclass(frozen=True, slots=True)
class ListedConvolution(GennFormat):
    """A convolution as a list of synapses, each with a copy of its weight.

    Args:
        kernel: the patches and the shape of the weights.
    """

    matrix = "SPARSE"
    kernel: Kernel

    def indices(
        self, values: PlanValues, s: SynapseGroup
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the pairs that the kernel connects."""
        source, target, _ = listed_synapses(self.kernel)
        return source, target

    def storage(
        self, plan: Plan, values: PlanValues, s: SynapseGroup
    ) -> SynapseStorage:
        """Returns the storage of copied weights."""
        _, _, weight_index = listed_synapses(self.kernel)
        return CopiedWeights(weight_index)


def genn_format(s: SynapseGroup) -> GennFormat:
    """Returns the matrix of a synapse group.

    Raises:
        UnsupportedError: if there is none for its format.
    """
    if s.rewired:
        return RewiredMatrix()
    if isinstance(s.format, GennFormat):
        return s.format
    if type(s.format) not in _MATRICES:
        raise UnsupportedError(
            f"Connection '{s.name}': backend 'pygenn' has no matrix for synapses in "
            f"format {s.format.name!r}. Use backend='cpu'."
        )
    return _MATRICES[type(s.format)](s, s.format)


def _shared_kernel(s: SynapseGroup, storage: SharedKernelFormat) -> GennFormat:
    kernel = storage.kernel
    if s.trained or not is_toeplitz(kernel):
        return ListedConvolution(kernel)
    return ToeplitzMatrix(kernel)


#: {format: function of a group and its format that returns the matrix}.
_MATRICES: dict[type[SynapseFormat], Callable[[SynapseGroup, Any], GennFormat]] = {
    DenseFormat: lambda s, storage: DenseMatrix(),
    CsrFormat: lambda s, storage: SparseMatrix(),
    SharedKernelFormat: _shared_kernel,
}
