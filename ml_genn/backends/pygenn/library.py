"""PyGeNN itself, which users build from source."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ml_genn.errors import BuildError

TIMING = "kernel_profiling"  #: argument that says whether kernels are measured
ONE_EXAMPLE = "single_threaded_cpu"  #: the one that runs one example at a time


def pygenn() -> Any:
    """The library.

    Raises:
        BuildError: if it is missing, with how to get it.
    """
    try:
        return import_module("pygenn")
    except ImportError as error:
        raise BuildError(
            f"backend 'pygenn' needs PyGeNN 5, which could not be imported ({error}). "
            "It is not on the package index: get GeNN's source from "
            "https://github.com/genn-team/genn and run 'pip install .' there, with "
            "CUDA_PATH set for a GPU. backend='cpu', the default, needs nothing but a "
            "C++ compiler."
        ) from None
