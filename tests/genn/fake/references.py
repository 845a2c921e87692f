"""References and initialisers of the fake, checked when they are made."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from genn.fake.models import Declared


# ---------------------------------------------------------------- initialisers
@dataclass(frozen=True, slots=True)
class WeightUpdateInit:
    reference: weakref.ref[Declared]
    params: dict[str, float]
    values: dict[str, Any]
    pre_refs: dict[str, Any]
    post_refs: dict[str, Any]

    @property
    def model(self) -> Declared:
        model = self.reference()
        if model is None:
            raise RuntimeError("the weight update model was freed")
        return model


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
    for side, refs in (("pre", pre_var_refs), ("post", post_var_refs)):
        if set(snippet.refs[side]) != set(refs or {}):
            raise RuntimeError(f"references {sorted(snippet.refs[side])} are needed")
    init = WeightUpdateInit(
        weakref.ref(snippet),
        params or {},
        vars or {},
        pre_var_refs or {},
        post_var_refs or {},
    )
    return init, vars, pre_vars, post_vars


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


_CONV_SIZES = "kh kw ih iw ic oh ow oc"


def init_toeplitz_connectivity(
    init_toeplitz_connect_snippet: str, params: Any = None
) -> ToeplitzInit:
    if init_toeplitz_connect_snippet != "Conv2D":
        raise AttributeError(
            "init_toeplitz_connectivity_snippets has no such attribute"
        )
    sizes = {f"conv_{name}" for name in _CONV_SIZES.split()}
    if set(params) != sizes or not all(type(v) is int for v in params.values()):
        raise RuntimeError(f"expected the whole numbers {sorted(sizes)}")
    return ToeplitzInit(params)


# ---------------------------------------------------------------- references
@dataclass(frozen=True, slots=True)
class Reference:
    """Reference to a variable, or to a queue of spikes that can only be cleared.

    Args:
        group: population or custom update.
        variable: its variable; None for a queue.
        type: GeNN type.
        synaptic: True if it is a variable of synapses.
        clear: function that clears the queue.
    """

    group: Any
    variable: Any
    type: str
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
    return Reference(group, variable, variable.type)


def create_wu_var_ref(group: Any, name: str) -> Reference:
    if not group.of_synapses:
        raise TypeError("create_wu_var_ref is for synapses")
    variable = _variable(group, name)
    return Reference(group, variable, variable.type, synaptic=True)


def create_src_spike_count_var_ref(group: Any) -> Reference:
    return Reference(group, None, "uint32_t", clear=group.src.clear_spikes)


def create_den_delay_var_ref(group: Any) -> Reference:
    return Reference(group, None, "scalar", clear=group.clear_dendritic_delay)
