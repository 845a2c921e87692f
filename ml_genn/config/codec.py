"""Objects of ours as plain data that can be written as JSON, and back."""

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

#: Where classes are looked up; what is found elsewhere are custom objects.
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
CUSTOM = "custom"  #: where classes and functions of users are looked up
FILE = "config"  #: owner of arrays that are kept beside the data
_PLAIN: tuple[type, ...] = (bool, int, float, str, type(None))

CustomObjects = Mapping[str, Any] | None  #: {name: class or function}


@dataclass(slots=True)
class Encoder:
    """Turns objects into plain data.

    Args:
        arrays: where arrays are put, which the data then name; None: they are lists.
        known: {type: how it is written}, beside what is known here.
    """

    arrays: dict[Key, np.ndarray] | None = None
    known: Mapping[type, Callable[[Any], Any]] = field(default_factory=dict)

    def encode(self, value: Any, where: str) -> Any:
        """Plain data.

        Raises:
            UnsupportedError: if something cannot be written.
        """
        writers: dict[Any, Callable[[Any], Any]] = {
            **self.known,
            np.generic: lambda v: v.item(),
            _PLAIN: lambda v: v,
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
        self.arrays[FILE, name] = value
        return {"array_in_file": name}

    def _object(self, value: Any, where: str) -> Any:
        name = name_of(type(value), where)
        given = arguments_of(value, where)
        inside = {k: self.encode(v, f"{where}: {k}") for k, v in given.items()}
        return {"class": name, "arguments": inside}


@dataclass(slots=True)
class Decoder:
    """Turns plain data back into objects.

    Args:
        arrays: arrays that the data name.
        custom: classes and functions of users.
        known: {key of a dictionary: how it is read}, beside what is known here.
    """

    arrays: Mapping[Key, np.ndarray] = field(default_factory=dict)
    custom: CustomObjects = None
    known: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def decode(self, data: Any) -> Any:
        """The object.

        Raises:
            CheckpointError: if the data are none that were written here.
            UnknownNameError: if a class is not known.
        """
        if isinstance(data, _PLAIN):
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
            **self.known,
        }
        for key, read in readers.items():
            if key in data:
                return read(data[key])
        raise CheckpointError(f"Config: received a dictionary with keys {list(data)}.")

    def _array_in_file(self, name: str) -> np.ndarray:
        if (FILE, name) not in self.arrays:
            raise CheckpointError(f"Config: array '{name}' is missing.")
        return self.arrays[FILE, name]

    def _named(self, name: str) -> Any:
        kind, _, rest = name.partition(".")
        if kind == CUSTOM:
            if rest not in (self.custom or {}):
                raise CheckpointError(
                    f"Config: '{rest}' is not part of ml_genn. Give it in "
                    f"custom_objects={{'{rest}': {rest}}}."
                )
            return (self.custom or {})[rest]
        if kind not in MODULES:
            raise unknown_name("module", kind, MODULES, where="Config")
        public = getattr(MODULES[kind], "__all__", ())
        if rest not in public:
            raise unknown_name("class", rest, public, where=f"Config: {kind}")
        return getattr(MODULES[kind], rest)

    def _object(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return self._named(name)(**{k: self.decode(v) for k, v in arguments.items()})


def name_of(thing: Any, where: str) -> str:
    """How a class or function is looked up again."""
    name: str = thing.__name__
    for kind, module in MODULES.items():
        if vars(module).get(name) is thing:
            return f"{kind}.{name}"
    if name == "<lambda>":
        raise UnsupportedError(
            f"{where}: a lambda has no name to be saved by. Use a function that has "
            "one, and give it in custom_objects when loading."
        )
    return f"{CUSTOM}.{name}"


def arguments_of(thing: Any, where: str) -> dict[str, Any]:
    """What an object was made with: its attributes that are named as arguments, or what
    its method ``config_arguments`` says.

    Raises:
        UnsupportedError: if an argument is not kept as an attribute of its name.
    """
    if hasattr(thing, "config_arguments"):
        return dict(thing.config_arguments())
    found = {}
    for name, parameter in inspect.signature(type(thing)).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if not hasattr(thing, name):
            raise UnsupportedError(
                f"{where}: {type(thing).__name__} cannot be saved, since it does not "
                f"keep its argument '{name}' as an attribute."
            )
        found[name] = getattr(thing, name)
    return found
