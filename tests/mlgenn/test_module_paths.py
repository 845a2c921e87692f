"""Import paths of mlGeNN lead to the modules that hold the same names here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from ml_genn.initializers import Normal
from ml_genn.initializers.value import (
    is_value_array,
    is_value_constant,
    is_value_initializer,
)
from ml_genn.module_aliases import ALIASES

#: {path in mlGeNN: names that its scripts import from there}
NAMES = {
    "ml_genn.callbacks.custom_update": ("CustomUpdateOnBatchEnd",),
    "ml_genn.callbacks.optimiser_param_schedule": ("OptimiserParamSchedule",),
    "ml_genn.callbacks.spike_recorder": ("SpikeRecorder",),
    "ml_genn.callbacks.var_recorder": ("VarRecorder",),
    "ml_genn.compilers.compiled_network": ("CompiledNetwork",),
    "ml_genn.compilers.compiled_training_network": ("CompiledTrainingNetwork",),
    "ml_genn.connection": ("Connection",),
    "ml_genn.connectivity.avg_pool_conv_2d": ("AvgPoolConv2D",),
    "ml_genn.connectivity.avg_pool_dense_2d": ("AvgPoolDense2D",),
    "ml_genn.connectivity.conv_2d_transpose": ("Conv2DTranspose",),
    "ml_genn.layer": ("InputLayer", "Layer"),
    "ml_genn.losses.sparse_categorical_crossentropy": (
        "SparseCategoricalCrossentropy",
    ),
    "ml_genn.metrics.mean_square_error": ("MeanSquareError",),
    "ml_genn.metrics.sparse_categorical_accuracy": ("SparseCategoricalAccuracy",),
    "ml_genn.initialisers": ("Normal", "Uniform"),
    "ml_genn.network": ("Network",),
    "ml_genn.neurons.adaptive_leaky_integrate_fire": ("AdaptiveLeakyIntegrateFire",),
    "ml_genn.neurons.binary_spike_input": ("BinarySpikeInput",),
    "ml_genn.neurons.few_spike_relu": ("FewSpikeRelu",),
    "ml_genn.neurons.few_spike_relu_input": ("FewSpikeReluInput",),
    "ml_genn.neurons.input": ("Input", "InputBase"),
    "ml_genn.neurons.input_base": ("InputBase",),
    "ml_genn.neurons.integrate_fire": ("IntegrateFire",),
    "ml_genn.neurons.integrate_fire_input": ("IntegrateFireInput",),
    "ml_genn.neurons.leaky_integrate": ("LeakyIntegrate",),
    "ml_genn.neurons.leaky_integrate_fire": ("LeakyIntegrateFire",),
    "ml_genn.neurons.leaky_integrate_fire_input": ("LeakyIntegrateFireInput",),
    "ml_genn.neurons.neuron": ("Neuron",),
    "ml_genn.neurons.poisson_input": ("PoissonInput",),
    "ml_genn.neurons.spike_input": ("SpikeInput",),
    "ml_genn.neurons.user_neuron": ("UserNeuron",),
    "ml_genn.optimizers": ("Adam",),
    "ml_genn.population": ("Population",),
    "ml_genn.readouts.avg_var": ("AvgVar",),
    "ml_genn.readouts.avg_var_exp_weight": ("AvgVarExpWeight",),
    "ml_genn.readouts.first_spike_time": ("FirstSpikeTime",),
    "ml_genn.readouts.max_var": ("MaxVar",),
    "ml_genn.readouts.spike_count": ("SpikeCount",),
    "ml_genn.readouts.sum_var": ("SumVar",),
    "ml_genn.readouts.var": ("Var",),
    "ml_genn.sequential": ("InputLayer", "Layer", "SequentialNetwork"),
    "ml_genn.serializers": ("Numpy",),
    "ml_genn.utils.callback_list": ("CallbackList",),
    "ml_genn.utils.data": ("calc_latest_spike_time", "linear_latency_encode_data"),
    "ml_genn.utils.decorators": ("network_default_params",),
    "ml_genn.utils.filter": ("ExampleFilter", "get_neuron_filter_mask"),
    "ml_genn.utils.module": (
        "get_module_classes",
        "get_object",
        "get_object_mapping",
    ),
    "ml_genn.utils.network": (
        "get_network_dag",
        "get_underlying_conn",
        "get_underlying_pop",
    ),
    "ml_genn.sequential_network": ("SequentialNetwork",),
    "ml_genn.utils.value": (
        "InitValue",
        "is_value_array",
        "is_value_constant",
        "is_value_initializer",
    ),
    "ml_genn_tf.converters.enum": ("InputType",),
}


@pytest.mark.parametrize("path", NAMES)
def test_a_path_of_mlgenn_has_its_names(path: str) -> None:
    module = import_module(path)
    assert not [name for name in NAMES[path] if not hasattr(module, name)]


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_the_module_itself(alias: str) -> None:
    assert alias in NAMES
    assert import_module(alias) is import_module(ALIASES[alias])


def test_submodules_of_an_alias_can_be_imported_from_its_package() -> None:
    from ml_genn import data
    from ml_genn.utils import data as data_of_mlgenn

    assert data_of_mlgenn is data


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "constant"),
        (np.float32(0.5), "constant"),
        (np.array(2.0), "constant"),
        ([1.0, 2.0], "array"),
        (np.ones(3), "array"),
        (Normal(), "initializer"),
        ("normal", "initializer"),
    ],
)
def test_values_are_constants_arrays_or_initializers(value: Any, kind: str) -> None:
    questions = {
        "constant": is_value_constant,
        "array": is_value_array,
        "initializer": is_value_initializer,
    }
    assert [name for name, question in questions.items() if question(value)] == [kind]
