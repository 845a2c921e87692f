"""Base of compilers."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from difflib import get_close_matches
from typing import Any, Self

from ml_genn.backends import get_backend, stacklevel_of_user
from ml_genn.backends.host.cores import available_cores
from ml_genn.communicators import Communicator
from ml_genn.compiled.configuration import CompileConfig, RuntimeConfig
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.errors import UnsupportedError, ValidationError, unknown_name
from ml_genn.network import Network
from ml_genn.utils.checks import positive, whole

#: Arguments that mlGeNN passes on to GeNN's model and code generator, older names too.
GENN_ARGUMENTS = frozenset(
    {
        "automatic_copy",
        "backend_log_level",
        "block_size_select_method",
        "code_gen_log_level",
        "constant_cache_bytes",
        "constant_cache_overhead",
        "debug_code",
        "deviceSelectMethod",
        "device_select_method",
        "enable_bitmask_optimisations",
        "enable_nccl_reductions",
        "generate_empty_state_push_pull",
        "generate_extra_global_param_pull",
        "generate_line_info",
        "generate_simple_host_backend",
        "genn_log_level",
        "ghost_log_level",
        "manual_block_sizes",
        "manual_device_id",
        "manual_platform_id",
        "optimize_code",
        "precision",
        "runtime_log_level",
        "selectGPUByDeviceID",
        "show_ptx_info",
        "time_precision",
        "transpiler_log_level",
        "use_constant_cache_for_rng",
        "user_cxx_flags_gnu",
        "user_nvcc_flags",
        "user_nvcc_flags_gnu",
    }
)


class Compiler(ABC):
    """Turns a network into something that runs.

    Args:
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of everything random, 0 by default.
        kernel_profiling: whether GeNN measures its kernels; the embedded engine warns
            and goes without.
        communicator: how processes that train together talk; None (default) for one.
        backend: "cpu", "cuda" (an NVIDIA GPU), "pygenn", another backend of GeNN
            ("hip", "single_threaded_cpu"; without PyGeNN the embedded engine takes its
            place, with a warning), or None (default) for ``ML_GENN_BACKEND`` or else
            "cpu".
        num_threads: threads of the embedded engine; None (default) for as many as the
            process may use.
        **genn_kwargs: arguments of GeNN's code generator, passed on to PyGeNN; the
            embedded engine warns of each and goes without.
    """

    _given: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Notes what the compiler is made with, so that it can be saved.

        What is GeNN's belongs to a machine, and is not.
        """
        made = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        try:
            given = dict(signature.bind(made, *args, **kwargs).arguments)
        except TypeError:
            given = {}
        given.pop("self", None)
        given.pop("communicator", None)  # whoever loads it may be alone
        extra = given.pop("genn_kwargs", {})
        ours = {k: v for k, v in extra.items() if k not in GENN_ARGUMENTS}
        made._given = {**given, **ours}
        return made

    def __init__(
        self,
        *,
        dt: float = 1.0,
        batch_size: int = 1,
        rng_seed: int = 0,
        kernel_profiling: bool = False,
        communicator: Communicator | None = None,
        backend: str | None = None,
        num_threads: int | None = None,
        **genn_kwargs: Any,
    ) -> None:
        name = type(self).__name__
        self.dt = positive(f"{name}: dt", dt)
        self.full_batch_size = whole(f"{name}: batch_size", batch_size)
        self.rng_seed = whole(f"{name}: rng_seed", rng_seed, least=0)
        self.kernel_profiling = kernel_profiling
        self.communicator = communicator
        self.batch_size = self._share_of_batch()
        self.backend = get_backend(backend)
        if num_threads is not None:
            whole(f"{name}: num_threads", num_threads)
        elif communicator is not None:
            num_threads = max(1, available_cores() // communicator.local_ranks)
        self.num_threads = num_threads
        self.genn_kwargs = self._checked(genn_kwargs)
        if kernel_profiling:
            self._goes_without("kernel_profiling")

    def _share_of_batch(self) -> int:
        given = self.communicator
        if given is not None and not isinstance(given, Communicator):
            raise ValidationError(
                f"{type(self).__name__}: communicator is a Communicator or None. "
                f"Received {given!r}."
            )
        ranks = 1 if given is None else given.num_ranks
        if self.full_batch_size % ranks:
            raise ValidationError(
                f"{type(self).__name__}: batch_size is a multiple of the number of "
                f"processes. Received {self.full_batch_size} for {ranks} processes."
            )
        return self.full_batch_size // ranks

    def _checked(self, genn_kwargs: dict[str, Any]) -> dict[str, Any]:
        for key in genn_kwargs:
            if key not in GENN_ARGUMENTS:
                meant = get_close_matches(key, GENN_ARGUMENTS, n=1)
                known = self._own_arguments().union(meant)
                raise unknown_name("argument", key, known, where=type(self).__name__)
        for key in genn_kwargs:
            self._goes_without(key)
        return genn_kwargs

    def _goes_without(self, argument: str) -> None:
        """Warns of an argument that only GeNN has a use for, if it does not run."""
        if self.backend.genn:
            return
        warnings.warn(
            f"{type(self).__name__}: {argument} belongs to GeNN; backend "
            f"'{self.backend.name}' goes without.",
            stacklevel=stacklevel_of_user(),
        )

    def _check_time(self, reset_time_between_batches: bool) -> None:
        """Refuses time that goes on from batch to batch."""
        if not reset_time_between_batches:
            raise UnsupportedError(
                f"{type(self).__name__}: time starts at 0 in each batch; "
                "reset_time_between_batches=False is not supported. Spike times of the "
                "data count from the start of an example."
            )

    def _own_arguments(self) -> frozenset[str]:
        found: set[str] = set()
        for cls in type(self).__mro__:
            if "__init__" in vars(cls):
                found |= set(inspect.signature(vars(cls)["__init__"]).parameters)
        return frozenset(found - {"self", "genn_kwargs", "args", "kwargs"})

    def runtime_config(
        self, num_steps: int, *, continue_state: bool = False, **compile_arguments: Any
    ) -> RuntimeConfig:
        """Returns backend, seed and sizes for a compiled network.

        Args:
            num_steps: time steps of an example.
            continue_state: True if a batch starts in the final state of the last batch;
                False by default.
            **compile_arguments: arguments of `compile`, without the network.
        """
        return RuntimeConfig(
            backend=self.backend,
            num_threads=self.num_threads,
            seed=self.rng_seed,
            dt=self.dt,
            num_steps=num_steps,
            batch_size=self.batch_size,
            communicator=self.communicator,
            continue_state=continue_state,
            compile_config=self.compile_config(**compile_arguments),
            genn_kwargs={
                **self.genn_kwargs,
                "kernel_profiling": self.kernel_profiling,
            },
        )

    def compile_config(self, **compile_arguments: Any) -> CompileConfig:
        """Returns class and arguments of the compiler, as model files store them.

        Args:
            **compile_arguments: arguments of `compile`, without the network.
        """
        return CompileConfig(type(self), self._given, compile_arguments)

    @abstractmethod
    def compile(self, network: Network, name: str | None = None) -> CompiledNetwork:
        """Lowers a network; it is built when it is first used.

        Args:
            network: the network; it is not changed.
            name: kept for scripts written for mlGeNN.
        """
