"""Derivatives of spikes: what distinguishes the backward passes of learning rules.

Between spikes the adjoint is the same under every rule. A subclass of `SpikeGradient`
derives what happens at spikes and what flows back over synapses. A learning rule
returns one from `TrainingCompiler.spike_gradient`; a rule with mathematics of its own
brings a subclass of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_genn.model.derivation.c_code import Constants
    from ml_genn.model.derivation.records import SpikeJump
    from ml_genn.model.derivation.symbolic_system import SymbolicSystem
    from ml_genn.model.plan import SurrogateAdjoint


class SpikeGradient(ABC):
    """Derivative of spikes under a learning rule.

    Subclasses are frozen dataclasses: derivations are stored under the text of their
    fields. Methods receive the system in SymPy and return SymPy expressions or code
    made by `ml_genn.model.derivation.c_code.assignments`.
    """

    @abstractmethod
    def spike_jump(self, system: SymbolicSystem, constants: Constants) -> SpikeJump:
        """Returns the jump of the adjoint at spikes of the forward pass.

        Args:
            system: the neuron and its synapses.
            constants: constants of the code; new ones are added.
        """

    @abstractmethod
    def backprop(self, system: SymbolicSystem, port: int) -> Any:
        """Returns the gradient that flows back over a synapse, per unit weight.

        Args:
            system: the target neuron and its synapses.
            port: index of the port that the synapse leads to.
        """

    def surrogate_adjoint(
        self, system: SymbolicSystem, constants: Constants
    ) -> SurrogateAdjoint | None:
        """Returns the adjoint of spikes through a surrogate derivative; None: none.

        Args:
            system: the neuron and its synapses.
            constants: constants of the code; new ones are added.
        """
        return None

    def eligible_variables(self, system: SymbolicSystem) -> list[Any]:
        """Returns the variables that carry the eligibility of a weight.

        Args:
            system: the neuron and its synapses.
        """
        return []


@dataclass(frozen=True, slots=True)
class ExactGradient(SpikeGradient):
    """Exact gradient by the times of spikes (EventProp).

    See `ml_genn.model.derivation.event_prop` for the equations.
    """

    def spike_jump(self, system: SymbolicSystem, constants: Constants) -> SpikeJump:
        """Returns the jump that follows from the shift of the threshold crossing."""
        from ml_genn.model.derivation.event_prop import crossing_jump

        return crossing_jump(system, constants)

    def backprop(self, system: SymbolicSystem, port: int) -> Any:
        """Returns dL/dt of the arrival of a spike over a weight of one."""
        from ml_genn.model.derivation.event_prop import arrival_time_grad

        return arrival_time_grad(system, port)


class ResetGradient(Enum):
    """Resets that a surrogate gradient follows."""

    NONE = "none"
    HIDDEN = "hidden"  #: of all variables but the output variable
    ALL = "all"


@dataclass(frozen=True, slots=True)
class SurrogateGradient(SpikeGradient):
    """Gradient of discrete steps, with a surrogate derivative of spikes.

    See `ml_genn.model.derivation.surrogate` for the equations.

    Args:
        surrogate_derivative: expression over ``u`` (the threshold expression),
            parameters of the neuron and of the rule.
        condition: expression that is true where the surrogate derivative is not zero;
            None (default): everywhere.
        reset_gradient: resets that the gradient follows, none by default.
        learning_signal: expression over state and parameters that is added to dL/ds of
            active neurons, divided by the batch size; None (default) for none.
    """

    surrogate_derivative: str
    condition: str | None = None
    reset_gradient: ResetGradient = ResetGradient.NONE
    learning_signal: str | None = None

    def spike_jump(self, system: SymbolicSystem, constants: Constants) -> SpikeJump:
        """Returns the adjoint of the reset."""
        from ml_genn.model.derivation.surrogate import reset_jump

        return reset_jump(system, constants)

    def backprop(self, system: SymbolicSystem, port: int) -> Any:
        """Returns dL/ds of a spike over a weight of one: the adjoint at the port."""
        from ml_genn.model.derivation.adjoint_step import adjoint_symbol

        return adjoint_symbol(system.entry[port])

    def surrogate_adjoint(
        self, system: SymbolicSystem, constants: Constants
    ) -> SurrogateAdjoint | None:
        """Returns the adjoint of spikes through the surrogate derivative."""
        from ml_genn.model.derivation.surrogate import surrogate_adjoint

        return surrogate_adjoint(
            system,
            constants,
            self.surrogate_derivative,
            self.condition,
            self._followed(system),
            self.learning_signal,
        )

    def eligible_variables(self, system: SymbolicSystem) -> list[Any]:
        """Returns the variables through which a weight acts on later steps."""
        from ml_genn.model.derivation.eligibility import eligible_variables

        return eligible_variables(system, self._followed(system))

    def _followed(self, system: SymbolicSystem) -> list[Any]:
        """Returns the variables whose reset the gradient follows."""
        jumping = [x for x in system.neuron if system.jump[x] != x]
        if self.reset_gradient is ResetGradient.NONE:
            return []
        if self.reset_gradient is ResetGradient.ALL:
            return jumping
        return [x for x in jumping if x.name != system.system.neuron.output]
