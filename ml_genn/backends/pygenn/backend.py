"""Backend that builds plans with PyGeNN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_genn.backends.pygenn.library import pygenn
from ml_genn.backends.pygenn.model import PyGennModel
from ml_genn.model.plan import Plan, PlanValues


@dataclass(frozen=True, slots=True)
class PyGennBackend:
    """Backend of GeNN models.

    Args:
        device: PyGeNN's backend; None for the first that it has.

    Raises:
        BuildError: if PyGeNN is not installed.
    """

    device: str | None = None
    name: str = "pygenn"
    genn: bool = True

    def __post_init__(self) -> None:
        pygenn()

    def build(
        self,
        plan: Plan,
        values: PlanValues,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> PyGennModel:
        """Returns a model that runs the plan.

        Args:
            plan: the plan.
            values: its values.
            num_threads: ignored; threads of the CPU engine.
            seed: seed of the random numbers drawn while running.
            batch_size: examples that run at once.
            arguments: further arguments of ``GeNNModel``, such as ``optimize_code``.

        Raises:
            UnsupportedError: if GeNN has no counterpart of a part of the plan.
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
