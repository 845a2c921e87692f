"""Neurons that learn while the network runs; see ``online.traces``.

The classes take the place of `ml_genn.backends.pygenn.backward.neurons.Reverse`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ml_genn.backends.pygenn.backward import roles
from ml_genn.backends.pygenn.backward.neurons import parameter_gradients
from ml_genn.backends.pygenn.lowering.records import Array, Variable
from ml_genn.backends.pygenn.online import step_losses
from ml_genn.backends.pygenn.online.step_jacobian import (
    derivatives,
    derive,
    push_rate,
)
from ml_genn.backends.pygenn.online.traces import (
    OUTPUT_GRAD,
    RATE_PUSH,
    RECENT,
    SPIKE,
    Traces,
    by,
    by_port,
    left_in,
    remembers,
    sent,
    signal,
    trace,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Adjoint, NeuronGroup, Plan, Values
from ml_genn.model.plan.tapes import without_tapes

REMEMBER = f"{RECENT} = ({RECENT} << 1) | (fired_ ? 1U : 0U);"


def online(plan: Plan, values: Values, group: NeuronGroup) -> Online:
    """What a group's neurons do beside running."""
    if group.adjoint is None:
        return Online(plan, group)
    kind = Hidden if group.adjoint.surrogate else Output
    return kind(plan, values, group, group.adjoint)


def recent(plan: Plan, group: NeuronGroup) -> list[Variable]:
    """The bits, if there are any."""
    bits = Variable(RECENT, "uint32_t", 0)
    return [bits] if remembers(plan, group) else []


class Online:
    """Neurons that do not learn; synapses that do may ask when they spiked.

    Attributes:
        group: the group.
        parameters: numbers that are compiled in.
    """

    def __init__(self, plan: Plan, group: NeuronGroup) -> None:
        self.group = group
        self.parameters: dict[str, float] = {}
        self._plan = plan

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs that errors come by."""
        return ()

    def variables(self) -> list[Variable]:
        """Variables beside the state."""
        return [*self.start(), *recent(self._plan, self.group)]

    def start(self) -> tuple[Variable, ...]:
        """Those that are zero when an example starts."""
        return ()

    def arrays(self) -> list[Array]:
        """Arrays that code reads."""
        return []

    @contextmanager
    def around(self, writer: CodeWriter) -> Iterator[None]:
        """Puts what is written in between into the steps in which the network runs."""
        self._before(writer)
        with writer.block("if (now_ < num_steps)"):
            yield
            self._after(writer)
        if remembers(self._plan, self.group):
            writer.line(REMEMBER)

    def _before(self, writer: CodeWriter) -> None:
        """Nothing: no errors come."""

    def _after(self, writer: CodeWriter) -> None:
        """Nothing is derived."""

    def keep_output(self, writer: CodeWriter) -> None:
        """Nothing looks at it."""

    def keep_active(self, writer: CodeWriter) -> None:
        """Nothing looks at it."""

    def count_spike(self, writer: CodeWriter) -> None:
        """Nothing: firing rates are variables."""


class _Learning(Online):
    """Neurons that learn, which keep what their adjoint reads in locals of the step."""

    def __init__(
        self, plan: Plan, values: Values, group: NeuronGroup, adjoint: Adjoint
    ) -> None:
        written = without_tapes(group)
        super().__init__(plan, replace(written, buffers=()))
        self._locals = written.buffers
        self._traces = Traces(plan, values, self.group, written.adjoint or adjoint)

    def variables(self) -> list[Variable]:
        """Derivatives, gradients of parameters, and what is zero at first."""
        found = [Variable(name) for name in derivatives(self._traces)]
        return [*found, *parameter_gradients(self.group), *super().variables()]

    def start(self) -> tuple[Variable, ...]:
        """Signals, and what parameters have learned so far."""
        names = [*self._signals(), *self._traces_of_parameters()]
        return tuple(Variable(name) for name in names)

    def _signals(self) -> Iterator[str]:
        """Variables with what there is to learn from."""
        yield from ()

    def _traces_of_parameters(self) -> Iterator[str]:
        """Variables with gradients by parameters and their eligibility."""
        for p in self._traces.learned:
            yield f"lambda_{p}"
            yield from (trace(by(x, p)) for x in self._traces.kept)

    @contextmanager
    def around(self, writer: CodeWriter) -> Iterator[None]:
        """The same, with locals declared."""
        with super().around(writer):
            for name in self._locals:
                writer.line(f"scalar {name} = 0.0;")
            yield

    def _after(self, writer: CodeWriter) -> None:
        """A parameter is like a synapse through which a spike comes in each step."""
        traces = self._traces
        derive(writer, traces)
        for p in traces.learned:
            for row in traces.rows:
                terms = [f"{by(row, x)} * {trace(by(x, p))}" for x in traces.kept]
                total = " + ".join([*terms, by(row, p)])
                writer.line(f"const scalar {row}_{p}_new_ = {total};")
            for x in traces.kept:
                writer.line(f"{trace(by(x, p))} = {x}_{p}_new_;")


class Output(_Learning):
    """Neurons that find their errors, and send them back."""

    def __init__(
        self, plan: Plan, values: Values, group: NeuronGroup, adjoint: Adjoint
    ) -> None:
        super().__init__(plan, values, group, adjoint)
        self.parameters = step_losses.parameters(group, values)

    def variables(self) -> list[Variable]:
        """What the output is compared with, too."""
        return [*super().variables(), *step_losses.variables(self.group)]

    def arrays(self) -> list[Array]:
        """What outputs see of each other, or values that they should have."""
        return step_losses.arrays(self.group)

    def _signals(self) -> Iterator[str]:
        yield from (OUTPUT_GRAD, step_losses.LOSS)
        yield from (roles.slope(port) for port in self._fed_back)

    @property
    def _fed_back(self) -> list[int]:
        """Ports that errors go back from."""
        incoming = self._plan.incoming(self.group.name)
        return sorted({s.port for s in incoming if s.backpropagates})

    def _before(self, writer: CodeWriter) -> None:
        """The error of the step before, what it sends back and what parameters learn
        from it."""
        step_losses.compute_gradient(writer, self.group)
        output = str(self.group.output)
        for port in self._fed_back:
            slope = by_port(output, port)
            writer.line(f"{roles.slope(port)} = {slope} * {OUTPUT_GRAD};")
        for p in self._traces.learned:
            writer.line(f"lambda_{p} += {OUTPUT_GRAD} * {trace(by(output, p))};")

    def keep_output(self, writer: CodeWriter) -> None:
        """Shows the output variable to the other outputs."""
        step_losses.write_output(writer, self.group)


class Hidden(_Learning):
    """Neurons that spike and learn from the errors that come back."""

    def __init__(
        self, plan: Plan, values: Values, group: NeuronGroup, adjoint: Adjoint
    ) -> None:
        super().__init__(plan, values, group, adjoint)
        if self._traces.learned:
            self.parameters = self._traces.decays

    @property
    def inputs(self) -> tuple[str, ...]:
        """One for each way to an output."""
        return tuple(sent(k) for k, _ in enumerate(self._traces.feedback))

    def arrays(self) -> list[Array]:
        """Rings of what parameters did to spikes, as long as learning is behind."""
        lag, size = self._traces.lag, self.group.size
        return [
            Array(_ring(p), "scalar", lambda _, batch: lag * batch * size)
            for p in self._traces.learned
        ]

    def _signals(self) -> Iterator[str]:
        yield from (signal(k) for k, _ in enumerate(self._traces.feedback))

    def _traces_of_parameters(self) -> Iterator[str]:
        yield from super()._traces_of_parameters()
        for p in self._traces.learned:
            for k, _ in enumerate(self._traces.feedback):
                yield f"{p}_{left_in(k)}"

    def _before(self, writer: CodeWriter) -> None:
        """Learning signals, and what parameters learn from them."""
        traces = self._traces
        writer.line(f"{RATE_PUSH} = 0.0;")
        for k, _ in enumerate(traces.feedback):
            writer.line(f"{signal(k)} = {sent(k)};")
        if traces.learned:
            row = f"(now_ % {traces.lag}) * (int)num_batch + (int)batch"
            writer.line(f"const int ring_ = ({row}) * (int)num_neurons + (int)id;")
        for p in traces.learned:
            writer.line(f"scalar {p}_then_ = 0.0;")
            then = f"{p}_then_ = {_ring(p)}[ring_];"
            writer.line(f"if (now_ >= {traces.lag}) {{ {then} }}")
            for k, decay in enumerate(traces.decays):
                left = f"{p}_{left_in(k)}"
                writer.line(f"{left} = {decay} * {left} + {p}_then_;")
                writer.line(f"lambda_{p} += {signal(k)} * {left};")

    def _after(self, writer: CodeWriter) -> None:
        super()._after(writer)
        push_rate(writer, self._traces)
        for p in self._traces.learned:
            did = f"{SPIKE}_{p}_new_"
            writer.line(f"lambda_{p} += {RATE_PUSH} * {did};")
            writer.line(f"{_ring(p)}[ring_] = {did};")

    def keep_active(self, writer: CodeWriter) -> None:
        """Whether a neuron is active, and what the adjoint reads of it."""
        surrogate = self._traces.adjoint.surrogate
        if surrogate:
            writer.line(f"const bool active_ = {surrogate.condition};")
            with writer.block("if (active_)"):
                writer.lines(surrogate.record.lines)


def _ring(parameter: str) -> str:
    """Array with what a parameter did to spikes of the last steps."""
    return f"{parameter}_ring_"
