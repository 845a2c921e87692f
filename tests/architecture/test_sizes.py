"""Folders and functions are small enough to be read at once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.modules import CODE_FOLDERS, ROOT, code_files, tree_of

MOST_FILES = 12  #: code files of a folder without sub-folders
MOST_LINES = 50  #: of the body of a function, its docstring left out
SUFFIXES = (".py", ".h", ".cpp", ".cu")

#: {folder with more files: why}; docs/architecture.md gives the same reasons.
FLAT_FOLDERS = {
    "examples": "each script is an example of its own",
    "tests/engine": "one file for each property of the engine",
}


def files_of_folders() -> Counter[str]:
    """Number of code files of each folder, packages' ``__init__.py`` left out."""
    return Counter(
        path.parent.relative_to(ROOT).as_posix()
        for path in code_files(*SUFFIXES)
        if path.name != "__init__.py"
    )


def test_large_folders_have_a_reason() -> None:
    large = {f for f, n in files_of_folders().items() if n > MOST_FILES}
    assert large == FLAT_FOLDERS.keys()


def test_reasons_are_documented() -> None:
    """docs/architecture.md lists the same folders."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text.split("## Large folders")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", section, re.M)) == FLAT_FOLDERS.keys()


def long_functions(path: Path) -> Iterator[str]:
    """Functions whose body has more than `MOST_LINES` lines."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        if body and _lines(body) > MOST_LINES:
            yield f"{node.name} (line {node.lineno}): {_lines(body)} lines"


def _lines(body: list[ast.stmt]) -> int:
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("folder", CODE_FOLDERS)
def test_functions_are_short(folder: str) -> None:
    too_long = {
        name: functions
        for path in code_files(".py")
        if (name := path.relative_to(ROOT).as_posix()).startswith(f"{folder}/")
        and (functions := list(long_functions(path)))
    }
    assert not too_long


def test_long_functions_are_reported(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    body = "\n".join(f"    x{k} = {k}" for k in range(MOST_LINES))
    module.write_text(f'def f():\n    "Text."\n{body}\n\ndef g():\n{body}\n    pass\n')
    assert list(long_functions(module)) == ["g (line 54): 51 lines"]
