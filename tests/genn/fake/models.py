"""Models, references and initialisers of the fake, checked when they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    """Of variables of populations."""

    READ_WRITE = 194
    READ_ONLY = 65
    READ_ONLY_DUPLICATE = 193
    READ_ONLY_SHARED_NEURON = 129

    @property
    def batched(self) -> bool:
        return bool(self.value & BATCH)


class VarAccessMode(_Access):
    """Of references."""

    READ_WRITE = 2
    READ_ONLY = 1
    BROADCAST = 32
    REDUCE_SUM = 12
    REDUCE_MAX = 20


class CustomUpdateVarAccess(_Access):
    """Of variables of custom updates: bits above 32 are dimensions taken away."""

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
    """Access of a variable whose dimensions are known."""

    batched: bool
    writes: bool
    reduces: bool = False


def check_identifier(name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise RuntimeError(f"'{name}' is no name of a parameter or variable")
    if name[0] == "_":
        raise RuntimeError(f"'{name}' starts with an underscore")
    return name


def check_type(kind: Any) -> str:
    if not isinstance(kind, str) or not set(kind.split()) <= TYPES or not kind:
        raise RuntimeError(f"unknown type {kind!r}")
    return kind


@dataclass(frozen=True, slots=True)
class Declared:
    """What a model declares: variables and references by name."""

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
        for what, declared, given in (
            ("parameters", self.params, params),
            ("variables", self.vars, values),
        ):
            if set(declared) != set(given):
                raise RuntimeError(
                    f"{self.name}: expected {what} {sorted(declared)} but got "
                    f"{sorted(given)}"
                )
        for name, value in params.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise RuntimeError(f"parameter '{name}' is a number, not {value!r}")
        for name, value in values.items():
            if not isinstance(value, int | float | np.ndarray):
                raise RuntimeError(f"variable '{name}': {value!r}")


def _params(given: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in given or []:
        name, kind = (item, "scalar") if isinstance(item, str) else item
        _add(found, check_identifier(name), check_type(kind))
    return found


def _vars(given: Any, access: type[_Access]) -> dict[str, tuple[str, Any]]:
    found: dict[str, tuple[str, Any]] = {}
    for name, kind, *rest in given or []:
        chosen = rest[0] if rest else access.READ_WRITE  # type: ignore[attr-defined]
        if not isinstance(chosen, access):
            raise TypeError(f"'{name}': {chosen!r} is no {access.__name__}")
        _add(found, check_identifier(name), (check_type(kind), chosen))
    return found


def _arrays(given: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, kind in given or []:
        if not kind.endswith("*"):
            raise RuntimeError(f"'{name}': type '{kind}' does not end in *")
        _add(found, check_identifier(name), check_type(kind[:-1]))
    return found


def _add(found: dict[str, Any], name: str, value: Any) -> None:
    if name in found:
        raise RuntimeError(f"'{name}' is declared twice")
    found[name] = value


def _codes(**given: str | None) -> dict[str, str]:
    for name, code in given.items():
        if code is not None and not isinstance(code, str):
            raise TypeError(f"{name} is a string")
    return {name: code for name, code in given.items() if code is not None}


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
    for name, kind, start in additional_input_vars or []:
        _add(inputs, check_identifier(name), (check_type(kind), float(start)))
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
        raise RuntimeError("event code and its threshold are given together")
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
            event_if=pre_event_threshold_condition_code,
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


# ---------------------------------------------------------------- initialisers
@dataclass(frozen=True, slots=True)
class WeightUpdateInit:
    model: Declared
    params: dict[str, float]
    values: dict[str, Any]
    pre_refs: dict[str, Any]
    post_refs: dict[str, Any]


def init_weight_update(
    snippet: Declared,
    params: Any = None,
    vars: Any = None,
    pre_vars: Any = None,
    post_vars: Any = None,
    pre_var_refs: Any = None,
    post_var_refs: Any = None,
) -> tuple[WeightUpdateInit, Any, Any, Any]:
    snippet.check_values(params or {}, vars or {})
    for kind, given in (("pre", pre_var_refs), ("post", post_var_refs)):
        if set(snippet.refs[kind]) != set(given or {}):
            raise RuntimeError(f"references {sorted(snippet.refs[kind])} are needed")
    made = WeightUpdateInit(
        snippet, params or {}, vars or {}, pre_var_refs or {}, post_var_refs or {}
    )
    return made, vars, pre_vars, post_vars


@dataclass(frozen=True, slots=True)
class PostsynapticInit:
    name: str


def init_postsynaptic(snippet: str, params: Any = None) -> tuple[PostsynapticInit, Any]:
    if snippet != "DeltaCurr":
        raise AttributeError(f"postsynaptic_models has no attribute '{snippet}'")
    if params:
        raise RuntimeError("expected 0 parameters")
    return PostsynapticInit(snippet), {}


@dataclass(frozen=True, slots=True)
class ToeplitzInit:
    params: dict[str, int]


_CONV = "kh kw ih iw ic oh ow oc"


def init_toeplitz_connectivity(
    init_toeplitz_connect_snippet: str, params: Any = None
) -> ToeplitzInit:
    if init_toeplitz_connect_snippet != "Conv2D":
        raise AttributeError(
            "init_toeplitz_connectivity_snippets has no such attribute"
        )
    wanted = {f"conv_{name}" for name in _CONV.split()}
    if set(params) != wanted or not all(type(v) is int for v in params.values()):
        raise RuntimeError(f"expected the whole numbers {sorted(wanted)}")
    return ToeplitzInit(params)


# ---------------------------------------------------------------- references
@dataclass(frozen=True, slots=True)
class Reference:
    """What a reference points to.

    Args:
        group: population or custom update.
        variable: its variable; None where ``clear`` empties something.
        kind: C type.
        synaptic: whether it is of synapses.
        clear: what assigning zero to it does.
    """

    group: Any
    variable: Any
    kind: str
    synaptic: bool = False
    clear: Callable[[], None] | None = None


def _variable(group: Any, name: str) -> Any:
    if name not in group.vars:
        raise RuntimeError(f"'{group.name}' has no variable '{name}'")
    return group.vars[name]


def create_var_ref(group: Any, name: str) -> Reference:
    if group.of_synapses:
        raise TypeError("create_var_ref is for neurons; use create_wu_var_ref")
    variable = _variable(group, name)
    return Reference(group, variable, variable.kind)


def create_wu_var_ref(group: Any, name: str) -> Reference:
    if not group.of_synapses:
        raise TypeError("create_wu_var_ref is for synapses")
    variable = _variable(group, name)
    return Reference(group, variable, variable.kind, synaptic=True)


def create_src_spike_count_var_ref(group: Any) -> Reference:
    return Reference(group, None, "uint32_t", clear=group.src.forget_spikes)


def create_den_delay_var_ref(group: Any) -> Reference:
    return Reference(group, None, "scalar", clear=group.forget_delayed)
