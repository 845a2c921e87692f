"""Base of surrogate derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Surrogate(ABC):
    """Surrogate derivative, which replaces the derivative of the Heaviside step.

    ``u`` is the threshold expression, for example ``v - v_thresh``; a neuron spikes
    where it is not negative.
    """

    @abstractmethod
    def derivative(self) -> str:
        """Returns the derivative as an expression in C over ``u`` and `parameters`."""

    def support(self) -> str | None:
        """Returns the condition over ``u`` under which the derivative is not zero.

        None (default) stands for no condition.
        """
        return None

    @abstractmethod
    def parameters(self) -> dict[str, float]:
        """Returns the values of parameters in the expressions.

        A new value needs no recompilation.
        """
