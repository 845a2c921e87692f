"""Forward and backward pass of a system of equations."""

from __future__ import annotations

from functools import lru_cache

from ml_genn.errors import EquationError, MlGennError
from ml_genn.model.derivation.adjoint import adjoint_of
from ml_genn.model.derivation.c_code import Constants, assignments, c_text
from ml_genn.model.derivation.symbolic_system import DELTA_INPUT, SymbolicSystem, symbol
from ml_genn.model.equations import INPUT, NeuronEquations, SynapseEquations
from ml_genn.model.equations.system import System
from ml_genn.model.plan import Code, Derivation, Port, StateVariable
from ml_genn.model.spike_gradients import SpikeGradient

#: errors of SymPy for expressions that it cannot compute with
_SYMPY_ERRORS = (
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


@lru_cache(maxsize=256)
def derive(
    system: System,
    where: str,
    spike_gradient: SpikeGradient | None = None,
    learned: tuple[str, ...] = (),
) -> Derivation:
    """Derives the forward pass of a system and, with a learning rule, its adjoint.

    Args:
        system: the equations.
        where: subject of error messages.
        spike_gradient: derivative of spikes under the learning rule; None if there is
            no backward pass.
        learned: parameters whose gradient is computed.

    Raises:
        EquationError: if a spike does more than add its weight to one variable, or if
            the equations have no derivative or no finite real value.
        UnsupportedError: if the system has no adjoint under the rule.
    """
    try:
        return _derived(system, where, spike_gradient, learned)
    except MlGennError as error:
        text = str(error)
        raise type(error)(text if where in text else f"{where}: {text}") from None
    except _SYMPY_ERRORS as error:
        raise EquationError(
            f"{where}: SymPy cannot derive code from the equations: {error}. Write "
            "them with functions that are differentiable where they are used."
        ) from error


def _derived(
    system: System,
    where: str,
    spike_gradient: SpikeGradient | None,
    learned: tuple[str, ...],
) -> Derivation:
    s = SymbolicSystem(system, where, learned)
    constants = Constants(s.time_dependent)
    threshold = None
    if s.threshold is not None:
        threshold = f"{c_text(constants.hoist(s.threshold))} >= 0.0F"
    reset = assignments([(x.name, s.jump[x]) for x in s.neuron], constants)
    adjoint = None
    if spike_gradient is not None:
        adjoint = adjoint_of(s, constants, spike_gradient)
    variables = [StateVariable(x.name) for x in s.state]
    step = _step(s, constants)
    if adjoint and DELTA_INPUT.name in adjoint.record.reads:
        variables.append(StateVariable(DELTA_INPUT.name))
        stored = assignments([(DELTA_INPUT.name, s.delta_isyn)], constants)
        step = _joined(stored, step)
    return Derivation(
        variables=tuple(variables),
        constants=constants.table(),
        ports=tuple(Port(f"syn{k}", x.name) for k, x in enumerate(s.entry)),
        step=step,
        threshold=threshold,
        reset=reset,
        adjoint=adjoint,
    )


def _step(s: SymbolicSystem, constants: Constants) -> Code:
    """Returns the code of a time step: input, synapses, neuron, end of delta inputs."""
    code = assignments([(INPUT, s.isyn)], constants, declare=True, prefix="s")
    system = s.system
    parts: list[tuple[NeuronEquations | SynapseEquations, str]] = [
        *((port, f"p{k}") for k, port in enumerate(system.ports)),
        (system.neuron, "x"),
    ]
    for equations, prefix in parts:
        variables = [symbol(v.name) for v in equations.variables]
        after = assignments(
            [(x.name, s.next[x]) for x in variables], constants, prefix=prefix
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
