"""An NVIDIA GPU through CuPy: the engine's text, compiled with other headers."""

from __future__ import annotations

from ml_genn.backends.cuda.backend import BACKEND, CudaBackend

__all__ = ["BACKEND", "CudaBackend"]
