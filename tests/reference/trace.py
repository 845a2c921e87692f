"""Results of an exact simulation: spike times and closed-form voltages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .membrane import Membrane, response

__all__ = ["Result", "Trace"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trace:
    """Voltage of one neuron over [0, t_end], in closed form between events.

    Piece p begins at ``start[p]`` [ms], just after an arrival or a reset, with
    voltage ``voltage[p]`` and currents ``current[p, k]``.
    """

    membrane: Membrane
    start: Array
    voltage: Array
    current: Array
    t_end: float

    def at(self, times: ArrayLike) -> Array:
        """V at the given times; at a spike, the value just after the reset."""
        times = np.asarray(times, dtype=np.float64)
        if times.size and (times.min() < 0.0 or times.max() > self.t_end):
            raise ValueError(
                f"Trace.at: times must lie in [0, {self.t_end}]. "
                f"Got {times.min()} to {times.max()}."
            )
        piece = np.searchsorted(self.start, times, side="right") - 1
        return self._evaluate(piece, times - self.start[piece])

    def final(self) -> float:
        """V at t_end."""
        return float(self.at([self.t_end])[0])

    def integral(self) -> float:
        """Return int_0^T V dt, piece by piece from the differential equation.

        int V = sum_k tau_k (I_k(0) - I_k(s)) - tau_m (V(s) - V(0))
        """
        length, v_end = self._ends()
        tau_syn = np.array(self.membrane.tau_syn)
        charge = -tau_syn * np.expm1(-length[:, None] / tau_syn)
        input_integral = np.sum(self.current * charge, axis=1)
        leak_integral = self.membrane.tau_mem * (v_end - self.voltage)
        return float(np.sum(input_integral - leak_integral))

    def exp_weighted_integral(self, tau: float) -> float:
        """Return int_0^T exp(-t/tau) V dt, in the same way with w = exp(-t/tau).

        (1/tau_m + 1/tau) int w V = sum_k int w I_k / tau_m - [w V]
        """
        length, v_end = self._ends()
        rate = 1.0 / np.array(self.membrane.tau_syn) + 1.0 / tau
        leak = 1.0 / self.membrane.tau_mem
        charge = -np.expm1(-length[:, None] * rate) / rate
        input_integral = leak * np.sum(self.current * charge, axis=1)
        rise = v_end * np.exp(-length / tau) - self.voltage
        weight = np.exp(-self.start / tau)
        return float(np.sum(weight * (input_integral - rise)) / (leak + 1.0 / tau))

    def maximum(self) -> tuple[float, float]:
        """Return max(0, max_t V) and the time of that maximum (0 where V <= 0)."""
        best, when = 0.0, 0.0
        for begin, length, v, current in zip(
            self.start, self._ends()[0], self.voltage, self.current, strict=True
        ):
            currents = current.tolist()
            peaks = self.membrane.stationary(v, currents, length)
            for s in (*peaks, length):
                height = self.membrane.voltage(v, currents, s)
                if height > best:
                    best, when = height, float(begin) + s
        return best, when

    def _ends(self) -> tuple[Array, Array]:
        """Length of each piece and V at its end, before any reset."""
        length = np.diff(self.start, append=self.t_end)
        return length, self._evaluate(np.arange(len(length)), length)

    def _evaluate(self, piece: NDArray[np.intp], s: Array) -> Array:
        """V in the given pieces, s after their beginning."""
        tau_mem = self.membrane.tau_mem
        v = self.voltage[piece] * np.exp(-s / tau_mem)
        for k, tau_syn in enumerate(self.membrane.tau_syn):
            v += self.current[piece, k] * response(s, tau_mem, tau_syn, np)
        return v


@dataclass(frozen=True, eq=False)
class Result:
    """Spike times [ms] and voltages, by population name and neuron.

    ``spikes`` has every population, ``traces`` those with a voltage.
    """

    spikes: dict[str, tuple[Array, ...]]
    traces: dict[str, tuple[Trace, ...]]
    t_end: float

    def voltages(self, population: str, times: ArrayLike) -> Array:
        """V at the given times, shape (times, neurons)."""
        return np.stack([t.at(times) for t in self.traces[population]], axis=-1)

    def first_spike_times(self, population: str, silent: float = np.inf) -> Array:
        """Time of each neuron's first spike, ``silent`` where there is none."""
        return np.array([t[0] if len(t) else silent for t in self.spikes[population]])

    def spike_order(self) -> tuple[tuple[str, int], ...]:
        """Every spike as (population, neuron), in order of time.

        Where it differs between the two sides of a finite difference, the
        difference is not a derivative.
        """
        events = [
            (time, name, neuron)
            for name, trains in self.spikes.items()
            for neuron, train in enumerate(trains)
            for time in train.tolist()
        ]
        return tuple((name, neuron) for _, name, neuron in sorted(events))
