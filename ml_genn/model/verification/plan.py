"""Checks of a whole plan: its groups, their references, and updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.model.loss_formula import LossFormula
from ml_genn.model.plan import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    Delay,
    NeuronGroup,
    OptimiserUpdate,
    Plan,
    PlanValues,
    SynapseGroup,
)
from ml_genn.model.verification.code import check_code
from ml_genn.model.verification.groups import check_group


def verify(plan: Plan, values: PlanValues) -> Plan:
    """Raises an error if a plan is not well formed; returns the plan.

    Every name in code and expressions has to exist, code has to list the names that it
    uses, names are unique, and groups refer to groups that fit.

    Args:
        plan: the plan.
        values: its values, for the names of parameters.

    Raises:
        UnknownNameError: if a name does not exist.
        EquationError: if code is not well formed.
        ValidationError: if groups do not fit together.
    """
    _check_unique("population", (g.name for g in plan.neurons))
    _check_unique("connection", (s.name for s in plan.synapses))
    groups = {group.name: group for group in plan.neurons}
    _check_formulas(plan.neurons)
    synapses = {s.name: s for s in plan.synapses}
    for s in plan.synapses:
        _check_synapses(s, groups, synapses)
    for group in plan.neurons:
        if group.data is not None and group.data not in groups:
            where = f"Population '{group.name}', data"
            raise unknown_name("population", group.data, groups, where=where)
        check_group(group, values.parameters.get(group.name, ()))
    _check_updates(plan)
    return plan


def _check_unique(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValidationError(
                f"Network: two {kind}s are named '{name}'. Names are unique."
            )
        seen.add(name)


def _check_formulas(neurons: Iterable[NeuronGroup]) -> None:
    """Raises an error if two losses have one name, but not the same formula.

    The name is that of the C++ function of the loss.
    """
    formulas: dict[str, tuple[str, LossFormula]] = {}
    for group in neurons:
        if group.loss is None:
            continue
        formula = group.loss.formula
        other, first = formulas.setdefault(formula.name, (group.name, formula))
        if formula != first:
            raise ValidationError(
                f"Populations '{other}' and '{group.name}': their losses are both "
                f"named '{formula.name}', but their formulas differ. Give each formula "
                "a name of its own."
            )


def _check_synapses(
    synapses: SynapseGroup,
    groups: Mapping[str, NeuronGroup],
    others: Mapping[str, SynapseGroup],
) -> None:
    where = f"Connection '{synapses.name}'"
    for end in (synapses.source, synapses.target):
        if end not in groups:
            raise unknown_name("population", end, groups, where=where)
    source, target = groups[synapses.source], groups[synapses.target]
    if not source.spikes:
        raise ValidationError(
            f"{where}: its source '{synapses.source}' never spikes, so nothing "
            "would be sent. Connect from a spiking population."
        )
    if not 0 <= synapses.port < len(target.ports):
        raise ValidationError(f"{where}: its target has no such port.")
    if synapses.negates is not None and synapses.negates not in others:
        raise unknown_name("connection", synapses.negates, others, where=where)
    _check_sizes(synapses, source, target, where)
    _check_learning(synapses, source, target, where)


def _check_sizes(
    synapses: SynapseGroup, source: NeuronGroup, target: NeuronGroup, where: str
) -> None:
    sizes = synapses.format.neurons()
    if sizes is not None and sizes != (source.size, target.size):
        raise ValidationError(
            f"{where}: its {synapses.format.name} connects {sizes[0]} to {sizes[1]} "
            f"neurons, but its populations have {source.size} and {target.size}."
        )


def _check_learning(
    synapses: SynapseGroup, source: NeuronGroup, target: NeuronGroup, where: str
) -> None:
    if synapses.trained and target.adjoint is None:
        raise ValidationError(
            f"{where}: its target '{target.name}' has no backward pass to learn from."
        )
    if synapses.backpropagates and source.adjoint is None:
        raise ValidationError(
            f"{where}: its source '{source.name}' has no backward pass."
        )
    if synapses.learn_delay and synapses.delay is not Delay.PER_SYNAPSE:
        raise ValidationError(f"{where}: learned delays are one for each synapse.")
    if synapses.rewired and not (synapses.format.can_rewire and synapses.learn):
        raise ValidationError(f"{where}: rewired synapses are sparse and learned.")


def _check_updates(plan: Plan) -> None:
    learned = {str(array) for array in plan.learned}
    _check_unique("update", (str(update.target) for update in plan.updates))
    for update in plan.updates:
        if str(update.target) not in learned:
            raise unknown_name("learned array", str(update.target), learned)
        _check_update(update)


def _check_update(update: OptimiserUpdate) -> None:
    where = f"'{update.target}', optimiser"
    _check_unique("number", (*update.slots, *update.scalars))
    reads = frozenset({GRADIENT_NORM, GLOBAL_NORM, *update.scalars})
    writes = frozenset({"x", "gradient", *update.slots})
    check_code(update.code, where, reads, writes)
