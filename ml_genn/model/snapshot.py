"""Snapshots of networks: arrays and the state that training needs to continue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: (name of a connection or population, name of its array)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Arrays and further state of a network.

    Args:
        arrays: {(owner, name): array}. Arrays of synapses are ``g`` weights, ``d``
            delays, ``pre_ind`` and ``post_ind`` neurons; arrays of neurons have the
            names of parameters. ``<name>.<slot>`` is state of an optimiser.
        info: further state, which can be written as JSON.
    """

    arrays: Mapping[Key, np.ndarray]
    info: Mapping[str, Any] = field(default_factory=dict)


WEIGHTS, DELAYS, SOURCES, TARGETS = "g", "d", "pre_ind", "post_ind"


#: {name of a parameter: its name in mlGeNN's files}, and the other way round
_RENAMED = {"bias": "Bias", "Bias": "bias"}


def saved_name(name: str) -> str:
    """Returns the name of an array in files."""
    first, dot, rest = name.partition(".")
    return f"{_RENAMED.get(first, first)}{dot}{rest}"


def user_name(name: str) -> str:
    """Returns the name of an array that was read from a file."""
    return saved_name(name)


def slot_name(name: str, slot: str) -> str:
    """Returns the name of an optimiser's state of an array."""
    return f"{name}.{slot}"


def is_slot(name: str) -> bool:
    """Returns True for the name of an optimiser's state."""
    return "." in name


def key_text(key: Key) -> str:
    """Returns a key as errors and files write it."""
    return "/".join(key)
