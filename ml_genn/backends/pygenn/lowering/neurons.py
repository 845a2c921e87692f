"""Neuron groups: one time step as GeNN's code, forwards and, in training, back."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass, field

from ml_genn.backends.pygenn.backward import buffers, roles
from ml_genn.backends.pygenn.backward.neurons import SCALE, Reverse
from ml_genn.backends.pygenn.lowering.genn_code import genn_code, genn_expression
from ml_genn.backends.pygenn.lowering.records import Array, Neurons, Variable
from ml_genn.backends.pygenn.lowering.values import changing, constants, state
from ml_genn.backends.pygenn.online.neurons import REMEMBER, Online, online, recent
from ml_genn.codegen.writer import CodeWriter
from ml_genn.model.plan import NeuronGroup, Plan, Values

RASTER, FRAMES = "raster_", "frames_"
WORD = 32  #: input spikes in one number of the raster
_WORDS = re.compile(r"[A-Za-z_]\w*")

#: Names that code may read: {name: C}, each from those above it.
_PROVIDED = {
    "step": "const scalar step = (scalar)at_;",
    "cell_": "const int cell_ = (at_ * num_batch + batch) * num_neurons + id;",
    "at_": ("const int at_ = now_ < num_steps ? now_ : 2 * (int)num_steps - 1 - now_;"),
    "now_": "const int now_ = (int)rint(t / dt);",
}
_RUN_ONLY = {"at_": "const int at_ = now_;"}
_SET_LATER = ("num_steps", SCALE)  #: {dynamic parameters that code may read}


def lower_neurons(plan: Plan, values: Values, group: NeuronGroup) -> Neurons:
    """The neuron population of a group."""
    where = f"Population '{group.name}'"
    if group.events:
        return _from_data(plan, group, where)
    learning: Online | Reverse = Reverse(plan, group)
    if plan.online:
        learning = online(plan, values, group)
        group = learning.group
    shared, own = constants(group, values)
    readout = tuple(
        Variable(name, value=value)
        for name, value in (group.readout.variables if group.readout else ())
    )
    kept = state(group, values)
    found = _Parts([*kept, *readout, *own])
    writer = CodeWriter()
    if group.threshold is not None:
        writer.line("bool fired_ = false;")
    with learning.around(writer):
        _forward(writer, plan, values, learning, found)
    found.variables += learning.variables()
    found.arrays += learning.arrays()
    lines = str(writer).splitlines()
    lines, dynamic = _headed(plan, lines)
    return Neurons(
        name=group.name,
        size=group.size,
        code=genn_code(lines, where),
        threshold=None if group.threshold is None else "fired_",
        parameters={**shared, **learning.parameters, **dict.fromkeys(dynamic, 1.0)},
        dynamic=(*dynamic, *sorted(changing(group) & set(shared))),
        variables=tuple(found.variables),
        arrays=tuple(found.arrays),
        inputs=(*_inputs(plan, group), *learning.inputs),
        start=(*kept, *learning.start()),
        readout=readout,
        result=genn_expression(group.readout.result, where) if group.readout else None,
        recorded=group.threshold is not None,
    )


@dataclass(slots=True, eq=False)
class _Parts:
    """What a population has, collected while its code is written."""

    variables: list[Variable]
    arrays: list[Array] = field(default_factory=list)


def _headed(plan: Plan, lines: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Lines with the names that they read declared; dynamic parameters among those."""
    head: list[str] = []
    words = set(_WORDS.findall("\n".join(lines)))
    for name, given in _PROVIDED.items():
        if name in words:
            back = plan.trains and not plan.online
            line = given if back else _RUN_ONLY.get(name, given)
            words |= set(_WORDS.findall(line))
            head.insert(0, line)
    return [*head, *lines], tuple(name for name in _SET_LATER if name in words)


def _inputs(plan: Plan, group: NeuronGroup) -> tuple[str, ...]:
    ports = {s.port for s in plan.incoming(group.name) if s.delivers}
    return tuple(arrives(port) for port in sorted(ports))


def arrives(port: int) -> str:
    """The input that spikes into a port add to."""
    return f"arrives{port}_"


def _forward(
    writer: CodeWriter,
    plan: Plan,
    values: Values,
    learning: Online | Reverse,
    found: _Parts,
) -> None:
    """One step: what arrived, the step, the readout, the threshold, the reset."""
    group = learning.group
    ports = {s.port for s in plan.incoming(group.name) if s.delivers}
    for port in sorted(ports):
        writer.line(f"{group.ports[port].variable} += {arrives(port)};")
    with writer.block(_acts(values, group)) if group.window else nullcontext():
        _acting(writer, values, learning, found)


def _acts(values: Values, group: NeuronGroup) -> str:
    """C for whether a group that acts in some steps only acts in this one."""
    first, last = values.windows[group.name]
    return f"if (at_ >= {first} && at_ < {last})"


def _acting(
    writer: CodeWriter, values: Values, learning: Online | Reverse, found: _Parts
) -> None:
    group = learning.group
    if group.data:
        _show_frame(writer, values, group, found)
    buffers.run(writer, group, group.step)
    if group.readout:
        if "output" in group.readout.update.reads:
            writer.line(f"const scalar output = {group.output};")
        writer.lines(group.readout.update.lines)
    learning.keep_output(writer)
    if group.threshold is not None:
        writer.line(f"fired_ = {group.threshold};")
    learning.keep_active(writer)
    if group.threshold is not None:
        with writer.block("if (fired_)"):
            learning.count_spike(writer)
            with writer.block(""):
                buffers.run(writer, group, group.reset)
            if group.readout:
                writer.lines(group.readout.on_spike.lines)


def _show_frame(
    writer: CodeWriter, values: Values, group: NeuronGroup, found: _Parts
) -> None:
    """The numbers of the frame that is shown in this step; the last one stays."""
    count, steps = values.frames[group.name]
    size = group.size
    found.arrays.append(Array(FRAMES, "scalar", lambda _, batch: batch * count * size))
    writer.line(f"const int frame_ = min(now_ / {steps}, {count - 1});")
    at = f"(batch * {count} + frame_) * num_neurons + id"
    writer.line(f"{group.ports[0].variable} = {FRAMES}[{at}];")


def _from_data(plan: Plan, group: NeuronGroup, where: str) -> Neurons:
    """A population whose spikes are bits by step, read forwards and then backwards."""
    words = (group.size + WORD - 1) // WORD
    bit = (
        f"({RASTER}[(row_ * num_batch + batch) * {words} + id / {WORD}] "
        f"& (1U << (id % {WORD}))) != 0"
    )
    lines = ["const int row_ = now_;", f"const bool fired_ = {bit};"]
    variables = recent(plan, group)
    if plan.online:
        lines[1] = f"const bool fired_ = now_ < num_steps && {bit};"
        lines += [REMEMBER] if variables else []
    elif plan.trains:
        lines = [
            "const int row_ = now_ < num_steps ? now_ : at_ - 1;",
            "bool bit_ = false;",
            f"if (row_ >= 0) {{ bit_ = {bit}; }}",
            "const bool fired_ = now_ < num_steps && bit_;",
        ]
        if roles.trained_outgoing(plan, group):
            mark = f"now_ >= num_steps && bit_ ? {roles.SPIKED} : 0"
            lines.append(f"{roles.MARK} = {mark};")
            variables.append(Variable(roles.MARK, "uint8_t", 0))
    lines, dynamic = _headed(plan, lines)
    return Neurons(
        name=group.name,
        size=group.size,
        code=genn_code(lines, where),
        threshold="fired_",
        parameters=dict.fromkeys(dynamic, 1.0),
        dynamic=dynamic,
        variables=tuple(variables),
        arrays=(Array(RASTER, "uint32_t", lambda steps, batch: steps * batch * words),),
        inputs=_inputs(plan, group),
        recorded=True,
    )
