"""Cells: coefficients of one time step, common to neurons of ml_genn and of NIR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.neurons import (
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
)
from ml_genn.nir.dialects import Dialect, decay_per_step
from ml_genn.nir.schema import GraphNode
from ml_genn.synapses import Delta, Exponential, Synapse

#: Time constant, in time steps, of nodes without a leak: the decay of a step is below
#: the rounding of 32-bit numbers.
NO_LEAK_STEPS = 1e9
#: Relative difference below which a gain is that of ``scale_i`` of neuron and synapse.
GAIN_TOLERANCE = 1e-9
#: Decimal digits that parameters are rounded to: more than 32-bit numbers have.
DIGITS = 12


@dataclass(frozen=True, eq=False)
class Cell:
    """Neurons and the synapses onto them, as coefficients of one time step.

    With the sum x of the weights of a step's spikes, ``i = b i + x`` (or ``i = x``),
    then ``v = a v + (1 - a) v_leak + gain i``; if ``v >= v_thresh``, v is set to
    ``v_reset``. Both variables start at zero.

    Args:
        gain: increase of v per current.
        tau_mem: time constant of a [ms]; infinite without a leak.
        tau_syn: time constant of b [ms]; None without a synaptic current.
        v_thresh: threshold; infinite for neurons that never spike.
        v_reset: voltage after a spike.
        v_leak: resting voltage.
    """

    gain: np.ndarray
    tau_mem: np.ndarray
    tau_syn: np.ndarray | None
    v_thresh: np.ndarray
    v_reset: np.ndarray
    v_leak: np.ndarray


def cell_of(
    where: str,
    neuron: Neuron,
    synapse: Synapse,
    values: Mapping[str, np.ndarray],
    dt: float,
) -> Cell:
    """Returns the cell of neurons of ml_genn.

    Args:
        where: beginning of error messages.
        neuron, synapse: neuron and synapse without open choices.
        values: parameters by name; "tau" is that of the synapse, "v" the initial
            voltage.
        dt: time step [ms].

    Raises:
        UnsupportedError: if NIR has no such neuron or synapse.
    """
    if type(neuron) not in (IntegrateFire, LeakyIntegrate, LeakyIntegrateFire):
        raise UnsupportedError(
            f"{where}: NIR has no {type(neuron).__name__}. Use LeakyIntegrateFire, "
            "LeakyIntegrate or IntegrateFire."
        )
    if type(synapse) not in (Delta, Exponential):
        raise UnsupportedError(
            f"{where}: NIR has no {type(synapse).__name__}. Use Delta or Exponential."
        )
    choices = neuron.choices()
    if choices.get("relative_reset"):
        raise UnsupportedError(
            f"{where}: NIR sets neurons to v_reset after a spike, and these subtract. "
            "Make and train them with relative_reset=False (EventProp's choice)."
        )
    if "tau_refrac" in values:
        raise UnsupportedError(
            f"{where}: NIR has no refractory period. Make them with tau_refrac=None."
        )
    if "tau_mem" not in values and np.any(values.get("bias", 0.0) != 0.0):
        raise UnsupportedError(
            f"{where}: NIR's IF has no bias. Make and train them with bias=0."
        )
    v = values["v"]
    fires = neuron.equations().threshold is not None
    if not fires and np.any(v != 0.0):
        raise UnsupportedError(
            f"{where}: NIR has no voltage to start from. Make them with v=0."
        )
    tau_mem = values.get("tau_mem", np.full_like(v, np.inf))
    gain = np.ones_like(v)
    leak = np.zeros_like(v)
    if "tau_mem" in values:
        leak = values.get("bias", leak) / decay_per_step(tau_mem, dt)
        gain = decay_per_step(tau_mem, dt) if choices["scale_i"] else gain
    tau_syn = values.get("tau")
    if tau_syn is not None and synapse.choices()["scale_i"]:
        gain = gain * tau_syn / dt * decay_per_step(tau_syn, dt)
    never = np.full_like(v, np.inf)
    return Cell(  # voltages are relative to the initial voltage
        gain,
        tau_mem,
        tau_syn,
        values.get("v_thresh", never) - v,
        values.get("v_reset", v) - v,
        leak - v if fires and "tau_mem" in values else leak,
    )


def neuron_and_synapse(cell: Cell, dt: float, current: np.ndarray, readout: Any) -> Any:
    """Returns the neuron and synapse of a cell, and the factor of weights onto it.

    Args:
        cell: the cell.
        dt: time step [ms].
        current: constant input current; nonzero only without ``tau_syn``.
        readout: readout of the neuron; None if it is no output.
    """
    leaky = bool(np.all(np.isfinite(cell.tau_mem)))
    scales = _scale_choices(cell, dt)
    neuron_scales, synapse_scales = scales or (False, False)
    factor = 1.0 if scales else uniform_number(cell.gain)
    tau_mem = uniform_number(cell.tau_mem)
    synapse: Synapse = Delta()
    if cell.tau_syn is not None:
        synapse = Exponential(uniform_number(cell.tau_syn), scale_i=synapse_scales)
    bias = decay_per_step(cell.tau_mem, dt) * cell.v_leak + cell.gain * current
    if np.all(np.isinf(cell.v_thresh)):
        neuron: Neuron = LeakyIntegrate(
            bias=uniform_number(bias),
            tau_mem=tau_mem,
            scale_i=neuron_scales,
            readout=readout,
        )
    else:
        rest = (
            bias / decay_per_step(cell.tau_mem, dt)
            if leaky
            else np.zeros_like(cell.v_reset)
        )
        voltages = {
            "v_thresh": uniform_number(cell.v_thresh - rest),
            "v_reset": uniform_number(cell.v_reset - rest),
            "v": uniform_number(-rest),
        }
        neuron = (
            LeakyIntegrateFire(
                **voltages,
                tau_mem=tau_mem,
                relative_reset=False,
                scale_i=neuron_scales,
                readout=readout,
            )
            if leaky
            else IntegrateFire(**voltages, bias=uniform_number(bias), readout=readout)
        )
    return neuron, synapse, factor


def _scale_choices(cell: Cell, dt: float) -> tuple[bool, bool] | None:
    """Returns ``scale_i`` of neuron and synapse with the cell's gain; None if none fit.

    Args:
        cell: the cell.
        dt: time step [ms].
    """
    leaky = bool(np.all(np.isfinite(cell.tau_mem)))
    neuron_gain = decay_per_step(cell.tau_mem, dt) if leaky else np.ones_like(cell.gain)
    synapse_gain = np.ones_like(cell.gain)
    if cell.tau_syn is not None:
        synapse_gain = cell.tau_syn / dt * decay_per_step(cell.tau_syn, dt)
    for neuron_scales, synapse_scales in product((False, True), repeat=2):
        gain = (neuron_gain if neuron_scales else 1.0) * (
            synapse_gain if synapse_scales else 1.0
        )
        if np.allclose(gain, cell.gain, GAIN_TOLERANCE, 0.0):
            return neuron_scales, synapse_scales
    return None


def uniform_number(values: np.ndarray) -> Any:
    """Returns rounded values: one number if all are the same, else an array."""
    rounded = [float(f"{v:.{DIGITS}g}") + 0.0 for v in np.ravel(values).tolist()]
    if len(set(rounded)) == 1:
        return rounded[0]
    return np.reshape(rounded, np.shape(values))


def node_of_cell(where: str, nir: Any, cell: Cell, dialect: Dialect, dt: float) -> Any:
    """Returns the NIR node of a cell, and the factor of weights onto it.

    Raises:
        UnsupportedError: if the dialect's reader has no such neuron.
    """
    step, fires = dialect.seconds(dt), bool(np.any(np.isfinite(cell.v_thresh)))
    shape, has_current = cell.gain.shape, cell.tau_syn is not None
    _check_reader(where, cell, dialect)
    # Readers compare v > v_threshold, ml_genn v >= v_thresh.
    next_smaller = np.nextafter(cell.v_thresh.astype(np.float32), np.float32(-np.inf))
    fire = {
        "v_threshold": np.where(np.isinf(cell.v_thresh), np.inf, next_smaller),
        "v_reset": cell.v_reset,
    }
    leaky = bool(np.all(np.isfinite(cell.tau_mem)))
    is_r_free = ("cuba" if has_current else "plain") in dialect.any_r
    if fires and not leaky and not has_current and dialect.plain_if is not None:
        input_gain = np.full(shape, 1.0 if dialect.plain_if else step)
        r = cell.gain / input_gain if is_r_free else np.ones(shape)
        return nir.IF(r=r, **fire), cell.gain / (r * input_gain)
    tau_mem = np.where(np.isfinite(cell.tau_mem), cell.tau_mem, NO_LEAK_STEPS * dt)
    input_gain = decay_per_step(tau_mem, dt)
    r = (
        cell.gain / input_gain
        if is_r_free
        else np.ones(shape)
        if dialect.unit_r
        else 1.0 / input_gain
    )
    common = {"r": r, "v_leak": cell.v_leak}
    tau = dialect.tau(tau_mem, dt)
    threshold = fire if fires or not dialect.integrators else {}
    if cell.tau_syn is None:
        make = nir.LIF if threshold else nir.LI
        node = make(tau=tau, **common, **threshold)
    else:
        make = nir.CubaLIF if threshold else nir.CubaLI
        node = make(
            tau_mem=tau,
            tau_syn=dialect.tau(cell.tau_syn, dt),
            w_in=1.0 / decay_per_step(cell.tau_syn, dt),
            **common,
            **threshold,
        )
    return node, cell.gain / (r * input_gain)


def _check_reader(where: str, cell: Cell, dialect: Dialect) -> None:
    """Raises UnsupportedError if the dialect's reader has no such neuron."""
    fires = np.isfinite(cell.v_thresh)
    if not dialect.resets and np.any(cell.v_reset[fires] != 0.0):
        raise UnsupportedError(
            f"{where}: this dialect's reader resets neurons to zero. Make them with "
            "v_reset=0 and v=0, or use dialect='exact'."
        )
    if not dialect.leaks and np.any(cell.v_leak != 0.0):
        raise UnsupportedError(
            f"{where}: this dialect's reader has no v_leak. Make them with bias=0 and "
            "v=0, or use dialect='exact'."
        )


def cell_of_node(where: str, node: GraphNode, dialect: Dialect, dt: float) -> Cell:
    """Returns the cell of a NIR node of neurons.

    Raises:
        ValidationError: if a time constant is impossible in the dialect.
    """
    fields = {k: v for k, v in node.fields.items() if v is not None}
    shape = np.broadcast_shapes(*(v.shape for v in fields.values()))
    full = {k: np.broadcast_to(v.astype(float), shape) for k, v in fields.items()}
    r, zero = full["r"], np.zeros(shape)
    tau_syn = None
    if "v_leak" in full:
        name = "tau_mem" if "tau_mem" in full else "tau"
        tau_mem = _time(where, name, full[name], dialect, dt)
        gain = r * decay_per_step(tau_mem, dt)
        if not np.any(decay_per_step(tau_mem, dt) > 10.0 / NO_LEAK_STEPS):
            tau_mem = np.full(shape, np.inf)
    else:
        tau_mem = np.full(shape, np.inf)
        gain = r * (1.0 if dialect.plain_if else dialect.seconds(dt))
    if "tau_syn" in full:
        tau_syn = _time(where, "tau_syn", full["tau_syn"], dialect, dt)
        gain = gain * full["w_in"] * decay_per_step(tau_syn, dt)
    threshold = np.full(shape, np.inf)
    if "v_threshold" in full:
        threshold = full["v_threshold"].astype(np.float32)
        threshold = np.nextafter(threshold, np.float32(np.inf)).astype(float)
    return Cell(
        gain,
        tau_mem,
        tau_syn,
        threshold,
        full.get("v_reset", zero),
        full.get("v_leak", zero),
    )


def _time(
    where: str, name: str, tau: np.ndarray, dialect: Dialect, dt: float
) -> np.ndarray:
    """Returns a node's time constant in ms.

    Raises:
        ValidationError: if it is not positive, or below a step of explicit Euler.
    """
    milliseconds = dialect.milliseconds(tau, dt)
    if not np.all(milliseconds > 0.0):
        raise ValidationError(
            f"{where}: {name} is above zero, and with explicit Euler above a time "
            f"step of {dialect.seconds(dt):g} s. Received {np.min(tau):g} s. Pass the "
            "dialect and time step that the graph was made for."
        )
    return milliseconds
