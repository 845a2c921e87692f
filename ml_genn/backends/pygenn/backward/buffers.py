"""Buffers of a plan: arrays with an entry for each step, example and neuron.

``cell_`` is the entry of the step ``at_``, whichever way time goes.
"""

from __future__ import annotations

from ml_genn.backends.pygenn.lowering.records import Array
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, NeuronGroup


def array_of(name: str) -> str:
    """The array that holds a buffer."""
    return f"{name}buffer_"


def each_step(group: NeuronGroup, name: str, type: str = "scalar") -> Array:
    """An array with an entry for each step, example and neuron."""
    size = group.size
    return Array(name, type, lambda steps, batch: steps * batch * size)


def load(writer: CodeWriter, group: NeuronGroup, *codes: Code) -> None:
    """Declares the buffers that code uses, with the numbers that it reads."""
    reads = frozenset().union(*(code.reads for code in codes))
    writes = frozenset().union(*(code.writes for code in codes))
    for name in group.buffers:
        if name in reads:
            writer.line(f"scalar {name} = {array_of(name)}[cell_];")
        elif name in writes:
            writer.line(f"scalar {name};")


def store(writer: CodeWriter, group: NeuronGroup, code: Code) -> None:
    """Keeps the numbers that code has written to buffers."""
    for name in group.buffers:
        if name in code.writes:
            writer.line(f"{array_of(name)}[cell_] = {name};")


def run(writer: CodeWriter, group: NeuronGroup, code: Code) -> None:
    """Code with its buffers."""
    load(writer, group, code)
    writer.lines(code.lines)
    store(writer, group, code)
