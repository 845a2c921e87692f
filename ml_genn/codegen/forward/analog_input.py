"""Analog input: one number per neuron and step, from the data."""

from __future__ import annotations

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.neuron_body import row_pointer
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup


def analog_input(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Emits code that sets the variable of the group's first port to the frame of step
    ``t_``.

    The last frame stays until the end of the example.
    """
    names, variable = layout.names, group.ports[0].variable
    count = names.integer("frames", group.name, "count")
    steps = names.integer("frames", group.name, "steps")
    index = names.index(group.name, "analog_input")
    writer.comment(f"{variable}_j = data[t / steps per frame]_j")
    writer.line(
        f"mlg::copy_frame<{names.size(group.name)}>("
        f"{row_pointer(layout, group.name, variable)}, "
        f"call_.values[{index} * call_.batch + example_], "
        f"t_ / call_.integers[{steps}], call_.integers[{count}]);"
    )
