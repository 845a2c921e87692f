"""Equations of neurons and synapses, from which all code is derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml_genn.errors import EquationError, unknown_name
from ml_genn.model.equations.complexity import check_complexity
from ml_genn.model.equations.expression import check_identifier, check_names, names

INPUT = "Isyn"  #: total input that a neuron receives in a step
WEIGHT = "weight"  #: weight of the synapse that a spike came over
DT = "dt"  #: length of a time step [ms]
THRESHOLD_EXPRESSION = "u"  #: threshold expression, in surrogate derivatives
#: Names that backends provide to equations and their code.
RESERVED = frozenset(
    {INPUT, WEIGHT, DT, "t", "step", "num_steps", "id", "num_neurons", "batch"}
    | {"num_batch", "output"}
)

EXPONENTIAL_EULER = "exponential_euler"  #: solver that is exact for linear equations
LINEAR_EULER = "linear_euler"  #: solver that takes forward Euler steps
SOLVERS = (EXPONENTIAL_EULER, LINEAR_EULER)  #: names of all solvers


@dataclass(frozen=True, slots=True)
class Variable:
    """State variable, with its differential equation and its value after a spike.

    Args:
        name: its name.
        dynamics: right-hand side of its differential equation [1/ms]; None (default) if
            it changes at spikes only.
        jump: its value right after a spike; None (default) if spikes do not change it.
    """

    name: str
    dynamics: str | None = None
    jump: str | None = None


def variables_from(
    description: Mapping[str, tuple[str | None, str | None]], where: str
) -> tuple[Variable, ...]:
    """Returns variables from ``{name: (dynamics, jump)}``.

    Args:
        description: dynamics and jump of each variable, strings or None.
        where: start of error messages.

    Raises:
        EquationError: if an entry is malformed.
    """
    result = []
    for name, pair in description.items():
        if (
            isinstance(pair, str)
            or not isinstance(pair, tuple | list)
            or len(pair) != 2
        ):
            raise EquationError(
                f"{where}: variable '{name}' is described by (dynamics, jump), each a "
                f"string or None. Received {pair!r}."
            )
        for part in pair:
            if part is not None and not isinstance(part, str):
                raise EquationError(
                    f"{where}: dynamics and jump of '{name}' are strings or None. "
                    f"Received {part!r}."
                )
        result.append(Variable(name, *pair))
    return tuple(result)


@dataclass(frozen=True, slots=True)
class NeuronEquations:
    """Equations of a neuron.

    Between spikes each variable follows its differential equation, in which ``Isyn``
    is the input of the step. If ``threshold >= 0`` after a step, the neuron spikes and
    each variable takes the value of its jump.

    Args:
        variables: state variables.
        parameters: names of the parameters, in ms where they are times; none by
            default.
        output: variable that readouts read; None (default) if there is none.
        threshold: expression that is >= 0 where the neuron spikes; None (default) if it
            never does.
        solver: "exponential_euler" (exact where the equation is linear in its own
            variable, else forward Euler) or "linear_euler" (forward Euler throughout).
        sub_steps: number of integration steps in a time step, 1 by default.
        refractory_timer: variable that counts down the steps of a refractory period:
            > 0 in the period, 0 at its end, -1 after it; None (default) if there is
            no such period.
    """

    variables: tuple[Variable, ...]
    parameters: tuple[str, ...] = ()
    output: str | None = None
    threshold: str | None = None
    solver: str = EXPONENTIAL_EULER
    sub_steps: int = 1
    refractory_timer: str | None = None

    def check(self, where: str) -> None:
        """Raises an error if equations use unknown names or are not well formed.

        Args:
            where: start of error messages.

        Raises:
            UnknownNameError, EquationError: for the first mistake.
        """
        declared = _check_declared(self.variables, self.parameters, where)
        known = declared | {INPUT, DT}
        for variable in self.variables:
            _check_slot(
                variable.dynamics, known, f"{where}, dynamics of {variable.name}"
            )
            _check_slot(
                variable.jump, declared | {DT}, f"{where}, jump of {variable.name}"
            )
        _check_slot(self.threshold, declared | {DT}, f"{where}, threshold")
        state = {variable.name for variable in self.variables}
        if self.output is not None and self.output not in state:
            raise unknown_name("output variable", self.output, state, where=where)
        if self.threshold is not None and not names(self.threshold) & state:
            raise EquationError(
                f"{where}: the threshold '{self.threshold}' does not depend on any "
                "state variable, so it could never be crossed."
            )
        _check_solver(self.solver, self.sub_steps, where)


@dataclass(frozen=True, slots=True)
class SynapseEquations:
    """Equations of a synapse.

    A spike adds its weight to the variable whose jump contains ``weight``. In each step
    ``inject`` is added to the neuron's ``Isyn`` before the variables are integrated.
    Without variables, ``inject = "weight"`` injects the weight itself for one step (a
    delta synapse).

    Args:
        variables: state variables.
        inject: expression added to ``Isyn``.
        parameters: names of the parameters.
        solver, sub_steps: as for NeuronEquations.
    """

    variables: tuple[Variable, ...]
    inject: str
    parameters: tuple[str, ...] = ()
    solver: str = EXPONENTIAL_EULER
    sub_steps: int = 1

    def check(self, where: str) -> None:
        """Raises an error if equations use unknown names or are not well formed.

        Args:
            where: start of error messages.

        Raises:
            UnknownNameError, EquationError: for the first mistake.
        """
        declared = _check_declared(self.variables, self.parameters, where)
        for variable in self.variables:
            _check_slot(
                variable.dynamics,
                declared | {DT},
                f"{where}, dynamics of {variable.name}",
            )
            _check_slot(
                variable.jump,
                declared | {DT, WEIGHT},
                f"{where}, jump of {variable.name}",
            )
        _check_slot(self.inject, declared | {DT, WEIGHT}, f"{where}, inject_current")
        _check_solver(self.solver, self.sub_steps, where)
        self._check_entry(where)

    def _check_entry(self, where: str) -> None:
        weighted = [v for v in self.variables if v.jump and WEIGHT in names(v.jump)]
        direct = WEIGHT in names(self.inject)
        if len(weighted) + direct != 1:
            raise EquationError(
                f"{where}: a spike enters through exactly one place: the jump of one "
                "variable ('i + weight') or inject_current ('weight'). Received "
                f"{len(weighted)} jumps and inject_current='{self.inject}'."
            )


def _check_declared(
    variables: Iterable[Variable], parameters: Iterable[str], where: str
) -> frozenset[str]:
    seen: set[str] = set()
    for name in (*(variable.name for variable in variables), *parameters):
        check_identifier(name, where)
        if name in RESERVED:
            raise EquationError(
                f"{where}: '{name}' is provided by ml_genn and cannot be declared."
            )
        if name in seen:
            raise EquationError(f"{where}: '{name}' is declared twice.")
        seen.add(name)
    return frozenset(seen)


def _check_slot(text: str | None, known: frozenset[str], where: str) -> None:
    if text is not None:
        check_complexity(text, where)
        check_names(text, known, where)


def _check_solver(solver: str, sub_steps: int, where: str) -> None:
    if solver not in SOLVERS:
        raise unknown_name("solver", str(solver), SOLVERS, where=where)
    if not isinstance(sub_steps, int) or isinstance(sub_steps, bool) or sub_steps < 1:
        raise EquationError(
            f"{where}: sub_steps is a whole number of at least 1. "
            f"Received {sub_steps!r}."
        )
