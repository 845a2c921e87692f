"""Values of a plan as the engines read them: padded and in single precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.backends.host.arrays.padding import (
    aligned,
    padded_list,
    padded_matrix,
    padded_row,
)
from ml_genn.codegen.layout import Layout, padded
from ml_genn.codegen.layout.ports import into_port
from ml_genn.model.equations.expression import evaluate, names
from ml_genn.model.plan import Constant, Delay, PlanValues


@dataclass(frozen=True, slots=True, eq=False)
class HostArrays:
    """Values of a plan in arrays, by the indices of a layout.

    Args:
        scalars: constants of neuron groups; see `Layout.scalars`.
        arrays: constants of neurons, delays, weights and learned parameters; see
            `Layout.arrays`.
        integers: constant delays, lengths and offsets of delay rings; see
            `Layout.integers`.
        initial_state: state block at the start of an example.
        loss_scalars: two numbers per output (factor of its loss, weight of its
            first-spike term), then three per regulariser (strength below and above the
            target rate, target).
    """

    scalars: np.ndarray
    arrays: list[np.ndarray]
    integers: np.ndarray
    initial_state: np.ndarray
    loss_scalars: np.ndarray


def host_arrays(layout: Layout, values: PlanValues) -> HostArrays:
    """Returns the values of a plan in arrays."""
    integers, floats = _integers(layout, values)
    return HostArrays(
        scalars=_scalars(layout, values),
        arrays=[_array(layout, values, *key) for key in layout.arrays],
        integers=integers,
        initial_state=_initial_state(layout, values, floats),
        loss_scalars=_loss_scalars(layout, values),
    )


def _constant(values: PlanValues, group: str, constant: Constant) -> np.ndarray:
    parameters = {**values.parameters.get(group, {}), "dt": values.dt}
    return evaluate(constant.expression, parameters)


def _scalars(layout: Layout, values: PlanValues) -> np.ndarray:
    result = np.zeros(len(layout.scalars) + 1, dtype=np.float32)
    for (group, name), index in layout.scalars.items():
        result[index] = _constant(values, group, layout.constant(group, name))
    return result


def _array(
    layout: Layout, values: PlanValues, kind: str, owner: str, name: str
) -> np.ndarray:
    if kind == "constant":
        size = layout.plan.neuron(owner).size
        row = _constant(values, owner, layout.constant(owner, name))
        result = aligned((padded(size),))
        result[:] = padded_row(row, size)
        return result
    if kind == "parameter":
        return _parameter(layout, values, owner, name)
    return _synapse_array(layout, values, kind, owner)


def _synapse_array(
    layout: Layout, values: PlanValues, kind: str, owner: str
) -> np.ndarray:
    synapses = layout.plan.synapse(owner)
    if kind in PER_SYNAPSE:
        per_synapse, dtype = _per_synapse(values, kind, owner)
        stored = synapses.format.to_storage(per_synapse)
        pad = padded_matrix if stored.ndim > 1 else padded_list
        return pad(stored, dtype)
    pairs = values.indices.get(owner)
    num_sources = layout.plan.neuron(synapses.source).size
    indices = synapses.format.index_array(kind, pairs, num_sources)
    types = {**_INDEX_TYPES, "id_type": layout.id_type}
    return padded_list(indices, types[synapses.format.index_arrays[kind]])


#: Kinds of arrays with one value per synapse, or per weight of a shared kernel.
PER_SYNAPSE = ("weight", "delay", "delay_steps")
#: {type of an array of indices in C: type in NumPy}.
_INDEX_TYPES: dict[str, type] = {"int32_t": np.int32, "int64_t": np.int64}


def _per_synapse(values: PlanValues, kind: str, owner: str) -> tuple[np.ndarray, type]:
    """Returns such an array in the shape that users see, and its type in an engine."""
    if kind == "weight":
        return values.weights[owner], np.float32
    delays = values.delays[owner]
    if kind == "delay":
        return delays, np.float32
    return np.floor(delays + 0.5), np.int32


def _parameter(layout: Layout, values: PlanValues, group: str, name: str) -> np.ndarray:
    """Returns a learned parameter: one value per neuron, or one shared value."""
    neurons = layout.plan.neuron(group)
    shared = neurons.learned_parameter(name).shared
    result = aligned((padded(1 if shared else neurons.size),))
    value = np.asarray(values.parameters[group][name])
    result[:] = value if value.ndim == 0 else padded_row(value, value.size)
    return result


def update_constants(layout: Layout, values: PlanValues, arrays: HostArrays) -> None:
    """Evaluates again the constants that depend on learned parameters.

    Args:
        layout: indices of the constants.
        values: the plan's values, with the current parameters.
        arrays: arrays to be updated.
    """
    for group in layout.plan.neurons:
        learned = {p.name for p in group.learned}
        for constant in group.constants:
            if not names(constant.expression) & learned:
                continue
            value = _constant(values, group.name, constant)
            if constant.per_neuron:
                index = layout.arrays["constant", group.name, constant.name]
                arrays.arrays[index][:] = padded_row(value, group.size)
            else:
                arrays.scalars[layout.scalars[group.name, constant.name]] = value


#: Fields of integers that are pairs of numbers: {kind: names of both}.
_FRAMES, _WINDOW = ("count", "steps"), ("first", "last")


def _integers(layout: Layout, values: PlanValues) -> tuple[np.ndarray, int]:
    """Returns `HostArrays.integers` and the floats of a state block.

    Delay rings follow the rows of the block, in the order of `Layout.integers`.
    """
    integers = np.zeros(len(layout.integers) + 1, dtype=np.int64)
    end = layout.block_size
    for (kind, owner, name), index in layout.integers.items():
        if kind == "delay":
            integers[index] = int(values.delays[owner])
        elif kind == "frames":
            integers[index] = values.frames[owner][_FRAMES.index(name)]
        elif kind == "window":
            integers[index] = values.windows[owner][_WINDOW.index(name)]
        else:
            length, neurons = _ring_shape(layout, values, kind, owner, name)
            integers[index] = length if name.endswith("length") else end
            if not name.endswith("length"):
                end += length * padded(neurons)
    return integers, end


def _ring_shape(
    layout: Layout, values: PlanValues, kind: str, owner: str, name: str
) -> tuple[int, int]:
    """Returns the rows of a ring buffer and the neurons of a row."""
    if kind == "delay_ring":
        target = layout.plan.synapse(owner).target
        return values.max_delays[owner] + 1, layout.plan.neuron(target).size
    synapses = into_port(layout.plan, owner, int(name.split(".")[0]))
    margin = 1 + any(s.learn_delay for s in synapses)
    longest = max(values.max_delays.get(s.name, 0) for s in synapses)
    return margin + longest, layout.plan.neuron(owner).size


def delay_rings(layout: Layout, values: PlanValues, integers: np.ndarray) -> np.ndarray:
    """Returns (offset, length, floats of a row) of the rings of delayed input.

    Args:
        layout: indices.
        values: longest delays.
        integers: `HostArrays.integers`.
    """
    rings = []
    for s in layout.plan.synapses:
        if s.delay is Delay.PER_SYNAPSE:
            offset = integers[layout.integers["delay_ring", s.name, "offset"]]
            row = padded(layout.plan.neuron(s.target).size)
            rings.append((offset, values.max_delays[s.name] + 1, row))
    return np.asarray(rings, dtype=np.int64).reshape(-1, 3)


def _initial_state(layout: Layout, values: PlanValues, floats: int) -> np.ndarray:
    """Returns the state block at the start of an example.

    Args:
        layout: rows of the block.
        values: initial values; zero where there is none.
        floats: size of the block.
    """
    block = aligned((floats,))
    for group in layout.plan.neurons:
        initial = values.initial.get(group.name, {})
        rows = {v.name: (initial.get(v.name, 0.0), v.type) for v in group.variables}
        if group.readout:
            rows |= {n: (value, "float") for n, value in group.readout.variables}
        for name, (value, type_name) in rows.items():
            row = layout.rows[group.name, name]
            part = block[row.offset : row.offset + padded(row.size)]
            memory = part if type_name == "float" else part.view(np.int32)
            memory[:] = padded_row(np.asarray(value), row.size)
    return block


def _loss_scalars(layout: Layout, values: PlanValues) -> np.ndarray:
    result: list[float] = []
    for group in layout.outputs:
        result += values.loss_scalars.get(group.name, (1.0, 0.0))
    for group in layout.regularised:
        result += values.rate_regularisation[group.name]
    return np.asarray([*result, 0.0], dtype=np.float32)
