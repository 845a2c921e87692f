"""One step of the sweeps that learning online makes; see ``learn_block``.

A member takes the same neurons in all loops, those over spikes included, so that no
member waits for another one within a step's sweeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.neuron_body import ARGUMENTS, Body
from ml_genn.codegen.online.layout import OnlineLayout, Sweeps
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.spike_list_loops import each_own_entry, load_records, tape_entries
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, SurrogateAdjoint


def online_backward_step(writer: CodeWriter, tables: OnlineLayout, g: Sweeps) -> None:
    """``online_backward_step_<group>``: one pass's adjoint before a step from the one
    after it.

    ``signal_`` pushes an output's variable. A spike does ``signal_ + every_``, and
    ``scale_`` times what the rule adds. ``weight_grad_`` is given dL/dw of a spike that
    arrives in this step.
    """
    adjoint, surrogate = g.adjoint, g.adjoint.surrogate
    pushed = f"lambda_{g.group.output}"
    push = Code(
        (f"{pushed} += signal_[j_];",), frozenset({pushed}), frozenset({pushed})
    )
    before = surrogate.jump if surrogate else push
    ports = [Code((), port.reads) for port in adjoint.ports]
    body = Body(tables.layout, g.group, (before, adjoint.step, *ports), adjoint.tape)
    with writer.block(
        f"static inline void online_backward_step_{c_identifier(g.group.name)}"
        f"({ARGUMENTS}, float *lambda_, float *weight_grad_, const float *signal_, "
        "float every_, float scale_)"
    ):
        for k, name in enumerate(g.variables):
            writer.line(f"float *__restrict {name}_p_ = lambda_ + {k * g.row};")
        if surrogate:
            active_rows(writer, tables, g, surrogate)
            _spike_grads(writer, tables, g, surrogate)
            _jumps(writer, tables, g)
        body.constants(writer)
        with _neurons(writer, g.row):
            body.load(writer)
            if surrogate:
                _load_active(writer, surrogate)
                writer.line("const float dL_ds_ = spike_p_[j_];")
            with writer.block(""):
                writer.lines(before.lines)
            with writer.block(""):
                writer.lines(adjoint.step.lines)
            body.store(writer)
            for k, port in enumerate(adjoint.ports):
                writer.line(f"weight_grad_[{k * g.port} + j_] = {port.weight_grad};")


@contextmanager
def _neurons(writer: CodeWriter, count: int) -> Iterator[None]:
    writer.line("MLG_LOOP")
    with writer.block(each("int", "j_", count)):
        yield


def active_rows(
    writer: CodeWriter, tables: OnlineLayout, g: Sweeps, surrogate: SurrogateAdjoint
) -> None:
    """Declares rows that hold what a tape has of active neurons, neuron by neuron."""
    for name in ("mask", "signal", "spike", *surrogate.records):
        at = tables.at(g.group.name, name)
        writer.line(f"float *__restrict {name}_p_ = {at};")


def _load_active(writer: CodeWriter, surrogate: SurrogateAdjoint) -> None:
    for name in surrogate.records:
        writer.line(f"const float {name} = {name}_p_[j_];")


def _spike_grads(
    writer: CodeWriter, tables: OnlineLayout, g: Sweeps, surrogate: SurrogateAdjoint
) -> None:
    """dL/ds of all neurons; zero where they are not active."""
    body = Body(tables.layout, g.group, (surrogate.reset,))
    with writer.block(""):
        body.constants(writer)
        with _neurons(writer, g.row):
            body.load(writer)
            _load_active(writer, surrogate)
            writer.line("float dL_ds_ = signal_[j_] + every_;")
            with writer.block(""):
                writer.lines(surrogate.reset.lines)
            writer.line("spike_p_[j_] = dL_ds_ * mask_p_[j_];")


def _jumps(writer: CodeWriter, tables: OnlineLayout, g: Sweeps) -> None:
    """The adjoint before the resets of the neurons that spiked."""
    jump = g.adjoint.jump
    if not jump:
        return
    body = Body(tables.layout, g.group, (jump,))
    with writer.block(""):
        tape = tables.layout.tapes[g.group.name]
        tape_entries(writer, tape, len(g.adjoint.records))
        body.constants(writer)
        with each_own_entry(writer):
            load_records(writer, g.adjoint.records)
            body.load(writer)
            with writer.block(""):
                writer.lines(jump.lines)
            body.store(writer)
