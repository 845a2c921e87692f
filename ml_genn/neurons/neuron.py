"""Base of neurons."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ml_genn.dynamics.model import DynamicalModel
from ml_genn.model.equations import NeuronEquations
from ml_genn.readouts import Readout, default_readouts
from ml_genn.utils.module import get_object


class Neuron(DynamicalModel):
    """Neuron model: equations, and values of their parameters and initial values.

    Attributes:
        readout: readout of an output population; None if it is no output.
    """

    readout: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set_readout()

    @abstractmethod
    def equations(self) -> NeuronEquations:
        """Returns the equations of the model."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "readout":
            value = _readout(value)
        object.__setattr__(self, name, value)

    def readout_steps(self, num_steps: int, dt: float) -> range:
        """Returns the time steps that the readout sees; all without a readout.

        Args:
            num_steps: time steps of an example.
            dt: time step [ms].

        Raises:
            ValidationError: if the readout's window is not one of whole steps of the
                example.
        """
        if not isinstance(self.readout, Readout):
            return range(num_steps)
        return self.readout.steps(num_steps, dt)

    def _set_readout(self) -> None:
        """Replaces the name of a readout by the readout."""
        object.__setattr__(self, "readout", _readout(self.readout))


def _readout(value: Any) -> Readout | None:
    return get_object(value, Readout, "Readout", default_readouts)
