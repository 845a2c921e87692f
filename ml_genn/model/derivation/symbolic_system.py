r"""A system of equations in SymPy, with the exact step between spikes.

A variable with ``x' = A x + B``, A and B constant within a time step of length h, takes
the exponential Euler step, which is exact:

.. math:: x(t + h) = x(t) e^{A h} + \frac{e^{A h} - 1}{A} B

(Rotter & Diesmann 1999). Variables couple through their values at the start of the
step, but for the synaptic input ``Isyn``, which a port may average over the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ml_genn.errors import EquationError
from ml_genn.model.equations import (
    DT,
    EXPONENTIAL_EULER,
    INPUT,
    WEIGHT,
    NeuronEquations,
    SynapseEquations,
    Variable,
)
from ml_genn.model.equations.expression import names, symbolic
from ml_genn.model.equations.system import System, port_name


def symbol(name: str) -> Any:
    """Returns the SymPy symbol of a variable or parameter."""
    return sympy.Symbol(name, real=True)


ISYN, STEP, SPIKE_WEIGHT = symbol(INPUT), symbol(DT), symbol(WEIGHT)
#: Part of ``Isyn`` that comes over delta synapses, in the last step.
DELTA_INPUT = symbol("delta_input_")


def stepped(variable: Any, dynamics: Any, step: Any, exponential: bool) -> Any:
    """Returns the value of a variable after a step, all other variables held constant.

    Args:
        variable: symbol of the variable.
        dynamics: right-hand side of its differential equation.
        step: symbol or expression of the length of the step [ms].
        exponential: true for the exponential Euler step, where the equation is linear
            in its own variable and does not jump; otherwise a forward Euler step is
            taken.
    """
    if isinstance(dynamics, sympy.Piecewise):
        return sympy.Piecewise(
            *((stepped(variable, f, step, exponential), c) for f, c in dynamics.args)
        )
    rate = sympy.diff(dynamics, variable)
    nonlinear = rate.has(variable) or rate.has(sympy.Derivative)
    if not exponential or nonlinear or _jumps(dynamics, variable):
        return variable + step * dynamics
    offset = sympy.expand(dynamics - rate * variable).subs(variable, 0)
    if rate == 0:
        return variable + step * offset
    decay = sympy.exp(rate * step)
    gain = (decay - 1) / rate
    terms = sympy.collect(sympy.expand(offset), ISYN, evaluate=False)
    return variable * decay + sum(
        sympy.cancel(coefficient / rate) * (decay - 1) * power
        if not coefficient.has(sympy.Piecewise)
        else gain * coefficient * power
        for power, coefficient in terms.items()
    )


def _jumps(dynamics: Any, variable: Any) -> bool:
    """Returns True if parts of an expression jump where a variable passes a value.

    Their derivative is 0, as if they did not depend on the variable.
    """
    functions = dynamics.atoms(sympy.Piecewise, sympy.sign, sympy.ceiling)
    return any(function.has(variable) for function in functions)


class SymbolicSystem:
    """A neuron and its synapses as SymPy expressions.

    Args:
        system: the equations.
        where: subject of error messages.
        learned: names of parameters whose gradient is computed.

    Attributes:
        neuron: state variables of the neuron.
        entry: for each port, the variable that spikes add their weight to.
        delta: for each port, true if that variable lasts for one step (delta synapse).
        isyn: the neuron's input as an expression of the ports' variables.
        delta_isyn: the part of it that comes over delta synapses.
        dynamics: {variable: right-hand side of its equation}, ``Isyn`` for the input.
        next: {variable: value after one (sub-)step}.
        jump: {neuron variable: value after a spike}.
        threshold: expression that is >= 0 where the neuron spikes; None if it never
            does.
        learned: symbols of the learned parameters.
        timer: variable that counts down the refractory period; None without one.

    Raises:
        EquationError: if a spike does more than add its weight to one variable.
    """

    def __init__(self, system: System, where: str, learned: Sequence[str] = ()) -> None:
        self.system = system
        self.where = where
        self.learned = [symbol(name) for name in learned]
        self.neuron = [symbol(v.name) for v in system.neuron.variables]
        self.dynamics: dict[Any, Any] = {}
        self.next: dict[Any, Any] = {}
        self.jump: dict[Any, Any] = {}
        self.entry: list[Any] = []
        self.delta: list[bool] = []
        self.isyn: Any = sympy.S.Zero
        self.delta_isyn: Any = sympy.S.Zero
        self._add(system.neuron)
        for v in system.neuron.variables:
            x = symbol(v.name)
            self.jump[x] = x if v.jump is None else symbolic(v.jump)
        for k, port in enumerate(system.ports):
            self._add_port(k, port)
        text = system.neuron.threshold
        self.threshold = None if text is None else symbolic(text)
        timer = system.neuron.refractory_timer
        self.timer = None if timer is None else symbol(timer)

    @property
    def state(self) -> list[Any]:
        """All state variables, the neuron's first."""
        return list(self.next)

    @property
    def differentiated(self) -> list[Any]:
        """State variables and learned parameters: all that have an adjoint."""
        return [*self.state, *self.learned]

    @property
    def time_dependent(self) -> frozenset[Any]:
        """Symbols that change in time: state variables and the input."""
        return frozenset(self.state) | {ISYN, DELTA_INPUT}

    def with_input(self, expression: Any) -> Any:
        """Returns the expression with ``Isyn`` replaced by the ports' variables."""
        return expression.subs(ISYN, self.isyn)

    def refractory(self, expression: Any) -> Any:
        """Returns the expression for the time within the refractory period."""
        return expression if self.timer is None else expression.subs(self.timer, 1)

    def not_refractory(self, expression: Any) -> Any:
        """Returns the expression for the time outside of the refractory period."""
        return expression if self.timer is None else expression.subs(self.timer, -1)

    def _add(self, equations: NeuronEquations | SynapseEquations) -> None:
        step = STEP / equations.sub_steps
        exponential = equations.solver == EXPONENTIAL_EULER
        for v in equations.variables:
            x = symbol(v.name)
            f = sympy.S.Zero if v.dynamics is None else symbolic(v.dynamics)
            self.dynamics[x] = f
            self.next[x] = x if f == 0 else stepped(x, f, step, exponential)

    def _add_port(self, k: int, port: SynapseEquations) -> None:
        self._add(port)
        inject = symbolic(port.inject)
        if inject.has(SPIKE_WEIGHT):
            entry = symbol(port_name("in", k))
            self.dynamics[entry] = sympy.S.Zero
            self.next[entry] = sympy.S.Zero
            inject = inject.subs(SPIKE_WEIGHT, entry)
        else:
            entry = symbol(self._entry(port.variables).name)
        self.entry.append(entry)
        self.delta.append(self.next[entry] == 0)
        self.isyn = self.isyn + inject
        if self.delta[-1]:
            self.delta_isyn = self.delta_isyn + inject

    def _entry(self, variables: Sequence[Variable]) -> Variable:
        """Returns the variable whose jump adds the weight of a spike."""
        (entry,) = (v for v in variables if v.jump and WEIGHT in names(v.jump))
        others = [v.name for v in variables if v.jump and v is not entry]
        added = sympy.simplify(symbolic(str(entry.jump)) - symbol(entry.name))
        if added != SPIKE_WEIGHT or others:
            raise EquationError(
                f"{self.where}: a spike may only add its weight to one variable of a "
                f"synapse: '{entry.name} + weight'. Received "
                f"{[v.jump for v in variables if v.jump]}."
            )
        return entry
