"""Objects by name: arguments that are an instance, or the name of a class."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from inspect import Parameter, isabstract, isclass, signature
from typing import Any, TypeVar, cast

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import shown
from ml_genn.utils.synonyms import object_name

T = TypeVar("T")

#: before a capital after a small letter, and before the last of several capitals
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def alias(cls: type) -> str:
    """Returns a class's name in snake case: ``avg_var`` for ``AvgVar``.

    Capitals that follow each other are one word: ``rmse_loss`` for ``RMSELoss``.
    """
    return _WORD_STARTS.sub("_", cls.__name__).lower()


def get_module_classes(
    namespace: Mapping[str, Any], base_class: type[T]
) -> dict[str, type[T]]:
    """Returns {name: class} of classes in a namespace that need no arguments.

    Args:
        namespace: {name: object}, for example ``globals()``.
        base_class: base of the classes; it is not in the table.
    """
    classes = (
        cls for cls in namespace.values() if isclass(cls) and cls is not base_class
    )
    derived = (cls for cls in classes if issubclass(cls, base_class))
    return aliases(*(c for c in derived if not isabstract(c) and needs_no_argument(c)))


def needs_no_argument(cls: type) -> bool:
    """True if a class can be called without arguments."""
    parameters = signature(cls).parameters.values()
    variadic = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return all(p.default is not p.empty or p.kind in variadic for p in parameters)


def aliases(*classes: type[T]) -> dict[str, type[T]]:
    """Returns {name: class} of classes that need no arguments."""
    return {alias(cls): cls for cls in classes}


def get_object(
    obj: Any, base_class: type, description: str, dictionary: Mapping[str, type[T]]
) -> T | None:
    """Returns an instance of ``base_class`` for an instance or a name; None for None.

    Args:
        obj: an instance (returned as it is), a name from ``dictionary``, or None.
        base_class: class of instances.
        description: subject of error messages, for example "Neuron".
        dictionary: {name: class}.

    Raises:
        UnknownNameError: if the name is not in the dictionary.
        ValidationError: if it is neither a name nor an instance.
    """
    if obj is None:
        return None
    if isinstance(obj, str):
        return dictionary[object_name(description.lower(), obj, dictionary)]()
    if isinstance(obj, base_class):
        return cast(T, obj)
    hint = ""
    if isinstance(obj, type) and issubclass(obj, base_class):
        hint = f" Did you mean {obj.__name__}()?"
    raise ValidationError(
        f"{description}: expected an instance of {base_class.__name__} or one of the "
        f"names {', '.join(sorted(dictionary))}. Received {shown(obj)}.{hint}"
    )


def get_object_mapping(
    obj: Any,
    keys: Iterable[Hashable],
    base_class: type,
    description: str,
    dictionary: Mapping[str, type[T]],
) -> dict[Any, T | None]:
    """Returns one object per key, from one for all or a dictionary with these keys.

    Args:
        obj: an instance, a name or None, or {key: one of these}.
        keys: the keys.
        base_class, description, dictionary: as for `get_object`.

    Raises:
        ValidationError: if a dictionary has other keys.
    """
    keys = list(keys)
    if isinstance(obj, Mapping):
        if set(obj.keys()) != set(keys):
            raise ValidationError(
                f"{description}: a dictionary needs one entry for each of "
                f"{[str(k) for k in keys]}. Received {[str(k) for k in obj]}."
            )
        return {
            key: get_object(one, base_class, description, dictionary)
            for key, one in obj.items()
        }
    return {k: get_object(obj, base_class, description, dictionary) for k in keys}
