"""The embedded engine: generated C++, batches over all cores, no install of its own."""

from __future__ import annotations

from ml_genn.backends.cpu.backend import CpuBackend

BACKEND = CpuBackend()

__all__ = ["BACKEND", "CpuBackend"]
