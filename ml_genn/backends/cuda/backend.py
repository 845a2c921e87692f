"""Backend that compiles plans for an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_genn.backends.cuda.device import load_cupy, plain_errors
from ml_genn.backends.cuda.model import CudaModel
from ml_genn.backends.cuda.source import OPTIONS, DeviceLayout, cuda_source
from ml_genn.model.plan import Plan, PlanValues


@dataclass(frozen=True, slots=True)
class CudaBackend:
    """Backend ``"cuda"``: plan, CUDA source, module of kernels, model."""

    name: str = "cuda"
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
    ) -> CudaModel:
        """Returns a model that runs the plan on CuPy's current GPU.

        Args:
            plan: plan of the network.
            values: numbers of the plan.
            num_threads: threads of the CPU engine; not used.
            seed: seed of the random numbers drawn while the network runs.
            batch_size: not used; memory is allocated for each batch.
            arguments: arguments of PyGeNN; not used.

        Raises:
            BuildError: if CuPy or a GPU is missing, or the kernels do not compile.
        """
        cupy = load_cupy()
        layout = DeviceLayout(plan)
        code = cuda_source(layout)

        def compile_kernels(cooperative: bool) -> Any:
            return cupy.RawModule(
                code=code,
                options=OPTIONS,
                backend="nvrtc",
                enable_cooperative_groups=cooperative,
            )

        with plain_errors(cupy):
            return CudaModel(layout, values, cupy, compile_kernels, seed=seed)


BACKEND = CudaBackend()
