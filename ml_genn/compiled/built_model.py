"""The model of a compiled network, built on first access."""

from __future__ import annotations

from ml_genn.backends.api import Model
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.compiled.distributed import join_processes
from ml_genn.lowering import Lowered


class BuiltModel:
    """Builds the model of a lowered network on first access.

    Args:
        lowered: plan and initial values.
        config: backend and runtime options.
    """

    def __init__(self, lowered: Lowered, config: RuntimeConfig) -> None:
        self.lowered = lowered
        self.config = config
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """The model, with the same parameters in all processes.

        Not a `cached_property`: before Python 3.12 that holds one lock for all objects,
        and a model that waits for other ranks would keep ranks in other threads out.
        """
        if self._model is None:
            self._model = self._build()
        return self._model

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
