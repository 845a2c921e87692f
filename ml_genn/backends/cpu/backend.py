"""Backend of the embedded engine."""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import CDLL
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_genn.backends.cpu.abi import load
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.backends.cpu.toolchain import WRAP_FLAG, build
from ml_genn.backends.host.cache import CACHE, no_programs
from ml_genn.backends.host.cores import available_cores
from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import num_parts, source
from ml_genn.errors import BuildError, ValidationError
from ml_genn.model.plan import Plan, PlanValues


def _loaded(path: Path) -> CDLL:
    """Returns the library at a path; deletes it if it cannot be loaded."""
    try:
        return load(str(path))
    except (OSError, AttributeError) as error:
        path.unlink(missing_ok=True)
        if no_programs(path.parent):
            hint = f"Its disk does not run programs (noexec): set {CACHE} elsewhere."
        else:
            hint = "Does the compiler (CXX) build for this machine?"
        raise BuildError(
            f"The built library {path} could not be loaded: {error}. {hint}"
        ) from None


@dataclass(frozen=True, slots=True)
class CpuBackend:
    """Builds models: plan, C++ text, shared library, model."""

    name: str = "cpu"
    genn: bool = False

    def build(
        self,
        plan: Plan,
        values: PlanValues,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> CpuModel:
        """Returns a model that runs the plan on ``num_threads`` threads.

        Arguments as for any `Backend`; memory follows the batches that are run, not
        ``batch_size``.

        Raises:
            BuildError: if there is no compiler or it fails.
        """
        threads = available_cores() if num_threads is None else num_threads
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ValidationError(
                f"num_threads is a whole number of at least 1, or None. "
                f"Received {num_threads!r}."
            )
        layout = Layout(plan)
        wraps = any(group.integers_wrap for group in plan.neurons)
        flags = (WRAP_FLAG,) if wraps else ()
        library = _loaded(build(source(layout), num_parts(layout), flags))
        return CpuModel(layout, values, library, threads=threads, seed=seed)
