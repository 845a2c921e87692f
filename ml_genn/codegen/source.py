"""The source file of a plan: tables, functions of each group, and their order."""

from __future__ import annotations

from ml_genn.codegen.delivery import deliver
from ml_genn.codegen.driven import drive
from ml_genn.codegen.layout import Layout, padded, symbol
from ml_genn.codegen.neurons import backward_function, finish_function, forward_function
from ml_genn.codegen.online import online_functions
from ml_genn.codegen.spikes_back import (
    backward_spikes_function,
    silent_function,
    trained_outgoing,
)
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import LearnedKind, NeuronGroup, OptimiserUpdate


def source(layout: Layout) -> str:
    """The C++ source of a plan."""
    writer = CodeWriter()
    _tables(writer, layout)
    with writer.block("namespace", "}  // namespace"):
        for group in layout.plan.neurons:
            _neuron_functions(writer, layout, group)
        _forward_step(writer, layout)
        _finish(writer, layout)
        _begin_backward(writer, layout)
        _backward_step(writer, layout)
        _end_backward(writer, layout)
        online_functions(writer, layout)
        _updates(writer, layout)
    writer.line('#include "ml_genn_run.h"')
    return str(writer)


def _tables(writer: CodeWriter, layout: Layout) -> None:
    plan = layout.plan
    spiking = [g.size for g in plan.neurons if g.threshold is not None]
    writer.line("#include <stdint.h>")
    writer.line(f"typedef {layout.id_type.__name__}_t id_type;")
    constants = {
        "INPUTS": len(layout.inputs),
        "OUTPUTS": len(layout.outputs),
        "TAPES": len(layout.tapes) + len(layout.active_tapes),
        "HISTORIES": len(layout.histories),
        "LEARNED": len(layout.learned),
        "UPDATES": len(plan.updates),
        "REGULARISED": len(layout.regularised),
        "FLAGS": padded(max(spiking, default=0)),
        "BLOCK_ROWS": layout.block_size,
        "TRANSPOSED": layout.transposed_size,
    }
    for name, value in constants.items():
        writer.line(f"constexpr int64_t {name} = {value};")
    tables: dict[str, list[int]] = {
        "INPUT_TAPE": [layout.tapes[g.name] for g in layout.inputs],
        "DRIVE_SIZE": [
            padded(g.size) if g.loss and g.loss.per_step else 0 for g in layout.outputs
        ],
        "HISTORY_SIZE": [
            padded(g.size) * len(g.adjoint.tape) for g in layout.histories if g.adjoint
        ],
        "READOUT_ROWS": [
            number
            for g in layout.outputs
            if g.readout
            for name, _ in g.readout.variables
            for number in (layout.rows[g.name, name].offset, padded(g.size))
        ],
        "REGULARISED_SIZE": [g.size for g in layout.regularised],
        "REGULARISED_TAPE": [layout.tapes[g.name] for g in layout.regularised],
    }
    for name, values in tables.items():
        listed = ", ".join(map(str, [*values, -1]))
        writer.line(f"constexpr int64_t {name}[] = {{{listed}}};")
    writer.line('#include "ml_genn_engine.h"')
    writer.line('#include "ml_genn_online.h"')
    writer.line('#include "ml_genn_slot.h"')


def _first_spike(group: NeuronGroup) -> bool:
    return bool(group.loss and group.loss.first_spike)


def _neuron_functions(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    writer.line(f"// ---- {group.name!a}: {group.size} neurons")
    if not group.events:
        forward_function(writer, layout, group)
    if group.readout:
        finish_function(writer, layout, group)
    if layout.plan.online:
        return
    if group.adjoint:
        backward_function(writer, layout, group)
        if _first_spike(group):
            silent_function(writer, layout, group)
    if _spikes_back(layout, group):
        backward_spikes_function(writer, layout, group)


def _reversed(layout: Layout) -> tuple[NeuronGroup, ...]:
    """Groups that a backward pass goes through after all steps have run."""
    return () if layout.plan.online else layout.plan.neurons


def _spikes_back(layout: Layout, group: NeuronGroup) -> bool:
    jumps = group.adjoint is not None and group.threshold is not None
    return bool(trained_outgoing(layout, group)) or jumps


def _forward_step(writer: CodeWriter, layout: Layout) -> None:
    head = "static bool forward_step(const Call &c_, Slot &s_, int64_t b_, int64_t t_)"
    with writer.block(head):
        for synapses in layout.plan.synapses:
            if synapses.delivers:
                deliver(writer, layout, synapses)
        for group in layout.plan.neurons:
            if group.data:
                drive(writer, layout, group)
            if not group.events:
                writer.line(
                    f"if (!forward_{symbol(group.name)}(c_, s_, b_, t_)) return false;"
                )
        writer.line("return true;")


def _finish(writer: CodeWriter, layout: Layout) -> None:
    with writer.block("static void finish(const Call &c_, Slot &s_, int64_t b_)"):
        for group in layout.outputs:
            writer.line(f"finish_{symbol(group.name)}(c_, s_, b_);")
        writer.line("(void)c_, (void)s_, (void)b_;")


def _begin_backward(writer: CodeWriter, layout: Layout) -> None:
    head = "static void begin_backward(const Call &c_, Slot &s_, int64_t b_)"
    with writer.block(head):
        for group in _reversed(layout):
            names = list(group.adjoint.variables) if group.adjoint else []
            for k in range(len(group.ports)):
                names += [f"slope{k}_", f"back{k}_"]
            for name in names:
                row = layout.rows.get((group.name, name))
                if row:
                    size = padded(row.size)
                    writer.line(
                        f"memset(s_.block + {row.offset}, 0, {size} * sizeof(float));"
                        f"  // {name}"
                    )
        for name, offset in layout.transposed.items():
            synapses = layout.plan.synapse(name)
            rows = layout.plan.neuron(synapses.source).size
            columns = layout.plan.neuron(synapses.target).size
            writer.line(
                f"mlg::transpose<{rows}, {padded(columns)}, {columns}>("
                f"c_.arrays[{layout.arrays['weight', name, '']}], "
                f"s_.transposed + {offset});"
            )
        for group in layout.outputs:
            if group.adjoint and _first_spike(group) and not layout.plan.online:
                writer.line(f"silent_{symbol(group.name)}(c_, s_, b_);")
        writer.line("(void)c_, (void)s_, (void)b_;")


def _backward_step(writer: CodeWriter, layout: Layout) -> None:
    head = (
        "static void backward_step(const Call &c_, Slot &s_, int64_t b_, int64_t t_, "
        "float *const *gradients_)"
    )
    with writer.block(head):
        for group in _reversed(layout):
            if _spikes_back(layout, group):
                writer.line(
                    f"spikes_back_{symbol(group.name)}(c_, s_, b_, t_, gradients_);"
                )
        for group in _reversed(layout):
            if group.adjoint:
                writer.line(f"backward_{symbol(group.name)}(c_, s_, b_, t_);")
        writer.line("(void)c_, (void)s_, (void)b_, (void)t_, (void)gradients_;")


def _end_backward(writer: CodeWriter, layout: Layout) -> None:
    """``end_backward``: the gradients of parameters of an example are complete."""
    head = "static void end_backward(Slot &s_, float *const *gradients_)"
    with writer.block(head):
        for array, index in layout.learned.items():
            if array.kind is not LearnedKind.PARAMETER or layout.plan.online:
                continue
            group = layout.plan.neuron(array.owner)
            shared = group.learned_parameter(array.name).shared
            row = layout.rows[group.name, f"lambda_{array.name}"]
            at = "0" if shared else "j_"
            with writer.block(f"for (int j_ = 0; j_ < {group.size}; ++j_)"):
                writer.line(
                    f"gradients_[{index}][{at}] += s_.block[{row.offset} + j_];"
                )
        writer.line("(void)s_, (void)gradients_;")


def _updates(writer: CodeWriter, layout: Layout) -> None:
    """``update``: one optimiser step on part of one array, or just the sum."""
    head = (
        "static void update(const Call &c_, int64_t which_, int64_t first_, "
        "int64_t last_, float *const *parts_, int threads_)"
    )
    with writer.block(head):
        scalars = slots = 0
        for update in layout.plan.updates:
            index = layout.learned[update.target]
            with writer.block(f"if (which_ == {index})"):
                _update(writer, layout, update, (scalars, slots))
                writer.line("return;")
            scalars += len(update.scalars)
            slots += len(update.slots)
        writer.line("(void)c_, (void)which_, (void)first_, (void)last_, (void)parts_;")
        writer.line("(void)threads_;")


def _update(
    writer: CodeWriter, layout: Layout, update: OptimiserUpdate, starts: tuple[int, int]
) -> None:
    scalars, slots = starts
    array = layout.array_of(update.target)
    delays = update.target.kind is LearnedKind.DELAY
    writer.line(f"// {update.target}")
    writer.line(f"float *__restrict x_p_ = c_.arrays[{array}];")
    if delays:
        index = layout.arrays["delay_steps", update.target.owner, ""]
        writer.line(
            "int32_t *__restrict steps_p_ = "
            f"reinterpret_cast<int32_t *>(c_.arrays[{index}]);"
        )
    for k, name in enumerate(update.slots):
        writer.line(f"float *__restrict {name}_p_ = c_.slots[{slots + k}];")
    for k, name in enumerate(update.scalars):
        writer.line(f"const float {name} = c_.optimiser_scalars[{scalars + k}];")
    writer.line("MLG_LOOP")
    with writer.block("for (int64_t j_ = first_; j_ < last_; ++j_)"):
        writer.line("float gradient = mlg_sum(parts_, threads_, j_);")
        writer.line("float x = x_p_[j_];")
        for name in update.slots:
            writer.line(f"float {name} = {name}_p_[j_];")
        writer.lines(update.code.lines)
        writer.line("x_p_[j_] = x;")
        if delays:
            writer.line("steps_p_[j_] = int32_t(x + 0.5f);")
        for name in update.slots:
            writer.line(f"{name}_p_[j_] = {name};")
