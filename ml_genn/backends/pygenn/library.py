"""The PyGeNN library, which users build from source."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from importlib import import_module
from subprocess import CalledProcessError
from typing import Any

from ml_genn.backends.pygenn.captured_output import captured_output
from ml_genn.errors import BuildError, ValidationError

KERNEL_PROFILING = "kernel_profiling"  #: argument for GeNN's ``timing_enabled``
OPTIMIZE_CODE = "optimize_code"  #: argument for the compiler's optimisations
#: Arguments with which the messages of GeNN and of the compiler are shown.
LOG_LEVELS = frozenset(
    {
        "backend_log_level",
        "code_gen_log_level",
        "genn_log_level",
        "runtime_log_level",
        "transpiler_log_level",
    }
)
SINGLE_EXAMPLE_DEVICE = "single_threaded_cpu"  #: PyGeNN's CPU backend: batch size 1


def pygenn() -> Any:
    """Returns the library.

    Raises:
        BuildError: if it is not installed; the message says how to get it.
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


def create_model(
    device: str | None, batch_size: int, arguments: Mapping[str, Any]
) -> Any:
    """Returns an empty ``GeNNModel`` in single precision.

    Args:
        device: PyGeNN's backend; None for the first that it has.
        batch_size: examples that will run at once.
        arguments: further arguments of ``GeNNModel``, and ``kernel_profiling``. Code is
            optimised (``optimize_code=True``) unless they say otherwise.

    Raises:
        ValidationError: if the device runs one example at a time only.
    """
    preferences = {OPTIMIZE_CODE: True, **arguments}
    timing_enabled = preferences.pop(KERNEL_PROFILING, False)
    model = pygenn().GeNNModel("float", "ml_genn", backend=device, **preferences)
    if model.backend_name == SINGLE_EXAMPLE_DEVICE and batch_size > 1:
        raise ValidationError(
            f"PyGeNN's backend '{SINGLE_EXAMPLE_DEVICE}' runs one example at a time. "
            f"Received batch_size={batch_size}. Use batch_size=1, a GPU with "
            "backend='cuda', or backend='cpu', our own engine, which takes any."
        )
    model.timing_enabled = timing_enabled
    return model


def compile_model(model: Any, folder: str, *, show_output: bool) -> None:
    """Generates and compiles the code of a ``GeNNModel``.

    Args:
        model: the model.
        folder: folder for the code.
        show_output: True if messages of GeNN, ``make`` and the compiler are shown.

    Raises:
        BuildError: if GeNN or the compiler rejects the model; it has their messages.
    """
    with nullcontext(str) if show_output else captured_output() as output:
        try:
            model.build(folder)
        except (CalledProcessError, OSError, RuntimeError) as error:
            reason = str(error)
        else:
            return
    raise BuildError(
        f"PyGeNN could not build the network. {reason}\n{output().strip()}\n"
        "backend='cpu' runs it without PyGeNN."
    )
