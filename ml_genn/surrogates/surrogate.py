"""Base of surrogate derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Surrogate(ABC):
    """Surrogate derivative of a spike, in place of that of the Heaviside step.

    ``u`` is the threshold expression, for example ``v - v_thresh``; a neuron spikes
    where it is not negative.
    """

    @abstractmethod
    def derivative(self) -> str:
        """Surrogate derivative as an expression over ``u`` and `parameters`."""

    def support(self) -> str | None:
        """Condition over ``u`` under which the derivative is not zero; None: always."""
        return None

    @abstractmethod
    def parameters(self) -> dict[str, float]:
        """Values of the expressions' parameters; a change of them needs no build."""
