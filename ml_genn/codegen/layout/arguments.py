"""Indices of the numbers and arrays that the runtime passes to compiled code."""

from __future__ import annotations

from ml_genn.codegen.layout.adjoints import adjoint_rings
from ml_genn.model.plan import Delay, LearnedKind, Plan, SynapseGroup

Key = tuple[str, str, str]  #: kind, owner (a neuron or synapse group), name


def constants(plan: Plan, per_neuron: bool) -> list[tuple[str, str]]:
    """(group, constant) of all constants that neurons have of their own, or share."""
    return [
        (g.name, c.name)
        for g in plan.neurons
        for c in g.constants
        if c.per_neuron == per_neuron
    ]


def array_keys(plan: Plan) -> list[Key]:
    """Keys of the arrays, in their order.

    Kinds are ``constant`` (one number per neuron), ``weight``, the kinds of learned
    arrays, and of synapses ``delay_steps``, ``offset`` and ``target`` (CSR) or
    ``patch_rows`` and ``patch_columns`` (the targets of each pixel).
    """
    owners = [s for s in plan.synapses if not s.negates]
    keys = [("constant", *key) for key in constants(plan, per_neuron=True)]
    keys += [("weight", s.name, "") for s in owners]
    keys += [
        (a.kind.value, a.owner, a.name)
        for a in plan.learned
        if a.kind is not LearnedKind.WEIGHT
    ]
    for s in owners:
        keys += [(kind, s.name, "") for kind in _index_arrays(s)]
    return keys


def _index_arrays(synapses: SynapseGroup) -> list[str]:
    delays = ["delay_steps"] if synapses.delay is Delay.PER_SYNAPSE else []
    return [*delays, *synapses.format.index_arrays]


def integer_keys(plan: Plan) -> list[Key]:
    """Keys of the whole numbers that are passed at run time, in their order.

    Kinds are ``delay`` (steps, the same for all synapses), ``delay_ring`` (rows of
    input that is still to arrive), ``adjoint_ring`` (rows of a port's gradients),
    ``frames`` (of analog input) and ``window`` (steps in which a group runs).
    """
    keys: list[Key] = []
    for s in plan.synapses:
        if s.delay is Delay.CONSTANT:
            keys.append(("delay", s.name, ""))
        if s.delay is Delay.PER_SYNAPSE:
            keys += [("delay_ring", s.name, part) for part in ("offset", "length")]
    for group, port in adjoint_rings(plan):
        for part in ("length", "weight_grad", "backprop"):
            keys.append(("adjoint_ring", group, f"{port}.{part}"))
    for g in plan.neurons:
        if g.data:
            keys += [("frames", g.name, part) for part in ("count", "steps")]
    for g in plan.neurons:
        if g.window:
            keys += [("window", g.name, part) for part in ("first", "last")]
    return keys
