"""Synapse groups: what spikes bring to targets, and events back to sources."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ml_genn.backends.pygenn import roles
from ml_genn.backends.pygenn.neurons import arrives
from ml_genn.backends.pygenn.records import Synapses, Toeplitz, Variable
from ml_genn.errors import UnsupportedError
from ml_genn.model.kernel import Axis, Kernel
from ml_genn.model.plan import Delay, Format, Plan, SynapseGroup, Values

WEIGHT, DELAY = "weight", "delay"
GRADIENT, DELAY_GRADIENT = "gradient", "delay_gradient"
NOWHERE = "Isyn"  #: input of every neuron, which no code of ours reads


def lower_synapses(plan: Plan, values: Values, s: SynapseGroup) -> Synapses:
    """The synapse population of a group."""
    check_supported(plan, s)
    event, source_refs, target_refs = _event(plan, values, s)
    matrix, toeplitz = _matrix(s)
    return Synapses(
        name=s.name,
        source=s.source,
        target=s.target,
        matrix=matrix,
        into=arrives(s.port) if s.delivers else NOWHERE,
        back_into=roles.SENT if s.feed_back else None,
        spike=_spike(values, s),
        event=event,
        event_if=_event_if(plan, s) if event else None,
        variables=tuple(_variables(values, s)),
        source_refs=source_refs,
        target_refs=target_refs,
        indices=indices(values, s) if matrix == "SPARSE" else None,
        toeplitz=toeplitz,
        axonal=0 if dendritic(s) else values.delays.get(s.stored, 0),
        dendritic=values.max_delays[s.stored] if dendritic(s) else None,
    )


def check_supported(plan: Plan, s: SynapseGroup) -> None:
    """Refuses what has no counterpart.

    Raises:
        UnsupportedError: with what to do instead.
    """
    where = f"Connection '{s.name}': backend 'pygenn'"
    instead = "Use backend='cpu'."
    if s.rewired:
        raise UnsupportedError(f"{where} does not rewire (Deep-R). {instead}")
    if s.negates and s.trained:
        raise UnsupportedError(
            f"{where} does not train synapses of inputs with negative spikes. Use "
            f"signed_spikes=False, or backend='cpu'."
        )
    if s.learn_delay and s.kernel is not None:
        raise UnsupportedError(
            f"{where} does not learn delays of shared weights. {instead}"
        )
    if s.learn_delay and roles.surrogate(plan.neuron(s.target)):
        raise UnsupportedError(
            f"{where} learns delays with EventPropCompiler only. {instead}"
        )


def dendritic(s: SynapseGroup) -> bool:
    """Whether spikes wait at their target: each for a time of its own, or such that
    what flows back can be read there."""
    through = s.delay is Delay.CONSTANT and s.trained
    return s.delay is Delay.PER_SYNAPSE or through


def _wait(values: Values, s: SynapseGroup) -> str:
    """C for the delay of a synapse whose spikes wait at the target."""
    return DELAY if s.delay is Delay.PER_SYNAPSE else str(values.delays[s.stored])


def _spike(values: Values, s: SynapseGroup) -> tuple[str, ...]:
    if not s.delivers:
        return ()
    given = f"-{WEIGHT}" if s.negates else WEIGHT
    if dendritic(s):
        return (f"addToPostDelay({given}, {_wait(values, s)});",)
    return (f"addToPost({given});",)


Refs = dict[str, tuple[str, str]]


def _event(
    plan: Plan, values: Values, s: SynapseGroup
) -> tuple[tuple[str, ...], Refs, Refs]:
    """Code at an event that goes back in time, and what it reads of both ends.

    With a delay of d steps it reads what the target asked for d steps before, which
    is when the spike arrived there.
    """
    if not s.trained:
        return (), {}, {}
    target = plan.neuron(s.target)
    at = f"[{_wait(values, s)}]" if dendritic(s) else ""
    slope, back = roles.slope(s.port), roles.back(target, s.port)
    lines: list[str] = []
    refs: Refs = {}
    if s.learn:
        refs[slope] = ("scalar", slope)
        if s.kernel is None or written_for_each(s):
            lines.append(f"{GRADIENT} += {slope}{at};")
        else:
            lines.append(f"atomic_add_{GRADIENT}({slope}{at});")
    if s.reads_back:
        refs[back] = ("scalar", back)
    if s.learn_delay:
        lines.append(f"{DELAY_GRADIENT} += dt * {WEIGHT} * {back}{at};")
    if roles.surrogate(plan.neuron(s.source)) and s.feed_back:
        lines = [f"if ((mark_ & {roles.SPIKED}) != 0) {{ {x} }}" for x in lines]
    if s.feed_back:
        lines.append(f"addToPre({WEIGHT} * {back}{at});")
    return tuple(lines), {"mark_": ("uint8_t", roles.MARK)}, refs


def _event_if(plan: Plan, s: SynapseGroup) -> str:
    """Sources that were active send back; those that spiked learn."""
    wanted = roles.SPIKED | (roles.ACTIVE if s.feed_back else 0)
    return f"(mark_ & {wanted}) != 0"


def _matrix(s: SynapseGroup) -> tuple[str, Toeplitz | None]:
    if s.format is Format.DENSE:
        return "DENSE", None
    if s.kernel is not None and not written_for_each(s):
        return "TOEPLITZ", Toeplitz(_toeplitz(s.kernel))
    return "SPARSE", None


def written_for_each(s: SynapseGroup) -> bool:
    """Whether weights that synapses share are written out for each of them."""
    return s.kernel is not None and not _in_toeplitz(s.kernel)


def _in_toeplitz(kernel: Kernel) -> bool:
    """Whether GeNN's convolution without stride describes a kernel."""
    return not kernel.channelwise and all(
        not axis.transposed
        and (axis.stride, axis.pool, axis.pool_stride) == (1, 1, 1)
        and _border(axis) == axis.size - 1 - axis.before
        for axis in (kernel.rows, kernel.columns)
    )


def _border(axis: Axis) -> int:
    """What GeNN takes for the border of an image."""
    return (axis.source + axis.size - 1 - axis.target) // 2


def _toeplitz(kernel: Kernel) -> dict[str, int]:
    rows, columns = kernel.rows, kernel.columns
    return {
        "conv_kh": rows.size,
        "conv_kw": columns.size,
        "conv_ih": rows.source,
        "conv_iw": columns.source,
        "conv_ic": kernel.channels,
        "conv_oh": rows.target,
        "conv_ow": columns.target,
        "conv_oc": kernel.depth,
    }


def _variables(values: Values, s: SynapseGroup) -> list[Variable]:
    """Variables of each synapse; numbers that custom updates write are writable."""
    access = "READ_WRITE" if s.learn else "READ_ONLY"
    weights = written_out(s, values.weights[s.stored])
    found = [Variable(WEIGHT, value=weights, access=access)]
    if s.delay is Delay.PER_SYNAPSE:
        access = "READ_WRITE" if s.learn_delay else "READ_ONLY"
        steps = whole_steps(s, values.delays[s.stored])
        found.append(Variable(DELAY, "uint16_t", steps, access))
    if s.learn:
        found.append(Variable(GRADIENT))
    if s.learn_delay:
        found.append(Variable(DELAY_GRADIENT))
    return found


def whole_steps(s: SynapseGroup, delays: np.ndarray) -> np.ndarray:
    """Delays as spikes take them, one after the other."""
    steps = np.floor(np.asarray(delays) + 0.5).astype(np.uint16)
    return _stored(s, steps)


def written_out(s: SynapseGroup, weights: np.ndarray) -> np.ndarray:
    """Weights as they are stored, one after the other."""
    return _stored(s, np.asarray(weights, dtype=np.float32))


def _stored(s: SynapseGroup, numbers: np.ndarray) -> np.ndarray:
    flat = numbers.reshape(-1)
    return np.asarray(flat[_places(s)]) if written_for_each(s) else flat


def read_back(s: SynapseGroup, stored: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What is stored, shaped as users know it: undoes `written_out`.

    Args:
        known: of that shape, with what no synapse uses.
    """
    if not written_for_each(s):
        return stored.reshape(known.shape)
    found = np.array(known, dtype=stored.dtype).reshape(-1)
    found[_places(s)] = stored
    return found.reshape(known.shape)


def summed(s: SynapseGroup, stored: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A gradient by each synapse's weight as that by the weights that they share."""
    if not written_for_each(s):
        return stored.reshape(shape)
    count = int(np.prod(shape))
    total = np.bincount(_places(s), stored, minlength=count)
    return np.asarray(total, dtype=stored.dtype).reshape(shape)


def _places(s: SynapseGroup) -> np.ndarray:
    """Which of the user's weights, flat, each synapse has."""
    if s.kernel is None:
        raise ValueError(f"the synapses of '{s.name}' share no weights")
    return _patches(s.kernel)[2]


def indices(values: Values, s: SynapseGroup) -> tuple[np.ndarray, np.ndarray]:
    """Source and target of each synapse that is listed, sorted."""
    if s.kernel is None:
        return values.indices[s.stored]
    return _patches(s.kernel)[:2]


@lru_cache(maxsize=64)
def _patches(kernel: Kernel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(source, target, place among the user's weights, flat) of each synapse."""
    reach = [axis.reach() for axis in (kernel.rows, kernel.columns)]
    stored = kernel.order().reshape(
        kernel.channels, kernel.rows.size, kernel.columns.size, kernel.filters
    )
    _, width, depth = kernel.target_shape
    found = []
    for row, (row_to, row_weight, rows) in enumerate(reach[0]):
        for column, (column_to, column_weight, columns) in enumerate(reach[1]):
            r, c, channel, f = np.meshgrid(
                np.arange(rows),
                np.arange(columns),
                np.arange(kernel.channels),
                np.arange(kernel.filters),
                indexing="ij",
            )
            pixel = row * kernel.columns.source + column
            own = channel * kernel.filters if kernel.channelwise else 0
            target = ((row_to + r) * width + column_to + c) * depth + own + f
            place = stored[channel, row_weight + r, column_weight + c, f]
            source = pixel * kernel.channels + channel
            found.append(np.stack([source, target, place]).reshape(3, -1))
    source, target, place = np.concatenate(found, axis=1)
    order = np.lexsort((target, source))
    return source[order], target[order], place[order]
