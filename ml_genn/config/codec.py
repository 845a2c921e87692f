"""Objects as plain data that can be written as JSON, and back.

An object becomes ``{"class": name, "arguments": {name: value}}``, from which its
constructor makes an equal one. Classes and functions become names: those of ml_genn
"<module>.<name>", those of users "custom.<name>", for which loading needs
``custom_objects``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

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

CustomObjects = Mapping[str, Any] | None  #: {name: class or function}


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
            np.generic: lambda v: v.item(),
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


@dataclass(slots=True)
class Decoder:
    """Turns plain data of `Encoder` back into objects.

    Args:
        arrays: arrays to which the data refer; none by default.
        custom: {name: class or function} of the user's own; None (default) for none.
        readers: {key of a dictionary: function that returns the object}, in addition to
            those here; none by default.
    """

    arrays: Mapping[Key, np.ndarray] = field(default_factory=dict)
    custom: CustomObjects = None
    readers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def decode(self, data: Any) -> Any:
        """Returns the object that plain data describe.

        Args:
            data: result of `Encoder.encode`.

        Raises:
            CheckpointError: if the data have another form, or an array is missing.
            UnknownNameError: if there is no class of a name.
        """
        if isinstance(data, _SCALARS):
            return data
        if isinstance(data, list):
            return [self.decode(v) for v in data]
        if not isinstance(data, Mapping):
            raise CheckpointError(f"Config: received {data!r}.")
        readers: dict[str, Callable[[Any], Any]] = {
            "tuple": lambda v: tuple(self.decode(x) for x in v),
            "mapping": lambda v: {self.decode(k): self.decode(x) for k, x in v},
            "named": self._named,
            "array_in_file": self._array_in_file,
            "array": lambda v: np.array(v, data["dtype"]).reshape(data["shape"]),
            "class": lambda v: self._object(v, data["arguments"]),
            **self.readers,
        }
        for key, read in readers.items():
            if key in data:
                return read(data[key])
        raise CheckpointError(f"Config: received a dictionary with keys {list(data)}.")

    def _array_in_file(self, name: str) -> np.ndarray:
        if (ARRAYS_OWNER, name) not in self.arrays:
            raise CheckpointError(f"Config: array '{name}' is missing.")
        return self.arrays[ARRAYS_OWNER, name]

    def _named(self, name: str) -> Any:
        module, _, rest = name.partition(".")
        if module == CUSTOM:
            if rest not in (self.custom or {}):
                raise CheckpointError(
                    f"Config: '{rest}' is not part of ml_genn. Give it in "
                    f"custom_objects={{'{rest}': {rest}}}."
                )
            return (self.custom or {})[rest]
        if module not in MODULES:
            raise unknown_name("module", module, MODULES, where="Config")
        public = getattr(MODULES[module], "__all__", ())
        if rest not in public:
            raise unknown_name("class", rest, public, where=f"Config: {module}")
        return getattr(MODULES[module], rest)

    def _object(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return self._named(name)(**{k: self.decode(v) for k, v in arguments.items()})


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
