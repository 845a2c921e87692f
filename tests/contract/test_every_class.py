"""Rules for all registered classes: repr, names, arguments, saving."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from contract.registered import (
    ALL_MODULES,
    BASES,
    BOUND,
    ELSEWHERE,
    EVERY,
    FUNCTIONS,
    IDS,
    classes,
    config,
    example,
    half,
    registry,
)

import ml_genn
from ml_genn import callbacks
from ml_genn.config.codec import MODULES, Decoder
from ml_genn.errors import MlGennError
from ml_genn.utils.module import get_object

every_class = pytest.mark.parametrize(("kind", "cls"), EVERY, ids=IDS)


def test_registries_are_not_empty() -> None:
    assert all(classes(kind) for kind in BASES)


#: Packages that users take no classes from, or whose classes have tests of their own
#: (compilers, graph).
INTERNAL = {
    "backends",
    "codegen",
    "compiled",
    "compilers",
    "config",
    "dynamics",
    "graph",
    "lowering",
    "model",
    "training",
    "utils",
}


def packages() -> dict[str, ModuleType]:
    """Returns packages with classes for users, without extras that are missing."""
    names = [m.name for m in iter_modules(ml_genn.__path__) if m.ispkg]
    return {
        name: import_module(f"ml_genn.{name}")
        for name in names
        if name not in INTERNAL and not name.startswith("_")
    }


def test_nothing_is_left_out() -> None:
    """Public classes are tested here, belong to a population, or are bases."""
    tested = {cls for _, cls in EVERY}
    for name, package in packages().items():
        exported = [getattr(package, n) for n in getattr(package, "__all__", ())]
        untested = {
            cls.__name__
            for cls in exported
            if inspect.isclass(cls)
            and cls not in tested
            and not inspect.isabstract(cls)
            and not any(issubclass(other, cls) for other in tested)
        }
        assert untested == ELSEWHERE.get(name, set()), name
        for registry_name in (n for n in vars(package) if n.startswith("default_")):
            kind = registry_name.removeprefix("default_")
            assert kind in BASES
            assert set(registry(kind).values()) <= tested


def negated_flags(cls: type) -> dict[str, bool]:
    """Returns arguments that are True or False, with the value that is no default."""
    parameters = inspect.signature(cls).parameters.items()
    return {n: not p.default for n, p in parameters if isinstance(p.default, bool)}


@every_class
def test_repr_makes_an_equal_object(kind: str, cls: type) -> None:
    names = {**FUNCTIONS, "array": np.array}
    for module in (*ALL_MODULES.values(), ALL_MODULES[kind]):
        names |= {n: getattr(module, n) for n in module.__all__}
    for instance in (example(cls), example(cls, **negated_flags(cls))):
        text = repr(instance)
        for name, function in FUNCTIONS.items():
            text = text.replace(repr(function), name)
        again = eval(text, names)
        assert type(again) is cls
        assert config(kind, again) == config(kind, instance)


@every_class
def test_classes_without_required_arguments_have_a_name(kind: str, cls: type) -> None:
    """Their name in the registry follows from the name of the class."""
    names = [name for name, known in registry(kind).items() if known is cls]
    parameters = inspect.signature(cls).parameters.values()
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if required or kind == "connectivity":  # whose arguments always matter
        assert not names
        return
    assert names, f"{cls.__name__} needs no argument, so it should have a name"
    assert cls.__name__.lower() in [name.replace("_", "") for name in names]
    for name in names:
        instance = get_object(name, BASES[kind], kind, registry(kind))
        assert type(instance) is cls
        assert config(kind, instance) == config(kind, cls())
    with pytest.raises(MlGennError, match=rf"'{names[0]}x'\. Did you mean '"):
        get_object(f"{names[0]}x", BASES[kind], kind, registry(kind))


#: Arguments that are accepted for scripts written for mlGeNN and have no effect.
UNUSED = {("SpikeInput", "max_spikes")}
#: Arguments that may be anything, or are checked on use.
ANYTHING = {
    "key",
    "neuron_filter",
    "src_neuron_filter",
    "trg_neuron_filter",
    ("ModelCheckpoint", "output"),
    ("VarRecorder", "genn_var"),  # stands for var
}
ARGUMENTS = [
    (kind, cls, name)
    for kind, cls in [
        *EVERY,
        *(("callbacks", getattr(callbacks, b)) for b in sorted(BOUND)),
    ]
    for name, p in inspect.signature(cls).parameters.items()
    if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    and not {name, (cls.__name__, name)} & (UNUSED | ANYTHING)
]


@pytest.mark.parametrize(
    ("kind", "cls", "name"), ARGUMENTS, ids=lambda a: getattr(a, "__name__", str(a))
)
def test_bad_arguments_are_refused(kind: str, cls: type, name: str) -> None:
    """The message names the class or argument, and what was received."""
    bad = object()
    with pytest.raises(MlGennError) as refused:
        example(cls, **{name: bad})
    message = str(refused.value)
    assert cls.__name__ in message or name in message.lower()
    assert "object at 0x" in message


@every_class
def test_unknown_arguments_are_refused(kind: str, cls: type) -> None:
    with pytest.raises((TypeError, MlGennError), match=r"no_such_arg|takes no arg"):
        example(cls, no_such_argument=1)


@pytest.mark.parametrize(
    ("kind", "cls"),
    [(k, c) for k, c in EVERY if k in MODULES],
    ids=[i for i, (k, _) in zip(IDS, EVERY, strict=True) if k in MODULES],
)
def test_objects_are_saved_and_loaded(kind: str, cls: type, tmp_path: Path) -> None:
    """Their configuration is plain data that can be written as JSON."""
    instance = example(cls)
    data: Any = json.loads(json.dumps(config(kind, instance)))
    again = Decoder(custom={"half": half}, allow_code=True).decode(data)
    assert type(again) is cls
    assert config(kind, again) == data


@every_class
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_and_pickles_are_equal(kind: str, cls: type, copied: Any) -> None:
    original = example(cls)
    other = copied(original)
    assert type(other) is cls
    assert other is not original
    assert config(kind, other) == config(kind, original)
