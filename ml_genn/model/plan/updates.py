"""Learned arrays and the optimiser steps that change them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ml_genn.model.plan.code import Code

SIGN = "sign"  #: slot of rewired weights, +1 or -1
GRADIENT_NORM = "gradient_norm"  #: norm of the gradient of the array
GLOBAL_NORM = "global_norm"  #: norm of the gradients of all arrays together

#: Bounds within which no step of a bounded optimiser overflows: of the absolute values
#: of gradients, learned values and optimiser state, and of scalars that are not zero.
#: For example, Adam's epsilon is a divisor: alpha m m_scale / epsilon is at most
#: 1e4 1e9 1e4 / 1e-20, which is a finite float.
MAX_SAFE_NUMBER = 1e9
SAFE_SCALARS = (1e-20, 1e4)  #: lowest and highest, see ``MAX_SAFE_NUMBER``
#: Largest learned value and optimiser state that a step may store: its square is a
#: finite float. Products of larger ones overflow, so training is of no use with them.
MAX_STORED_NUMBER = 1e19


class LearnedKind(Enum):
    """Kind of a learned array."""

    WEIGHT = "weight"  #: weights of a synapse group
    DELAY = "delay"  #: delays of a synapse group, in time steps
    PARAMETER = "parameter"  #: a parameter of a neuron group


@dataclass(frozen=True, slots=True)
class Learned:
    """Array whose gradient is computed.

    Args:
        kind: its kind.
        owner: name of a synapse group or of a neuron group.
        name: name of the parameter; empty for weights and delays.
    """

    kind: LearnedKind
    owner: str
    name: str = ""

    def __str__(self) -> str:
        if self.kind is LearnedKind.WEIGHT:
            return self.owner
        return f"{self.owner}.{self.name or self.kind.value}"


@dataclass(frozen=True, slots=True)
class OptimiserUpdate:
    """Step of an optimiser on one array.

    Args:
        target: the array.
        slots: names of the optimiser's state, one number for each element.
        scalars: names of the numbers that may change with each batch.
        code: assigns ``x``, the slots and ``gradient`` from ``x``, the slots,
            ``gradient`` and the scalars; it may read the norms.
        bounded: True if a step within ``MAX_SAFE_NUMBER`` and ``SAFE_SCALARS`` cannot
            overflow; engines then need not compute it on trial. False by default.
    """

    target: Learned
    slots: tuple[str, ...]
    scalars: tuple[str, ...]
    code: Code
    bounded: bool = False

    @property
    def norms(self) -> bool:
        """True if it reads a norm."""
        return not self.code.reads.isdisjoint({GRADIENT_NORM, GLOBAL_NORM})
