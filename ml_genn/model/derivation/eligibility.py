r"""State variables with an eligibility trace.

A weight acts on the state x of its neuron; :math:`dx/dw` is its eligibility vector, and
:math:`\psi \, \partial_x \vartheta \cdot dx/dw` its eligibility trace (Bellec et al.
2020). Only those variables need one that an input can reach and that can
reach the threshold (or the output variable, in a neuron without a threshold), through
the step, the jump at a spike and the resets that are differentiated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy

from ml_genn.model.derivation.symbolic_system import SymbolicSystem, symbol

_SPIKE = sympy.Dummy("spike")


def eligible_variables(
    system: SymbolicSystem, differentiated_resets: Sequence[Any]
) -> list[Any]:
    """Returns the state variables whose derivative by a weight acts on later steps.

    Args:
        system: the system.
        differentiated_resets: variables whose reset is differentiated with respect to
            the spike; other resets are detached.
    """
    successors = {x: _depends_on(system, x) for x in system.differentiated}
    successors[_SPIKE] = set(differentiated_resets)
    predecessors = _reversed(successors)
    end = _output(system) if system.threshold is None else _SPIKE
    from_inputs = _reachable([*system.entry, *system.learned], successors)
    to_end = _reachable([end], predecessors)
    eligible = from_inputs & to_end
    return [x for x in system.state if system.next[x] != 0 and x in eligible]


def influential_variables(system: SymbolicSystem) -> set[Any]:
    """Returns the state variables that act on spikes or on the output variable.

    They do so in the same step or in later ones. Timers do not: only conditions read
    them, which have no derivative.

    Args:
        system: the system.
    """
    successors = {x: _depends_on(system, x) for x in system.differentiated}
    successors[_SPIKE] = set()
    reached = _reachable([_SPIKE, _output(system)], _reversed(successors))
    return reached.intersection(system.state)


def _output(system: SymbolicSystem) -> Any:
    return symbol(str(system.system.neuron.output))


def _reversed(edges: Mapping[Any, set[Any]]) -> dict[Any, set[Any]]:
    """Returns {end: starts} from {start: ends}."""
    result: dict[Any, set[Any]] = {x: set() for x in edges}
    for x, ends in edges.items():
        for y in ends:
            result[y].add(x)
    return result


def _depends_on(system: SymbolicSystem, x: Any) -> set[Any]:
    """Returns what depends on x after one step: variables, and the spike."""
    after = {y: system.with_input(f) for y, f in system.next.items()}
    dependent = {y for y, f in after.items() if sympy.diff(f, x) != 0}
    dependent |= {y for y, f in system.jump.items() if sympy.diff(f, x) != 0}
    if system.threshold is not None and sympy.diff(system.threshold, x) != 0:
        dependent.add(_SPIKE)
    return dependent


def _reachable(start: Iterable[Any], edges: Mapping[Any, set[Any]]) -> set[Any]:
    reached: set[Any] = set()
    waiting = list(start)
    while waiting:
        x = waiting.pop()
        if x not in reached:
            reached.add(x)
            waiting.extend(edges.get(x, ()))
    return reached
