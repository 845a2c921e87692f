"""Code of one neuron inside a loop: what it loads, its lines, what it stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ml_genn.codegen.layout import Layout, history_names, padded
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import Code, NeuronGroup

#: What functions of a group are given.
ARGUMENTS = "const Call &c_, Slot &s_, int64_t b_, int64_t t_"
#: Names that every body may read, and the C that gives them.
PROVIDED = {
    "dt": ("float", "c_.dt"),
    "t": ("float", "c_.dt * t_"),
    "step": ("float", "float(t_)"),
    "num_steps": ("float", "float(c_.num_steps)"),
    "id": ("int", "j_"),
    "batch": ("int", "int(b_)"),
    "num_batch": ("int", "int(c_.batch)"),
}

#: Types that are stored as another one of four bytes.
STORED = {"bool": "int32_t"}


def words(text: str) -> list[str]:
    """Names and numbers in a piece of C."""
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


@dataclass(frozen=True, slots=True)
class Body:
    """Several pieces of code that run one after the other for neuron ``j_``.

    Args:
        layout, group: where its numbers live.
        codes: the pieces.
        past: state variables that are read from the history of the step.
    """

    layout: Layout
    group: NeuronGroup
    codes: tuple[Code, ...]
    past: tuple[str, ...] = ()

    @property
    def reads(self) -> frozenset[str]:
        """Names read by any of the pieces."""
        return frozenset().union(*(code.reads for code in self.codes))

    @property
    def writes(self) -> frozenset[str]:
        """Names written by any of the pieces."""
        return frozenset().union(*(code.writes for code in self.codes))

    @property
    def pair(self) -> tuple[str, ...]:
        """The group's adjoints, where they lie side by side and are used."""
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

    def variables(self) -> list[str]:
        """State that is loaded."""
        used = self.reads | self.writes | set(self.pair)
        return [name for name in self._types() if name in used]

    def pointers(self, writer: CodeWriter) -> None:
        """Declares the rows and constants that the body uses."""
        now = [name for name in self.variables() if name not in self.past]
        rows(writer, self.layout, self.group, now)
        if self.pair:
            propagator = lazy_propagator(self.layout, self.group)
            writer.line(f"const mlg::LazyPropagator propagator_ = {propagator};")
        self.constants(writer)

    def constants(self, writer: CodeWriter) -> None:
        """Declares what the body reads and does not change: the past, constants."""
        history_rows(writer, self.layout, self.group, self.past)
        size = self.group.size
        for constant in self.group.constants:
            if constant.name not in self.reads or constant.name in PROVIDED:
                continue
            if constant.per_neuron:
                index = self.layout.arrays["constant", self.group.name, constant.name]
                writer.line(
                    f"const float *__restrict {constant.name}_p_ = "
                    f"c_.arrays[{index}];  // [{size}]"
                )
            else:
                index = self.layout.scalars[self.group.name, constant.name]
                writer.line(f"const float {constant.name} = c_.scalars[{index}];")
        if "num_neurons" in self.reads:
            writer.line(f"const int num_neurons = {size};")
        for name, (kind, value) in PROVIDED.items():
            if name in self.reads and "j_" not in value:
                writer.line(f"const {kind} {name} = {value};")

    def load(self, writer: CodeWriter) -> None:
        """Loads what neuron ``j_`` needs."""
        types = self._types()
        for name in self.variables():
            where = "past" if name in self.past else "p"
            writer.line(f"{types[name]} {name} = {name}_{where}_[j_];")
        self._convert(writer, "current")
        for constant in self.group.constants:
            if constant.per_neuron and constant.name in self.reads:
                writer.line(f"const float {constant.name} = {constant.name}_p_[j_];")
        if "id" in self.reads:
            writer.line("const int id = j_;")

    def store(self, writer: CodeWriter) -> None:
        """Stores what the body wrote."""
        written = self.writes | set(self.pair)
        self._convert(writer, "to_stored")
        for name in self.variables():
            if name in written:
                writer.line(f"{name}_p_[j_] = {name};")

    def _convert(self, writer: CodeWriter, method: str) -> None:
        """What is stored of a pair of adjoints becomes what they are, or back."""
        if self.pair:
            first, second = self.pair
            call = f"propagator_.{method}({first}, {second})"
            writer.line(f"const auto {method}_ = {call};")
            writer.line(f"{first} = {method}_.first, {second} = {method}_.second;")

    def random(self, writer: CodeWriter, first: int) -> None:
        """Declares the neuron's random numbers, if it draws any."""
        if any(code.calls for code in self.codes):
            writer.line(
                f"mlg::Random random_(c_.seed, c_.example + b_, t_, j_, {first});"
            )


def lazy_propagator(layout: Layout, group: NeuronGroup) -> str:
    """C for how a group's pair of adjoints goes on by itself."""
    return f"s_.propagators[{list(layout.interleaved_adjoints).index(group.name)}]"


def history_rows(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, names: Iterable[str]
) -> None:
    """Declares pointers ``<name>_past_`` to what the history holds of step ``t_``."""
    for name in names:
        row = _history_row(layout, group, name)
        writer.line(f"float *__restrict {name}_past_ = {row};")


def _history_row(layout: Layout, group: NeuronGroup, name: str) -> str:
    """C for what the history holds of a name and step ``t_``."""
    kept, index = history_names(group), layout.histories[group.name]
    at = f"t_ % s_.window * {len(kept)} + {kept.index(name)}"
    return f"s_.history[{index}] + ({at}) * {padded(group.size)}"


def rows(
    writer: CodeWriter, layout: Layout, group: NeuronGroup, names: Iterable[str]
) -> None:
    """Declares pointers ``<name>_p_`` to rows of the state block, or of buffers."""
    types = {v.name: v.type for v in group.variables}
    for name in names:
        if name in group.buffers:
            past = _history_row(layout, group, name)
            writer.line(f"float *__restrict {name}_p_ = {past};")
            continue
        kind = types.get(name, "float")
        kind = STORED.get(kind, kind)
        row = layout.rows[group.name, name]
        if row.stride > 1:
            at = f"s_.block + {row.offset}"
            writer.line(f"const mlg::Strided<{row.stride}> {name}_p_{{{at}}};")
            continue
        writer.line(f"{kind} *__restrict {name}_p_ = row_<{kind}>(s_, {row.offset});")
