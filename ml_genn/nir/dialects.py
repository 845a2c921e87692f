"""How readers of NIR turn its differential equations into time steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.errors import unknown_name


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a reader makes of a graph.

    A node's input is constant during a step. Then
    ``i = b i + (1 - b) w_in x`` and ``v = a v + (1 - a) (v_leak + r i)``.

    Args:
        step: the reader's time step [s]; None for that of the network.
        euler: whether a decays by ``1 - step / tau``, else by ``exp(-step / tau)``.
        any_r: kinds of nodes whose ``r`` may be any number.
        unit_r: whether ``r`` of the others is 1, else ``1 / (1 - a)``.
        integrators: whether there are LI and CubaLI; else they are LIF and CubaLIF with
            an infinite threshold.
        plain_if: whether IF adds its input as it is, else times ``r step``; None if
            there is no IF, so that it is a LIF with a very long time constant.
        mean_pooling: whether there is AvgPool2d; else it is a convolution.
        resets: whether neurons may be reset to anything but zero.
        leaks: whether ``v_leak`` may be anything but zero.
    """

    step: float | None = None
    euler: bool = False
    any_r: frozenset[str] = frozenset({"plain", "cuba"})
    unit_r: bool = True
    integrators: bool = True
    plain_if: bool | None = False
    mean_pooling: bool = True
    resets: bool = True
    leaks: bool = True

    def seconds(self, dt: float) -> float:
        """The reader's time step [s], for one of ``dt`` ms."""
        return self.step or dt * 1e-3

    def tau(self, tau: np.ndarray, dt: float) -> np.ndarray:
        """A time constant [ms] as the reader's [s].

        Args:
            tau: time constants [ms].
            dt: time step of the network [ms].
        """
        steps = 1.0 / lost(tau, dt) if self.euler else tau / dt
        return self.seconds(dt) * steps

    def milliseconds(self, tau: np.ndarray, dt: float) -> np.ndarray:
        """The reader's time constant [s] as ours [ms]; NaN if it is below a step.

        Args:
            tau: time constants [s].
            dt: time step of the network [ms].
        """
        steps = tau / self.seconds(dt)
        if not self.euler:
            return dt * steps
        with np.errstate(divide="ignore", invalid="ignore"):
            return -dt / np.log1p(-1.0 / steps)


def lost(tau: np.ndarray, dt: float) -> np.ndarray:
    """What a variable loses in a step: 1 - exp(-dt / tau)."""
    return -np.expm1(-dt / tau)


#: {name: dialect} of programs that read and write NIR each in their own way.
DIALECTS = {
    "exact": Dialect(),
    "norse": Dialect(
        euler=True,
        any_r=frozenset({"cuba"}),
        integrators=False,
        plain_if=True,
        mean_pooling=False,
        resets=False,
    ),
    "snntorch": Dialect(
        step=1e-4,
        euler=True,
        any_r=frozenset(),
        unit_r=False,
        integrators=False,
        plain_if=None,
        resets=False,
        leaks=False,
    ),
}


def dialect_named(where: str, name: str | Dialect) -> Dialect:
    """A dialect by its name, or itself.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    if isinstance(name, Dialect):
        return name
    if name not in DIALECTS:
        raise unknown_name("dialect", str(name), DIALECTS, where=where)
    return DIALECTS[name]
