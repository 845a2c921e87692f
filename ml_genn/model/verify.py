"""Checks a plan before any text is made from it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ml_genn.errors import EquationError, ValidationError, unknown_name
from ml_genn.model.plan import GLOBAL_NORM, GRADIENT_NORM, Code, NeuronGroup, Plan

#: Names that every backend provides to code.
PROVIDED = frozenset(
    [
        "Isyn",
        "batch",
        "dt",
        "id",
        "num_batch",
        "num_neurons",
        "num_steps",
        "output",
        "step",
        "t",
    ]
)
_WORD = re.compile(r"[A-Za-z_]\w*")


def verify(plan: Plan) -> Plan:
    """The plan itself, if it is well formed.

    Raises:
        ValidationError: if names collide or refer to nothing.
        EquationError: if code mentions what does not exist.
    """
    _unique("population", (g.name for g in plan.neurons))
    _unique("connection", (s.name for s in plan.synapses))
    groups = {g.name: g for g in plan.neurons}
    for synapses in plan.synapses:
        where = f"Connection '{synapses.name}'"
        for end in (synapses.source, synapses.target):
            if end not in groups:
                raise unknown_name("population", end, groups, where=where)
        if not groups[synapses.source].spikes:
            raise ValidationError(
                f"{where}: its source '{synapses.source}' never spikes, so nothing "
                "would be sent. Connect from a spiking population."
            )
        if synapses.port >= len(groups[synapses.target].ports):
            raise ValidationError(f"{where}: its target has no such port.")
    for group in plan.neurons:
        _verify_group(group)
    learned = {str(array) for array in plan.learned}
    for update in plan.updates:
        if str(update.target) not in learned:
            raise unknown_name("learned array", str(update.target), learned)
        own = {*update.slots, *update.scalars}
        known = {"x", "gradient", GRADIENT_NORM, GLOBAL_NORM, *own}
        _known(update.code, known, f"'{update.target}', optimiser")
    return plan


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValidationError(
                f"Network: two {what}s are named '{name}'. Names are unique."
            )
        seen.add(name)


def _verify_group(group: NeuronGroup) -> None:
    where = f"Population '{group.name}'"
    state = {v.name for v in group.variables}
    constants = {c.name for c in group.constants}
    for name in sorted(state & constants):
        raise EquationError(f"{where}: '{name}' is both a variable and a parameter.")
    known = state | constants | PROVIDED | set(group.buffers)
    _known(group.step, known, f"{where}, step")
    _known(group.reset, known, f"{where}, reset")
    if group.output is not None and group.output not in state:
        raise unknown_name("output variable", group.output, state, where=where)
    if group.readout:
        own = {name for name, _ in group.readout.variables}
        for name in sorted(own & (state | constants)):
            raise EquationError(
                f"{where}: '{name}' is a name of the readout. Rename the variable."
            )
        for code in (group.readout.update, group.readout.on_spike):
            _known(code, own | PROVIDED, f"{where}, readout")
    if group.adjoint:
        adjoint = {*group.adjoint.variables, *group.adjoint.records}
        known |= adjoint | {"dL_dt_", "rate_regularisation_grad_"}
        for slot in ("step", "record", "jump", "rate_regularisation"):
            _known(getattr(group.adjoint, slot), known, f"{where}, adjoint {slot}")


def _known(code: Code, known: Iterable[str], where: str) -> None:
    known = set(known)
    for number, line in enumerate(code.lines, start=1):
        for word in _WORD.findall(line):
            if word in code.reads | code.writes and word not in known:
                raise unknown_name("name", word, known, where=f"{where}, line {number}")
