"""Backward pass of the synapses of one source neuron: gradients of weights and delays,
and the gradient that is passed back to the neuron."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.codegen.backward.adjoint_step import adjoint_ring_row
from ml_genn.codegen.formats import FormatCode, format_code
from ml_genn.codegen.formats.arrays import add, array, delay_steps
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.ports import (
    backprop_row,
    backprops_weight_grad,
    learns_at_spikes,
    takes_delay_difference,
    weight_grad_row,
)
from ml_genn.codegen.neuron_body import NeuronBody, lazy_propagator, row_pointer
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    Code,
    Delay,
    Learned,
    LearnedKind,
    NeuronGroup,
    PortAdjoint,
    SynapseGroup,
)

_WEIGHT, _DELAY = LearnedKind.WEIGHT, LearnedKind.DELAY


@dataclass(frozen=True, slots=True)
class OutgoingSynapses:
    """Synapses out of a group, and the number that their C variables carry.

    Args:
        layout: where numbers are stored.
        synapses: the synapse group.
        k: the number; ``weight0_`` belongs to synapses 0.
    """

    layout: Layout
    synapses: SynapseGroup
    k: int

    @property
    def target(self) -> NeuronGroup:
        """The target group."""
        return self.layout.plan.neuron(self.synapses.target)

    @property
    def code(self) -> FormatCode:
        """Code that visits the synapses."""
        return format_code(self.synapses)

    # ------------------------------------------------------------ declarations
    def declare(self, writer: CodeWriter) -> None:
        """Emits declarations of weights, gradients and the target's rows."""
        synapses, k = self.synapses, self.k
        writer.comment(f"{synapses.name!a}")
        if synapses.reads_backprop:
            weight = array(self.layout.names, "weight", synapses)
            writer.line(f"const float *weight{k}_ = {weight};")
        for name, kind, learns in (
            ("gradient", _WEIGHT, learns_at_spikes(synapses)),
            ("delay_gradient", _DELAY, synapses.learn_delay),
        ):
            if learns:
                index = self.layout.names.gradient(Learned(kind, synapses.stored))
                writer.line(f"float *{name}{k}_ = gradients_[{index}];")
        adjoint = self.target.adjoint
        if adjoint is None or self.target.name not in self.layout.interleaved_adjoints:
            self._declare_rows(writer)
        elif learns_at_spikes(synapses) or synapses.reads_backprop:
            self._declare_interleaved(writer, adjoint.ports[synapses.port])
        self.declare_arrival(writer)

    def _declare_rows(self, writer: CodeWriter) -> None:
        """Emits declarations of the gradient rows that the target stores per step."""
        is_read = {
            "weight_grad": learns_at_spikes(self.synapses),
            "backprop": self.synapses.reads_backprop,
        }
        kinds = [kind for kind, read in is_read.items() if read]
        for kind in kinds:
            row = self.target_row(kind)
            writer.line(f"const float *{kind}{self.k}_ = {row};")
        if kinds:
            writer.lines(self.code.declare_grads(self.k, kinds))

    def _declare_interleaved(self, writer: CodeWriter, port: PortAdjoint) -> None:
        """Emits ``grads<k>_``: gradients from the target's interleaved adjoints."""
        layout, target = self.layout, self.target
        pair = layout.interleaved_adjoints[target.name]
        parameters = ", ".join(f"const auto &{name}" for name in pair)
        with writer.block(f"const auto grads{self.k}_ = [&]", end="}();"):
            writer.line("const float prev_step_loss_grad_ = 0.0f;")
            read = Code((), port.reads - set(pair))
            NeuronBody(layout, target, (read,)).declare_constants(writer)
            adjoints = row_pointer(layout, target.name, pair[0])
            writer.line(f"const float *adjoints_ = {adjoints};")
            grads = f"mlg::port_grads({port.weight_grad}, {port.backprop})"
            function = f"[=]({parameters}) {{ return {grads}; }}"
            arguments = f"adjoints_, {lazy_propagator(layout, target)}, {function}"
            writer.line(f"return mlg::interleaved_grads({arguments});")

    def declare_arrival(self, writer: CodeWriter) -> None:
        """Emits ``arrives<k>_``: true if a spike of step ``t_`` arrives before the end
        of the example; only where a delay may prevent it."""
        if self._may_arrive_late:
            arrival = self._arrival()
            writer.line(f"const bool arrives{self.k}_ = {arrival} < call_.num_steps;")

    def if_arrives(self) -> str:
        """C condition that a spike arrives before the end; empty if all do."""
        return f"if (arrives{self.k}_) " if self._may_arrive_late else ""

    @property
    def _may_arrive_late(self) -> bool:
        return self._has_ring and self.synapses.delay is not Delay.PER_SYNAPSE

    @property
    def _has_ring(self) -> bool:
        ports = self.layout.adjoint_rings
        return (self.synapses.target, self.synapses.port) in ports

    def _arrival(self) -> str:
        """C for the step in which a spike of step ``t_`` arrives."""
        if self.synapses.delay is Delay.CONSTANT:
            delay = self.layout.names.integer("delay", self.synapses.name)
            return f"t_ + 1 + call_.integers[{delay}]"
        return "t_ + 1"

    def target_row(self, kind: str) -> str:
        """C for a pointer to a row of the target's gradients.

        Args:
            kind: "weight_grad" or "backprop".
        """
        layout, target, port = self.layout, self.target, self.synapses.port
        if self._has_ring:
            per_synapse = self.synapses.delay is Delay.PER_SYNAPSE
            step = "0" if per_synapse else self._arrival()
            stored = "weight_grad" if backprops_weight_grad(target, port) else kind
            return adjoint_ring_row(layout, target, port, stored, step)
        name_of = weight_grad_row if kind == "weight_grad" else backprop_row
        return row_pointer(layout, target.name, name_of(target, port))

    # ------------------------------------------------------------ backward pass
    def backward(
        self, writer: CodeWriter, spiked: bool, into: str | None, listed: bool = True
    ) -> None:
        """Emits code that adds to the gradients of neuron ``j_``'s synapses, and the
        gradient that they pass back to ``into``.

        Args:
            writer: output for the C code.
            spiked: True if the neuron spiked, so that its synapses learn.
            into: C variable for the gradient; None where none is passed back.
            listed: True if ``j_`` is at ``entry_`` of a list.
        """
        synapses, names, code = self.synapses, self.layout.names, self.code
        learn = spiked and learns_at_spikes(synapses)
        learn_delay = spiked and synapses.learn_delay
        if not (learn or into or learn_delay):
            return
        with writer.block(self.if_arrives().strip()):
            if listed:
                is_read = {"weight": bool(into), "gradient": learn}
                read = [f"{name}{self.k}_" for name, yes in is_read.items() if yes]
                writer.lines(code.prefetch(names, synapses, read))
            if synapses.delay is Delay.PER_SYNAPSE:
                self._delayed_backward(writer, learn, learn_delay, into)
            else:
                code.backward_row(writer, names, synapses, self.k, learn, into)

    # ------------------------------------------------------------ delays per synapse
    def _delayed_backward(
        self, writer: CodeWriter, learn: bool, learn_delay: bool, into: str | None
    ) -> None:
        """Emits the backward pass of synapses with delays of their own.

        Args:
            writer: output for the C code.
            learn, learn_delay: True if gradients of weights, of delays, are added.
            into: C variable for the gradient that is passed back, or None.
        """
        synapses, k = self.synapses, self.k
        past_end = learn_delay and takes_delay_difference(self.layout.plan, synapses)
        self._declare_ring(writer)
        if into:
            writer.line("float backprop_ = 0.0f;")
        with self.code.each_synapse(writer, self.layout.names, synapses):
            self._declare_arrival_row(writer, past_end)
            if learn_delay:
                self._delay_gradient(writer)
            if past_end:
                writer.line("if (delay_ == steps_left_) continue;")
            if learn:
                to = f"gradient{k}_[synapse_]"
                writer.line(f"{add(synapses, to, f'weight_grad{k}_[at_]')};")
            if into:
                writer.line(f"backprop_ += weight{k}_[synapse_] * backprop{k}_[at_];")
        if into:
            writer.line(f"{into} += MLG_SUM(backprop_);")

    def _declare_ring(self, writer: CodeWriter) -> None:
        """Emits declarations of the place of step ``t_ + 1`` in the port's adjoint
        ring."""
        synapses = self.synapses
        length = self.layout.names.integer(
            "adjoint_ring", synapses.target, f"{synapses.port}.length"
        )
        writer.lines(
            (
                f"const int64_t length_ = call_.integers[{length}];",
                "const int64_t next_ = (t_ + 1) % length_, "
                "steps_left_ = call_.num_steps - 1 - t_;",
                f"const int32_t *delays_ = {delay_steps(self.layout.names, synapses)};",
            )
        )

    def _declare_arrival_row(self, writer: CodeWriter, past_end: bool) -> None:
        """Emits the row of the step of a spike's arrival in the port's adjoint ring.

        Args:
            writer: output for the C code.
            past_end: True if arrivals in the first step after the example count.
        """
        width = self.layout.names.width(self.synapses.target)
        writer.lines(
            (
                "const int64_t delay_ = delays_[synapse_];",
                f"if (delay_ {'>' if past_end else '>='} steps_left_) continue;",
                "int64_t arrival_ = next_ + delay_;",
                "arrival_ -= arrival_ >= length_ ? length_ : 0;",
                f"const int64_t at_ = arrival_ * {width} + target_;",
            )
        )

    def _delay_gradient(self, writer: CodeWriter) -> None:
        """Emits code that adds dL/dd, where d is the delay of a synapse in steps."""
        k, derivative = self.k, f"call_.dt * backprop{self.k}_[at_]"
        if takes_delay_difference(self.layout.plan, self.synapses):
            width = self.layout.names.width(self.synapses.target)
            later = f"backprop{k}_[later_ * {width} + target_]"
            sooner = f"backprop{k}_[sooner_ * {width} + target_]"
            writer.lines(
                (
                    "// dL/dd_ij = w_ij (dL/ds[d + 1] - dL/ds[d - 1]) / 2",
                    "const int64_t later_ = "
                    "arrival_ + 1 == length_ ? 0 : arrival_ + 1;",
                    "const int64_t sooner_ = "
                    "arrival_ == 0 ? length_ - 1 : arrival_ - 1;",
                    f"const float after_ = delay_ + 1 < steps_left_ ? {later} : 0.0f;",
                    "const float now_ = "
                    f"delay_ < steps_left_ ? backprop{k}_[at_] : 0.0f;",
                    "const float difference_ = "
                    f"delay_ ? 0.5f * (after_ - {sooner}) : after_ - now_;",
                )
            )
            derivative = "difference_"
        else:
            writer.comment("dL/dd_ij = w_ij dt dL/dt of the arrival")
        gradient = f"delay_gradient{k}_[synapse_]"
        product = f"weight{k}_[synapse_] * {derivative}"
        writer.line(f"{add(self.synapses, gradient, product)};")
