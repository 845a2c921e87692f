"""Neuron, weight update and custom update models of the fake, checked when made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from genn.fake.language import TYPES

READ_ONLY, READ_WRITE, REDUCE, SUM, MAX, BROADCAST = 1, 2, 4, 8, 16, 32
ELEMENT, BATCH = 64, 128


class _Access(Enum):
    @property
    def writes(self) -> bool:
        return bool(self.value & (READ_WRITE | REDUCE | BROADCAST))


class VarAccess(_Access):
    """Access of variables of populations."""

    READ_WRITE = 194
    READ_ONLY = 65
    READ_ONLY_DUPLICATE = 193
    READ_ONLY_SHARED_NEURON = 129

    @property
    def batched(self) -> bool:
        return bool(self.value & BATCH)


class VarAccessMode(_Access):
    """Access of references."""

    READ_WRITE = 2
    READ_ONLY = 1
    BROADCAST = 32
    REDUCE_SUM = 12
    REDUCE_MAX = 20


class CustomUpdateVarAccess(_Access):
    """Access of variables of custom updates; bits above 32 remove dimensions."""

    READ_WRITE = 2
    READ_ONLY = 1
    BROADCAST_DELAY = 32
    READ_ONLY_SHARED = 129
    READ_ONLY_SHARED_NEURON = 65
    REDUCE_BATCH_SUM = 140
    REDUCE_BATCH_MAX = 148
    REDUCE_NEURON_SUM = 76
    REDUCE_NEURON_MAX = 84


@dataclass(frozen=True, slots=True)
class ResolvedAccess:
    """Access of a variable whose dimensions are known.

    Args:
        batched: True if each example has a copy.
        writes: True if code may assign it.
        reduces: True if it is the sum over examples of what code assigns.
    """

    batched: bool
    writes: bool
    reduces: bool = False


def check_identifier(name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise RuntimeError(f"'{name}' is no name of a parameter or variable")
    if name[0] == "_":
        raise RuntimeError(f"'{name}' starts with an underscore")
    return name


def check_type(type_: Any) -> str:
    if not isinstance(type_, str) or not set(type_.split()) <= TYPES or not type_:
        raise RuntimeError(f"unknown type {type_!r}")
    return type_


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Declared:
    """Declarations and code strings of a model.

    Args:
        name: class name of the model.
        params: {parameter: type}.
        vars: {variable: (type, access)}.
        refs: {"pre", "post" or "var": {reference: (type, access)}}.
        codes: {kind of code: code string}.
        arrays: {extra global parameter: type of its elements}.
        inputs: {additional input variable: (type, initial value)}.
    """

    name: str
    params: dict[str, str]
    vars: dict[str, tuple[str, Any]]
    refs: Mapping[str, dict[str, tuple[str, Any]]] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    arrays: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        references = (name for refs in self.refs.values() for name in refs)
        declared: dict[str, None] = {}
        for names in (self.params, self.vars, self.arrays, self.inputs, references):
            for name in names:
                _add(declared, name, None)

    def check_values(self, params: Any, values: Any) -> None:
        for kind, declared, received in (
            ("parameters", self.params, params),
            ("variables", self.vars, values),
        ):
            if set(declared) != set(received):
                raise RuntimeError(
                    f"{self.name}: expected {kind} {sorted(declared)} but got "
                    f"{sorted(received)}"
                )
        for name, value in params.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise RuntimeError(f"parameter '{name}' is a number, not {value!r}")
        for name, value in values.items():
            if not isinstance(value, int | float | np.ndarray):
                raise RuntimeError(f"variable '{name}': {value!r}")


def _params(params: Any) -> dict[str, str]:
    declared: dict[str, str] = {}
    for item in params or []:
        name, type_ = (item, "scalar") if isinstance(item, str) else item
        _add(declared, check_identifier(name), check_type(type_))
    return declared


def _vars(variables: Any, members: type[_Access]) -> dict[str, tuple[str, Any]]:
    declared: dict[str, tuple[str, Any]] = {}
    for name, type_, *rest in variables or []:
        access = rest[0] if rest else members.READ_WRITE  # type: ignore[attr-defined]
        if not isinstance(access, members):
            raise TypeError(f"'{name}': {access!r} is no {members.__name__}")
        _add(declared, check_identifier(name), (check_type(type_), access))
    return declared


def _arrays(arrays: Any) -> dict[str, str]:
    declared: dict[str, str] = {}
    for name, type_ in arrays or []:
        if not type_.endswith("*"):
            raise RuntimeError(f"'{name}': type '{type_}' does not end in *")
        _add(declared, check_identifier(name), check_type(type_[:-1]))
    return declared


def _add(declared: dict[str, Any], name: str, value: Any) -> None:
    if name in declared:
        raise RuntimeError(f"'{name}' is declared twice")
    declared[name] = value


def _codes(**codes: str | None) -> dict[str, str]:
    for name, code in codes.items():
        if code is not None and not isinstance(code, str):
            raise TypeError(f"{name} is a string")
    return {name: code for name, code in codes.items() if code is not None}


def _class_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError("class_name is a string")
    return name


def create_neuron_model(
    class_name: str,
    params: Any = None,
    vars: Any = None,
    derived_params: None = None,
    sim_code: str | None = None,
    threshold_condition_code: str | None = None,
    reset_code: str | None = None,
    extra_global_params: Any = None,
    additional_input_vars: Any = None,
    auto_refractory_required: bool = False,
) -> Declared:
    inputs: dict[str, tuple[str, float]] = {}
    for name, type_, initial in additional_input_vars or []:
        _add(inputs, check_identifier(name), (check_type(type_), float(initial)))
    return Declared(
        _class_name(class_name),
        _params(params),
        _vars(vars, VarAccess),
        {},
        _codes(sim=sim_code, threshold=threshold_condition_code, reset=reset_code),
        _arrays(extra_global_params),
        inputs,
    )


def create_weight_update_model(
    class_name: str,
    params: Any = None,
    vars: Any = None,
    pre_neuron_var_refs: Any = None,
    post_neuron_var_refs: Any = None,
    pre_spike_syn_code: str | None = None,
    pre_event_syn_code: str | None = None,
    pre_event_threshold_condition_code: str | None = None,
    synapse_dynamics_code: str | None = None,
) -> Declared:
    if (pre_event_syn_code is None) != (pre_event_threshold_condition_code is None):
        raise RuntimeError("event code and its condition belong together")
    return Declared(
        _class_name(class_name),
        _params(params),
        _vars(vars, VarAccess),
        {
            "pre": _vars(pre_neuron_var_refs, VarAccessMode),
            "post": _vars(post_neuron_var_refs, VarAccessMode),
        },
        _codes(
            spike=pre_spike_syn_code,
            event=pre_event_syn_code,
            event_condition=pre_event_threshold_condition_code,
            dynamics=synapse_dynamics_code,
        ),
    )


def create_custom_update_model(
    class_name: str,
    params: Any = None,
    vars: Any = None,
    derived_params: None = None,
    var_refs: Any = None,
    update_code: str | None = None,
) -> Declared:
    return Declared(
        _class_name(class_name),
        _params(params),
        _vars(vars, CustomUpdateVarAccess),
        {"var": _vars(var_refs, VarAccessMode)},
        _codes(update=update_code),
    )
