"""Neurons in the numbers that a time step uses: between our neurons and NIR's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.neurons import (
    IntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
)
from ml_genn.nir.dialects import Dialect, lost
from ml_genn.synapses import Delta, Exponential, Synapse

#: Time constant in steps that stands for none: what is lost is below 32-bit rounding.
LONG = 1e9
#: Relative difference below which a factor is what a class of ours does itself.
CLOSE = 1e-9
#: Digits that numbers are rounded to, more than 32-bit numbers have.
DIGITS = 12


@dataclass(frozen=True, eq=False)
class Cell:
    """Neurons and the synapses onto them.

    With the weights x of a step's spikes, ``i = b i + x`` (or ``i = x``), then
    ``v = a v + (1 - a) v_leak + gain i``; where ``v >= v_thresh`` it becomes
    ``v_reset``. It starts at zero.

    Args:
        gain: as above.
        tau_mem: time constant of a [ms]; infinite without a leak.
        tau_syn: time constant of b [ms]; None without a current.
        v_thresh: infinite for those that never spike.
        v_reset, v_leak: as above.
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
    """Our neurons as a cell.

    Args:
        where: what errors start with.
        neuron, synapse: with every choice made.
        values: parameters by name, "tau" that of the synapse, and "v" at the start.
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
        leak = values.get("bias", leak) / lost(tau_mem, dt)
        gain = lost(tau_mem, dt) if choices["scale_i"] else gain
    tau_syn = values.get("tau")
    if tau_syn is not None and synapse.choices()["scale_i"]:
        gain = gain * tau_syn / dt * lost(tau_syn, dt)
    endless = np.full_like(v, np.inf)
    return Cell(  # voltages are counted from where they start
        gain,
        tau_mem,
        tau_syn,
        values.get("v_thresh", endless) - v,
        values.get("v_reset", v) - v,
        leak - v if fires and "tau_mem" in values else leak,
    )


def ours(cell: Cell, dt: float, current: np.ndarray, readout: Any) -> Any:
    """The neuron and synapse of a cell, and what weights onto it are multiplied by.

    Args:
        cell: the cell.
        dt: time step [ms].
        current: constant input; only where there is no ``tau_syn``.
        readout: readout of the neuron; None if it is not an output.
    """
    leaky = bool(np.all(np.isfinite(cell.tau_mem)))
    by_neuron = lost(cell.tau_mem, dt) if leaky else np.ones_like(cell.gain)
    by_synapse = np.ones_like(cell.gain)
    if cell.tau_syn is not None:
        by_synapse = cell.tau_syn / dt * lost(cell.tau_syn, dt)
    does = {
        (n, s): (by_neuron if n else 1.0) * (by_synapse if s else 1.0)
        for n in (False, True)
        for s in (False, True)
    }
    found = [k for k, g in does.items() if np.allclose(g, cell.gain, CLOSE, 0.0)]
    neuron, synapse = found[0] if found else (False, False)
    factor = 1.0 if found else plain(cell.gain)
    tau_mem = plain(cell.tau_mem)
    made_synapse: Synapse = Delta()
    if cell.tau_syn is not None:
        made_synapse = Exponential(plain(cell.tau_syn), scale_i=synapse)
    bias = lost(cell.tau_mem, dt) * cell.v_leak + cell.gain * current
    if np.all(np.isinf(cell.v_thresh)):
        made: Neuron = LeakyIntegrate(
            bias=plain(bias), tau_mem=tau_mem, scale_i=neuron, readout=readout
        )
    else:
        rest = bias / lost(cell.tau_mem, dt) if leaky else np.zeros_like(cell.v_reset)
        at = {
            "v_thresh": plain(cell.v_thresh - rest),
            "v_reset": plain(cell.v_reset - rest),
            "v": plain(-rest),
        }
        made = (
            LeakyIntegrateFire(
                **at,
                tau_mem=tau_mem,
                relative_reset=False,
                scale_i=neuron,
                readout=readout,
            )
            if leaky
            else IntegrateFire(**at, readout=readout)
        )
    return made, made_synapse, factor


def plain(values: np.ndarray) -> Any:
    """One number where all are the same, without digits that rounding made."""
    rounded = [float(f"{v:.{DIGITS}g}") + 0.0 for v in np.ravel(values).tolist()]
    if len(set(rounded)) == 1:
        return rounded[0]
    return np.reshape(rounded, np.shape(values))


def node_of(where: str, nir: Any, cell: Cell, dialect: Dialect, dt: float) -> Any:
    """The node of a cell, and what weights onto it are multiplied by.

    Raises:
        UnsupportedError: if the dialect's reader has no such neuron.
    """
    step, fires = dialect.seconds(dt), bool(np.any(np.isfinite(cell.v_thresh)))
    shape, cuba = cell.gain.shape, cell.tau_syn is not None
    _check_reader(where, cell, dialect)
    below = np.nextafter(cell.v_thresh.astype(np.float32), np.float32(-np.inf))
    fire = {
        "v_threshold": np.where(np.isinf(cell.v_thresh), np.inf, below),
        "v_reset": cell.v_reset,
    }
    leaky = bool(np.all(np.isfinite(cell.tau_mem)))
    free = ("cuba" if cuba else "plain") in dialect.any_r
    if fires and not leaky and not cuba and dialect.plain_if is not None:
        each = np.full(shape, 1.0 if dialect.plain_if else step)
        r = cell.gain / each if free else np.ones(shape)
        return nir.IF(r=r, **fire), cell.gain / (r * each)
    tau_mem = np.where(np.isfinite(cell.tau_mem), cell.tau_mem, LONG * dt)
    each = lost(tau_mem, dt)
    r = cell.gain / each if free else np.ones(shape) if dialect.unit_r else 1.0 / each
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
            w_in=1.0 / lost(cell.tau_syn, dt),
            **common,
            **threshold,
        )
    return node, cell.gain / (r * each)


def _check_reader(where: str, cell: Cell, dialect: Dialect) -> None:
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


def cell_from(where: str, node: Any, dialect: Dialect, dt: float) -> Cell:
    """The cell of a node.

    Raises:
        ValidationError: if a number is none that the dialect can mean.
    """
    fields = {k: np.asarray(v, float) for k, v in vars(node).items() if _number(v)}
    shape = np.broadcast_shapes(*(v.shape for v in fields.values()))
    full = {k: np.broadcast_to(v, shape) for k, v in fields.items()}
    r, zero = full["r"], np.zeros(shape)
    tau_syn = None
    if "v_leak" in full:
        name = "tau_mem" if "tau_mem" in full else "tau"
        tau_mem = _time(where, name, full[name], dialect, dt)
        gain = r * lost(tau_mem, dt)
        if not np.any(lost(tau_mem, dt) > 10.0 / LONG):
            tau_mem = np.full(shape, np.inf)
    else:
        tau_mem = np.full(shape, np.inf)
        gain = r * (1.0 if dialect.plain_if else dialect.seconds(dt))
    if "tau_syn" in full:
        tau_syn = _time(where, "tau_syn", full["tau_syn"], dialect, dt)
        gain = gain * full["w_in"] * lost(tau_syn, dt)
    threshold = np.full(shape, np.inf)
    if "v_threshold" in full:
        given = full["v_threshold"].astype(np.float32)
        threshold = np.nextafter(given, np.float32(np.inf)).astype(float)
    return Cell(
        gain,
        tau_mem,
        tau_syn,
        threshold,
        full.get("v_reset", zero),
        full.get("v_leak", zero),
    )


def _number(value: Any) -> bool:
    return isinstance(value, float | int | np.ndarray | np.number)


def _time(
    where: str, name: str, tau: np.ndarray, dialect: Dialect, dt: float
) -> np.ndarray:
    found = dialect.milliseconds(tau, dt)
    if not np.all(found > 0.0):
        raise ValidationError(
            f"{where}: {name} is above zero, and with explicit Euler above a time "
            f"step of {dialect.seconds(dt):g} s. Received {np.min(tau):g} s. Pass the "
            "dialect and time step that the graph was made for."
        )
    return found
