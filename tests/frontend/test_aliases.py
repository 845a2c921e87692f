"""Names in place of objects, and error messages for misspelt names."""

from __future__ import annotations

from typing import Any

import pytest

from ml_genn import (
    Connection,
    Network,
    Population,
    callbacks,
    compilers,
    initializers,
    losses,
    metrics,
    neurons,
    optimisers,
    readouts,
    surrogates,
    synapses,
)
from ml_genn.connectivity import Dense
from ml_genn.errors import UnknownNameError, ValidationError
from ml_genn.utils.module import (
    alias,
    get_module_classes,
    get_object,
    get_object_mapping,
)

REGISTRIES: list[tuple[Any, type, set[str]]] = [
    (callbacks.default_callbacks, callbacks.Callback, {"batch_progress_bar"}),
    (
        initializers.default_initializers,
        initializers.Initializer,
        {
            "fluctuation_driven",
            "glorot_normal",
            "glorot_uniform",
            "he_normal",
            "he_uniform",
            "le_cun_normal",
            "normal",
            "uniform",
        },
    ),
    (
        losses.default_losses,
        losses.Loss,
        {
            "categorical_crossentropy",
            "mean_absolute_error",
            "mean_square_error",
            "sparse_categorical_crossentropy",
        },
    ),
    (
        metrics.default_metrics,
        metrics.Metric,
        {
            "categorical_accuracy",
            "confusion_matrix",
            "mean_absolute_error",
            "mean_square_error",
            "sparse_categorical_accuracy",
            "sparse_top_k_categorical_accuracy",
            "top_k_categorical_accuracy",
        },
    ),
    (
        neurons.default_neurons,
        neurons.Neuron,
        {
            "adaptive_leaky_integrate_fire",
            "integrate_fire",
            "leaky_integrate",
            "leaky_integrate_fire",
            "spike_input",
        },
    ),
    (
        optimisers.default_optimisers,
        optimisers.Optimiser,
        {"adam", "adamax", "lion"},
    ),
    (
        readouts.default_readouts,
        readouts.Readout,
        {
            "avg_var",
            "avg_var_exp_weight",
            "first_spike_time",
            "max_var",
            "spike_count",
            "sum_var",
            "var",
        },
    ),
    (
        surrogates.default_surrogates,
        surrogates.Surrogate,
        {"arctan", "boxcar", "exponential", "fast_sigmoid", "triangle"},
    ),
    (synapses.default_synapses, synapses.Synapse, {"delta", "exponential"}),
]
NAMES = [
    (table, base, name) for table, base, names in REGISTRIES for name in sorted(names)
]


@pytest.mark.parametrize(("table", "base", "names"), REGISTRIES)
def test_registries_hold_the_names_of_mlgenn(
    table: Any, base: type, names: set[str]
) -> None:
    assert names <= set(table)
    assert all(issubclass(cls, base) for cls in table.values())


@pytest.mark.parametrize(("table", "base", "name"), NAMES)
def test_a_name_makes_an_object_with_default_arguments(
    table: Any, base: type, name: str
) -> None:
    result = get_object(name, base, "Thing", table)
    assert isinstance(result, base)
    assert type(result) is table[name]
    assert alias(type(result)) == name
    assert get_object(name, base, "Thing", table) is not result


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RMSE", "rmse"),
        ("RMSELoss", "rmse_loss"),
        ("LogMSE", "log_mse"),
        ("AvgVar", "avg_var"),
        ("Conv2D", "conv2_d"),
        ("F1", "f1"),
        ("Top5Accuracy", "top5_accuracy"),
        ("A", "a"),
    ],
)
def test_capitals_that_follow_each_other_are_one_word(name: str, expected: str) -> None:
    assert alias(type(name, (), {})) == expected


@pytest.mark.parametrize(("table", "base", "name"), NAMES)
def test_a_misspelt_name_gets_a_suggestion(table: Any, base: type, name: str) -> None:
    wrong = name[:-1] if len(name) > 3 else f"{name}x"
    with pytest.raises(UnknownNameError) as caught:
        get_object(wrong, base, "Thing", table)
    message = str(caught.value)
    assert f"unknown thing '{wrong}'. Did you mean '" in message
    assert all(known in message for known in table)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, KeyError)


def test_a_name_like_no_other_gets_the_list_only() -> None:
    with pytest.raises(UnknownNameError) as caught:
        get_object("zzzz", synapses.Synapse, "Synapse", synapses.default_synapses)
    assert str(caught.value) == (
        "unknown synapse 'zzzz'. Available: delta, exponential."
    )


@pytest.mark.parametrize(("table", "base", "name"), NAMES)
def test_a_class_instead_of_an_object_gets_a_suggestion(
    table: Any, base: type, name: str
) -> None:
    cls = table[name]
    with pytest.raises(ValidationError, match=f"Did you mean {cls.__name__}\\(\\)"):
        get_object(cls, base, "Thing", table)


def test_an_object_is_used_as_it_is() -> None:
    adam = optimisers.Adam(0.5)
    table = optimisers.default_optimisers
    assert get_object(adam, optimisers.Optimiser, "Optimiser", table) is adam


def test_tables_of_modules() -> None:
    result = get_module_classes(vars(neurons), neurons.Neuron)
    assert result == neurons.default_neurons
    result = get_module_classes(vars(initializers), initializers.Initializer)
    assert result == initializers.default_initializers
    assert get_module_classes({"number": 3, "type": int}, neurons.Neuron) == {}


def test_none_stays_none() -> None:
    assert get_object(None, readouts.Readout, "Readout", {}) is None


@pytest.mark.parametrize("wrong", [3, 1.5, ["delta"], object, synapses.Delta])
def test_other_types_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="expected an instance of Readout"):
        get_object(wrong, readouts.Readout, "Readout", readouts.default_readouts)


def test_long_input_is_cut_short_in_messages() -> None:
    with pytest.raises(ValidationError) as caught:
        get_object(list(range(10000)), readouts.Readout, "Readout", {})
    assert len(str(caught.value)) < 500


def test_one_object_serves_several_keys() -> None:
    table = losses.default_losses
    loss = losses.MeanSquareError()
    result = get_object_mapping(loss, ["a", "b"], losses.Loss, "Loss", table)
    assert result == {"a": loss, "b": loss}
    named = get_object_mapping(
        "mean_square_error", ["a", "b"], losses.Loss, "Loss", table
    )
    assert named["a"] is not named["b"]
    assert all(isinstance(one, losses.MeanSquareError) for one in named.values())


def test_a_dictionary_has_one_object_for_each_key() -> None:
    result = get_object_mapping(
        {"a": "delta", "b": synapses.Exponential(2.0)},
        iter(["b", "a"]),
        synapses.Synapse,
        "Synapse",
        synapses.default_synapses,
    )
    assert isinstance(result["a"], synapses.Delta)
    assert result["b"].tau == 2.0


@pytest.mark.parametrize(
    "mapping", [{}, {"a": None}, {"a": None, "b": None, "c": None}]
)
def test_a_dictionary_with_other_keys_is_refused(mapping: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"one entry for each of \['a', 'b'\]"):
        get_object_mapping(mapping, ["a", "b"], losses.Loss, "Loss", {})


# ---------------------------------------------------------------- uses of names
def test_populations_and_connections_take_names() -> None:
    with Network():
        a = Population("spike_input", 2)
        b = Population(neurons.LeakyIntegrate(readout="max_var"), 2)
        connection = Connection(a, b, Dense("uniform"), "exponential")
    assert isinstance(a.neuron, neurons.SpikeInput)
    assert isinstance(b.neuron.readout, readouts.MaxVar)
    assert isinstance(connection.synapse, synapses.Exponential)
    assert isinstance(connection.connectivity.weight, initializers.Uniform)


def test_a_neuron_may_be_replaced_by_a_name() -> None:
    with Network():
        population = Population("spike_input", 2)
    population.neuron = "integrate_fire"
    assert isinstance(population.neuron, neurons.IntegrateFire)
    with pytest.raises(UnknownNameError, match="Did you mean 'integrate_fire'"):
        population.neuron = "integrate_fir"
    with pytest.raises(ValidationError, match="a neuron model is needed"):
        population.neuron = None
    assert isinstance(population.neuron, neurons.IntegrateFire)


def test_misspelt_neurons_and_readouts_get_suggestions() -> None:
    with Network() as network:
        for wrong, right in (
            ("leaky_integrat_fire", "leaky_integrate_fire"),
            ("spikes_input", "spike_input"),
        ):
            with pytest.raises(UnknownNameError, match=f"Did you mean '{right}'"):
                Population(wrong, 2)
    assert not network.populations
    with pytest.raises(UnknownNameError, match="Did you mean 'avg_var'"):
        neurons.LeakyIntegrate(readout="avg_vra")
    with pytest.raises(UnknownNameError) as caught:
        Dense("normall")
    assert str(caught.value).startswith(
        "Dense: weight: unknown initializer 'normall'. Did you mean 'normal'?"
    )


def test_losses_and_optimisers_take_names() -> None:
    compiler = compilers.EventPropCompiler(10, "mean_square_error", "adam")
    assert isinstance(compiler.optimiser, optimisers.Adam)
    with pytest.raises(UnknownNameError, match="Did you mean 'adam'"):
        compilers.EventPropCompiler(10, "mean_square_error", "adan")
    with pytest.raises(ValidationError, match="Did you mean Adam\\(\\)"):
        compilers.EventPropCompiler(10, "mean_square_error", optimisers.Adam)


def test_a_misspelt_compiler_gets_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'EventPropCompiler'"):
        _ = compilers.EventPropCompilr
