"""Tracing of Keras models: the graph of their operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn_tf.graph import Node, Source
from ml_genn_tf.layers.call import Call
from ml_genn_tf.layers.table import convert_call, is_operation
from ml_genn_tf.linear_maps import Shape

MODELS = ("Functional", "Sequential")  #: classes of models whose layers form a graph


@dataclass(frozen=True, eq=False)
class Ann:
    """Graph of an ANN.

    Args:
        inputs, outputs: nodes of the model's inputs and outputs.
        layers: {Keras layer: node of its output}.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    layers: dict[Any, Node]


def loaded(model: Any) -> Any:
    """Returns a model; a path is that of a file of Keras, `.keras` or `.h5`.

    Args:
        model: the model, or the path of its file.

    Raises:
        ValidationError: if there is no such file, or Keras cannot read it.
    """
    if not isinstance(model, str | PathLike):
        return model
    import keras

    path = Path(model).expanduser()
    try:
        return keras.models.load_model(path, compile=False)
    # Keras raises errors of many classes for files that it cannot read.
    except Exception as error:
        raise ValidationError(
            f"convert: Keras cannot load the model '{path}': {error}. Give the path of "
            "a model saved as .keras or .h5, or the model itself."
        ) from error


def trace(model: Any, check: Callable[[Any], None]) -> Ann:
    """Returns the graph of a Keras model.

    Args:
        model: a Sequential or functional model; its layers may be such models.
        check: called with each layer before it is converted.

    Raises:
        UnsupportedError: if an operation has no rule.
        ValidationError: if the model is none of Keras 3, or has no fixed shapes.
    """
    _check_model(model)
    layers: dict[Any, Node] = {}
    inputs = []
    for tensor in model.inputs:
        layer = tensor._keras_history.operation
        node = Node(layer, Source(), (), _shape(layer, tensor))
        inputs.append(node)
        layers[layer] = node
    outputs = _Tracer(check, layers).outputs(model, inputs)
    return Ann(tuple(inputs), tuple(outputs), layers)


@dataclass(frozen=True, eq=False)
class _Tracer:
    """Visitor of the layers of a model in topological order.

    Args:
        check: called with each layer before it is converted.
        layers: {Keras layer: node of its output}; filled. That of the first call
            counts, since each call of a layer has populations of its own.
    """

    check: Callable[[Any], None]
    layers: dict[Any, Node] = field(default_factory=dict)

    def outputs(self, model: Any, inputs: Sequence[Node]) -> list[Node]:
        """Returns the nodes of a model's outputs.

        Args:
            model: the model.
            inputs: nodes of its inputs.
        """
        known = {id(t): n for t, n in zip(model.inputs, inputs, strict=True)}
        stack = list(reversed(model.outputs))
        while stack:
            history = stack[-1]._keras_history
            call = history.operation._inbound_nodes[history.node_index]
            missing = [t for t in call.input_tensors if id(t) not in known]
            if id(stack[-1]) in known:
                stack.pop()
            elif missing:
                stack.extend(reversed(missing))
            else:
                sources = tuple(known[id(t)] for t in call.input_tensors)
                nodes = self._call(history.operation, sources, call)
                known |= {
                    id(t): n for t, n in zip(call.output_tensors, nodes, strict=True)
                }
        return [known[id(t)] for t in model.outputs]

    def _call(self, layer: Any, inputs: tuple[Node, ...], call: Any) -> list[Node]:
        if _is_model(layer):
            _check_model(layer)
            _check_arguments(layer, call.arguments)
            return self.outputs(layer, inputs)
        shape = _shape(layer, call.output_tensors[0])
        if is_operation(layer):
            return [convert_call(Call(layer, inputs, shape, _operands(call, inputs)))]
        _check_arguments(layer, call.arguments)
        self.check(layer)
        node = convert_call(Call(layer, inputs, shape))
        self.layers.setdefault(layer, node)
        return [node]


def _operands(call: Any, inputs: tuple[Node, ...]) -> tuple[Any, ...]:
    """Returns the operands of an operation, nodes in place of tensors of the model."""
    nodes = iter(inputs)
    arguments = (*call.arguments.args, *call.arguments.kwargs.values())
    return tuple(
        next(nodes) if hasattr(value, "_keras_history") else value
        for value in arguments
    )


def _check_arguments(layer: Any, arguments: Any) -> None:
    """Raises UnsupportedError if a call has arguments besides its inputs.

    With ``training=True``, dropout and batch normalisation act in inference too.
    """
    names = [f"argument {k}" for k in range(1, len(arguments.args))]
    extra = [*zip(names, arguments.args[1:], strict=True), *arguments.kwargs.items()]
    for name, value in extra:
        if value is not None and value is not False and not _is_first(name, arguments):
            raise UnsupportedError(
                f"Layer '{layer.name}' ({type(layer).__name__}): it is called with "
                f"{name}={value!r}, and what that changes is not converted. Call it "
                "with its inputs only."
            )


def _is_first(name: str, arguments: Any) -> bool:
    """Returns True for the inputs of a call, if they are passed by keyword."""
    return not arguments.args and name == next(iter(arguments.kwargs), None)


def _shape(layer: Any, tensor: Any) -> Shape:
    shape = tuple(tensor.shape[1:])
    if None in shape or not shape:
        raise ValidationError(
            f"Layer '{layer.name}' ({type(layer).__name__}): populations have a fixed "
            f"size, but its shape is {(None, *shape)}. Give the model's input a shape "
            "with whole numbers, for example keras.Input((28, 28, 1))."
        )
    return shape


def _is_model(layer: Any) -> bool:
    return any(
        cls.__name__ == "Model" and cls.__module__.startswith("keras.")
        for cls in type(layer).__mro__
    )


def _check_model(model: Any) -> None:
    kind, name = type(model), getattr(model, "name", "?")
    if not _is_model(model):
        raise ValidationError(
            "convert: expected a model of Keras 3 (keras.Sequential or keras.Model). "
            f"Received {kind.__module__}.{kind.__name__}."
        )
    if kind.__name__ not in MODELS or not kind.__module__.startswith("keras."):
        raise UnsupportedError(
            f"Model '{name}' ({kind.__name__}) is a subclass of keras.Model: what its "
            "call() computes is code, not a graph of layers. Build it with "
            "keras.Sequential or as keras.Model(inputs, outputs)."
        )
    if not model.built:
        raise ValidationError(
            f"Model '{name}' has no input shape yet. Put keras.Input(shape) first, for "
            "example keras.Input((28, 28, 1))."
        )
