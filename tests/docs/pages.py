"""Python code of documents, extracted and run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def blocks(path: Path, language: str = "python") -> list[str]:
    """Blocks of code in a document.

    Args:
        path: file in Markdown.
        language: language of the blocks, Python by default.
    """
    pattern = rf"```{language}\n(.*?)```"
    return re.findall(pattern, path.read_text(), flags=re.DOTALL)


def run(code: str, names: dict[str, Any]) -> dict[str, Any]:
    """Runs a block of code and returns its names."""
    exec(compile(code, "document", "exec", dont_inherit=True), names)
    return names
