"""Interface of the code that a learning rule adds to a neuron population."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from ml_genn.backends.pygenn.lowering.records import Array, Variable
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup


class LearningCode(Protocol):
    """Code, variables and arrays of a learning rule, for one neuron group."""

    @property
    def group(self) -> NeuronGroup:
        """The neuron group, with the buffers that the rule needs."""

    @property
    def parameters(self) -> Mapping[str, float]:
        """Parameters that the rule's code reads."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs that synapses add gradients or errors to."""

    def variables(self) -> list[Variable]:
        """Returns all variables of the rule."""

    def state(self) -> tuple[Variable, ...]:
        """Returns those of the variables that are zero at the start of an example."""

    def arrays(self) -> list[Array]:
        """Returns the arrays of the rule."""

    def around_step(self, writer: CodeWriter) -> AbstractContextManager[None]:
        """Writes the rule's code before and after that of a forward time step."""

    def write_after_readout(self, writer: CodeWriter) -> None:
        """Writes code that reads the output variable of the step."""

    def write_before_reset(self, writer: CodeWriter) -> None:
        """Writes code between the threshold and the reset."""

    def write_at_spike(self, writer: CodeWriter) -> None:
        """Writes code of neurons that spike, before their reset."""
