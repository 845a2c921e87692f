"""Everything a backend runs, derived from a system of equations."""

from __future__ import annotations

from functools import lru_cache

from ml_genn.model.derivation.adjoint import adjoint_of
from ml_genn.model.derivation.symbols import (
    Constants,
    Symbolic,
    assignments,
    c_of,
    symbol,
)
from ml_genn.model.equations import INPUT, NeuronEquations, SynapseEquations
from ml_genn.model.equations.system import System
from ml_genn.model.plan import Code, Derivation, Port, StateVariable
from ml_genn.model.rules import SpikeRule


@lru_cache(maxsize=256)
def derive(
    system: System,
    where: str,
    rule: SpikeRule | None = None,
    learned: tuple[str, ...] = (),
) -> Derivation:
    """Derive the forward pass and, if a rule is given, the adjoint of a system.

    Args:
        system: the equations.
        where: what errors name.
        rule: how the backward pass treats spikes; None if there is no backward pass.
        learned: parameters whose gradient is taken.

    Raises:
        EquationError: if a synapse does more than add its weight to a variable.
        UnsupportedError: if the adjoint cannot be taken.
    """
    s = Symbolic(system, where)
    constants = Constants(s.dynamic)
    threshold = None
    if s.threshold is not None:
        threshold = f"{c_of(constants.hoist(s.threshold))} >= 0.0F"
    return Derivation(
        variables=tuple(StateVariable(x.name) for x in s.state),
        ports=tuple(Port(f"syn{k}", x.name) for k, x in enumerate(s.entry)),
        step=_step(s, constants),
        threshold=threshold,
        reset=assignments([(x.name, s.jump[x]) for x in s.neuron], constants),
        adjoint=None if rule is None else adjoint_of(s, constants, rule, learned),
        constants=constants.table(),
    )


def _step(s: Symbolic, constants: Constants) -> Code:
    code = assignments([(INPUT, s.isyn)], constants, declare=True, prefix="s")
    system = s.system
    parts: list[tuple[NeuronEquations | SynapseEquations, str]] = [
        *((port, f"p{k}") for k, port in enumerate(system.ports)),
        (system.neuron, "x"),
    ]
    for equations, prefix in parts:
        own = [symbol(v.name) for v in equations.variables]
        after = assignments(
            [(x.name, s.next[x]) for x in own], constants, prefix=prefix
        )
        code = _joined(code, _repeated(after, equations.sub_steps))
    cleared = [(x.name, s.next[x]) for x, d in zip(s.entry, s.delta, strict=True) if d]
    return _joined(code, assignments(cleared, constants))


def _repeated(code: Code, times: int) -> Code:
    if times == 1 or not code:
        return code
    lines = (
        f"for (int sub_ = 0; sub_ < {times}; ++sub_) {{",
        *(f"  {line}" for line in code.lines),
        "}",
    )
    return Code(lines, code.reads, code.writes, code.calls)


def _joined(first: Code, second: Code) -> Code:
    return Code(
        first.lines + second.lines,
        first.reads | (second.reads - {INPUT}),
        first.writes | second.writes,
        first.calls | second.calls,
    )
