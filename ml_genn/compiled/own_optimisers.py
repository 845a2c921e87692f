"""Optimisers of a compiled network: those that users pass, or copies of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakSet

from ml_genn.backends import stacklevel_of_user
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.errors import TrainingWarning
from ml_genn.lowering import Training
from ml_genn.optimisers import Optimiser
from ml_genn.utils.copies import independent_copy

#: optimisers that are in use by a compiled network
_in_use: WeakSet[Optimiser] = WeakSet()


class OptimiserSettings:
    """Settings of optimisers when a compiler first compiled with them.

    Copies for its later networks start from these, whatever schedules and callbacks
    did to the optimisers in the meantime.
    """

    def __init__(self) -> None:
        self._first: dict[Optimiser, Optimiser] = {}

    def remember(self, optimiser: Optimiser) -> None:
        """Stores the settings of an optimiser, at the first call."""
        if optimiser not in self._first:
            self._first[optimiser] = _copy(optimiser)

    def copy(self, optimiser: Optimiser) -> Optimiser:
        """Returns an optimiser of its own with the stored settings."""
        return _copy(self._first[optimiser])


def _copy(optimiser: Optimiser) -> Optimiser:
    own = independent_copy(optimiser)
    if callable(own.alpha):  # a schedule may have a state
        own.alpha = independent_copy(own.alpha)
    return own


class OwnOptimisers:
    """Optimisers of one compiled network, which no other network has.

    The first network that is compiled with an optimiser uses the object itself, so
    that users can change it. Later networks use copies, since callbacks change
    optimisers. Arrays with the same optimiser have the same copy.

    Args:
        settings: settings of the compiler's optimisers; None (default) for none.
    """

    def __init__(self, settings: OptimiserSettings | None = None) -> None:
        self._settings = settings or OptimiserSettings()
        self._own: dict[Optimiser, Optimiser] = {}
        self._attributes: dict[Optimiser, dict[str, Any]] = {}

    def of(self, optimiser: Optimiser) -> Optimiser:
        """Returns the optimiser that takes the place of one that a user passed."""
        if optimiser not in self._own:
            self._settings.remember(optimiser)
            if optimiser in _in_use:
                self._own[optimiser] = self._settings.copy(optimiser)
                self._attributes[optimiser] = dict(vars(optimiser))
            else:
                _in_use.add(optimiser)
                self._own[optimiser] = optimiser
        return self._own[optimiser]

    def within(self, value: Any) -> Any:
        """Returns an argument in which the optimisers are this network's."""
        if isinstance(value, Optimiser):
            return self.of(value)
        if isinstance(value, Mapping):
            return {key: self.within(item) for key, item in value.items()}
        return value

    def training(self, training: Training) -> Training:
        """Returns trained parts of a network with this network's optimisers."""
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
        """Returns a configuration that saves these optimisers in model files."""
        if config.compile_config is None:
            return config
        compilation = replace(
            config.compile_config,
            arguments=self.within(config.compile_config.arguments),
            compile_arguments=self.within(config.compile_config.compile_arguments),
        )
        return replace(config, compile_config=compilation)

    def warn_of_changed_originals(self) -> None:
        """Warns of changes of optimisers whose copies train, once a change."""
        for original, attributes in self._attributes.items():
            names = [n for n, v in vars(original).items() if v is not attributes.get(n)]
            if names:
                self._attributes[original] = dict(vars(original))
                warnings.warn(
                    f"train: {', '.join(names)} of {original!r} was changed, which has "
                    "no effect here: the optimiser belongs to the network that was "
                    "first compiled with it, and this network has a copy. Change "
                    "compiled.optimiser, or those of compiled.optimisers.",
                    TrainingWarning,
                    stacklevel=stacklevel_of_user(),
                )
