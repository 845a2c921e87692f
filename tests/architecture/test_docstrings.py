"""Every public name has a docstring, and every package lists its public names."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.modules import MODULES, dotted

INITS = [p for p in MODULES if p.name == "__init__.py"]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def without_docstring(tree: ast.Module) -> Iterator[str]:
    """Yields public modules, classes, functions and methods without a docstring."""
    if not ast.get_docstring(tree):
        yield "the module"
    yield from _without_docstring(tree, "")


def _without_docstring(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
    for child in node.body:
        if not isinstance(child, Definition) or child.name.startswith("_"):
            continue
        if not ast.get_docstring(child) and not _is_setter_or_overload(child):
            yield f"{prefix}{child.name} (line {child.lineno})"
        if isinstance(child, ast.ClassDef):
            yield from _without_docstring(child, f"{prefix}{child.name}.")


def _is_setter_or_overload(node: Definition) -> bool:
    """True for an overload, and for the setter of a property with a docstring."""
    names = [ast.unparse(d).split(".")[-1] for d in node.decorator_list]
    return any(name in ("setter", "overload") for name in names)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_public_names_have_docstrings(path: Path) -> None:
    missing = list(without_docstring(ast.parse(path.read_text())))
    assert not missing, f"no docstring: {', '.join(missing)}"


@pytest.mark.parametrize("path", INITS, ids=dotted)
def test_packages_list_their_public_names(path: Path) -> None:
    name = dotted(path)
    package = importlib.import_module(name)
    public = getattr(package, "__all__", None)
    assert public is not None, f"{name} has no __all__"
    assert len(set(public)) == len(public)
    for public_name in public:
        if not hasattr(package, public_name):
            importlib.import_module(f"{name}.{public_name}")
        assert not public_name.startswith("_")
        assert getattr(package, public_name) is not None


def test_missing_docstrings_are_reported() -> None:
    source = (
        "class A:\n"
        "    def f(self): ...\n"
        "    def _g(self): ...\n"
        "    @p.setter\n"
        "    def p(self, x): ...\n"
        "def h():\n"
        '    "Described."\n'
    )
    assert list(without_docstring(ast.parse(source))) == [
        "the module",
        "A (line 1)",
        "A.f (line 2)",
    ]
