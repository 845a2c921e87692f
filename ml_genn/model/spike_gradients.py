"""Spike derivatives of learning rules.

Between spikes the adjoint is the same under every rule, but for surrogate rules at
active neurons, and for exact gradients at the end of a refractory period. A
`SpikeGradient` derives the jump of the adjoint at spikes, and the error backpropagated
through synapses. A learning rule returns one from
`TrainingCompiler.spike_gradient`; a new rule subclasses `SpikeGradient`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_genn.model.derivation.c_code import Constants
    from ml_genn.model.derivation.records import SpikeJump
    from ml_genn.model.derivation.symbolic_system import SymbolicSystem
    from ml_genn.model.plan import SurrogateAdjoint


class SpikeGradient(ABC):
    """Derivative of spikes under a learning rule.

    Subclasses are frozen dataclasses, because derivations are cached by ``repr``, which
    has the values of all fields. Methods receive the system in SymPy and return SymPy
    expressions or code made by `ml_genn.model.derivation.c_code.assignments`.
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
        """Returns the error backpropagated through a synapse, per unit weight.

        It is dL/dt of the spike's time if spikes are exact, dL/ds of the spike with a
        surrogate derivative.

        Args:
            system: the target neuron and its synapses.
            port: index of the port that the synapse leads to.
        """

    def adjoint_before_step(self, system: SymbolicSystem, x: Any) -> Any:
        """Returns dL/dx before a step as an expression of the adjoints after it.

        Args:
            system: the neuron and its synapses.
            x: symbol of a state variable or learned parameter.
        """
        from ml_genn.model.derivation.adjoint_step import adjoint_before_step

        return adjoint_before_step(system, x)

    def event_adjoints(self, system: SymbolicSystem) -> list[tuple[Any, Any]]:
        """Returns adjoints that are not of a variable: (symbol, value before a step).

        None of them, as here, if no event has a derivative by its time.

        Args:
            system: the neuron and its synapses.
        """
        return []

    def surrogate_adjoint(
        self, system: SymbolicSystem, constants: Constants
    ) -> SurrogateAdjoint | None:
        """Returns the adjoint of spikes through a surrogate derivative.

        None, as here, without one: the adjoint then changes at spikes only.

        Args:
            system: the neuron and its synapses.
            constants: constants of the code; new ones are added.
        """
        return None

    def eligible_variables(self, system: SymbolicSystem) -> list[Any]:
        """Returns the state variables with an eligibility trace.

        None of them, as here, if the rule cannot learn online.

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
        from ml_genn.model.derivation.event_prop import spike_jump

        return spike_jump(system, constants)

    def adjoint_before_step(self, system: SymbolicSystem, x: Any) -> Any:
        """Returns dL/dx before a step, with the ends of refractory periods."""
        from ml_genn.model.derivation.event_prop import adjoint_before_event_step

        return adjoint_before_event_step(system, x)

    def event_adjoints(self, system: SymbolicSystem) -> list[tuple[Any, Any]]:
        """Returns the adjoints of arrivals over delta synapses that cause spikes."""
        from ml_genn.model.derivation.event_prop import arrival_adjoints

        return arrival_adjoints(system)

    def backprop(self, system: SymbolicSystem, port: int) -> Any:
        """Returns dL/dt of the arrival of a spike over a weight of one."""
        from ml_genn.model.derivation.event_prop import arrival_time_grad

        return arrival_time_grad(system, port)


@dataclass(frozen=True, slots=True)
class SurrogateGradient(SpikeGradient):
    """Gradient of discrete steps, with a surrogate derivative of spikes.

    See `ml_genn.model.derivation.surrogate` for the equations.

    Args:
        surrogate_derivative: expression over ``u`` (the threshold expression),
            parameters of the neuron and of the rule.
        condition: expression that is true where the surrogate derivative is not zero;
            None (default) if it is nowhere zero.
        reset_gradient: True if the jump of the output variable (e.g. the reset of v) is
            differentiated with respect to the spike; False by default. The jumps of all
            other variables are.
        detached: variables whose jump is not differentiated in any case; none by
            default.
        learning_signal: expression over state and parameters that is divided by the
            batch size and added to dL/ds of active neurons; None (default) if the rule
            has no learning signal.
    """

    surrogate_derivative: str
    condition: str | None = None
    reset_gradient: bool = False
    detached: tuple[str, ...] = ()
    learning_signal: str | None = None

    def spike_jump(self, system: SymbolicSystem, constants: Constants) -> SpikeJump:
        """Returns the transposed Jacobian of the reset at fixed spikes.

        The derivative of the reset by the spike is part of `surrogate_adjoint`.
        """
        from ml_genn.model.derivation.surrogate import reset_jump

        return reset_jump(system, constants)

    def backprop(self, system: SymbolicSystem, port: int) -> Any:
        """Returns dL/ds of a spike over a weight of one: the adjoint at the port."""
        from ml_genn.model.derivation.adjoint_step import adjoint_symbol

        # entry: for each port, the variable that a spike adds its weight to
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
            self._differentiated_resets(system),
            self.learning_signal,
        )

    def eligible_variables(self, system: SymbolicSystem) -> list[Any]:
        """Returns the state variables with an eligibility trace."""
        from ml_genn.model.derivation.eligibility import eligible_variables

        return eligible_variables(system, self._differentiated_resets(system))

    def _differentiated_resets(self, system: SymbolicSystem) -> list[Any]:
        """Returns the variables whose jump is differentiated by the spike.

        Nothing reads timers and running rates, so their jumps have no gradient.
        """
        from ml_genn.model.derivation.eligibility import influential_variables

        cut = set(self.detached)
        if not self.reset_gradient:
            cut.add(str(system.system.neuron.output))
        influential = influential_variables(system)
        # jump: {variable: its value after a spike}, itself if it is not reset
        jumping = [x for x in system.neuron if system.jump[x] != x]
        return [x for x in jumping if x in influential and x.name not in cut]
