"""Embedded engine: generated C++ that runs batches on all cores."""

from __future__ import annotations

from ml_genn.backends.cpu.backend import CpuBackend

BACKEND = CpuBackend()

__all__ = ["BACKEND", "CpuBackend"]
