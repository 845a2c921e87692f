"""Base of compilers."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from typing import Any, Self

from ml_genn.backends import frames_of_ours, get_backend
from ml_genn.communicators import Communicator
from ml_genn.compilers.compiled_network import CompiledNetwork
from ml_genn.compilers.recipe import Recipe
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.network import Network
from ml_genn.utils.checks import positive, whole

#: Arguments that mlGeNN passes on to GeNN's model and code generator.
GENN_ARGUMENTS = frozenset(
    {
        "automatic_copy",
        "block_size_select_method",
        "code_gen_log_level",
        "constant_cache_bytes",
        "debug_code",
        "device_select_method",
        "enable_bitmask_optimisations",
        "enable_nccl_reductions",
        "generate_empty_state_push_pull",
        "generate_extra_global_param_pull",
        "generate_line_info",
        "generate_simple_host_backend",
        "ghost_log_level",
        "manual_block_sizes",
        "manual_device_id",
        "manual_platform_id",
        "optimize_code",
        "show_ptx_info",
        "use_constant_cache_for_rng",
        "user_cxx_flags_gnu",
        "user_nvcc_flags",
    }
)


class Compiler(ABC):
    """Turns a network into something that runs.

    Args:
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of everything random, 0 by default.
        kernel_profiling: kept for scripts written for mlGeNN.
        communicator: how processes that train together talk; None (default) for one.
        backend: "cpu", "pygenn", a backend of PyGeNN such as "cuda" (without PyGeNN the
            embedded engine runs instead, with a warning), or None (default) for
            ``ML_GENN_BACKEND`` or else "cpu".
        num_threads: threads of the embedded engine; None (default) for as many as the
            process may use.
        **genn_kwargs: arguments of GeNN's code generator, passed on to PyGeNN; the
            embedded engine warns and goes without.
    """

    _given: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Notes what the compiler is made with, so that it can be saved."""
        made = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        try:
            given = dict(signature.bind(made, *args, **kwargs).arguments)
        except TypeError:
            given = {}
        given.pop("self", None)
        extra = given.pop("genn_kwargs", {})
        made._given = {**given, **extra}
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
        self.num_threads = num_threads
        self.genn_kwargs = self._checked(genn_kwargs)

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
                known = self._own_arguments()
                raise unknown_name("argument", key, known, where=type(self).__name__)
        if genn_kwargs and not self.backend.genn:
            warnings.warn(
                f"{type(self).__name__}: {', '.join(sorted(genn_kwargs))} belong to "
                f"GeNN; backend '{self.backend.name}' goes without.",
                stacklevel=frames_of_ours(),
            )
        return genn_kwargs

    def _own_arguments(self) -> frozenset[str]:
        found: set[str] = set()
        for cls in type(self).__mro__:
            if "__init__" in vars(cls):
                found |= set(inspect.signature(vars(cls)["__init__"]).parameters)
        return frozenset(found - {"self", "genn_kwargs", "args", "kwargs"})

    def recipe(self, **compiled_with: Any) -> Recipe:
        """How a network is compiled.

        Args:
            **compiled_with: what `compile` was given beside the network.
        """
        return Recipe(type(self), self._given, compiled_with)

    @abstractmethod
    def compile(self, network: Network, name: str | None = None) -> CompiledNetwork:
        """Lowers a network; it is built when it is first used.

        Args:
            network: the network; it is not changed.
            name: kept for scripts written for mlGeNN.
        """
