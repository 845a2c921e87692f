"""Neuron from code strings in the syntax of PyGeNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.dynamics.model import UserModel
from ml_genn.errors import UnsupportedError, ValidationError, unknown_name
from ml_genn.initializers.value import InitValue
from ml_genn.model.code_strings import NeuronCode, parse_neuron_code
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.checks import mapping, text

#: C types of four bytes, and double, which is stored in single precision
_STORED_TYPES = (
    "float",
    "double",
    "int",
    "int32_t",
    "unsigned int",
    "uint32_t",
    "bool",
)


class CodeNeuron(UserModel, Neuron):
    """Neuron from a dictionary of code strings in the syntax of PyGeNN.

    >>> CodeNeuron({"var_name_types": [("V", "scalar")], "sim_code": "$(V) += $(Isyn);",
    ...             "threshold_condition_code": "$(V) >= 1.0",
    ...             "reset_code": "$(V) = 0.0;",
    ...             "is_auto_refractory_required": False})  # doctest: +ELLIPSIS
    CodeNeuron(...)

    It runs in inference. Learning rules are derived from equations; a neuron that is
    trained is written as a `UserNeuron`.

    State variables are stored in four bytes: their types are float (or scalar), int
    (int32_t), unsigned int (uint32_t), bool and double. A double is stored in single
    precision. Locals may have any type; those of ``sim_code`` can be used by the
    condition, but not by ``reset_code``.

    Divisions of integers by zero are 0, floating point numbers are converted to the
    nearest integer of the type, and the loops of a neuron run at most 1,000,000
    iterations in a time step; a batch in which they run more is an error.

    Args:
        model: code and names. Variables may be spelt ``$(V)`` or ``V``.
        output_var_name: variable that readouts look at; None (default): the first one.
        param_vals: values of the parameters; none by default.
        var_vals: initial values; variables left out start at 0 (default).
        readout: readout of an output population, or its name; None (default) for none.

    Raises:
        EquationError, UnknownNameError: if the code cannot be parsed or mentions
            unknown names.
        ValidationError: if a variable has a type that cannot be stored, or if a value
            is missing or malformed.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        output_var_name: str | None = None,
        param_vals: Mapping[str, InitValue] | None = None,
        var_vals: Mapping[str, InitValue] | None = None,
        readout: Any = None,
    ) -> None:
        self.model = mapping("CodeNeuron: model", model)
        self.code: NeuronCode = parse_neuron_code(model, "CodeNeuron")
        self._check_types()
        names = [v.name for v in self.code.variables]
        if output_var_name is None and names:
            output_var_name = names[0]
        if output_var_name is not None and (
            text("CodeNeuron: output_var_name", output_var_name) not in names
        ):
            raise unknown_name("variable", output_var_name, names, where="CodeNeuron")
        self.output_var_name = output_var_name
        self.param_vals = mapping("CodeNeuron: param_vals", param_vals)
        self.var_vals = mapping("CodeNeuron: var_vals", var_vals)
        self.readout = readout
        self._set_readout()
        self._check_values(names)

    def _check_types(self) -> None:
        for variable in self.code.variables:
            if variable.type not in _STORED_TYPES:
                raise ValidationError(
                    f"CodeNeuron: variable '{variable.name}' has type "
                    f"{variable.type}, but a state variable is stored in four bytes. "
                    f"Use one of {', '.join(_STORED_TYPES)} (double is stored in "
                    "single precision)."
                )

    def _check_values(self, names: list[str]) -> None:
        for name in self.param_vals:
            if name not in self.code.parameters:
                known = self.code.parameters
                raise unknown_name("parameter", name, known, where="CodeNeuron")
        for name in self.code.parameters:
            if name not in self.param_vals:
                raise ValidationError(
                    f"CodeNeuron: parameter '{name}' has no value. Give one in "
                    "param_vals."
                )
        self.check_values(names)

    def equations(self) -> NeuronEquations:
        """Code strings have no equations.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            "CodeNeuron consists of code, from which no gradients can be derived. "
            "Write the neuron with UserNeuron (equations, threshold and jumps) to "
            "train it; InferenceCompiler runs it as it is."
        )

    def __repr__(self) -> str:
        return (
            f"CodeNeuron({self.model!r}, output_var_name={self.output_var_name!r}, "
            f"param_vals={self.param_vals!r}, var_vals={self.var_vals!r}, "
            f"readout={self.readout!r})"
        )
