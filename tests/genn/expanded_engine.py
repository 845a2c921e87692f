"""Backend that runs plans without tapes on the CPU engine."""

from __future__ import annotations

from typing import Any

from ml_genn.backends.cpu.backend import CpuBackend
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.model.plan import Plan, PlanValues
from ml_genn.model.plan.tapes import expand
from ml_genn.model.verification import verify


class ExpandedEngine(CpuBackend):
    """CPU backend of plans whose tapes are expanded to buffers of each step."""

    __slots__ = ()

    def build(self, plan: Plan, values: PlanValues, **how: Any) -> CpuModel:
        return super().build(verify(expand(plan), values), values, **how)


BACKEND = ExpandedEngine()
