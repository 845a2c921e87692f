"""The C++ source of a plan: all functions in their order."""

from __future__ import annotations

from ml_genn.codegen.backward.adjoint_step import adjoint_step_function
from ml_genn.codegen.backward.backprop import (
    backward_tile_function,
    has_synapse_backward,
    synapse_backward_function,
)
from ml_genn.codegen.backward.backward_step import (
    backward_step_functions,
    begin_backward_function,
    end_backward_function,
    has_first_spike_loss,
    transpose_weights_function,
)
from ml_genn.codegen.backward.spike_adjoint import (
    derivative_without_spikes_function,
    has_spike_adjoint,
    spike_adjoint_function,
)
from ml_genn.codegen.backward.weight_gradients import weight_gradients_function
from ml_genn.codegen.forward.forward_step import forward_step_functions
from ml_genn.codegen.forward.losses import finish_function, loss_functions
from ml_genn.codegen.forward.neuron_step import integrate_function
from ml_genn.codegen.forward.spike_emission import fire_function
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.online.learn_block import online_functions
from ml_genn.codegen.optimiser import update_function
from ml_genn.codegen.tables import tables
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup


def source(layout: Layout) -> str:
    """Returns the C++ source of a plan."""
    writer = CodeWriter()
    tables(writer, layout)
    with writer.block("namespace", "}  // namespace"):
        loss_functions(writer, layout)
        for group in layout.plan.neurons:
            _population_functions(writer, layout, group)
        writer.heading("forward pass", "=")
        forward_step_functions(writer, layout)
        writer.heading("backward pass", "=")
        begin_backward_function(writer, layout)
        transpose_weights_function(writer, layout)
        backward_tile_function(writer, layout)
        backward_step_functions(writer, layout)
        weight_gradients_function(writer, layout)
        end_backward_function(writer, layout)
        writer.heading("online learning", "=")
        online_functions(writer, layout)
        writer.heading("optimisers", "=")
        update_function(writer, layout)
    writer.line('#include "run.h"')
    return str(writer)


def num_parts(layout: Layout) -> int:
    """Returns the number of parts of the source that are worth compiling at the same
    time: two where there is a backward pass, which is one of them."""
    return 2 if layout.plan.learned and not layout.plan.online else 1


def _population_functions(
    writer: CodeWriter, layout: Layout, group: NeuronGroup
) -> None:
    writer.heading(f"{group.name!a}: {group.size} neurons", "=")
    if not group.events:
        integrate_function(writer, layout, group)
        fire_function(writer, layout, group)
    if group.readout:
        finish_function(writer, layout, group)
    if layout.plan.online:
        return
    if group.adjoint:
        adjoint_step_function(writer, layout, group)
        if has_first_spike_loss(group):
            derivative_without_spikes_function(writer, layout, group)
    if has_synapse_backward(layout, group):
        synapse_backward_function(writer, layout, group)
    if has_spike_adjoint(group):
        spike_adjoint_function(writer, layout, group)
