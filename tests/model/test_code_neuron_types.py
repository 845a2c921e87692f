"""C types of the state variables of a `CodeNeuron`: what the engine can store."""

from __future__ import annotations

import pytest

from ml_genn.errors import ValidationError
from ml_genn.neurons import CodeNeuron

STORED = {
    "float": "float",
    "scalar": "float",
    "timepoint": "float",
    "double": "double",
    "int": "int",
    "signed": "int",
    "int32_t": "int32_t",
    "unsigned": "unsigned int",
    "unsigned int": "unsigned int",
    "uint32_t": "uint32_t",
    "bool": "bool",
}
REFUSED = {
    **{f"{u}int{bits}_t": f"{u}int{bits}_t" for u in ("", "u") for bits in (8, 16, 64)},
    "char": "int8_t",
    "unsigned short": "uint16_t",
    "long": "int64_t",
    "unsigned long long int": "uint64_t",
    "size_t": "uint64_t",
}


@pytest.mark.parametrize(("declared", "stored"), STORED.items())
def test_types_of_four_bytes_are_accepted(declared: str, stored: str) -> None:
    neuron = CodeNeuron({"vars": [("V", "scalar"), ("x", declared)]})
    assert [variable.type for variable in neuron.code.variables] == ["float", stored]


@pytest.mark.parametrize(("declared", "actual"), REFUSED.items())
def test_other_types_are_refused(declared: str, actual: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CodeNeuron({"vars": [("V", "scalar"), ("count", declared)]})
    assert str(caught.value) == (
        f"CodeNeuron: variable 'count' has type {actual}, but a state variable is "
        "stored in four bytes. Use one of float, double, int, int32_t, unsigned int, "
        "uint32_t, bool (double is stored in single precision)."
    )


def test_a_read_only_variable_is_stored_too() -> None:
    with pytest.raises(ValidationError, match="variable 'seed' has type uint64_t"):
        CodeNeuron({"vars": [("seed", "uint64_t", "READ_ONLY")]})


def test_locals_and_parameters_may_have_any_type() -> None:
    neuron = CodeNeuron(
        {
            "vars": [("V", "scalar")],
            "params": [("steps", "uint8_t")],
            "sim_code": "unsigned long count = steps; V += count;",
        },
        param_vals={"steps": 3},
    )
    assert "uint64_t count" in neuron.code.sim.text
