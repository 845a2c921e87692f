"""Weights in the order of targets, for the backward pass of several examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ml_genn.codegen.formats.arrays import array
from ml_genn.codegen.names import Names
from ml_genn.model.plan import SynapseGroup


@dataclass(frozen=True, slots=True)
class TransposedWeights(ABC):
    """C code that makes and reads the transposed weights of a synapse group.

    Args:
        names: names in C.
        synapses: the group.
    """

    names: Names
    synapses: SynapseGroup

    @property
    def weight(self) -> str:
        """C for a pointer to the weights."""
        return array(self.names, "weight", self.synapses)

    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Returns rows and columns before the transposition."""

    @abstractmethod
    def size(self) -> str:
        """C for the number of floats of the transposed weights."""

    @abstractmethod
    def copy(self, to: str) -> str:
        """C statement with which thread ``thread_`` of ``threads_`` copies its part.

        Args:
            to: C for a pointer to the transposed weights.
        """

    def backprop_example(self, weights: str) -> str:
        """C statement that adds to ``spike_grads_[m_]`` the gradient of example
        ``m_``, from ``backprop_[m_]``; empty (default) if `backprop_all` does.

        Args:
            weights: C for a pointer to the transposed weights.
        """
        return ""

    def backprop_all(self, weights: str) -> str:
        """C statement that adds to ``spike_grads_`` the gradients of ``num_chosen_``
        examples; empty (default) if `backprop_example` does.

        Args:
            weights: C for a pointer to the transposed weights.
        """
        return ""
