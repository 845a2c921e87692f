"""Builds a plan with PyGeNN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_genn.backends.pygenn.library import pygenn
from ml_genn.backends.pygenn.model import PyGennModel
from ml_genn.model.plan import Plan, Values


@dataclass(frozen=True, slots=True)
class PyGennBackend:
    """Plan -> PyGeNN model.

    Args:
        device: PyGeNN's backend; None for the first one that it has.
    """

    device: str | None = None
    name: str = "pygenn"
    genn: bool = True

    def __post_init__(self) -> None:
        pygenn()

    def build(
        self,
        plan: Plan,
        values: Values,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> PyGennModel:
        """A model that runs the plan.

        Args:
            plan: the plan.
            values: its numbers.
            num_threads: of the embedded engine; means nothing here.
            seed: seed of the random numbers drawn while running.
            batch_size: examples that run at once.
            arguments: for ``GeNNModel``, such as ``optimize_code``.

        Raises:
            UnsupportedError: if PyGeNN has no counterpart of a part of the plan.
            ValidationError: if the device runs one example at a time only.
        """
        return PyGennModel(
            plan,
            values,
            device=self.device,
            batch_size=batch_size,
            seed=seed,
            arguments=arguments or {},
        )
