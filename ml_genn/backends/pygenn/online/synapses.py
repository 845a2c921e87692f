"""Synapses in e-prop's online mode: code of every synapse in every step.

It carries errors of outputs back to the source, and updates the traces and the gradient
of the weight; see ``online.traces`` for the equations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ml_genn.backends.pygenn.lowering.names import (
    DEVICE_STEP,
    GRADIENT,
    RATE_GRAD,
    WEIGHT,
    weight_grad,
)
from ml_genn.backends.pygenn.lowering.records import SynapsePopulation, Variable
from ml_genn.backends.pygenn.online.spike_history import SPIKE_HISTORY
from ml_genn.backends.pygenn.online.traces import (
    OUTPUT_GRAD,
    SPIKE,
    EligibilityTraces,
    derivative,
    feedback_input,
    filtered_trace,
    learning_signal,
    path_index,
    port_derivative,
    spike_delay,
    total_derivative,
    trace,
    traces_of,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Plan, PlanValues, SynapseGroup

LEARNING = "learning_"  #: dynamic parameter: 1 if gradients are computed, else 0


def with_learning(
    plan: Plan, values: PlanValues, s: SynapseGroup, population: SynapsePopulation
) -> SynapsePopulation:
    """Returns a population with the code of every step."""
    if not s.trained:
        return population
    code = _StepCode(plan, values, s)
    lines = code.lines()
    return replace(
        population,
        pre_target=feedback_input(path_index(plan, values, s))
        if s.backpropagates
        else None,
        step_code=lines,
        variables=(*population.variables, *code.variables),
        state=tuple(v.name for v in code.variables),
        source_refs=code.source_refs,
        target_refs=code.target_refs,
        parameters=code.parameters,
        dynamic=(LEARNING,),
        history=code.history,
    )


@dataclass(slots=True, eq=False)
class _StepCode:
    """Code of every synapse of a group in every step, and the names that it reads.

    Args:
        plan, values: the plan and its values.
        synapses: a synapse group that is trained.

    Attributes:
        variables: traces.
        source_refs, target_refs: {name in code: (type, variable of the population)}.
        parameters: {name: value}; ``LEARNING`` is dynamic.
        history: how many steps back variables of the target are read.
    """

    plan: Plan
    values: PlanValues
    synapses: SynapseGroup
    variables: list[Variable] = field(default_factory=list, init=False)
    source_refs: dict[str, tuple[str, str]] = field(default_factory=dict, init=False)
    target_refs: dict[str, tuple[str, str]] = field(default_factory=dict, init=False)
    parameters: dict[str, float] = field(default_factory=dict, init=False)
    history: int = field(default=0, init=False)

    def lines(self) -> tuple[str, ...]:
        """Returns the code; attributes are complete after it."""
        s = self.synapses
        self.parameters[LEARNING] = 0.0
        writer = CodeWriter()
        with writer.block(f"if ({LEARNING} > 0.0)"):
            if s.backpropagates:
                error = self._current(weight_grad(s.port))
                writer.line(f"addToPre({WEIGHT} * {error});")
            if s.learn:
                traces = traces_of(self.plan, self.values)[s.target]
                self._write_learning(writer, traces)
        return tuple(str(writer).splitlines())

    def _write_learning(self, writer: CodeWriter, traces: EligibilityTraces) -> None:
        """Writes traces and gradient of the target's step ``lag`` steps ago."""
        lag = self.history = traces.lag
        delay = spike_delay(self.values, self.synapses)
        self.source_refs[SPIKE_HISTORY] = ("uint32_t", SPIKE_HISTORY)
        self.variables += [Variable(trace(x)) for x in traces.variables]
        began = f"{DEVICE_STEP} > {lag + 1 + delay}"
        spiked = f"({SPIKE_HISTORY} & {1 << (lag + 1)}U) != 0"
        writer.line(f"const int {DEVICE_STEP} = (int)rint(t / dt);")
        with writer.block(f"if ({DEVICE_STEP} > {lag})"):
            writer.line(f"const scalar arrived_ = {began} && {spiked} ? 1.0 : 0.0;")
            for row in traces.rows:
                total = self._total_derivative(traces, row)
                writer.line(f"const scalar {total_derivative(row, WEIGHT)} = {total};")
            for x in traces.variables:
                writer.line(f"{trace(x)} = {total_derivative(x, WEIGHT)};")
            if traces.is_hidden:
                self._write_hidden_gradient(writer, traces)
            else:
                grad = self._current(OUTPUT_GRAD)
                eligibility = trace(str(traces.group.output))
                writer.line(f"{GRADIENT} += {grad} * {eligibility};")

    def _total_derivative(self, traces: EligibilityTraces, row: str) -> str:
        """Returns C for the derivative of a row (variable or spike) by the weight."""
        lag, port = traces.lag, self.synapses.port
        terms = [
            f"{self._delayed(derivative(row, x), lag)} * {trace(x)}"
            for x in traces.variables
        ]
        arrival = f"{self._delayed(port_derivative(row, port), lag)} * arrived_"
        return " + ".join([*terms, arrival])

    def _write_hidden_gradient(
        self, writer: CodeWriter, traces: EligibilityTraces
    ) -> None:
        """Writes the gradient from learning signals and firing rates."""
        spike = total_derivative(SPIKE, WEIGHT)
        terms = [f"{self._delayed(RATE_GRAD, traces.lag)} * {spike}"]
        for k, (decay, value) in enumerate(traces.decays.items()):
            filtered = filtered_trace(k)
            self.parameters[decay] = value
            self.variables.append(Variable(filtered))
            writer.line(f"{filtered} = {decay} * {filtered} + {spike};")
            terms.append(f"{self._current(learning_signal(k))} * {filtered}")
        writer.line(f"{GRADIENT} += {' + '.join(terms)};")

    def _current(self, name: str) -> str:
        """Returns C for a variable of the target as its last step left it."""
        self.target_refs[name] = ("scalar", name)
        return name

    def _delayed(self, name: str, steps: int) -> str:
        """Returns C for a variable of the target some steps before that."""
        self.target_refs[name] = ("scalar", name)
        return f"{name}[{steps}]"
