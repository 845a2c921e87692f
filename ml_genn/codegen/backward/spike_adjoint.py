"""Changes of the adjoint at spikes and at active neurons.

Exact gradients (EventProp): the adjoint before a spike is ``A lambda + B dL/dt`` with
the matrices of the model's derivation. Surrogate gradients: the adjoint goes back
through the reset of each spike, and each active neuron adds ``dL/ds psi dth/dx``, psi
being the surrogate derivative and th the threshold expression.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml_genn.codegen.backward.active_neurons import (
    declare_active,
    each_active,
    load_active_records,
)
from ml_genn.codegen.backward.lazy_adjoints import activate
from ml_genn.codegen.forward.losses import end_of_output, example_weight
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.layout.state import RESULT_GRAD, SPIKE_GRAD
from ml_genn.codegen.neuron_body import NeuronBody, declare_rows
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.signatures import EXAMPLE_PARAMETERS, STEP_PARAMETERS
from ml_genn.codegen.spike_list_loops import declare_list, each_listed, load_records
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.loss_formula import SILENT_SPIKE_END
from ml_genn.model.plan import Adjoint, Code, NeuronGroup, Sensitivity, SurrogateAdjoint


def has_spike_adjoint(group: NeuronGroup) -> bool:
    """True if the group's adjoint changes at spikes."""
    return group.adjoint is not None and group.threshold is not None


def spike_adjoint_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """Emits ``spike_adjoint_<group>``: the adjoint before the spikes of step ``t_``."""
    adjoint = group.adjoint
    if adjoint is None:
        return
    surrogate = adjoint.surrogate
    name = layout.names.function("spike_adjoint", group.name)
    with writer.function(f"static inline void {name}({STEP_PARAMETERS})"):
        if surrogate:
            _reset_of_active(writer, layout, group, surrogate)
        _at_spikes(writer, layout, group, adjoint)
        if surrogate:
            _at_active(writer, layout, group, surrogate)


# ---------------------------------------------------------------- spikes
def _at_spikes(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, adjoint: Adjoint
) -> None:
    """Emits the adjoint before each spike: from the reset and, if gradients are exact,
    from the time of the spike."""
    exact = adjoint.surrogate is None
    with writer.block(""):
        writer.comment(
            "lambda- = A lambda+ + B dL/dt, at each spike"
            if exact
            else "lambda-_x = sum over y of dreset_y/dx lambda+_y, at each spike"
        )
        tape = layout.names.index(group.name, "tape")
        num_records = layout.names.num_records(group.name)
        declare_list(writer, tape, num_records if adjoint.records else "")
        activate(writer, layout, group)
        body = _spike_body(layout, group, adjoint)
        body.declare(writer)
        if exact:
            declare_rows(writer, layout, group, [SPIKE_GRAD])
        spike_time = _first_spike_variable(group)
        if spike_time:
            declare_rows(writer, layout, group, [spike_time, RESULT_GRAD])
        with each_listed(writer, each):
            if exact:
                writer.line(f"float dL_dt_ = {SPIKE_GRAD}_p_[entry_];")
            if spike_time:
                is_first = f"{spike_time}_p_[j_] == float(t_)"
                writer.line(f"if ({is_first}) dL_dt_ -= {RESULT_GRAD}_p_[j_];")
            _spike_statements(writer, layout, group, body, adjoint)


def _spike_body(layout: Layout, group: NeuronGroup, adjoint: Adjoint) -> NeuronBody:
    codes = [adjoint.jump]
    if group.regularised:
        codes.append(adjoint.rate_regularisation)
    return NeuronBody(layout, group, tuple(codes))


def _spike_statements(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    body: NeuronBody,
    adjoint: Adjoint,
) -> None:
    load_records(writer, adjoint.records)
    body.load(writer)
    with writer.block(""):
        writer.lines(adjoint.jump.lines)
    if group.regularised:
        index = layout.names.index(group.name, "regulariser")
        with writer.block(""):
            writer.comment("dL of the rate regulariser, which acts on the threshold")
            writer.line(
                "const float rate_regularisation_grad_ = "
                f"slot_.rate_regularisation_grads[{index}][j_];"
            )
            writer.lines(adjoint.rate_regularisation.lines)
    body.store(writer)


def _first_spike_variable(group: NeuronGroup) -> str:
    """Returns the readout's variable with the step of the first spike; empty if the
    loss does not read it."""
    readout = group.readout
    if not readout or not group.loss:
        return ""
    if readout.sensitivity is not Sensitivity.SPIKE_TIME:
        return ""
    ((name, _),) = readout.variables
    return name


# ---------------------------------------------------------------- active neurons
def _reset_of_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Emits code that activates a lazy adjoint; adds the reset's term to dL/ds of
    active neurons."""
    if not surrogate.reset.lines and group.name not in layout.lazy_adjoints:
        return
    with writer.block(""):
        declare_active(writer, layout, group, surrogate)
        activate(writer, layout, group)
        if surrogate.reset.lines:
            writer.comment("dL/ds += sum over y of lambda_y (reset_y - y)")
            writer.line("const float scale_ = call_.scale;")
            for at, _ in _run_at_active(
                writer, layout, group, surrogate, surrogate.reset
            ):
                writer.line(f"{SPIKE_GRAD}_p_[{at}] = dL_ds_;")
    writer.line("MLG_SYNC;")


def _at_active(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, surrogate: SurrogateAdjoint
) -> None:
    """Emits the adjoint before the spike of each active neuron."""
    writer.line("MLG_SYNC;")
    with writer.block(""):
        writer.comment("lambda_x += dL/ds psi dth/dx, at each active neuron")
        declare_active(writer, layout, group, surrogate)
        for _, body in _run_at_active(writer, layout, group, surrogate, surrogate.jump):
            body.store(writer)


def _run_at_active(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    surrogate: SurrogateAdjoint,
    code: Code,
) -> Iterator[tuple[str, NeuronBody]]:
    """Emits loops that run code at the active neurons.

    Yields the index of the neuron's dL/ds and its body, once per loop; the caller
    writes what is stored.
    """
    body = NeuronBody(layout, group, (code,))
    body.declare(writer)
    declare_rows(writer, layout, group, [SPIKE_GRAD])
    for at in each_active(writer, layout, group, surrogate):
        writer.line(f"float dL_ds_ = {SPIKE_GRAD}_p_[{at}];")
        load_active_records(writer, layout, group, surrogate, at)
        body.load(writer)
        with writer.block(""):
            writer.lines(code.lines)
        yield at, body


# ---------------------------------------------------------------- silent outputs
def derivative_without_spikes_function(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    """Emits ``derivative_without_spikes_<group>``: gradient of the label's output
    neuron, if it never spiked.

    The loss has no derivative there, so the neuron is treated as if it had spiked at
    the end, crossing the threshold at one unit per duration of the example.
    """
    adjoint, readout, names = group.adjoint, group.readout, layout.names
    if adjoint is None or readout is None:
        return
    output = names.index(group.name, "output")
    penalty = names.index(group.name, "late_spike_penalty")
    function = names.function("derivative_without_spikes", group.name)
    writer.comment("lambda of the label's neuron at the end, if it never spiked")
    with writer.function(f"static inline void {function}({EXAMPLE_PARAMETERS})"):
        ((name, _),) = readout.variables
        declare_rows(writer, layout, group, [name])
        labels = f"static_cast<const int32_t *>(call_.targets[{output}])"
        writer.line(f"const int j_ = {labels}[example_];")
        writer.line(f"if ({name}_p_[j_] >= 0.0f) return;")
        writer.line(f"const float end_ = {end_of_output(layout, group)};")
        writer.line(
            "const float rate_regularisation_grad_ = "
            f"-call_.scale * {example_weight(layout, group)} * "
            f"call_.loss_scalars[{penalty}] / ({SILENT_SPIKE_END:g}f * end_);"
        )
        body = NeuronBody(layout, group, (adjoint.rate_regularisation, Code()))
        body.declare(writer)
        body.load(writer)
        writer.lines(adjoint.rate_regularisation.lines)
        body.store(writer)
