"""From data to neurons: the numbers of a step are put into a port."""

from __future__ import annotations

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup


def drive(writer: CodeWriter, layout: Layout, group: NeuronGroup) -> None:
    """Puts the frame that belongs to step ``t_`` into the group's first port.

    After the last frame it stays.
    """
    row = layout.rows[group.name, group.ports[0].variable].offset
    index = layout.analog_inputs.index(group)
    count = layout.integers["frames", group.name, "count"]
    steps = layout.integers["frames", group.name, "steps"]
    writer.line(
        f"mlg::copy_frame<{group.size}>(row_<float>(s_, {row}), "
        f"c_.values[{index} * c_.batch + b_], t_ / c_.integers[{steps}], "
        f"c_.integers[{count}]);"
    )
