"""Builds a plan for a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_genn.backends.cuda.device import load, plain_errors
from ml_genn.backends.cuda.model import CudaModel
from ml_genn.backends.cuda.source import OPTIONS, DeviceLayout, text
from ml_genn.model.plan import Plan, Values


@dataclass(frozen=True, slots=True)
class CudaBackend:
    """Plan -> CUDA -> module -> model."""

    name: str = "cuda"
    genn: bool = False

    def build(
        self,
        plan: Plan,
        values: Values,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> CudaModel:
        """A model that runs the plan on the current GPU of CuPy.

        Args:
            plan: the plan.
            values: its numbers.
            num_threads: of the CPU engine; not used.
            seed: seed of the random numbers drawn while running.
            batch_size, arguments: of no meaning here, where memory follows the batch.

        Raises:
            BuildError: if there is no CuPy or no GPU, or the kernels do not compile.
        """
        cupy = load()
        layout = DeviceLayout(plan)
        code = text(layout)

        def made(together: bool) -> Any:
            return cupy.RawModule(
                code=code,
                options=OPTIONS,
                backend="nvrtc",
                enable_cooperative_groups=together,
            )

        with plain_errors(cupy):
            return CudaModel(layout, values, cupy, made, seed=seed)


BACKEND = CudaBackend()
