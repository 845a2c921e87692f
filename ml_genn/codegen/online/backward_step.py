"""One step of a backward pass over a block of steps; see `learn_block`.

A member has the same neurons in all loops, those over spikes included, so that no
member waits for another one within a step's passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.codegen.neuron_body import NeuronBody
from ml_genn.codegen.online.layout import OnlineGroup, OnlineLayout, active_rows
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.signatures import STEP_PARAMETERS
from ml_genn.codegen.spike_list_loops import (
    declare_list,
    each_listed_by_owner,
    load_records,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, SurrogateAdjoint


def online_backward_step_function(
    writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup
) -> None:
    """Emits ``online_backward_step_<group>``: one pass's adjoint before step ``t_``
    from the one after it.

    Its arguments: ``lambda_``, the pass's adjoint; ``weight_grad_``, where dL/dw of a
    spike that arrives in this step is stored; ``learning_signal_``, a row that is added
    to the adjoint of an output's variable, or to dL/ds of a hidden neuron;
    ``same_for_all_``, a number that is added to dL/ds of all hidden neurons; and
    ``scale_``, a factor of what the rule adds to dL/ds.
    """
    adjoint, surrogate = g.adjoint, g.adjoint.surrogate
    output = f"lambda_{g.group.output}"
    add_loss = Code(
        (f"{output} += learning_signal_[j_];",),
        frozenset({output}),
        frozenset({output}),
    )
    before = surrogate.jump if surrogate else add_loss
    ports = [Code((), port.reads) for port in adjoint.ports]
    codes = (before, adjoint.step, *ports)
    body = NeuronBody(tables.layout, g.group, codes, adjoint.tape)
    name = tables.layout.names.function("online_backward_step", g.group.name)
    _formula(writer, surrogate)
    with writer.function(
        f"static inline void {name}({STEP_PARAMETERS}, float *lambda_, "
        "float *weight_grad_, const float *learning_signal_, float same_for_all_, "
        "float scale_)"
    ):
        width = tables.layout.names.width(g.group.name)
        for k, variable in enumerate(g.variables):
            row = f"lambda_ + {k} * {width}"
            writer.line(f"float *__restrict {variable}_p_ = {row};")
        if surrogate:
            declare_active_rows(writer, tables, g)
            _spike_grads(writer, tables, g, surrogate)
            _at_spikes(writer, tables, g)
        body.declare_constants(writer)
        with _each_neuron(writer, width):
            body.load(writer)
            if surrogate:
                _load_active_records(writer, surrogate)
                writer.line("const float dL_ds_ = spike_grad_p_[j_];")
            with writer.block(""):
                writer.lines(before.lines)
            with writer.block(""):
                writer.lines(adjoint.step.lines)
            body.store(writer)
            port_floats = tables.layout.names.online(g.group.name, "port_floats")
            for k, port in enumerate(adjoint.ports):
                to = f"weight_grad_[{k} * {port_floats} + j_]"
                writer.line(f"{to} = {port.weight_grad};")


def _formula(writer: CodeWriter, surrogate: SurrogateAdjoint | None) -> None:
    writer.comment(
        "lambda_x += dL/ds psi dth/dx at active neurons, then "
        "lambda_x[t - 1] = sum over y of dy[t]/dx[t - 1] lambda_y[t]"
        if surrogate
        else "lambda_y += dL/dy[t], then "
        "lambda_x[t - 1] = sum over y of dy[t]/dx[t - 1] lambda_y[t]"
    )


@contextmanager
def _each_neuron(writer: CodeWriter, end: str) -> Iterator[None]:
    writer.line("MLG_LOOP")
    with writer.block(each("int", "j_", end)):
        yield


def declare_active_rows(
    writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup
) -> None:
    """Emits declarations of rows with the numbers of a step's active neurons, neuron by
    neuron."""
    for name in active_rows(g):
        row = tables.row(g.group.name, name)
        writer.line(f"float *__restrict {name}_p_ = {row};")


def _load_active_records(writer: CodeWriter, surrogate: SurrogateAdjoint) -> None:
    for name in surrogate.records:
        writer.line(f"const float {name} = {name}_p_[j_];")


def _spike_grads(
    writer: CodeWriter,
    tables: OnlineLayout,
    g: OnlineGroup,
    surrogate: SurrogateAdjoint,
) -> None:
    """Emits dL/ds of all neurons; zero where they are not active."""
    body = NeuronBody(tables.layout, g.group, (surrogate.reset,))
    with writer.block(""):
        writer.comment("dL/ds of active neurons; 0 of the others")
        body.declare_constants(writer)
        with _each_neuron(writer, tables.layout.names.width(g.group.name)):
            body.load(writer)
            _load_active_records(writer, surrogate)
            writer.line("float dL_ds_ = learning_signal_[j_] + same_for_all_;")
            with writer.block(""):
                writer.lines(surrogate.reset.lines)
            writer.line("spike_grad_p_[j_] = dL_ds_ * is_active_p_[j_];")


def _at_spikes(writer: CodeWriter, tables: OnlineLayout, g: OnlineGroup) -> None:
    """Emits the adjoint before the resets of the neurons that spiked."""
    jump = g.adjoint.jump
    if not jump:
        return
    body = NeuronBody(tables.layout, g.group, (jump,))
    with writer.block(""):
        writer.comment("the adjoint before the reset of each spike")
        tape = tables.layout.names.index(g.group.name, "tape")
        num_records = tables.layout.names.num_records(g.group.name)
        declare_list(writer, tape, num_records if g.adjoint.records else "")
        body.declare_constants(writer)
        with each_listed_by_owner(writer):
            load_records(writer, g.adjoint.records)
            body.load(writer)
            with writer.block(""):
                writer.lines(jump.lines)
            body.store(writer)
