"""Declarations of names that neuron code reads: the time step and its array element.

On a device that trains backwards, an example of T steps runs for 2 T device steps, and
device step T + n undoes time step T - 1 - n.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ml_genn.backends.pygenn.lowering.names import (
    DEVICE_STEP,
    ENTRY,
    SCALE,
    STEP_INDEX,
)
from ml_genn.model.plan import Plan

_WORD = re.compile(r"[A-Za-z_]\w*")
#: {name: declaration}, each of names below it.
_DECLARATIONS = {
    "step": f"const scalar step = (scalar){STEP_INDEX};",
    ENTRY: (
        f"const int {ENTRY} = ({STEP_INDEX} * num_batch + batch) * num_neurons + id;"
    ),
    STEP_INDEX: (
        f"const int {STEP_INDEX} = {DEVICE_STEP} < num_steps "
        f"? {DEVICE_STEP} : 2 * (int)num_steps - 1 - {DEVICE_STEP};"
    ),
    DEVICE_STEP: f"const int {DEVICE_STEP} = (int)rint(t / dt);",
}
_FORWARD_ONLY = {STEP_INDEX: f"const int {STEP_INDEX} = {DEVICE_STEP};"}
_DYNAMIC_PARAMETERS = ("num_steps", SCALE)


def with_declarations(
    plan: Plan, lines: Iterable[str], variables: Iterable[str] = ()
) -> tuple[list[str], tuple[str, ...]]:
    """Returns code after declarations of the names that it reads.

    Args:
        plan: the plan.
        lines: the code.
        variables: names of the population's variables.

    Returns:
        The lines, and names of dynamic parameters that they read.
    """
    backward = plan.trains and not plan.online
    declarations = _DECLARATIONS | ({} if backward else _FORWARD_ONLY)
    body, head = list(lines), list[str]()
    words = set(_WORD.findall("\n".join(body)))
    for name, declaration in declarations.items():
        if name in words:
            words |= set(_WORD.findall(declaration))
            head.insert(0, declaration)
    dynamic = words.difference(variables)
    return [*head, *body], tuple(p for p in _DYNAMIC_PARAMETERS if p in dynamic)
