"""Base of surrogate gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Surrogate(ABC):
    """The slope that a spike is given in place of its derivative.

    ``u`` is what crosses zero when a neuron spikes, for example ``v - v_thresh``.
    """

    @abstractmethod
    def slope(self) -> str:
        """The slope as an expression over ``u`` and `parameters`."""

    def support(self) -> str | None:
        """Where the slope is not zero, an expression over ``u``; None: everywhere."""
        return None

    @abstractmethod
    def parameters(self) -> dict[str, float]:
        """Numbers that the expressions mention; numbers may change without a build."""
