"""The code in the documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def blocks(path: Path) -> list[str]:
    """Python code in a document."""
    return re.findall(r"```python\n(.*?)```", path.read_text(), flags=re.DOTALL)


def run(code: str, names: dict[str, Any]) -> dict[str, Any]:
    """Names after running a block."""
    exec(compile(code, "document", "exec", dont_inherit=True), names)
    return names
