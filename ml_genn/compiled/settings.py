"""How compiled networks run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_genn.backends import Backend
from ml_genn.communicators import Communicator
from ml_genn.compiled.configuration import CompileConfig


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """How a compiled network runs.

    Args:
        backend: what builds and runs it.
        num_threads: threads; None for as many as the process may use.
        seed: seed of random numbers.
        dt: time step [ms].
        num_steps: time steps of an example.
        batch_size: examples in a batch.
        communicator: how processes talk to each other; None for one process.
        keep_state: whether a batch starts in the state in which the last one ended.
        compile_config: how the network was compiled, for it to be saved.
        genn_kwargs: arguments for GeNN, where it runs the network.
    """

    backend: Backend
    num_threads: int | None
    seed: int
    dt: float
    num_steps: int
    batch_size: int
    communicator: Communicator | None = None
    keep_state: bool = False
    compile_config: CompileConfig | None = None
    genn_kwargs: Mapping[str, Any] = field(default_factory=dict)
