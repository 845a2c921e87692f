"""Buffers of a plan: arrays (steps, examples, neurons) that code reads and writes.

Code sees a local variable of the buffer's name. It is loaded from, and stored in, the
element of the current time step, in the forward and in the backward pass.
"""

from __future__ import annotations

from ml_genn.backends.pygenn.lowering.names import ENTRY
from ml_genn.backends.pygenn.lowering.records import Array
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, NeuronGroup


def array_name(buffer: str) -> str:
    """Returns the name of a buffer's array."""
    return f"{buffer}buffer_"


def step_array(group: NeuronGroup, name: str, type: str = "scalar") -> Array:
    """Returns an array (steps, examples, neurons)."""
    size = group.size
    return Array(name, type, lambda steps, batch: steps * batch * size)


def write_loads(writer: CodeWriter, group: NeuronGroup, *codes: Code) -> None:
    """Writes declarations of the buffers that code uses, loaded where it reads them."""
    reads = frozenset().union(*(code.reads for code in codes))
    writes = frozenset().union(*(code.writes for code in codes))
    for name in group.buffers:
        if name in reads:
            writer.line(f"scalar {name} = {array_name(name)}[{ENTRY}];")
        elif name in writes:
            writer.line(f"scalar {name};")


def write_stores(writer: CodeWriter, group: NeuronGroup, code: Code) -> None:
    """Writes stores of the buffers that code assigns."""
    for name in group.buffers:
        if name in code.writes:
            writer.line(f"{array_name(name)}[{ENTRY}] = {name};")


def write_with_buffers(writer: CodeWriter, group: NeuronGroup, code: Code) -> None:
    """Writes code between the loads and stores of its buffers."""
    write_loads(writer, group, code)
    writer.lines(code.lines)
    write_stores(writer, group, code)
