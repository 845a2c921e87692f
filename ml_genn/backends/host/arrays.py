"""A plan's numbers in the engine's form: padded and in single precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.backends.host.csr import row_starts
from ml_genn.codegen.layout import ROW_ALIGNMENT, Layout, padded
from ml_genn.codegen.layout.ports import into_port
from ml_genn.model.equations.expression import evaluate, names
from ml_genn.model.plan import Constant, Delay, Format, Values
from ml_genn.model.plan.kernel import Kernel


def aligned(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """Zeros that start at a multiple of 64 bytes."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def padded_row(values: np.ndarray, size: int) -> np.ndarray:
    """A row with its last value repeated up to whole vectors.

    What is padded runs as a copy of the last neuron without input, so it stays finite.
    """
    return np.pad(
        np.broadcast_to(values, (size,)), (0, padded(size) - size), mode="edge"
    )


def padded_matrix(values: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """A matrix with rows padded by zeros."""
    result = aligned((values.shape[0], padded(values.shape[1])), dtype)
    result[:, : values.shape[1]] = values
    return result


def padded_list(values: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """A list with zeros behind it: a vector from each of its numbers on lies within."""
    result = aligned((padded(values.size) + ROW_ALIGNMENT,), dtype)
    result[: values.size] = values
    return result


@dataclass(frozen=True, slots=True, eq=False)
class HostArrays:
    """Arrays that the engine is given.

    Args:
        scalars: constants of groups.
        arrays: by index of `Layout.arrays`.
        integers: by index of `Layout.integers`.
        initial_state: state block at the start of an example.
        loss_scalars: numbers of losses and regularisers.
    """

    scalars: np.ndarray
    arrays: list[np.ndarray]
    integers: np.ndarray
    initial_state: np.ndarray
    loss_scalars: np.ndarray


def host_arrays(layout: Layout, values: Values) -> HostArrays:
    """The numbers of a plan in the engine's form."""
    integers, floats = _integers(layout, values)
    return HostArrays(
        scalars=_scalars(layout, values),
        arrays=[_array(layout, values, *key) for key in layout.arrays],
        integers=integers,
        initial_state=_initial(layout, values, floats),
        loss_scalars=_loss_scalars(layout, values),
    )


def _constant(values: Values, group: str, constant: Constant) -> np.ndarray:
    known = {**values.parameters.get(group, {}), "dt": values.dt}
    return evaluate(constant.expression, known)


def _scalars(layout: Layout, values: Values) -> np.ndarray:
    result = np.zeros(len(layout.scalars) + 1, dtype=np.float32)
    for (group, name), index in layout.scalars.items():
        result[index] = _constant(values, group, layout.constant(group, name))
    return result


def _array(
    layout: Layout, values: Values, kind: str, owner: str, name: str
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


def _synapse_array(layout: Layout, values: Values, kind: str, owner: str) -> np.ndarray:
    synapses = layout.plan.synapse(owner)
    if synapses.kernel is not None:
        return _kernel_array(synapses.kernel, values, kind, owner)
    padded_up = padded_list if synapses.format is Format.SPARSE else padded_matrix
    if kind in PER_SYNAPSE:
        return padded_up(*_per_synapse(values, kind, owner))
    source, target = values.indices[owner]
    if kind == "target":
        return padded_list(target, layout.id_type)
    starts = row_starts(source, layout.plan.neuron(synapses.source).size)
    return padded_list(starts, np.int64)


#: Arrays with a number for each synapse, or for each weight that synapses share.
PER_SYNAPSE = ("weight", "delay", "delay_steps")


def _per_synapse(values: Values, kind: str, owner: str) -> tuple[np.ndarray, type]:
    """Such an array as users know it, and its type in the engine."""
    if kind == "weight":
        return values.weights[owner], np.float32
    delays = values.delays[owner]
    if kind == "delay":
        return delays, np.float32
    return np.floor(delays + 0.5), np.int32


def _kernel_array(kernel: Kernel, values: Values, kind: str, owner: str) -> np.ndarray:
    if kind in PER_SYNAPSE:
        given, dtype = _per_synapse(values, kind, owner)
        return padded_list(given.reshape(-1)[kernel.order()], dtype)
    axis = {"patch_rows": kernel.rows, "patch_columns": kernel.columns}[kind]
    return padded_list(axis.reach().reshape(-1), np.int32)


def _parameter(layout: Layout, values: Values, group: str, name: str) -> np.ndarray:
    """Values of a learned parameter: one for each neuron, or one for all."""
    neurons = layout.plan.neuron(group)
    shared = neurons.learned_parameter(name).shared
    result = aligned((padded(1 if shared else neurons.size),))
    value = np.asarray(values.parameters[group][name])
    result[:] = value if value.ndim == 0 else padded_row(value, value.size)
    return result


def refresh(layout: Layout, values: Values, found: HostArrays) -> None:
    """Evaluates the constants anew that depend on learned parameters."""
    for group in layout.plan.neurons:
        names_learned = {p.name for p in group.learned}
        for constant in group.constants:
            if not names(constant.expression) & names_learned:
                continue
            value = _constant(values, group.name, constant)
            if constant.per_neuron:
                index = layout.arrays["constant", group.name, constant.name]
                found.arrays[index][:] = padded_row(value, group.size)
            else:
                found.scalars[layout.scalars[group.name, constant.name]] = value


def _integers(layout: Layout, values: Values) -> tuple[np.ndarray, int]:
    """Delays, and where rings lie behind the rows; with the floats of a block."""
    result = np.zeros(len(layout.integers) + 1, dtype=np.int64)
    end = layout.block_size
    for (kind, owner, name), index in layout.integers.items():
        if kind == "delay":
            result[index] = int(values.delays[owner])
            continue
        if kind == "frames":
            result[index] = values.frames[owner][("count", "steps").index(name)]
            continue
        if kind == "window":
            result[index] = values.windows[owner][("first", "last").index(name)]
            continue
        if kind == "delay_ring":
            length = values.max_delays[owner] + 1
            target = layout.plan.neuron(layout.plan.synapse(owner).target)
        else:
            port = int(name.split(".")[0])
            into = into_port(layout.plan, owner, port)
            beyond = 1 + any(s.learn_delay for s in into)
            length = beyond + max(values.max_delays.get(s.name, 0) for s in into)
            target = layout.plan.neuron(owner)
        if name.endswith("length"):
            result[index] = length
        else:
            result[index] = end
            end += length * padded(target.size)
    return result, end


def delay_rings(layout: Layout, values: Values, integers: np.ndarray) -> np.ndarray:
    """(offset, length, row) of the rings of synapses with delays of their own."""
    found = []
    for s in layout.plan.synapses:
        if s.delay is Delay.PER_SYNAPSE:
            offset = integers[layout.integers["delay_ring", s.name, "offset"]]
            row = padded(layout.plan.neuron(s.target).size)
            found.append((offset, values.max_delays[s.name] + 1, row))
    return np.asarray(found, dtype=np.int64).reshape(-1, 3)


def _initial(layout: Layout, values: Values, floats: int) -> np.ndarray:
    block = aligned((floats,))
    for group in layout.plan.neurons:
        given = values.initial.get(group.name, {})
        rows = {v.name: (given.get(v.name, 0.0), v.type) for v in group.variables}
        if group.readout:
            rows |= {n: (value, "float") for n, value in group.readout.variables}
        for name, (value, kind) in rows.items():
            row = layout.rows[group.name, name]
            stretch = block[row.offset : row.offset + padded(row.size)]
            filled = padded_row(np.asarray(value), row.size)
            if kind == "float":
                stretch[:] = filled
            else:
                stretch.view(np.int32)[:] = filled
    return block


def _loss_scalars(layout: Layout, values: Values) -> np.ndarray:
    result: list[float] = []
    for group in layout.outputs:
        result += values.loss.get("outputs", {}).get(group.name, (1.0, 0.0))
    for group in layout.regularised:
        result += values.loss["regularised"][group.name]
    return np.asarray([*result, 0.0], dtype=np.float32)
