"""Dialects: discretisations of NIR's differential equations by its readers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.errors import unknown_name


@dataclass(frozen=True, slots=True)
class Dialect:
    """Discretisation of a NIR graph by the program that reads it.

    A node's input x is constant during a step. Then
    ``i = b i + (1 - b) w_in x`` and ``v = a v + (1 - a) (v_leak + r i)``.

    Args:
        step: time step of the reader [s]; None for that of the network.
        euler: True for explicit Euler, ``a = 1 - step / tau`` (b alike); False for
            ``a = exp(-step / tau)``.
        any_r: kinds of nodes with arbitrary ``r``: "plain", "cuba".
        unit_r: True if ``r`` of the other nodes is 1; False for ``1 / (1 - a)``.
        integrators: True if LI and CubaLI exist; else they are written as LIF and
            CubaLIF with an infinite threshold.
        plain_if: True if IF adds its input unscaled, False if times ``r step``. None
            without IF; it is then written as a LIF with a very long time constant.
        mean_pooling: True if AvgPool2d exists; else it is written as a convolution.
        resets: True if ``v_reset`` may be nonzero.
        leaks: True if ``v_leak`` may be nonzero.
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
        """Returns the reader's time step [s] for a network's step of ``dt`` ms."""
        return self.step or dt * 1e-3

    def tau(self, tau: np.ndarray, dt: float) -> np.ndarray:
        """Converts time constants of a network [ms] to the reader's [s].

        Args:
            tau: time constants [ms].
            dt: time step of the network [ms].
        """
        steps = 1.0 / decay_per_step(tau, dt) if self.euler else tau / dt
        return self.seconds(dt) * steps

    def milliseconds(self, tau: np.ndarray, dt: float) -> np.ndarray:
        """Converts the reader's time constants [s] to a network's [ms].

        The result is NaN for explicit Euler with a time constant below a step.

        Args:
            tau: time constants [s].
            dt: time step of the network [ms].
        """
        steps = tau / self.seconds(dt)
        if not self.euler:
            return dt * steps
        with np.errstate(divide="ignore", invalid="ignore"):
            return -dt / np.log1p(-1.0 / steps)


def decay_per_step(tau: np.ndarray, dt: float) -> np.ndarray:
    """Returns the relative decay of a variable in a time step, 1 - exp(-dt / tau)."""
    return -np.expm1(-dt / tau)


#: {name: dialect} of programs that read and write NIR.
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
    """Returns the dialect with a name; a dialect is returned as it is.

    Raises:
        UnknownNameError: if no dialect has the name.
    """
    if isinstance(name, Dialect):
        return name
    if name not in DIALECTS:
        raise unknown_name("dialect", str(name), DIALECTS, where=where)
    return DIALECTS[name]
