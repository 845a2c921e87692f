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
from ml_genn.compiled.configuration import (
    GENN_4_ARGUMENTS,
    GENN_ARGUMENTS,
    MACHINE_ARGUMENTS,
    CompileConfig,
    RuntimeConfig,
)
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.errors import UnsupportedError, ValidationError, unknown_name
from ml_genn.graph.copying import RefersToNetwork
from ml_genn.network import Network
from ml_genn.utils.checks import flag, positive, seed, shown, whole
from ml_genn.utils.synonyms import AnswersSynonyms, own_arguments


class Compiler(AnswersSynonyms, RefersToNetwork, ABC):
    """Base of compilers, which make networks that run.

    Args:
        dt: time step [ms], 1 by default.
        batch_size: examples in a batch, 1 by default.
        rng_seed: seed of all random numbers, 0 by default.
        kernel_profiling: True if GeNN measures the time of its kernels; the embedded
            engine ignores it with a warning. False by default.
        communicator: connects processes that train together; None (default) for one.
        backend: "cpu", "cuda" (an NVIDIA GPU), "pygenn", another backend of GeNN
            ("hip", "single_threaded_cpu"; without PyGeNN the embedded engine takes its
            place, with a warning), or None (default) for ``ML_GENN_BACKEND`` or else
            "cpu".
        num_threads: threads of the embedded engine; None (default) for as many as the
            process may use.
        **genn_kwargs: arguments of GeNN's code generator, passed on to PyGeNN; the
            embedded engine ignores each of them with a warning.

    Raises:
        ValidationError: if an argument is out of its range.
        UnknownNameError: if an argument or a backend is not known.
    """

    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Records the arguments of the constructor, which model files store.

        Arguments that depend on the machine are left out.
        """
        compiler = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        kwargs = own_arguments(cls, cls.__init__, kwargs)
        try:
            arguments = dict(signature.bind(compiler, *args, **kwargs).arguments)
        except TypeError:  # __init__ reports it
            arguments = {}
        arguments.pop("self", None)
        extra = arguments.pop("genn_kwargs", {})
        compiler._arguments = {
            name: value
            for name, value in {**arguments, **extra}.items()
            if name not in MACHINE_ARGUMENTS
        }
        return compiler

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
        self.rng_seed = seed(f"{name}: rng_seed", rng_seed)
        self.kernel_profiling = flag(f"{name}: kernel_profiling", kernel_profiling)
        self.communicator = communicator
        self.batch_size = self._local_batch_size()
        self.backend = get_backend(backend)
        if num_threads is not None:
            num_threads = whole(f"{name}: num_threads", num_threads)
        elif communicator is not None:
            num_threads = max(1, available_cores() // communicator.local_ranks)
        self.num_threads = num_threads
        self.genn_kwargs = self._checked_genn_arguments(genn_kwargs)
        if kernel_profiling:
            self._warn_if_ignored("kernel_profiling")

    def _local_batch_size(self) -> int:
        """Returns the number of examples of a batch that this process runs."""
        communicator = self.communicator
        if communicator is not None and not isinstance(communicator, Communicator):
            raise ValidationError(
                f"{type(self).__name__}: communicator is a Communicator or None. "
                f"Received {shown(communicator)}."
            )
        ranks = 1 if communicator is None else communicator.num_ranks
        if self.full_batch_size % ranks:
            raise ValidationError(
                f"{type(self).__name__}: batch_size is a multiple of the number of "
                f"processes. Received {self.full_batch_size} for {ranks} processes."
            )
        return self.full_batch_size // ranks

    def _checked_genn_arguments(self, genn_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Returns GeNN's arguments, without those of GeNN 4, which warn.

        Raises:
            UnknownNameError: if one is not known.
        """
        for key in genn_kwargs:
            if key not in GENN_ARGUMENTS:
                similar = get_close_matches(key, GENN_ARGUMENTS, n=1)
                known = self._own_arguments().union(similar)
                raise unknown_name("argument", key, known, where=type(self).__name__)
        for key in genn_kwargs:
            if self.backend.genn and key in GENN_4_ARGUMENTS:
                self._warn_of_genn_4(key)
            self._warn_if_ignored(key)
        return {k: v for k, v in genn_kwargs.items() if k not in GENN_4_ARGUMENTS}

    def _warn_of_genn_4(self, argument: str) -> None:
        """Warns of an argument that GeNN 5 names otherwise, or does not have."""
        name = GENN_4_ARGUMENTS[argument]
        instead = f"GeNN 5 calls it {name}." if name else "GeNN 5 has none like it."
        warnings.warn(
            f"{type(self).__name__}: {argument} is an argument of GeNN 4, without "
            f"effect. {instead}",
            stacklevel=stacklevel_of_user(),
        )

    def _warn_if_ignored(self, argument: str) -> None:
        """Warns of an argument of GeNN's, if another backend runs."""
        if self.backend.genn:
            return
        warnings.warn(
            f"{type(self).__name__}: {argument} belongs to GeNN; backend "
            f"'{self.backend.name}' goes without.",
            stacklevel=stacklevel_of_user(),
        )

    def _check_time(self, reset_time_between_batches: bool) -> None:
        """Raises UnsupportedError if time is to continue from batch to batch."""
        where = f"{type(self).__name__}: reset_time_between_batches"
        if not flag(where, reset_time_between_batches):
            raise UnsupportedError(
                f"{type(self).__name__}: time starts at 0 in each batch; "
                "reset_time_between_batches=False is not supported. Spike times of the "
                "data count from the start of an example."
            )

    def _own_arguments(self) -> frozenset[str]:
        """Returns the names of all arguments but GeNN's."""
        names: set[str] = set()
        for cls in type(self).__mro__:
            if "__init__" in vars(cls):
                names |= set(inspect.signature(vars(cls)["__init__"]).parameters)
        return frozenset(names - {"self", "genn_kwargs", "args", "kwargs"})

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
        return CompileConfig(type(self), self._arguments, compile_arguments)

    @abstractmethod
    def compile(self, network: Network, name: str | None = None) -> CompiledNetwork:
        """Returns a compiled network, which is built when it first runs.

        Args:
            network: the network, which keeps the choices that are decided here.
            name: accepted for scripts written for mlGeNN, without effect.
        """
