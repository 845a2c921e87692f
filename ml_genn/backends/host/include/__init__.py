"""C++ headers that the CPU and CUDA engines share."""

from __future__ import annotations

from pathlib import Path

INCLUDE = Path(__file__).parent

__all__ = ["INCLUDE"]
