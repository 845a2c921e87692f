"""What a network is at a moment: arrays, and what is needed to go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: (connection or population, what it is of it)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Arrays and facts of a network.

    Args:
        arrays: {(owner, name): array}. Names of what synapses have: ``g`` weights,
            ``d`` delays, ``pre_ind`` and ``post_ind`` neurons; of neurons: parameters.
            ``<name>.<slot>`` are numbers that an optimiser keeps.
        info: facts that can be written as JSON.
    """

    arrays: Mapping[Key, np.ndarray]
    info: Mapping[str, Any] = field(default_factory=dict)


WEIGHTS, DELAYS, SOURCES, TARGETS = "g", "d", "pre_ind", "post_ind"


#: Names of parameters in files, where mlGeNN has one of its own; read both ways.
_RENAMED = {"bias": "Bias", "Bias": "bias"}


def saved_name(name: str) -> str:
    """The name of an array in files."""
    first, dot, rest = name.partition(".")
    return f"{_RENAMED.get(first, first)}{dot}{rest}"


def user_name(name: str) -> str:
    """The name of an array of a file."""
    return saved_name(name)


def slot_name(name: str, slot: str) -> str:
    """The name of numbers that are kept beside an array."""
    return f"{name}.{slot}"


def is_slot(name: str) -> bool:
    """Whether numbers are kept beside an array, for training to go on."""
    return "." in name


def key_text(key: Key) -> str:
    """A key as errors and files name it."""
    return "/".join(key)
