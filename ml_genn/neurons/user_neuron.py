"""A neuron from the user's own equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import EXPONENTIAL_EULER, NeuronEquations, variables_from
from ml_genn.neurons.checks import check_given
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.checks import mapping, text


class UserNeuron(Neuron):
    """A neuron from equations.

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
            and the value after a spike; None where there is none.
        output_var_name: variable that readouts look at.
        threshold: the neuron spikes where this is >= 0; None (default): it never does.
        param_vals: values of the parameters; none by default. Where they are learned,
            those whose name starts with "tau" stay above zero.
        var_vals: initial values; 0 (default) where none is given.
        solver: "exponential_euler" (default: exact where an equation is linear in its
            own variable, else forward Euler) or "linear_euler" (forward Euler).
        sub_steps: parts that a time step is integrated in, 1 by default.
        readout: how an output is made from it; None (default) if it is not an output.

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
        self.solver = solver
        self.sub_steps = sub_steps
        self.readout = readout
        self._set_readout()
        self.equations().check("UserNeuron")
        check_given("UserNeuron", self.vars, self.param_vals, self.var_vals)

    def equations(self) -> NeuronEquations:
        """The model's equations."""
        return NeuronEquations(
            variables_from(self.vars, "UserNeuron"),
            tuple(self.param_vals),
            self.output_var_name,
            self.threshold,
            self.solver,
            self.sub_steps,
        )

    def positive(self) -> frozenset[str]:
        """Time constants: parameters whose name starts with "tau"."""
        return frozenset(name for name in self.param_vals if name.startswith("tau"))

    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""
        return dict(self.param_vals)

    def initial(self) -> dict[str, InitValue]:
        """Values of the state variables at the start of an example."""
        return dict(self.var_vals)

    def __repr__(self) -> str:
        return (
            f"UserNeuron({self.vars!r}, {self.output_var_name!r}, "
            f"threshold={self.threshold!r}, param_vals={self.param_vals!r}, "
            f"var_vals={self.var_vals!r}, solver={self.solver!r}, "
            f"sub_steps={self.sub_steps!r}, readout={self.readout!r})"
        )
