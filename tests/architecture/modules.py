"""Source files of the project, and the imports between the modules of its packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import ml_genn

ROOT = Path(ml_genn.__file__).resolve().parent.parent
PACKAGES = ("ml_genn", "ml_genn_eprop", "ml_genn_tf")
#: folders at the top of the repository that hold code
CODE_FOLDERS = (*PACKAGES, "tests", "benchmarks", "examples", "docs")
MODULES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))


def code_files(*suffixes: str) -> list[Path]:
    """Files with one of the suffixes in folders that hold code, built files left out.

    Args:
        *suffixes: for example ".py" and ".h".
    """
    return sorted(
        path
        for folder in CODE_FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and "_build" not in path.parts
    )


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text())


def dotted(path: Path) -> str:
    """The name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(node: ast.AST) -> list[str]:
    """Names of the project's modules (or of objects in its packages) in an import."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        module = str(node.module)
        inner = [f"{module}.{alias.name}" for alias in node.names]
        names = inner if module in PACKAGES else [module]
    else:
        return []
    return [name for name in names if name.split(".")[0] in PACKAGES]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of each import of the project's modules, at any depth."""
    for node in ast.walk(tree_of(path)):
        for name in imported(node):
            yield node.lineno, name  # type: ignore[attr-defined]


def imports_in_functions(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of each import of the project's modules inside a function."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                for name in imported(inner):
                    yield inner.lineno, name  # type: ignore[attr-defined]


def import_graph(paths: dict[str, Path]) -> dict[str, set[str]]:
    """{module: modules that its file imports}, type-only imports included.

    Args:
        paths: {module: file}.
    """
    graph: dict[str, set[str]] = {}
    for module, path in paths.items():
        targets: set[str] = set()
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                targets.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    targets.add(inner if inner in paths else node.module)
        graph[module] = (targets & paths.keys()) - {module}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan 1972).

    Args:
        graph: {node: its successors}.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for successor in sorted(graph[node]):
            if successor not in index:
                visit(successor)
                low[node] = min(low[node], low[successor])
            elif successor in stack:
                low[node] = min(low[node], index[successor])
        if low[node] == index[node]:
            first = stack.index(node)
            components.append(sorted(stack[first:]))
            del stack[first:]

    for node in graph:
        if node not in index:
            visit(node)
    return [component for component in components if len(component) > 1]
