"""Imports go down only, as the table of layers in the design says."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ml_genn

ROOT = Path(ml_genn.__file__).resolve().parent.parent
PACKAGES = ("ml_genn", "ml_genn_eprop", "ml_genn_tf")
MODULES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))

FRONTEND = {
    "callbacks",
    "communicators",
    "config",
    "connection",
    "connectivity",
    "data",
    "graph",
    "initializers",
    "losses",
    "metrics",
    "network",
    "neurons",
    "optimisers",
    "plot",
    "population",
    "readouts",
    "sequential",
    "serialisers",
    "summary",
    "surrogates",
    "synapses",
}
#: {layer: layers below that it may import}; every layer may import itself and `errors`.
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "utils": set(),
    "model": set(),
    "codegen": {"model"},
    "backends": {"codegen", "model"},
    "frontend": {"model", "utils"},
    "launch": set(),
    "module_aliases": set(),
    "training": {"frontend", "model", "utils"},
    "lowering": {"frontend", "backends", "model", "utils"},
    "compiled": {"lowering", "training", "frontend", "backends", "model", "utils"},
    "compilers": {
        "compiled",
        "lowering",
        "training",
        "frontend",
        "backends",
        "model",
        "utils",
    },
    "saving": {"compilers", "compiled", "frontend", "model", "utils"},
    "nir": {
        "compilers",
        "compiled",
        "lowering",
        "frontend",
        "backends",
        "model",
        "utils",
    },
    "ml_genn": {"saving", "compilers", "frontend", "module_aliases", "utils"},
}


def dotted(path: Path) -> str:
    """The name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> str:
    """The layer that a module of ours belongs to."""
    package, *rest = module.split(".")
    if package != "ml_genn":
        return package
    if not rest:
        return "ml_genn"
    return "frontend" if rest[0] in FRONTEND else rest[0]


def imported(node: ast.AST) -> list[str]:
    """Names of modules of ours that a statement imports."""
    if isinstance(node, ast.Import):
        found = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        module = str(node.module)
        names = [f"{module}.{alias.name}" for alias in node.names]
        found = names if module in PACKAGES else [module]
    else:
        return []
    return [name for name in found if name.split(".")[0] in PACKAGES]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of everything of ours that a module imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        for name in imported(node):
            yield node.lineno, name  # type: ignore[attr-defined]


def inside_functions(path: Path) -> Iterator[tuple[int, str]]:
    """The same, of imports inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                for name in imported(inner):
                    yield inner.lineno, name  # type: ignore[attr-defined]


def _ids(path: Path) -> str:
    return dotted(path)


def test_every_module_has_a_layer() -> None:
    unknown = {layer(dotted(path)) for path in MODULES} - {*BELOW, *PACKAGES}
    assert not unknown
    assert len(MODULES) > 80


@pytest.mark.parametrize(
    "path", [p for p in MODULES if layer(dotted(p)) in BELOW], ids=_ids
)
def test_imports_go_down(path: Path) -> None:
    own = layer(dotted(path))
    allowed = BELOW[own] | {own, "errors"}
    wrong = [
        f"line {line}: {name} ({layer(name)})"
        for line, name in imports(path)
        if layer(name) not in allowed
    ]
    assert not wrong, f"{dotted(path)} ({own}) imports upwards: {wrong}"


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if layer(dotted(p)) in ("frontend", "training")],
    ids=_ids,
)
def test_imports_of_the_frontend_stand_at_the_top(path: Path) -> None:
    assert not list(inside_functions(path)), "imports inside functions hide cycles"


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if layer(dotted(p)) in ("ml_genn_eprop", "ml_genn_tf")],
    ids=_ids,
)
def test_other_packages_use_public_names_only(path: Path) -> None:
    own = layer(dotted(path))
    for line, name in imports(path):
        private = [part for part in name.split(".") if part.startswith("_")]
        assert not private or name.startswith(own), f"line {line}: {name} is private"
        assert layer(name) != "codegen", f"line {line}: {name} is not public"


def test_the_walk_sees_violations(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from ml_genn import Network\n"
        "import numpy, ml_genn.lowering\n"
        "def f():\n"
        "    from ml_genn.backends.cpu import abi\n"
    )
    assert list(imports(module)) == [
        (1, "ml_genn.Network"),
        (2, "ml_genn.lowering"),
        (4, "ml_genn.backends.cpu"),
    ]
    assert list(inside_functions(module)) == [(4, "ml_genn.backends.cpu")]
    names = ("ml_genn", "ml_genn.data", "ml_genn.backends.cpu", "ml_genn_tf.x")
    assert [layer(n) for n in names] == [
        "ml_genn",
        "frontend",
        "backends",
        "ml_genn_tf",
    ]


HEAVY = (
    "sympy",
    "pycparser",
    "matplotlib",
    "ml_genn_eprop",
    "ml_genn_tf",
    "nir",
    "tonic",
)


def test_importing_ml_genn_is_light() -> None:
    code = f"import sys, ml_genn; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
