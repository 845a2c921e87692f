"""Objects as plain data that can be written as JSON, and back.

An object becomes ``{"class": name, "arguments": {name: value}}``, from which its
constructor makes an equal one. Classes and functions become names: those of ml_genn
"<module>.<name>", those of users "custom.<name>", for which loading needs
``custom_objects``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Annotated, Any, TypeVar

import numpy as np

from ml_genn import (
    connectivity,
    initializers,
    losses,
    metrics,
    neurons,
    optimisers,
    readouts,
    surrogates,
    synapses,
)
from ml_genn.errors import CheckpointError, UnsupportedError, unknown_name
from ml_genn.model.snapshot import Key
from ml_genn.neurons import CodeNeuron
from ml_genn.utils.records import (
    Count,
    as_checkpoint_error,
    broken,
    number_type,
    record_of,
    shortened,
)

#: {name: module} of the classes of ml_genn that can be part of a configuration
MODULES: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        connectivity,
        initializers,
        losses,
        metrics,
        neurons,
        optimisers,
        readouts,
        surrogates,
        synapses,
    )
}
CUSTOM = "custom"  #: name of the module of users' classes and functions
ARRAYS_OWNER = "config"  #: owner of arrays that are stored beside the data
_SCALARS: tuple[type, ...] = (bool, int, float, str, type(None))

CODE_CLASSES = (CodeNeuron,)  #: classes whose arguments are compiled and run
_KEYS_SHOWN = 5  #: keys of a dictionary in a message
_LONGEST_NAME = 80  #: characters of a wrong name in a message

CustomObjects = Mapping[str, Any] | None  #: {name: class or function}
T = TypeVar("T")


@dataclass(slots=True)
class Encoder:
    """Turns objects into plain data.

    Args:
        arrays: dictionary that collects the arrays, to which the data then refer; None
            (default) to write arrays as lists.
        writers: {type: function that returns plain data}, used before those here; none
            by default.
    """

    arrays: dict[Key, np.ndarray] | None = None
    writers: Mapping[type, Callable[[Any], Any]] = field(default_factory=dict)

    def encode(self, value: Any, where: str) -> Any:
        """Returns a value as plain data.

        Args:
            value: a scalar, array, container, class, function or other object.
            where: start of error messages.

        Raises:
            UnsupportedError: if a part of the value cannot be written.
        """
        writers: dict[Any, Callable[[Any], Any]] = {
            **self.writers,
            np.generic: lambda v: self.encode(v.item(), where),
            float: lambda v: v if math.isfinite(v) else {"number": str(v)},
            _SCALARS: lambda v: v,
            np.ndarray: lambda v: self._array(v, where),
            list: lambda v: [self.encode(x, where) for x in v],
            tuple: lambda v: {"tuple": [self.encode(x, where) for x in v]},
            Mapping: lambda v: {"mapping": [self._pair(x, where) for x in v.items()]},
            (type, FunctionType): lambda v: {"named": name_of(v, where)},
            object: lambda v: self._object(v, where),
        }
        kind = next(kind for kind in writers if isinstance(value, kind))
        return writers[kind](value)

    def _pair(self, pair: tuple[Any, Any], where: str) -> list[Any]:
        key, value = pair
        return [self.encode(key, where), self.encode(value, f"{where}: {key}")]

    def _array(self, value: np.ndarray, where: str) -> Any:
        if value.dtype.kind not in "biuf":
            raise UnsupportedError(
                f"{where}: an array of type {value.dtype} cannot be saved."
            )
        if self.arrays is None:
            shape = list(value.shape)
            return {"array": value.tolist(), "dtype": value.dtype.str, "shape": shape}
        name = str(len(self.arrays))
        self.arrays[ARRAYS_OWNER, name] = value
        return {"array_in_file": name}

    def _object(self, value: Any, where: str) -> Any:
        arguments = {
            name: self.encode(argument, f"{where}: {name}")
            for name, argument in arguments_of(value, where).items()
        }
        return {"class": name_of(type(value), where), "arguments": arguments}


@dataclass(frozen=True, slots=True)
class ArrayRecord:
    """Schema of an array that is written as lists.

    Args:
        array: its numbers, as nested lists.
        dtype: its type.
        shape: its shape.
    """

    array: Any
    dtype: Annotated[str, number_type]
    shape: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """Schema of an object that its class makes.

    Args:
        class_: name of the class.
        arguments: {argument of its constructor: plain data}.
    """

    class_: str
    arguments: Mapping[str, Any]


@dataclass(slots=True)
class Decoder:
    """Turns plain data of `Encoder` back into objects.

    Args:
        arrays: arrays to which the data refer; none by default.
        custom: {name: class or function} of the user's own; None (default) for none.
        readers: {key of a dictionary: function that returns the object}, in addition to
            those here; none by default.
        allow_code: True if code strings, which are compiled and run, are accepted;
            False by default.
    """

    arrays: Mapping[Key, np.ndarray] = field(default_factory=dict)
    custom: CustomObjects = None
    readers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    allow_code: bool = False

    def decode(
        self, data: Any, place: str = "Config", kind: type[T] | None = None
    ) -> Any:
        """Returns the object that plain data describe.

        Args:
            data: result of `Encoder.encode`.
            place: the field, for error messages; "Config" by default.
            kind: class of the object; None (default) for any.

        Raises:
            CheckpointError: if the data have another form, nothing can be made of them,
                they refer to what is not there, or they contain code that is not
                allowed.
        """
        value = self._decode(data, place)
        if kind is not None and not isinstance(value, kind):
            raise broken(place, f"a {kind.__name__}", data)
        return value

    def _decode(self, data: Any, place: str) -> Any:
        if isinstance(data, _SCALARS):
            return data
        if isinstance(data, list):
            return self._list(data, place)
        if not isinstance(data, Mapping):
            raise broken(place, "plain data", data)
        readers: dict[str, Callable[[Any], Any]] = {
            "tuple": lambda v: tuple(self._list(v, place)),
            "mapping": lambda v: self._mapping(v, place),
            "number": lambda v: float(v),
            "named": lambda v: self._named(v, place),
            "array_in_file": lambda v: self._array_in_file(v, place),
            "array": lambda v: _array(data, place),
            "class": lambda v: self._object(data, place),
            **self.readers,
        }
        for key, read in readers.items():
            if key in data:
                with as_checkpoint_error(f"{place}: {key}"):
                    return read(data[key])
        known = ", ".join(readers)
        raise CheckpointError(
            f"{place}: a dictionary has one of the keys {known}. "
            f"Received {[shortened(key) for key in list(data)[:_KEYS_SHOWN]]}."
        )

    def _list(self, data: Any, place: str) -> list[Any]:
        if not isinstance(data, list | tuple):
            raise broken(place, "a list", data)
        return [self._decode(value, f"{place}[{k}]") for k, value in enumerate(data)]

    def _mapping(self, data: Any, place: str) -> dict[Any, Any]:
        pairs = record_of(_Pairs, {"pairs": data}, place).pairs
        return {
            self._decode(key, f"{place}: key"): self._decode(
                value, f"{place}: {shortened(key)}"
            )
            for key, value in pairs
        }

    def _array_in_file(self, name: Any, place: str) -> np.ndarray:
        array = self.arrays.get((ARRAYS_OWNER, str(name)))
        if array is None:
            raise CheckpointError(f"{place}: array {shortened(name)} is missing.")
        return array

    def _named(self, name: Any, place: str) -> Any:
        if not isinstance(name, str):
            raise broken(place, "the name of a class", name)
        module, _, rest = name.partition(".")
        if module == CUSTOM:
            if rest not in (self.custom or {}):
                raise CheckpointError(
                    f"{place}: '{shortened(rest)[1:-1]}' is not part of ml_genn. Give "
                    f"it in custom_objects={{'{rest:.80}': {rest:.80}}}."
                )
            return (self.custom or {})[rest]
        if module not in MODULES:
            raise unknown_name("module", module[:_LONGEST_NAME], MODULES, where=place)
        public = getattr(MODULES[module], "__all__", ())
        if rest not in public:
            name = rest[:_LONGEST_NAME]
            raise unknown_name("class", name, public, where=f"{place}: {module}")
        return getattr(MODULES[module], rest)

    def _object(self, data: Mapping[str, Any], place: str) -> Any:
        record = record_of(ObjectRecord, data, place)
        cls = self._named(record.class_, place)
        if not isinstance(cls, type):
            raise broken(f"{place}: class", "the name of a class", record.class_)
        if issubclass(cls, CODE_CLASSES) and not self.allow_code:
            raise CheckpointError(
                f"{place}: a {cls.__name__} contains code strings, which would be "
                "compiled and run as a program. If you trust the origin of this file, "
                "load it with allow_code=True."
            )
        arguments = {
            name: self._decode(value, f"{place}: {cls.__name__}: {name}")
            for name, value in record.arguments.items()
        }
        with as_checkpoint_error(f"{place}: {cls.__name__}"):
            return cls(**arguments)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Schema of a dictionary whose keys need not be text: (key, value) pairs."""

    pairs: tuple[tuple[Any, Any], ...]


def _array(data: Mapping[str, Any], place: str) -> np.ndarray:
    record = record_of(ArrayRecord, data, place)
    # NumPy makes arrays of nested lists as deep as their shape
    values = np.array(record.array, record.dtype)
    if values.size != math.prod(record.shape):
        raise broken(place, f"an array of shape {record.shape}", record.array)
    return values.reshape(record.shape)


def name_of(thing: Any, where: str) -> str:
    """Returns the name by which a `Decoder` looks up a class or function.

    Raises:
        UnsupportedError: for a lambda, which has no name.
    """
    name: str = thing.__name__
    for module_name, module in MODULES.items():
        if vars(module).get(name) is thing:
            return f"{module_name}.{name}"
    if name == "<lambda>":
        raise UnsupportedError(
            f"{where}: a lambda has no name to be saved by. Use a function that has "
            "one, and give it in custom_objects when loading."
        )
    return f"{CUSTOM}.{name}"


def arguments_of(thing: Any, where: str) -> dict[str, Any]:
    """Returns arguments of the constructor from which an equal object can be made.

    They are the attributes that are named as the constructor's parameters, unless the
    object has a method ``config_arguments`` that returns them.

    Raises:
        UnsupportedError: if a parameter has no attribute of its name.
    """
    if hasattr(thing, "config_arguments"):
        return dict(thing.config_arguments())
    arguments = {}
    for name, parameter in inspect.signature(type(thing)).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if not hasattr(thing, name):
            raise UnsupportedError(
                f"{where}: {type(thing).__name__} cannot be saved, since it does not "
                f"keep its argument '{name}' as an attribute."
            )
        arguments[name] = getattr(thing, name)
    return arguments
