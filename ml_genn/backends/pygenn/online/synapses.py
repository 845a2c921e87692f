"""Synapses that learn while the network runs: their code in each step."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_genn.backends.pygenn.backward import roles
from ml_genn.backends.pygenn.backward.roles import GRADIENT, WEIGHT
from ml_genn.backends.pygenn.lowering.records import Variable
from ml_genn.backends.pygenn.online.traces import (
    OUTPUT_GRAD,
    RATE_PUSH,
    RECENT,
    SPIKE,
    Traces,
    by,
    by_port,
    delay_of,
    left_in,
    signal,
    trace,
    traces_of,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Plan, SynapseGroup, Values

LEARNS = "learns_"  #: parameter: whether gradients are taken, 0 or 1


@dataclass(slots=True, eq=False)
class Learning:
    """What a synapse group needs to learn and to carry errors back.

    Attributes:
        code: of each step.
        variables: traces.
        source_refs, target_refs: {name in code: (type, variable of the population)}.
        parameters: {name: value}; the first is set while the model runs.
        looks_back: how many steps back variables of the target are read.
    """

    code: tuple[str, ...] = ()
    variables: list[Variable] = field(default_factory=list)
    source_refs: dict[str, tuple[str, str]] = field(default_factory=dict)
    target_refs: dict[str, tuple[str, str]] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    looks_back: int = 0


def learning(plan: Plan, values: Values, s: SynapseGroup) -> Learning:
    """What a group does in each step beside delivering spikes."""
    found = Learning()
    if not s.trained:
        return found
    found.parameters[LEARNS] = 0.0
    writer = CodeWriter()
    with writer.block(f"if ({LEARNS} > 0.0)"):
        if s.backpropagates:
            slope = _now(found, roles.slope(s.port))
            writer.line(f"addToPre({WEIGHT} * {slope});")
        if s.learn:
            _learn(writer, found, traces_of(plan, values)[s.target], s)
    found.code = tuple(str(writer).splitlines())
    return found


def _learn(
    writer: CodeWriter, found: Learning, traces: Traces, s: SynapseGroup
) -> None:
    """Traces and gradient of what the target did ``lag`` steps before its last step."""
    lag = found.looks_back = traces.lag
    found.source_refs[RECENT] = ("uint32_t", RECENT)
    found.variables += [Variable(trace(x)) for x in traces.kept]
    spiked = f"({RECENT} & {1 << (lag + 1)}U) != 0"
    known = f"now_ > {lag + 1 + delay_of(traces.values, s)}"
    writer.line("const int now_ = (int)rint(t / dt);")
    with writer.block(f"if (now_ > {lag})"):
        writer.line(f"const scalar arrived_ = {known} && {spiked} ? 1.0 : 0.0;")
        for row in traces.rows:
            did = _derivative(found, traces, s.port, row)
            writer.line(f"const scalar {row}_new_ = {did};")
        for x in traces.kept:
            writer.line(f"{trace(x)} = {x}_new_;")
        if traces.hidden:
            _hear(writer, found, traces)
        else:
            error, did = _now(found, OUTPUT_GRAD), trace(str(traces.group.output))
            writer.line(f"{GRADIENT} += {error} * {did};")


def _derivative(found: Learning, traces: Traces, port: int, row: str) -> str:
    """C for what the weight did to a row's variable, or to the spike."""
    lag = traces.lag
    terms = [f"{_then(found, by(row, x), lag)} * {trace(x)}" for x in traces.kept]
    return " + ".join([*terms, f"{_then(found, by_port(row, port), lag)} * arrived_"])


def _hear(writer: CodeWriter, found: Learning, traces: Traces) -> None:
    """The gradient, from learning signals and firing rates."""
    did = f"{SPIKE}_new_"
    terms = [f"{_then(found, RATE_PUSH, traces.lag)} * {did}"]
    for k, (decay, value) in enumerate(traces.decays.items()):
        found.parameters[decay] = value
        found.variables.append(Variable(left_in(k)))
        writer.line(f"{left_in(k)} = {decay} * {left_in(k)} + {did};")
        terms.append(f"{_now(found, signal(k))} * {left_in(k)}")
    writer.line(f"{GRADIENT} += {' + '.join(terms)};")


def _now(found: Learning, name: str) -> str:
    """C for a variable of the target as its last step left it."""
    found.target_refs[name] = ("scalar", name)
    return name


def _then(found: Learning, name: str, lag: int) -> str:
    """C for a variable of the target some steps before."""
    found.target_refs[name] = ("scalar", name)
    return f"{name}[{lag}]"
