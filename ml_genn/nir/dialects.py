"""Dialects: time discretisations used by the simulators that import NIR graphs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.utils.checks import one_of


@dataclass(frozen=True, slots=True)
class Dialect:
    """Time discretisation of a NIR graph in the simulator that imports it, the reader.

    A node's input x is constant during a step. Then
    ``i = b i + (1 - b) w_in x`` and ``v = a v + (1 - a) (v_leak + r i)``, with the
    synaptic current i (Cuba nodes; other nodes have ``i = x``), the membrane potential
    v, the decay factors per step a (of v) and b (of i), and the node's input weight
    ``w_in``, resistance ``r`` and leak potential ``v_leak``.

    Args:
        step: time step of the reader [s]; None for that of the network.
        euler: True for explicit Euler, ``a = 1 - step / tau`` (b alike); False for
            ``a = exp(-step / tau)``.
        any_r: kinds of nodes whose ``r`` the reader uses, whatever its value: "plain"
            for LIF, LI and IF, "cuba" for CubaLIF and CubaLI; both by default.
        unit_r: value of ``r`` in the nodes of other kinds: 1 if True (default), so
            that the input is multiplied by ``1 - a``; ``1 / (1 - a)`` if False, so
            that it is added as it is.
        integrators: True (default) if the reader has the leaky integrators LI and
            CubaLI; False if they are written as LIF and CubaLIF with an infinite
            threshold.
        plain_if: True if IF adds its input times ``r`` in each step; False (default)
            if its input is multiplied by ``r * step``; None if the reader has no IF,
            which is then written as LIF with a time constant so long that v does not
            decay.
        mean_pooling: True (default) if the reader has AvgPool2d; False if it is written
            as a convolution.
        resets: True (default) if the reader resets v to ``v_reset``; False if to 0,
            which makes the export of other values an error.
        leaks: True (default) if the reader has a leak potential ``v_leak``; False if v
            decays to 0, which makes the export of other values an error.
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


#: {name: dialect} of programs that read NIR.
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
    return DIALECTS[one_of(where, name, "dialect", DIALECTS)]
