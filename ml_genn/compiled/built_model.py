"""The model of a compiled network, built on first access."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ml_genn.backends.api import Model
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.compiled.distributed import join_processes
from ml_genn.compiled.running.run_lock import RunLock
from ml_genn.lowering import Lowered


class BuiltModel:
    """Builds the model of a lowered network on first access.

    Args:
        lowered: plan and initial values.
        config: backend and runtime options.

    Attributes:
        lock: held by whatever uses the model.
    """

    def __init__(self, lowered: Lowered, config: RuntimeConfig) -> None:
        self.lowered = lowered
        self.config = config
        self.lock = RunLock()
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """The model, with the same parameters in all processes.

        Not a `cached_property`: before Python 3.12 that holds one lock for all objects,
        and a model that waits for other ranks would keep ranks in other threads out.
        """
        if self._model is None:
            with self.lock.access():
                self._model = self._model or self._build()
        return self._model

    @contextmanager
    def access(self) -> Iterator[Model]:
        """Yields the model to a block that reads or changes its arrays."""
        with self.lock.access():
            yield self.model

    def _build(self) -> Model:
        config = self.config
        model = config.backend.build(
            self.lowered.plan,
            self.lowered.values,
            num_threads=config.num_threads,
            seed=config.seed,
            batch_size=config.batch_size,
            arguments=config.genn_kwargs,
        )
        if config.communicator is not None:
            join_processes(model, config.communicator)
        return model
