"""Lazy evaluation of adjoints.

The adjoint of a group may be zero from the end of an example back to its last spike;
such a group is activated at that spike, and its backward step does not run before.

Interleaved adjoints are not stepped neuron by neuron. Their step is a matrix M that is
the same for all neurons, so the adjoint of neuron j is ``lambda_j = P a_j``, where P is
the product of the steps since a_j was stored. A step updates P
(``mlg::LazyPropagator``); a_j changes only where something happens to neuron j.
"""

from __future__ import annotations

from collections.abc import Sequence

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.neuron_body import NeuronBody, declare_rows, lazy_propagator
from ml_genn.codegen.parallel_loops import each
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Adjoint, NeuronGroup


def if_activated(layout: Layout, group: str) -> str:
    """C condition that a lazy adjoint has been activated; empty for other groups."""
    if group not in layout.lazy_adjoints:
        return ""
    return f"if ({activated_at(layout, group)} >= 0) "


def activate(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits code that activates a lazy adjoint in the last step with a spike, the first
    in reverse time."""
    if group.name in layout.lazy_adjoints:
        step = activated_at(layout, group.name)
        writer.line(f"if (count_ && {step} < 0) {step} = t_;")


def activated_at(layout: Layout, group: str) -> str:
    """C for the step in which a lazy adjoint was activated; -1 before."""
    return f"slot_.activated_at[{layout.names.index(group, 'lazy_adjoint')}]"


def interleaved_step(
    writer: CodeWriter,
    layout: Layout,
    group: NeuronGroup,
    adjoint: Adjoint,
    port_lines: Sequence[str],
) -> None:
    """Emits one step of interleaved adjoints.

    Args:
        writer: output for the C code.
        layout: where numbers are stored.
        group: the group.
        adjoint: its adjoint.
        port_lines: statements that store gradients for the synapses into the group.
    """
    pair = layout.interleaved_adjoints[group.name]
    declare_rows(writer, layout, group, pair)
    NeuronBody(layout, group, (adjoint.step,)).declare_constants(writer)
    parameters = ", ".join(f"float {name}" for name in pair)
    with writer.block(f"const auto step_ = [&]({parameters})", end="};"):
        writer.lines(adjoint.step.lines)
        writer.line(f"return mlg::Pair<float>{{{', '.join(pair)}}};")
    propagator = lazy_propagator(layout, group)
    writer.comment("P <- P M; stored adjoints are updated where P loses precision")
    condition = "t_ == 0 || mlg::records_backward(call_)"
    writer.line(
        f"const bool must_update_ = {propagator}.propagate(step_) || {condition};"
    )
    with writer.block("if (must_update_)"):
        _each_neuron(
            writer,
            layout,
            group,
            [f"{name}_p_[j_] = current_.{part};" for name, part in _parts(pair)],
        )
        writer.line(f"{propagator}.reset();")
    if port_lines:
        current = [
            f"const float {name} = current_.{part};" for name, part in _parts(pair)
        ]
        _each_neuron(writer, layout, group, [*current, *port_lines])


def _parts(pair: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(pair, ("first", "second"), strict=True))


def _each_neuron(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, lines: Sequence[str]
) -> None:
    """Emits a loop over neurons in which ``current_`` holds the two adjoints."""
    pair = layout.interleaved_adjoints[group.name]
    stored = ", ".join(f"{name}_p_[j_]" for name in pair)
    propagator = lazy_propagator(layout, group)
    writer.line(f"const mlg::LazyPropagator propagator_ = {propagator};")
    writer.line("MLG_LOOP")
    with writer.block(each("int", "j_", layout.names.width(group.name))):
        writer.line(f"const auto current_ = propagator_.current({stored});")
        writer.lines(lines)
