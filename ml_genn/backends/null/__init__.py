"""A backend that makes the source text of a plan and runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.source import source
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

    def build(
        self, plan: Plan, values: Values, *, num_threads: int | None, seed: int
    ) -> NullModel:
        """The source of a plan."""
        return NullModel(plan)


BACKEND = NullBackend()

__all__ = ["BACKEND", "NullBackend", "NullModel"]
