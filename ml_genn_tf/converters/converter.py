"""Base of converters."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.compilers.compiler import Compiler
from ml_genn.connectivity import MaxPool2D
from ml_genn.data.ranges import DataWarnings, check_range
from ml_genn.errors import DataWarning, UnsupportedError, ValidationError
from ml_genn.neurons import Neuron
from ml_genn.utils.checks import free_name, shown
from ml_genn_tf.connectivity import chain_connectivity
from ml_genn_tf.graph import MaxPool, Rectify, Source, Step
from ml_genn_tf.norm_data import Examples, norm_examples
from ml_genn_tf.report import (
    Code,
    Losses,
    Report,
    Validation,
    expected_losses,
    make_report,
    synaptic_operations,
)
from ml_genn_tf.tracing import loaded, trace
from ml_genn_tf.units import Output, Unit, Units, make_units

#: Network, inputs, outputs and {Keras layer: population}.
Converted = tuple[Network, list[Population], list[Population], dict[Any, Population]]
TIME_STEP = 1.0  #: of converted networks [ms]
VALIDATION_BATCH = 100  #: largest batch size of a validation


class Converter(ABC):
    """Base of converters from trained Keras models to spiking networks.

    Layers with a rectifying activation become populations of the same name; the linear
    maps between them become connections. In the methods below a `Unit` is a layer that
    becomes a population.

    Attributes:
        report: table of the layers of the last conversion; None before the first.
        units: layers of the last conversion.
        populations: {unit: population} of the last conversion.
        codes: {unit: values that its spikes represent} of the last conversion.
        validation: accuracies and number of spikes of the last conversion; None if it
            had no argument ``validate``.
    """

    #: operations of the units that it has neurons for
    steps: ClassVar[Collection[type[Step]]] = (Source, Rectify, MaxPool)
    report: Report | None = None
    validation: Validation | None = None
    units: Units
    populations: Mapping[Unit, Population]
    codes: Mapping[Unit, Code]

    def convert(
        self, tf_model: Any, validate: tuple[Any, Any] | None = None
    ) -> Converted:
        """Returns a spiking network that approximates a model.

        Args:
            tf_model: a Sequential or functional model of Keras 3, or the path of a file
                with one, `.keras` or `.h5`.
            validate: examples and labels (x, y). The model and the network are run with
                them, and their accuracies and the report are printed. None (default)
                for no validation.

        Returns:
            The network, its inputs, its outputs, and by Keras layer the population
            whose spikes represent the output of the layer.

        Raises:
            UnsupportedError: if a layer has no spiking form.
            ValidationError: if the model or norm_data is invalid.
        """
        tf_model = loaded(tf_model)
        units = self.units = make_units(trace(tf_model, self._check_layer), self.steps)
        prepared = self.pre_convert(units)
        network, populations = self._build(units, prepared)
        self.populations = populations
        inputs = [populations[unit] for unit in units.inputs]
        outputs = [populations[unit] for unit in units.outputs]
        labelled = None if validate is None else _labelled(validate, units)
        self._check_inputs(inputs, self.examples(), labelled[0] if labelled else None)
        with _without_data_warnings():
            self.post_convert(network, inputs, outputs)
        self._report(units, populations, prepared, labelled[0] if labelled else None)
        self.validation = None
        if labelled:
            with _without_data_warnings():
                self._validate(tf_model, network, units, populations, labelled)
            print(f"{self.report}\n{self.validation}")
        layers = {layer: populations[unit] for layer, unit in units.layers.items()}
        return network, inputs, outputs, layers

    # ------------------------------------------------------------ hooks of converters
    def validate_tf_layer(self, tf_layer: Any, config: Mapping[str, Any]) -> None:
        """Called with each Keras layer; may reject it.

        Args:
            tf_layer: the layer.
            config: its configuration, the result of ``get_config``.

        Raises:
            UnsupportedError: if the layer has no spiking form.
        """

    @abstractmethod
    def pre_convert(self, units: Units) -> Any:
        """Returns the parameters of all neurons, such as thresholds.

        Args:
            units: all layers that become populations.

        Returns:
            Any object; it is passed to the methods below.
        """

    @abstractmethod
    def create_input_neurons(self, pre_convert_output: Any, unit: Unit) -> Neuron:
        """Returns the neuron of an input.

        Args:
            pre_convert_output: return value of `pre_convert`.
            unit: the input.
        """

    @abstractmethod
    def create_neurons(
        self, unit: Unit, pre_convert_output: Any, is_output: bool
    ) -> Neuron:
        """Returns the neuron of a layer.

        Args:
            unit: the layer.
            pre_convert_output: return value of `pre_convert`.
            is_output: True if the neuron needs a readout.
        """

    def gain(self, source: Unit, target: Unit, pre_convert_output: Any) -> float:
        """Returns the factor of the weights between two layers, 1 by default.

        Args:
            source, target: the layers.
            pre_convert_output: return value of `pre_convert`.
        """
        return 1.0

    def post_convert(
        self, network: Network, inputs: list[Population], outputs: list[Population]
    ) -> None:
        """Called with the finished network; may change it.

        Args:
            network: the network.
            inputs, outputs: its populations, in the model's order.
        """

    @abstractmethod
    def unit_codes(
        self, populations: Mapping[Unit, Population], pre_convert_output: Any
    ) -> dict[Unit, Code]:
        """Returns the values that the spikes of populations represent.

        Args:
            populations: {layer: population}.
            pre_convert_output: return value of `pre_convert`.
        """

    def examples(self) -> Examples | None:
        """Returns examples for the expected loss; None if there are none."""
        return None

    @abstractmethod
    def create_compiler(self, **kwargs: Any) -> Compiler:
        """Returns a compiler for networks of this converter.

        Args:
            **kwargs: arguments of the compiler, such as ``batch_size``.
        """

    # ------------------------------------------------------------ conversion
    def _check_inputs(
        self, inputs: list[Population], *examples: Examples | None
    ) -> None:
        """Warns if examples are outside the range that the input neurons carry."""
        issued = DataWarnings()
        for x in (x for x in examples if x is not None):
            for population, values in zip(inputs, x.inputs, strict=True):
                where = f"convert: input '{population.name}'"
                check_range(where, population.neuron, values, TIME_STEP, issued)

    def _check_layer(self, layer: Any) -> None:
        if type(self).validate_tf_layer is Converter.validate_tf_layer:
            return  # some layers that can be converted have no configuration
        try:
            config = layer.get_config()
        except (NotImplementedError, TypeError, ValueError) as error:
            raise UnsupportedError(
                f"Layer '{layer.name}' ({type(layer).__name__}): Keras cannot describe "
                f"its arguments ({error}). Use functions and objects of Keras."
            ) from error
        self.validate_tf_layer(layer, config)

    def _build(
        self, units: Units, prepared: Any
    ) -> tuple[Network, dict[Unit, Population]]:
        populations: dict[Unit, Population] = {}
        names: set[str] = set()
        with Network() as network:
            for unit in units.all:
                name = free_name(unit.layer.name, names)
                names.add(name)
                neuron = (
                    self.create_input_neurons(prepared, unit)
                    if isinstance(unit.step, Source)
                    else self.create_neurons(unit, prepared, unit.output)
                )
                populations[unit] = Population(neuron, unit.shape, name=name)
            for unit in units.all:
                self._connect(unit, populations, prepared)
        return network, populations

    def _connect(
        self, unit: Unit, populations: Mapping[Unit, Population], prepared: Any
    ) -> None:
        for source, chain in unit.terms:
            if isinstance(unit.step, MaxPool):
                padding = "same" if unit.step.same else "valid"
                connectivity: Any = MaxPool2D(
                    unit.step.size,
                    pool_strides=unit.step.strides,
                    pool_padding=padding,
                )
            else:
                gain = self.gain(source, unit, prepared)
                connectivity = chain_connectivity(chain, source.shape, unit.shape, gain)
            if connectivity is not None:
                Connection(populations[source], populations[unit], connectivity)

    def _report(
        self,
        units: Units,
        populations: Mapping[Unit, Population],
        prepared: Any,
        validate: Examples | None,
    ) -> None:
        self.codes = self.unit_codes(populations, prepared)
        examples = self.examples() or validate
        nothing: Losses = {}
        losses = nothing, nothing
        if examples:
            losses = expected_losses(units, self.codes, examples)
        self.report = make_report(populations, self.codes, *losses)

    def _validate(
        self,
        tf_model: Any,
        network: Network,
        units: Units,
        populations: Mapping[Unit, Population],
        labelled: tuple[Examples, list[np.ndarray]],
    ) -> None:
        examples, labels = labelled
        x = list(examples.inputs)
        predicted = tf_model.predict(x[0] if len(x) == 1 else x, verbose=0)
        predicted = predicted if isinstance(predicted, list) else [predicted]
        ann = tuple(
            float(np.mean(np.argmax(values, axis=-1) == label))
            for values, label in zip(predicted, labels, strict=True)
        )
        units_of = {
            p: u for u, p in populations.items() if not isinstance(u.step, Output)
        }
        spiking = list(units_of)
        for population in spiking:
            population.record_spikes = True
        compiled = self._compiled(network, len(x[0]))
        recorders = [SpikeRecorder(p, p.name, record_counts=True) for p in spiking]
        outputs = [populations[unit] for unit in units.outputs]
        metrics, data = compiled.evaluate(
            {populations[u]: a for u, a in zip(units.inputs, x, strict=True)},
            dict(zip(outputs, labels, strict=True)),
            callbacks=recorders,
        )
        for population in spiking:
            population.record_spikes = False
        spikes = dict.fromkeys(populations, 0.0)
        for population, unit in units_of.items():
            counts = sum(int(np.sum(c)) for c in data[population.name])
            spikes[unit] = counts / len(x[0])
        snn = tuple(float(metrics[output].result) for output in outputs)
        operations = synaptic_operations(populations, spikes)
        self.validation = Validation(ann, snn, sum(spikes.values()), *operations)

    def _compiled(self, network: Network, examples: int) -> CompiledNetwork:
        batch = min(examples, VALIDATION_BATCH)
        return self.create_compiler(batch_size=batch).compile(network)


@contextmanager
def _without_data_warnings() -> Iterator[None]:
    """Context in which data are run that warnings have been issued about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        yield


def _labelled(validate: Any, units: Units) -> tuple[Examples, list[np.ndarray]]:
    """Returns examples and, for each output, labels.

    Raises:
        ValidationError: if ``validate`` is no pair (x, y), or shapes do not fit.
    """
    if not isinstance(validate, tuple) or len(validate) != 2:
        raise ValidationError(
            "convert: validate is (x, y), examples and their labels. Received "
            f"{shown(validate)}."
        )
    x, y = validate
    examples = norm_examples("convert: validate", [(x, y)], units)
    parts = list(y) if len(units.outputs) > 1 else [y]
    labels = [np.asarray(part) for part in parts]
    shape = (len(examples.inputs[0]),)
    if any(part.shape != shape for part in labels):
        raise ValidationError(
            "convert: validate has one label for each example, shape "
            f"{shape}. Received {[part.shape for part in labels]}."
        )
    return examples, labels
