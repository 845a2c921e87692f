"""C expressions for the arrays of a synapse group, in any format."""

from __future__ import annotations

from ml_genn.codegen.names import Names
from ml_genn.model.plan import SynapseGroup


def array(names: Names, kind: str, synapses: SynapseGroup) -> str:
    """C for a pointer to one of the float arrays of a synapse group."""
    return f"call_.arrays[{names.array(kind, synapses.stored)}]"


def index_array(names: Names, name: str, synapses: SynapseGroup) -> str:
    """C for a pointer to one of the format's ``index_arrays``."""
    type_name = synapses.format.index_arrays[name]
    pointer = array(names, name, synapses)
    return f"reinterpret_cast<const {type_name} *>({pointer})"


def delay_steps(names: Names, synapses: SynapseGroup) -> str:
    """C for a pointer to the delay of each synapse, in whole steps."""
    steps = array(names, "delay_steps", synapses)
    return f"reinterpret_cast<const int32_t *>({steps})"


def sign(synapses: SynapseGroup) -> int:
    """Sign of the effect of the weights: 1 or -1."""
    return -1 if synapses.negates else 1


def add(synapses: SynapseGroup, to: str, number: str) -> str:
    """C statement ``to += sign * number``."""
    return f"MLG_ADD({to}, {'-' * (sign(synapses) < 0)}{number})"
