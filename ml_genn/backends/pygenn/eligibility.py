"""Synapses that learn while the network runs: their code in each step."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_genn.backends.pygenn import roles
from ml_genn.backends.pygenn.records import Variable
from ml_genn.backends.pygenn.roles import GRADIENT, WEIGHT
from ml_genn.backends.pygenn.traces import (
    ERROR,
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
        if s.feed_back:
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
    writer.line("const int now_ = (int)rint(t / dt);")
    with writer.block(f"if (now_ > {lag})"):
        spiked = f"({RECENT} & {1 << (lag + 1)}U) != 0"
        known = f"now_ > {lag + 1 + delay_of(traces.values, s)}"
        writer.line(f"const scalar arrived_ = {known} && {spiked} ? 1.0 : 0.0;")

        def derivative(row: str) -> str:
            """C for what the synapse's weight did to a row's variable."""
            terms = [
                f"{_then(found, by(row, x), lag)} * {trace(x)}" for x in traces.kept
            ]
            arrived = _then(found, by_port(row, s.port), lag)
            return " + ".join([*terms, f"{arrived} * arrived_"])

        for row in traces.rows:
            writer.line(f"const scalar {row}_new_ = {derivative(row)};")
        for x in traces.kept:
            found.variables.append(Variable(trace(x)))
            writer.line(f"{trace(x)} = {x}_new_;")
        if not traces.hidden:
            output = trace(str(traces.group.output))
            writer.line(f"{GRADIENT} += {_now(found, ERROR)} * {output};")
            return
        found.parameters |= traces.decays
        terms = [f"{_then(found, RATE_PUSH, lag)} * {SPIKE}_new_"]
        for k, decay in enumerate(traces.decays):
            found.variables.append(Variable(left_in(k)))
            writer.line(f"{left_in(k)} = {decay} * {left_in(k)} + {SPIKE}_new_;")
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
