"""Imports between layers go down only, as docs/architecture.md describes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from architecture.modules import (
    MODULES,
    PACKAGES,
    dotted,
    imports,
    imports_in_functions,
)

FRONTEND = {
    "callbacks",
    "communicators",
    "config",
    "connection",
    "connectivity",
    "data",
    "dynamics",
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
    "backends": {"codegen", "model", "utils"},
    "frontend": {"model", "utils"},
    "launch": set(),
    "module_aliases": {"utils"},
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
    "target_rates": {"compiled", "frontend", "model", "utils"},
    "sklearn": {"compilers", "frontend", "utils"},
    "nir": {
        "compilers",
        "compiled",
        "lowering",
        "frontend",
        "backends",
        "model",
        "utils",
    },
    "__main__": {"ml_genn", "compilers", "frontend", "backends", "utils"},
    "ml_genn": {
        "saving",
        "target_rates",
        "compilers",
        "frontend",
        "module_aliases",
        "utils",
    },
}


def layer(module: str) -> str:
    """Returns the layer of a module of the project."""
    package, *rest = module.split(".")
    if package != "ml_genn":
        return package
    if not rest:
        return "ml_genn"
    return "frontend" if rest[0] in FRONTEND else rest[0]


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
    assert not list(imports_in_functions(path)), "imports inside functions hide cycles"


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
    assert list(imports_in_functions(module)) == [(4, "ml_genn.backends.cpu")]
    names = ("ml_genn", "ml_genn.data", "ml_genn.backends.cpu", "ml_genn_tf.x")
    assert [layer(n) for n in names] == [
        "ml_genn",
        "frontend",
        "backends",
        "ml_genn_tf",
    ]


#: Modules that ``import ml_genn`` does not import: optional and slow ones, and those of
#: its own packages that a script may not need.
HEAVY = (
    "sympy",
    "scipy",
    "torch",
    "tensorflow",
    "pycparser",
    "matplotlib",
    "nir",
    "tonic",
    "importlib.abc",
    "ml_genn_eprop",
    "ml_genn_tf",
    "ml_genn.backends",
    "ml_genn.callbacks",
    "ml_genn.codegen",
    "ml_genn.compilers",
    "ml_genn.saving",
)


def test_importing_ml_genn_is_light() -> None:
    """All public names are there nevertheless, and import their packages."""
    code = f"""
import sys, ml_genn
print([m for m in {HEAVY!r} if m in sys.modules])
assert {{*ml_genn.__all__}} <= {{*dir(ml_genn)}}
for name in ml_genn.__all__:
    getattr(ml_genn, name)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
