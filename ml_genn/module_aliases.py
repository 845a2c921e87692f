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

from ml_genn.utils.synonyms.names import check_import

if TYPE_CHECKING:
    from importlib.abc import Loader

#: {path in mlGeNN: module}
ALIASES = {
    "ml_genn.callbacks.custom_update": "ml_genn.callbacks.updates",
    "ml_genn.callbacks.optimiser_param_schedule": "ml_genn.callbacks.updates",
    "ml_genn.callbacks.spike_recorder": "ml_genn.callbacks.recorders",
    "ml_genn.callbacks.var_recorder": "ml_genn.callbacks.recorders",
    "ml_genn.compilers.compiled_network": "ml_genn.compiled.network",
    "ml_genn.compilers.compiled_training_network": "ml_genn.compiled.training",
    "ml_genn.connectivity.avg_pool_conv_2d": "ml_genn.connectivity",
    "ml_genn.connectivity.avg_pool_dense_2d": "ml_genn.connectivity",
    "ml_genn.connectivity.conv_2d_transpose": "ml_genn.connectivity.conv_2d",
    "ml_genn.layer": "ml_genn.sequential",
    "ml_genn.losses.sparse_categorical_crossentropy": "ml_genn.losses.cross_entropy",
    "ml_genn.metrics.mean_square_error": "ml_genn.metrics.values",
    "ml_genn.metrics.sparse_categorical_accuracy": "ml_genn.metrics.classes",
    "ml_genn.initialisers": "ml_genn.initializers",
    "ml_genn.neurons.binary_spike_input": "ml_genn.neurons.inputs.binary_spike_input",
    "ml_genn.neurons.few_spike_relu": "ml_genn.neurons.few_spike.few_spike_relu",
    "ml_genn.neurons.few_spike_relu_input": (
        "ml_genn.neurons.few_spike.few_spike_relu_input"
    ),
    "ml_genn.neurons.input": "ml_genn.neurons.inputs.input_base",
    "ml_genn.neurons.input_base": "ml_genn.neurons.inputs.input_base",
    "ml_genn.neurons.integrate_fire_input": (
        "ml_genn.neurons.inputs.integrate_fire_input"
    ),
    "ml_genn.neurons.leaky_integrate_fire_input": (
        "ml_genn.neurons.inputs.leaky_integrate_fire_input"
    ),
    "ml_genn.neurons.poisson_input": "ml_genn.neurons.inputs.poisson_input",
    "ml_genn.neurons.spike_input": "ml_genn.neurons.inputs.spike_input",
    "ml_genn.readouts.avg_var": "ml_genn.readouts.voltage",
    "ml_genn.readouts.avg_var_exp_weight": "ml_genn.readouts.voltage",
    "ml_genn.readouts.first_spike_time": "ml_genn.readouts.spikes",
    "ml_genn.readouts.max_var": "ml_genn.readouts.voltage",
    "ml_genn.readouts.spike_count": "ml_genn.readouts.spikes",
    "ml_genn.readouts.sum_var": "ml_genn.readouts.voltage",
    "ml_genn.readouts.var": "ml_genn.readouts.voltage",
    "ml_genn.sequential_network": "ml_genn.sequential",
    "ml_genn.optimizers": "ml_genn.optimisers",
    "ml_genn.serializers": "ml_genn.serialisers",
    "ml_genn.utils.callback_list": "ml_genn.callbacks.callback_list",
    "ml_genn.utils.data": "ml_genn.data",
    "ml_genn.utils.decorators": "ml_genn.graph.default_params",
    "ml_genn.utils.network": "ml_genn.graph.traversal",
    "ml_genn.utils.value": "ml_genn.initializers.value",
    "ml_genn_tf.converters.enum": "ml_genn_tf.converters.input_type",
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
        """Returns a spec with this object as loader; None for a name without alias.

        Raises:
            UnknownImportError: for a module of other libraries that has no alias.
        """
        if self._module(fullname) is None:
            check_import(*fullname.rpartition(".")[::2])
            return None
        return ModuleSpec(fullname, cast("Loader", self))

    def _module(self, fullname: str) -> str | None:
        """Returns the module behind an alias, or behind a submodule of an alias."""
        parent, _, name = fullname.rpartition(".")
        if fullname in self.aliases:
            return self.aliases[fullname]
        return f"{self.aliases[parent]}.{name}" if parent in self.aliases else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Returns the module behind an alias."""
        module = import_module(cast(str, self._module(spec.name)))
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restores the module's own spec, which the import system replaced."""
        module.__spec__ = self._own_spec


def install() -> None:
    """Adds the finder, at most once per process."""
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder(ALIASES))
