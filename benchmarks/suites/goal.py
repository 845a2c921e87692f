"""A performance goal, and the figure that is compared with it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.session import Session
from harness.tables import number_text


class NotMeasuredError(Exception):
    """A program that a goal needs is absent, failed, or computes something else."""


@dataclass(frozen=True)
class Figure:
    """Figure that is compared with a goal.

    Args:
        value: the figure.
        cells: {column: cell} of the table of results.
    """

    value: float
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """Figure to be reached.

    Args:
        name: row of the tables.
        limit: smallest figure that reaches the goal, or largest if ``at_most``.
        measure: returns the figure.
        table: title of the table of results.
        at_most: True if smaller is better; False by default.
        unit: of the figure, "times" by default.
    """

    name: str
    limit: float
    measure: Callable[[Session], Figure]
    table: str
    at_most: bool = False
    unit: str = "times"

    def summary(self, value: float) -> dict[str, Any]:
        """Returns the row of the table of goals."""
        reaches = operator.le if self.at_most else operator.ge
        bound = "at most" if self.at_most else "at least"
        return {
            "goal": f"{bound} {number_text(self.limit)} {self.unit}",
            "figure": value,
            "reached": "yes" if reaches(value, self.limit) else "no",
        }
