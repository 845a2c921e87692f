"""Backend that generates the source of a plan and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source
from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import Plan, PlanValues


class NullModel:
    """Model that holds the source of a plan.

    Attributes:
        plan: the plan.
        source: its C++ source.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.source = source(Layout(plan))

    def close(self) -> None:
        """Does nothing: there is nothing to free."""

    def __getattr__(self, name: str) -> NoReturn:
        raise UnsupportedError(
            f"backend 'null' only generates source; it has no '{name}'. Use "
            "backend='cpu' to run."
        )


@dataclass(frozen=True, slots=True)
class NullBackend:
    """Backend whose models hold the source of their plan."""

    name: str = "null"
    genn: bool = False

    def build(
        self,
        plan: Plan,
        values: PlanValues,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> NullModel:
        """Returns a model with the source of a plan."""
        return NullModel(plan)


BACKEND = NullBackend()

__all__ = ["BACKEND", "NullBackend", "NullModel"]
