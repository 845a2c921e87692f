"""Every public name is described, and every package says which names are public."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.modules import MODULES, dotted

INITS = [p for p in MODULES if p.name == "__init__.py"]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def undescribed(tree: ast.Module) -> Iterator[str]:
    """Public modules, classes, functions and methods without a docstring."""
    if not ast.get_docstring(tree):
        yield "the module"
    yield from _undescribed(tree, "")


def _undescribed(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
    for child in node.body:
        if not isinstance(child, Definition) or child.name.startswith("_"):
            continue
        if not ast.get_docstring(child) and not _repeats_another(child):
            yield f"{prefix}{child.name} (line {child.lineno})"
        if isinstance(child, ast.ClassDef):
            yield from _undescribed(child, f"{prefix}{child.name}.")


def _repeats_another(node: Definition) -> bool:
    """Whether it is the setter of a property that has a docstring, or an overload."""
    names = [ast.unparse(d).split(".")[-1] for d in node.decorator_list]
    return any(name in ("setter", "overload") for name in names)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_public_names_are_described(path: Path) -> None:
    missing = list(undescribed(ast.parse(path.read_text())))
    assert not missing, f"no docstring: {', '.join(missing)}"


@pytest.mark.parametrize("path", INITS, ids=dotted)
def test_packages_say_which_names_are_public(path: Path) -> None:
    name = dotted(path)
    package = importlib.import_module(name)
    public = getattr(package, "__all__", None)
    assert public is not None, f"{name} has no __all__"
    assert len(set(public)) == len(public)
    for one in public:
        if not hasattr(package, one):
            importlib.import_module(f"{name}.{one}")
        assert not one.startswith("_")
        assert getattr(package, one) is not None


def test_the_walk_sees_what_is_missing() -> None:
    source = (
        "class A:\n"
        "    def f(self): ...\n"
        "    def _g(self): ...\n"
        "    @p.setter\n"
        "    def p(self, x): ...\n"
        "def h():\n"
        '    "Described."\n'
    )
    assert list(undescribed(ast.parse(source))) == [
        "the module",
        "A (line 1)",
        "A.f (line 2)",
    ]
