"""NVIDIA GPUs, through CuPy."""

from __future__ import annotations

from ml_genn.backends.cuda.backend import BACKEND, CudaBackend

__all__ = ["BACKEND", "CudaBackend"]
