"""Synapse from equations of the user."""

from __future__ import annotations

from collections.abc import Mapping

from ml_genn.dynamics.model import UserModel
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import (
    EXPONENTIAL_EULER,
    SOLVERS,
    SynapseEquations,
    variables_from,
)
from ml_genn.synapses.synapse import Synapse
from ml_genn.utils.checks import mapping, one_of, text, whole


class UserSynapse(UserModel, Synapse):
    """Synapse from equations.

    For example a current with a rise time:

    >>> UserSynapse({"g": ("-g/tau_rise", "g + weight"), "i": ("(g - i)/tau", None)},
    ...             "i", param_vals={"tau_rise": 2.0, "tau": 5.0})  # doctest: +ELLIPSIS
    UserSynapse(...)

    Args:
        vars: ``{name: (dynamics, jump)}``; the jump of exactly one variable adds
            ``weight`` to it.
        inject_current: expression of the neuron's input in each step; "weight" (and no
            variables) makes a delta synapse.
        param_vals: values of the parameters; none by default. Parameters whose name
            starts with "tau" stay above zero while they are learned.
        var_vals: initial values; variables left out start at 0 (default).
        solver: "exponential_euler" (default) or "linear_euler".
        sub_steps: integration steps of a time step, 1 by default.

    Raises:
        EquationError, UnknownNameError: if equations mention unknown names or
            functions.
    """

    def __init__(
        self,
        vars: Mapping[str, tuple[str | None, str | None]],
        inject_current: str,
        param_vals: Mapping[str, InitValue] | None = None,
        var_vals: Mapping[str, InitValue] | None = None,
        solver: str = EXPONENTIAL_EULER,
        sub_steps: int = 1,
    ) -> None:
        self.vars = mapping("UserSynapse: vars", vars)
        self.inject_current = text("UserSynapse: inject_current", inject_current)
        self.param_vals = mapping("UserSynapse: param_vals", param_vals)
        self.var_vals = mapping("UserSynapse: var_vals", var_vals)
        self.solver = one_of("UserSynapse: solver", solver, "solver", SOLVERS)
        self.sub_steps = whole("UserSynapse: sub_steps", sub_steps)
        self.equations().check("UserSynapse")
        self.check_values(self.vars)

    def equations(self) -> SynapseEquations:
        """Returns the equations of the model."""
        return SynapseEquations(
            variables_from(self.vars, "UserSynapse"),
            self.inject_current,
            tuple(self.param_vals),
            self.solver,
            self.sub_steps,
        )

    def __repr__(self) -> str:
        return (
            f"UserSynapse({self.vars!r}, {self.inject_current!r}, "
            f"param_vals={self.param_vals!r}, var_vals={self.var_vals!r}, "
            f"solver={self.solver!r}, sub_steps={self.sub_steps!r})"
        )
