"""Optimisers of a compiled network, which are copies of those that users pass."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ml_genn.backends import stacklevel_of_user
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.errors import TrainingWarning
from ml_genn.lowering import Training
from ml_genn.optimisers import Optimiser
from ml_genn.utils.copies import independent_copy


class OptimiserCopies:
    """One copy of each optimiser, so that networks do not change each other's.

    Callbacks change optimisers, and a compiler may compile several networks. Arrays
    with the same optimiser have the same copy.
    """

    def __init__(self) -> None:
        self._copies: dict[Optimiser, Optimiser] = {}
        self._attributes: dict[Optimiser, dict[str, Any]] = {}

    def of(self, optimiser: Optimiser) -> Optimiser:
        """Returns the copy of an optimiser."""
        if optimiser not in self._copies:
            own = independent_copy(optimiser)
            if callable(own.alpha):  # a schedule may have a state
                own.alpha = independent_copy(own.alpha)
            self._copies[optimiser] = own
            self._attributes[optimiser] = dict(vars(optimiser))
        return self._copies[optimiser]

    def within(self, value: Any) -> Any:
        """Returns an argument with copies in place of the optimisers in it."""
        if isinstance(value, Optimiser):
            return self.of(value)
        if isinstance(value, Mapping):
            return {key: self.within(item) for key, item in value.items()}
        return value

    def training(self, training: Training) -> Training:
        """Returns trained parts of a network with copies of their optimisers."""
        return replace(
            training,
            weights=self.within(training.weights),
            delays=self.within(training.delays),
            parameters=self.within(training.parameters),
            feedback=tuple(
                replace(f, optimiser=self.within(f.optimiser))
                for f in training.feedback
            ),
        )

    def config(self, config: RuntimeConfig) -> RuntimeConfig:
        """Returns a configuration that saves the copies in model files."""
        if config.compile_config is None:
            return config
        compilation = replace(
            config.compile_config,
            arguments=self.within(config.compile_config.arguments),
            compile_arguments=self.within(config.compile_config.compile_arguments),
        )
        return replace(config, compile_config=compilation)

    def warn_of_changed_originals(self) -> None:
        """Warns of optimisers that users changed after compilation, once a change."""
        for original, attributes in self._attributes.items():
            names = [n for n, v in vars(original).items() if v is not attributes.get(n)]
            if names:
                self._attributes[original] = dict(vars(original))
                warnings.warn(
                    f"train: {', '.join(names)} of {original!r} was changed after "
                    "the network was compiled, which has no effect: each compiled "
                    "network has an optimiser of its own. Change "
                    "compiled.optimiser, or those of compiled.optimisers.",
                    TrainingWarning,
                    stacklevel=stacklevel_of_user(),
                )
