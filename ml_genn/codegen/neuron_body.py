"""Code of one neuron inside a loop: loads, statements, stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml_genn.codegen.layout import Layout, history_names
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.code_strings import LOOP_CONTINUES
from ml_genn.model.plan import Code, NeuronGroup

#: {name that all code may read: (C type, C expression)}.
PROVIDED = {
    "dt": ("float", "call_.dt"),
    "t": ("float", "call_.dt * t_"),
    "step": ("float", "float(t_)"),
    "num_steps": ("float", "float(call_.num_steps)"),
    "id": ("int", "j_"),
    "batch": ("int", "int(example_)"),
    "num_batch": ("int", "int(call_.batch)"),
}

#: {type of a state variable: type of four bytes that it is stored as}.
STORED_TYPES = {"bool": "int32_t"}


def identifiers_in(text: str) -> list[str]:
    """Identifiers and numbers in C code."""
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


@dataclass(frozen=True, slots=True)
class NeuronBody:
    """Blocks of code that run one after the other for neuron ``j_``.

    Args:
        layout: where numbers are stored.
        group: the neuron's group.
        codes: the blocks.
        past: state variables that are read from the history of the step.
    """

    layout: Layout
    group: NeuronGroup
    codes: tuple[Code, ...]
    past: tuple[str, ...] = ()

    @property
    def reads(self) -> frozenset[str]:
        """Names that the code blocks read."""
        return frozenset().union(*(code.reads for code in self.codes))

    @property
    def writes(self) -> frozenset[str]:
        """Names that the code blocks write."""
        return frozenset().union(*(code.writes for code in self.codes))

    @property
    def interleaved(self) -> tuple[str, ...]:
        """The group's two adjoints if they are interleaved and the blocks use them."""
        pair = self.layout.interleaved_adjoints.get(self.group.name, ())
        return pair if (self.reads | self.writes) & set(pair) else ()

    def _types(self) -> Mapping[str, str]:
        types = {v.name: v.type for v in self.group.variables}
        types |= dict.fromkeys(self.group.buffers, "float")
        if self.group.readout:
            types |= {name: "float" for name, _ in self.group.readout.variables}
        if self.group.adjoint:
            types |= dict.fromkeys(self.group.adjoint.variables, "float")
        return types

    def loaded(self) -> list[str]:
        """State variables that are loaded."""
        used = self.reads | self.writes | set(self.interleaved)
        return [name for name in self._types() if name in used]

    def declare(self, writer: CodeWriter) -> None:
        """Emits declarations of the rows and constants that the code blocks use, before
        the loop."""
        rows = [name for name in self.loaded() if name not in self.past]
        declare_rows(writer, self.layout, self.group, rows)
        if self.interleaved:
            propagator = lazy_propagator(self.layout, self.group)
            writer.line(f"const mlg::LazyPropagator propagator_ = {propagator};")
        self.declare_constants(writer)

    def declare_constants(self, writer: CodeWriter) -> None:
        """Emits declarations of what the code blocks only read: history rows,
        constants, time."""
        declare_history_rows(writer, self.layout, self.group, self.past)
        name_of, group = self.layout.names, self.group.name
        for constant in self.group.constants:
            if constant.name not in self.reads or constant.name in PROVIDED:
                continue
            if constant.per_neuron:
                index = name_of.array("constant", group, constant.name)
                writer.line(
                    f"const float *__restrict {constant.name}_p_ = "
                    f"call_.arrays[{index}];"
                )
            else:
                index = name_of.scalar(group, constant.name)
                writer.line(f"const float {constant.name} = call_.scalars[{index}];")
        if "num_neurons" in self.reads:
            writer.line(f"const int num_neurons = {name_of.size(group)};")
        for name, (kind, value) in PROVIDED.items():
            if name in self.reads and "j_" not in value:
                writer.line(f"const {kind} {name} = {value};")

    def load(self, writer: CodeWriter) -> None:
        """Emits code that loads the variables of neuron ``j_``."""
        types = self._types()
        for name in self.loaded():
            pointer = f"{name}_past_" if name in self.past else f"{name}_p_"
            writer.line(f"{types[name]} {name} = {pointer}[j_];")
        self._convert(writer, "current")
        for constant in self.group.constants:
            if constant.per_neuron and constant.name in self.reads:
                writer.line(f"const float {constant.name} = {constant.name}_p_[j_];")
        if "id" in self.reads:
            writer.line("const int id = j_;")

    def store(self, writer: CodeWriter) -> None:
        """Emits code that stores the variables that the code blocks wrote."""
        written = self.writes | set(self.interleaved)
        self._convert(writer, "to_stored")
        for name in self.loaded():
            if name in written:
                writer.line(f"{name}_p_[j_] = {name};")

    def _convert(self, writer: CodeWriter, method: str) -> None:
        """Emits code that converts interleaved adjoints by a method of the propagator:
        from stored to current values, or back."""
        if self.interleaved:
            first, second = self.interleaved
            call = f"propagator_.{method}({first}, {second})"
            writer.line(f"const auto {method}_ = {call};")
            writer.line(f"{first} = {method}_.first, {second} = {method}_.second;")

    def declare_calls(self, writer: CodeWriter, first: str) -> None:
        """Emits declarations of what the code blocks call: the neuron's random numbers,
        and the number of iterations that its loops may run.

        Args:
            first: C for the index of the first number in this step.
        """
        if any(LOOP_CONTINUES in code.calls for code in self.codes):
            writer.line("mlg::LoopBudget loops_(call_.status);")
        if any(code.draws for code in self.codes):
            numbers = "call_.seed, call_.example + example_, t_, j_"
            writer.line(f"mlg::Random random_({numbers}, {first});")


def lazy_propagator(layout: Layout, group: NeuronGroup) -> str:
    """C for the propagator of a group's interleaved adjoints."""
    return f"slot_.propagators[{layout.names.index(group.name, 'propagator')}]"


def declare_history_rows(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, names: Iterable[str]
) -> None:
    """Emits declarations of pointers ``<name>_past_`` to rows of the history of step
    ``t_``."""
    for name in names:
        row = _history_row(layout, group, name)
        writer.line(f"float *__restrict {name}_past_ = {row};")


def _history_row(layout: Layout, group: NeuronGroup, name: str) -> str:
    name_of, count = layout.names, len(history_names(group))
    history = f"slot_.history[{name_of.index(group.name, 'history')}]"
    at = f"t_ % slot_.window * {count} + {name_of.past(group.name, name)}"
    return f"{history} + ({at}) * {name_of.width(group.name)}"


def declare_rows(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, names: Iterable[str]
) -> None:
    """Emits declarations of pointers ``<name>_p_`` to rows of the state block, or of
    buffers."""
    types = {v.name: v.type for v in group.variables}
    for name in names:
        if name in group.buffers:
            row = _history_row(layout, group, name)
            writer.line(f"float *__restrict {name}_p_ = {row};")
            continue
        kind = types.get(name, "float")
        kind = STORED_TYPES.get(kind, kind)
        offset, stride = (
            layout.names.row(group.name, name),
            layout.rows[group.name, name].stride,
        )
        if stride > 1:
            strided = f"mlg::Strided<{stride}> {name}_p_"
            writer.line(f"const {strided}{{slot_.block + {offset}}};")
            continue
        writer.line(f"{kind} *__restrict {name}_p_ = row_<{kind}>(slot_, {offset});")


def row_pointer(layout: Layout, group: str, name: str) -> str:
    """C for a pointer to a row of the state block."""
    return f"row_<float>(slot_, {layout.names.row(group, name)})"
