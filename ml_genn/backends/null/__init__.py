"""A backend that makes the source text of a plan and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source
from ml_genn.errors import UnsupportedError
from ml_genn.model.plan import Plan, Values


class NullModel:
    """The source of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.source = source(Layout(plan))

    def close(self) -> None:
        """Nothing to free."""

    def __getattr__(self, name: str) -> NoReturn:
        raise UnsupportedError(
            f"backend 'null' only makes source text; it cannot '{name}'. Use "
            "backend='cpu' to run."
        )


@dataclass(frozen=True, slots=True)
class NullBackend:
    """Plan -> text."""

    name: str = "null"
    genn: bool = False

    def build(
        self,
        plan: Plan,
        values: Values,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> NullModel:
        """The source of a plan."""
        return NullModel(plan)


BACKEND = NullBackend()

__all__ = ["BACKEND", "NullBackend", "NullModel"]
