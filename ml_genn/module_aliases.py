"""Aliases of modules: import paths of mlGeNN whose modules have other names here.

`install` adds a finder to ``sys.meta_path``. ``import ml_genn.utils.data`` then binds
the module ``ml_genn.data`` itself, so both paths lead to the same objects.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

#: {path in mlGeNN: module}
ALIASES = {
    "ml_genn.compilers.compiled_network": "ml_genn.compiled.network",
    "ml_genn.compilers.compiled_training_network": "ml_genn.compiled.training",
    "ml_genn.neurons.binary_spike_input": "ml_genn.neurons.inputs.binary_spike_input",
    "ml_genn.neurons.few_spike_relu": "ml_genn.neurons.few_spike.few_spike_relu",
    "ml_genn.neurons.few_spike_relu_input": (
        "ml_genn.neurons.few_spike.few_spike_relu_input"
    ),
    "ml_genn.neurons.input": "ml_genn.neurons.inputs.input",
    "ml_genn.neurons.input_base": "ml_genn.neurons.inputs.input_base",
    "ml_genn.neurons.integrate_fire_input": (
        "ml_genn.neurons.inputs.integrate_fire_input"
    ),
    "ml_genn.neurons.leaky_integrate_fire_input": (
        "ml_genn.neurons.inputs.leaky_integrate_fire_input"
    ),
    "ml_genn.neurons.poisson_input": "ml_genn.neurons.inputs.poisson_input",
    "ml_genn.neurons.spike_input": "ml_genn.neurons.inputs.spike_input",
    "ml_genn.utils.callback_list": "ml_genn.callbacks.callback_list",
    "ml_genn.utils.data": "ml_genn.data",
    "ml_genn.utils.decorators": "ml_genn.graph.default_params",
    "ml_genn.utils.network": "ml_genn.graph.traversal",
    "ml_genn.utils.value": "ml_genn.initializers.value",
}


class AliasFinder:
    """Import hook that resolves aliases of modules: a finder and its loader.

    It does not derive from the classes of `importlib.abc`, whose import brings in eight
    modules of the standard library that nothing else needs.

    Args:
        aliases: {alias: module}.
    """

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self.aliases = aliases

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Returns a spec with this object as loader; None for a name without alias."""
        loader = cast("Loader", self)
        return ModuleSpec(fullname, loader) if fullname in self.aliases else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Returns the module behind an alias."""
        module = import_module(self.aliases[spec.name])
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restores the module's own spec, which the import system replaced."""
        module.__spec__ = self._own_spec


def install() -> None:
    """Adds the finder, at most once per process."""
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder(ALIASES))
