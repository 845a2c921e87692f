"""The source file of a plan: tables, functions of each group, and their order."""

from __future__ import annotations

from contextlib import nullcontext

from ml_genn.codegen.backward.adjoint_step import (
    adjoint_step_function,
    grad_ring_row,
    if_activated,
)
from ml_genn.codegen.backward.backprop import (
    SHARE,
    SHARED,
    has_synapse_backward,
    synapse_backward_function,
    synapse_backward_tile,
)
from ml_genn.codegen.backward.spike_adjoint import (
    derivative_without_spikes,
    has_spike_adjoint,
    spike_adjoint_function,
)
from ml_genn.codegen.backward.weight_gradients import weight_gradients_function
from ml_genn.codegen.forward.analog_input import drive
from ml_genn.codegen.forward.delivery import deliver
from ml_genn.codegen.forward.losses import finish_function, loss_functions
from ml_genn.codegen.forward.neuron_step import integrate_function, lists_active
from ml_genn.codegen.forward.spike_emission import fire_function
from ml_genn.codegen.layout import Layout, flag_bytes, padded
from ml_genn.codegen.layout.names import c_identifier
from ml_genn.codegen.neuron_body import ARGUMENTS, lazy_propagator
from ml_genn.codegen.online.layout import OnlineLayout
from ml_genn.codegen.online.learn_block import online_functions
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    Code,
    LearnedKind,
    NeuronGroup,
    OptimiserUpdate,
)


def source(layout: Layout) -> str:
    """The C++ source of a plan."""
    writer = CodeWriter()
    _tables(writer, layout)
    with writer.block("namespace", "}  // namespace"):
        loss_functions(writer, layout)
        for group in layout.plan.neurons:
            _neuron_functions(writer, layout, group)
        _forward_step(writer, layout)
        _finish(writer, layout)
        _begin_backward(writer, layout)
        _pack(writer, layout)
        synapse_backward_tile(writer, layout)
        _backward_step(writer, layout)
        weight_gradients_function(writer, layout)
        _end_backward(writer, layout)
        online_functions(writer, layout)
        _updates(writer, layout)
    writer.line('#include "run.h"')
    return str(writer)


def parts(layout: Layout) -> int:
    """How many parts of the source are worth compiling at the same time: what goes
    back, and the rest."""
    return 2 if layout.plan.learned and not layout.plan.online else 1


def _tables(writer: CodeWriter, layout: Layout) -> None:
    plan = layout.plan
    listed = [g for g in plan.neurons if lists_active(g)]
    online = OnlineLayout(layout)
    writer.line(f"#define MLG_ID_TYPE {layout.id_type.__name__}_t")
    writer.line("#define MLG_MODEL_TABLES")
    writer.line('#include "id_type.h"')
    constants = {
        "INPUTS": len(layout.inputs),
        "OUTPUTS": len(layout.outputs),
        "TAPES": len(layout.tapes) + len(layout.active_tapes),
        "HISTORIES": len(layout.histories),
        "LEARNED": len(layout.learned),
        "ALL_LEARNED": -1,
        "UPDATES": len(plan.updates),
        "NORMS": int(any(update.norms for update in plan.updates)),
        "REGULARISED": len(layout.regularised),
        "GRAD_RINGS": len(layout.grad_rings),
        "SURROGATES": len(layout.active_tapes),
        "LAZY_ADJOINTS": len(layout.lazy_adjoints),
        "LAZY_PROPAGATORS": len(layout.interleaved_adjoints),
        "FLAG_BYTES": sum(
            flag_bytes(g) for g in plan.neurons if g.name in layout.flags
        ),
        "CAN_SPLIT_EXAMPLES": int(layout.can_split_examples),
        "BLOCK_ROWS": layout.block_size,
        "ACTIVE_LISTS": len(listed),
        "EXAMPLES_PER_TILE": layout.examples_per_tile,
        "ONLINE_FLOATS": online.size,
        "ONLINE_TRACE_FLOATS": online.cleared,
        "ONLINE_STEP_FLOATS": online.each_step,
        "ONLINE_SOURCES": online.flags,
        "ACTIVE_FLOATS": sum(
            padded(g.size) * len(g.adjoint.surrogate.records)
            for g in plan.neurons
            if g.adjoint and g.adjoint.surrogate
        ),
    }
    for name, value in constants.items():
        writer.line(f"constexpr int64_t {name} = {value};")
    tables: dict[str, list[int]] = {
        "INPUT_TAPE": [layout.tapes[g.name] for g in layout.inputs],
        "STEP_LOSS_GRAD_SIZE": [
            padded(g.size) if g.loss and g.loss.per_step else 0 for g in layout.outputs
        ],
        "HISTORY_SIZE": layout.history_sizes,
        "READOUT_ROWS": [
            number
            for g in layout.outputs
            if g.readout
            for name, _ in g.readout.variables
            for number in (layout.rows[g.name, name].offset, padded(g.size))
        ],
        "GRAD_RING_SIZE": layout.grad_ring_sizes,
        "ACTIVE_LIST_SIZE": [g.size for g in listed],
        "ACTIVE_LIST_TAPE": [layout.active_tapes[g.name] for g in listed],
        "REGULARISED_SIZE": [g.size for g in layout.regularised],
        "REGULARISED_TAPE": [layout.tapes[g.name] for g in layout.regularised],
    }
    for name, values in tables.items():
        text = ", ".join(map(str, [*values, -1]))
        writer.line(f"constexpr int64_t {name}[] = {{{text}}};")
    writer.line('#include "engine.h"')
    end = "0"
    for name, index in layout.transposed_weights.items():
        rows, columns = layout.transposed_shape(name)
        writer.line(f"constexpr int64_t TRANSPOSED_{index} = {end};")
        kernel = layout.plan.synapse(name).kernel
        size = (
            f"{padded(rows) * columns}"
            if kernel
            else f"mlg::transposed_size({rows}, {columns})"
        )
        end = f"TRANSPOSED_{index} + {size}"
    writer.line(f"constexpr int64_t TRANSPOSED_FLOATS = {end};")
    writer.line('#include "slot.h"')


def _first_spike(group: NeuronGroup) -> bool:
    return bool(group.loss and group.loss.first_spike)


def _neuron_functions(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    writer.line(f"// ---- {group.name!a}: {group.size} neurons")
    if not group.events:
        integrate_function(writer, layout, group)
        fire_function(writer, layout, group)
    if group.readout:
        finish_function(writer, layout, group)
    if layout.plan.online:
        return
    if group.adjoint:
        adjoint_step_function(writer, layout, group)
        if _first_spike(group):
            derivative_without_spikes(writer, layout, group)
    if has_synapse_backward(layout, group):
        synapse_backward_function(writer, layout, group)
    if has_spike_adjoint(group):
        spike_adjoint_function(writer, layout, group)


def _reversed(layout: Layout) -> tuple[NeuronGroup, ...]:
    """Groups that a backward pass goes through after all steps have run."""
    return () if layout.plan.online else layout.plan.neurons


def _forward_step(writer: CodeWriter, layout: Layout) -> None:
    """``advance``: all neurons, or a thread's share, up to their thresholds; ``fire``:
    what they do there; ``forward_step``: both."""
    neurons = [g for g in layout.plan.neurons if not g.events]
    step = "const Call &c_, Slot &s_, int64_t b_, int64_t t_"
    head = f"static inline void advance({step}, int member_, int members_)"
    writer.line("template <bool ALL>")
    with writer.block(head):
        for synapses in layout.plan.synapses:
            if synapses.delivers:
                deliver(writer, layout, synapses)
        for group in neurons:
            given = "c_, s_, b_, t_, member_, members_"
            with writer.block(_acts(layout, group)) if group.window else nullcontext():
                if group.data:
                    drive(writer, layout, group)
                writer.line(f"integrate_{c_identifier(group.name)}<ALL>({given});")
        writer.line("(void)c_, (void)s_, (void)b_, (void)t_;")
        writer.line("(void)member_, (void)members_;")
    with writer.block(f"static inline bool fire({step})"):
        for group in neurons:
            with writer.block(_acts(layout, group)) if group.window else nullcontext():
                call = f"fire_{c_identifier(group.name)}(c_, s_, b_, t_)"
                writer.line(f"if (!{call}) return false;")
            if group.window and group.spikes:
                _no_spikes(writer, layout, group)
        writer.line("return true;")
    with writer.block(f"static bool forward_step({step})"):
        writer.line("advance<true>(c_, s_, b_, t_, 0, 1);")
        writer.line("return fire(c_, s_, b_, t_);")


def _acts(layout: Layout, group: NeuronGroup) -> str:
    """C for whether a group that acts in some steps only acts in step ``t_``."""
    first, last = (
        f"c_.integers[{layout.integers['window', group.name, end]}]"
        for end in ("first", "last")
    )
    return f"if (t_ >= {first} && t_ < {last})"


def _no_spikes(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Ends the list of spikes of step ``t_`` of a group that does not act."""
    with writer.block("else"):
        writer.line(f"mlg::Tape &tape_ = s_.tapes[{layout.tapes[group.name]}];")
        writer.line("uint32_t *offset_ = tape_.offset + (t_ - tape_.base);")
        writer.line("offset_[1] = offset_[0];")


def _finish(writer: CodeWriter, layout: Layout) -> None:
    with writer.block("static void finish(const Call &c_, Slot &s_, int64_t b_)"):
        for group in layout.outputs:
            writer.line(f"finish_{c_identifier(group.name)}(c_, s_, b_);")
        writer.line("(void)c_, (void)s_, (void)b_;")


def _begin_backward(writer: CodeWriter, layout: Layout) -> None:
    head = "static void begin_backward(const Call &c_, Slot &s_, int64_t b_)"
    with writer.block(head):
        for group in _reversed(layout):
            names = list(group.adjoint.variables) if group.adjoint else []
            for k in range(len(group.ports)):
                names += [f"weight_grad{k}_", f"backprop{k}_"]
            for name in names:
                row = layout.rows.get((group.name, name))
                if (
                    row
                    and name not in layout.interleaved_adjoints.get(group.name, ())[1:]
                ):
                    size = padded(row.size) * row.stride
                    writer.line(
                        f"mlg::clear(s_.block + {row.offset}, {size});  // {name}"
                    )
        for index in layout.lazy_adjoints.values():
            writer.line(f"s_.activated_at[{index}] = -1;")
        for name in layout.interleaved_adjoints:
            writer.line(f"{lazy_propagator(layout, layout.plan.neuron(name))}.reset();")
        for group in layout.outputs:
            if group.adjoint and _first_spike(group) and not layout.plan.online:
                writer.line("MLG_SYNC;")
                call = (
                    f"derivative_without_spikes_{c_identifier(group.name)}(c_, s_, b_);"
                )
                writer.line(f"if (MLG_MEMBER == 0) {call}")
        writer.line("(void)c_, (void)s_, (void)b_;")


def _pack(writer: CodeWriter, layout: Layout) -> None:
    """``transpose_weights``: a thread's share of the weights kept by target."""
    head = (
        "static void transpose_weights(const Call &c_, float *transposed_weights_, "
        "int thread_, int threads_)"
    )
    with writer.block(head):
        for name, index in layout.transposed_weights.items():
            rows, columns = layout.transposed_shape(name)
            weight = f"c_.arrays[{layout.arrays['weight', name, '']}]"
            to = f"{weight}, transposed_weights_ + TRANSPOSED_{index}"
            if layout.plan.synapse(name).kernel:
                transpose = f"mlg::transpose<{rows}, {columns}>({to});"
                writer.line(f"if (thread_ == 0) {transpose}")
                continue
            shape = f"{rows}, {padded(columns)}, {columns}"
            writer.line(f"mlg::transpose_tiles<{shape}>({to}, thread_, threads_);")
        writer.line(
            "(void)c_, (void)transposed_weights_, (void)thread_, (void)threads_;"
        )


def _backward_step(writer: CodeWriter, layout: Layout) -> None:
    """``synapse_backward``: gradients from a step's spikes, or a team's part of them;
    ``adjoint_step``: the adjoint's step; ``backward_step``: both."""
    step, given = "c_, s_, b_, t_", f"({ARGUMENTS}, {SHARED})"
    with writer.block(f"static inline void synapse_backward{given}"):
        for group in _reversed(layout):
            if has_synapse_backward(layout, group):
                name = f"synapse_backward_{c_identifier(group.name)}"
                writer.line(f"{name}({step}, {SHARE});")
        writer.line("(void)c_, (void)s_, (void)b_, (void)t_, (void)gradients_;")
        writer.line("(void)team_, (void)teams_;")
    with writer.block(f"static inline void adjoint_step({ARGUMENTS})"):
        for group in _reversed(layout):
            if has_spike_adjoint(group):
                writer.line(f"spike_adjoint_{c_identifier(group.name)}({step});")
        writer.line("MLG_SYNC;")
        for group in _reversed(layout):
            if group.adjoint:
                call = f"adjoint_step_{c_identifier(group.name)}({step});"
                writer.line(if_activated(layout, group.name) + call)
        writer.line("(void)c_, (void)s_, (void)b_, (void)t_;")
    head = f"static void backward_step({ARGUMENTS}, float *const *gradients_)"
    with writer.block(head):
        for (name, _), index in layout.grad_rings.items():
            row = grad_ring_row(layout, index)
            claim = f"mlg::prefetch_write<{layout.grad_ring_sizes[index]}>({row});"
            writer.line(if_activated(layout, name) + claim)
        writer.line(f"synapse_backward({step}, {SHARE});")
        writer.line("MLG_SYNC;")
        writer.line(f"adjoint_step({step});")


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
            with writer.block(each("int", "j_", group.size)):
                writer.line(
                    f"MLG_ADD(gradients_[{index}][{at}], s_.block[{row.offset} + j_]);"
                )
        writer.line("(void)s_, (void)gradients_;")


def _updates(writer: CodeWriter, layout: Layout) -> None:
    """``update``: one optimiser step on part of one array, or just the sum."""
    functions: dict[_Step, str] = {}
    for update in layout.plan.updates:
        step = _step_of(update)
        if step not in functions:
            functions[step] = f"optimise{len(functions)}_"
            _step_function(writer, functions[step], step)
    head = (
        "static void update(const Call &c_, int64_t which_, int64_t first_, "
        "int64_t last_, const float *gradient_, const float *norms_)"
    )
    with writer.block(head):
        scalars = slots = 0
        for update in layout.plan.updates:
            array = f"c_.arrays[{layout.array_of(update.target)}]"
            steps = "nullptr"
            if update.target.kind is LearnedKind.DELAY:
                index = layout.arrays["delay_steps", update.target.owner, ""]
                steps = f"reinterpret_cast<int32_t *>(c_.arrays[{index}])"
            learned = layout.learned[update.target]
            writer.line(f"// {update.target}")
            writer.line(f"if (which_ == {learned})")
            writer.line(
                f"  return {functions[_step_of(update)]}({array}, {steps}, "
                f"c_.slots + {slots}, c_.optimiser_scalars + {scalars}, "
                "first_, last_, gradient_, "
                f"norms_[{learned}], norms_[LEARNED]);"
            )
            scalars += len(update.scalars)
            slots += len(update.slots)
        writer.line("(void)c_, (void)which_, (void)first_, (void)last_;")
        writer.line("(void)gradient_, (void)norms_;")


#: What an optimiser does, whichever array it does it to: slots, scalars, code, and
#: whether the array holds delays.
_Step = tuple[tuple[str, ...], tuple[str, ...], Code, bool]


def _step_of(update: OptimiserUpdate) -> _Step:
    delays = update.target.kind is LearnedKind.DELAY
    return update.slots, update.scalars, update.code, delays


def _step_function(writer: CodeWriter, name: str, step: _Step) -> None:
    slots, scalars, code, delays = step
    head = (
        f"static void {name}(float *__restrict x_p_, int32_t *__restrict steps_p_, "
        "float *const *slots_, const float *scalars_, int64_t first_, int64_t last_, "
        "const float *__restrict gradient_p_, "
        f"float {GRADIENT_NORM}, float {GLOBAL_NORM})"
    )
    with writer.block(head):
        for k, slot in enumerate(slots):
            writer.line(f"float *__restrict {slot}_p_ = slots_[{k}];")
        for k, scalar in enumerate(scalars):
            writer.line(f"const float {scalar} = scalars_[{k}];")
        writer.line("MLG_LOOP")
        with writer.block("for (int64_t j_ = first_; j_ < last_; ++j_)"):
            writer.line("float gradient = gradient_p_[j_];")
            writer.line("float x = x_p_[j_];")
            for slot in slots:
                writer.line(f"float {slot} = {slot}_p_[j_];")
            writer.lines(code.lines)
            writer.line("x_p_[j_] = x;")
            if delays:
                writer.line("steps_p_[j_] = int32_t(x + 0.5f);")
            for slot in slots:
                writer.line(f"{slot}_p_[j_] = {slot};")
