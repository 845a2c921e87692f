"""Neuron from equations of the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.dynamics.model import UserModel
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import (
    EXPONENTIAL_EULER,
    SOLVERS,
    NeuronEquations,
    variables_from,
)
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.checks import mapping, one_of, text, whole


class UserNeuron(UserModel, Neuron):
    """Neuron from equations.

    For example Izhikevich's (2003):

    >>> UserNeuron(
    ...     {"v": ("0.04*v**2 + 5*v + 140 - u + Isyn", "c"),
    ...      "u": ("a*(b*v - u)", "u + d")},
    ...     "v", threshold="v - 30",
    ...     param_vals={"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0},
    ...     var_vals={"v": -65.0, "u": -13.0}, sub_steps=2)  # doctest: +ELLIPSIS
    UserNeuron(...)

    Args:
        vars: ``{name: (dynamics, jump)}``: right-hand side of the differential
            equation per ms, in which ``Isyn`` is the input and ``dt`` the time step,
            and the value after a spike. None stands for no change.
        output_var_name: variable that readouts look at.
        threshold: expression that is >= 0 where the neuron spikes; None (default) for
            neurons that do not spike.
        param_vals: values of the parameters; none by default. Parameters whose name
            starts with "tau" stay above zero while they are learned.
        var_vals: initial values; variables left out start at 0 (default).
        solver: "exponential_euler" (default: exact where an equation is linear in its
            own variable, else forward Euler) or "linear_euler" (forward Euler).
        sub_steps: integration steps of a time step, 1 by default.
        readout: readout of an output population, or its name; None (default) for none.

    Raises:
        EquationError, UnknownNameError: if equations mention unknown names or
            functions.
    """

    def __init__(
        self,
        vars: Mapping[str, tuple[str | None, str | None]],
        output_var_name: str | None,
        threshold: str | None = None,
        param_vals: Mapping[str, InitValue] | None = None,
        var_vals: Mapping[str, InitValue] | None = None,
        solver: str = EXPONENTIAL_EULER,
        sub_steps: int = 1,
        readout: Any = None,
    ) -> None:
        self.vars = mapping("UserNeuron: vars", vars)
        self.output_var_name = output_var_name
        self.threshold = threshold
        for name in ("output_var_name", "threshold"):
            if getattr(self, name) is not None:
                text(f"UserNeuron: {name}", getattr(self, name))
        self.param_vals = mapping("UserNeuron: param_vals", param_vals)
        self.var_vals = mapping("UserNeuron: var_vals", var_vals)
        self.solver = one_of("UserNeuron: solver", solver, "solver", SOLVERS)
        self.sub_steps = whole("UserNeuron: sub_steps", sub_steps)
        self.readout = readout
        self._set_readout()
        self.equations().check("UserNeuron")
        self.check_values(self.vars)

    def equations(self) -> NeuronEquations:
        """Returns the equations of the model."""
        return NeuronEquations(
            variables_from(self.vars, "UserNeuron"),
            tuple(self.param_vals),
            self.output_var_name,
            self.threshold,
            self.solver,
            self.sub_steps,
        )

    def __repr__(self) -> str:
        return (
            f"UserNeuron({self.vars!r}, {self.output_var_name!r}, "
            f"threshold={self.threshold!r}, param_vals={self.param_vals!r}, "
            f"var_vals={self.var_vals!r}, solver={self.solver!r}, "
            f"sub_steps={self.sub_steps!r}, readout={self.readout!r})"
        )
