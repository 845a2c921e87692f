"""Which state of a neuron carries what its inputs did to what it does later.

A weight acts on the state x of its neuron; dx/dw is its eligibility (Bellec et al.
2020). Of all variables only those count that an input can reach and that can reach the
threshold (or, without a threshold, the output), over the step, the jump at a spike and
the resets that the gradient follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy

from ml_genn.model.derivation.symbols import Symbolic, symbol

_SPIKE = sympy.Dummy("spike")


def eligible(s: Symbolic, followed: Sequence[Any]) -> list[Any]:
    """State variables whose derivative by a weight acts on later steps.

    Args:
        s: the system.
        followed: variables whose reset the gradient follows.
    """
    acts_on = {x: _effects(s, x) for x in (*s.state, *s.learned)}
    acts_on[_SPIKE] = set(followed)
    acted_on_by: dict[Any, set[Any]] = {x: set() for x in acts_on}
    for x, effects in acts_on.items():
        for y in effects:
            acted_on_by[y].add(x)
    end = symbol(str(s.system.neuron.output)) if s.threshold is None else _SPIKE
    reached = _closure([*s.entry, *s.learned], acts_on)
    reaching = _closure([end], acted_on_by)
    return [x for x in s.state if s.next[x] != 0 and x in reached & reaching]


def _effects(s: Symbolic, x: Any) -> set[Any]:
    """What a variable or parameter acts on within a step."""
    after = {y: s.with_input(f) for y, f in s.next.items()}
    found = {y for y, f in after.items() if sympy.diff(f, x) != 0}
    found |= {y for y, f in s.jump.items() if sympy.diff(f, x) != 0}
    if s.threshold is not None and sympy.diff(s.threshold, x) != 0:
        found.add(_SPIKE)
    return found


def _closure(start: Iterable[Any], edges: Mapping[Any, set[Any]]) -> set[Any]:
    found: set[Any] = set()
    waiting = list(start)
    while waiting:
        x = waiting.pop()
        if x not in found:
            found.add(x)
            waiting.extend(edges.get(x, ()))
    return found
