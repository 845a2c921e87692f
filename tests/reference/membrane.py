"""Closed-form leaky membrane with exponential synaptic currents.

Between events

    tau_m V' = -V + sum_k I_k        tau_k I_k' = -I_k

has the solution, s after the last event,

    I_k(s) = I_k exp(-s/tau_k)
    V(s)   = V exp(-s/tau_m) + sum_k I_k r_k(s)
    r_k(s) = (1/tau_m) int_0^s exp(-(s-u)/tau_m) exp(-u/tau_k) du
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = ["Membrane", "response"]

Function = Callable[[float], float]

_MAX_ITERATIONS = 200


def response(s: Any, tau_mem: float, tau_syn: float, maths: Any = math) -> Any:
    """Voltage s after a unit current began, r(s).

    Written with expm1 so that it stays exact as tau_syn approaches tau_mem, where
    r(s) = (s/tau_m) exp(-s/tau_m). ``maths`` is ``math`` for a number s, ``numpy``
    for an array.
    """
    gap = abs(1.0 / tau_mem - 1.0 / tau_syn)
    span = s if gap == 0.0 else -maths.expm1(-s * gap) / gap
    return span * maths.exp(-s / max(tau_mem, tau_syn)) / tau_mem


@dataclass(frozen=True, slots=True)
class Membrane:
    """Time constants [ms] of one neuron; those of its synapses are distinct."""

    tau_mem: float
    tau_syn: tuple[float, ...]

    def currents(self, currents: Sequence[float], s: float) -> list[float]:
        """Return I_k(s)."""
        return [
            i * math.exp(-s / tau)
            for i, tau in zip(currents, self.tau_syn, strict=True)
        ]

    def voltage(self, v: float, currents: Sequence[float], s: float) -> float:
        """Return V(s)."""
        total = v * math.exp(-s / self.tau_mem)
        for i, tau in zip(currents, self.tau_syn, strict=True):
            if i != 0.0:
                total += i * response(s, self.tau_mem, tau)
        return total

    def slope(self, v: float, currents: Sequence[float], s: float) -> float:
        """Return V'(s) = (sum_k I_k(s) - V(s)) / tau_m."""
        current = sum(self.currents(currents, s))
        return (current - self.voltage(v, currents, s)) / self.tau_mem

    def stationary(
        self, v: float, currents: Sequence[float], length: float
    ) -> list[float]:
        """Every s in (0, length) where V' changes its sign.

        tau_m V'' + V' = -sum_k I_k/tau_k, hence (Rolle, with the weight
        exp(s/tau_m)) zeros of V' are separated by those of the right-hand side.
        """
        rates = [1.0 / tau for tau in self.tau_syn]
        forcing = [-i * rate for i, rate in zip(currents, rates, strict=True)]

        def slope(s: float) -> float:
            return self.slope(v, currents, s)

        def curvature(s: float) -> float:
            return (_exp_sum(forcing, rates, s) - slope(s)) / self.tau_mem

        breaks = [0.0, *_exp_sum_roots(forcing, rates, length), length]
        return _roots_between(slope, curvature, breaks)

    def first_crossing(
        self, v: float, currents: Sequence[float], threshold: float, length: float
    ) -> float | None:
        """Smallest s in [0, length] where V reaches the threshold from below."""
        if v >= threshold:
            return 0.0
        if sum(i for i in currents if i > 0.0) <= threshold and threshold > 0.0:
            return None  # V relaxes towards the current and never passes it

        def excess(s: float) -> float:
            return self.voltage(v, currents, s) - threshold

        def slope(s: float) -> float:
            return self.slope(v, currents, s)

        breaks = [0.0, *self.stationary(v, currents, length), length]
        for low, high in pairwise(breaks):
            if excess(high) >= 0.0:
                return _root(excess, slope, low, high)
        return None


def _exp_sum(weights: Sequence[float], rates: Sequence[float], s: float) -> float:
    """Return f(s) = sum_k w_k exp(-r_k s)."""
    return sum(w * math.exp(-r * s) for w, r in zip(weights, rates, strict=True))


def _exp_sum_roots(
    weights: Sequence[float], rates: Sequence[float], length: float
) -> list[float]:
    """Every zero of f in (0, length), the rates being distinct.

    Between two zeros of f lies one of (exp(r_0 s) f)' exp(-r_0 s), a sum with one
    term less: sum_{k>0} w_k (r_0 - r_k) exp(-r_k s).
    """
    terms = [(w, r) for w, r in zip(weights, rates, strict=True) if w != 0.0]
    if len(terms) < 2:
        return []
    weights, rates = [w for w, _ in terms], [r for _, r in terms]
    first, rest = rates[0], rates[1:]
    inner = [w * (first - r) for w, r in terms[1:]]
    steepness = [-w * r for w, r in terms]
    return _roots_between(
        lambda s: _exp_sum(weights, rates, s),
        lambda s: _exp_sum(steepness, rates, s),
        [0.0, *_exp_sum_roots(inner, rest, length), length],
    )


def _roots_between(
    value: Function, slope: Function, breaks: Sequence[float]
) -> list[float]:
    """One root for each pair of neighbouring breaks where the sign differs."""
    positive = [value(s) > 0.0 for s in breaks]
    return [
        _root(value, slope, low, high)
        for (low, high), (before, after) in zip(
            pairwise(breaks), pairwise(positive), strict=True
        )
        if before != after
    ]


def _root(value: Function, slope: Function, low: float, high: float) -> float:
    """Newton's method inside a shrinking bracket [low, high] of one root."""
    rising = value(high) >= 0.0
    guess = 0.5 * (low + high)
    for _ in range(_MAX_ITERATIONS):
        y, gradient = value(guess), slope(guess)
        if (y >= 0.0) == rising:
            high = guess
        else:
            low = guess
        better = guess - y / gradient if gradient != 0.0 else math.inf
        if not low <= better <= high:
            better = 0.5 * (low + high)
        if abs(better - guess) <= 1e-14 + 1e-15 * abs(guess):
            return better
        guess = better
    return guess
