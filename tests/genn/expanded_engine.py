"""The embedded engine, given plans whose tapes are written out."""

from __future__ import annotations

from typing import Any

from ml_genn.backends.cpu.backend import CpuBackend
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.model.plan import Plan, Values
from ml_genn.model.plan.tapes import expand
from ml_genn.model.verify import verify


class ExpandedEngine(CpuBackend):
    """Builds the expanded plan."""

    __slots__ = ()

    def build(self, plan: Plan, values: Values, **how: Any) -> CpuModel:
        return super().build(verify(expand(plan)), values, **how)


BACKEND = ExpandedEngine()
