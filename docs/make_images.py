"""Pictures of documents, drawn by the code in front of them.

Python blocks of a document run in order; a picture is the figure that the blocks before
it drew.

    python docs/make_images.py                  # docs/plots.md and README.md
    python docs/make_images.py docs/plots.md    # this document
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

DOCS = Path(__file__).resolve().parent
DOCUMENTS = (DOCS / "plots.md", DOCS.parent / "README.md")
BLOCK_OR_PICTURE = re.compile(
    r"```python\n(.*?)```|!\[[^\]]*\]\(([^)]*\.png)\)", re.DOTALL
)


def draw(document: Path, folder: Path) -> list[Path]:
    """Runs a document's code and saves its pictures.

    Args:
        document: a file in Markdown.
        folder: base of the paths of its pictures.

    Returns:
        Paths of the pictures.
    """
    names: dict[str, Any] = {}
    pictures = []
    for code, picture in BLOCK_OR_PICTURE.findall(document.read_text()):
        if code:
            exec(compile(code, str(document), "exec"), names)
            continue
        pictures.append(folder / picture)
        pictures[-1].parent.mkdir(parents=True, exist_ok=True)
        plt.gcf().savefig(pictures[-1], dpi=100)
        plt.close("all")
        Image.open(pictures[-1]).quantize(64).save(pictures[-1], optimize=True)
    return pictures


def main() -> None:
    """Draws the pictures of documents; other files that their code writes are lost."""
    documents = [Path(path).resolve() for path in sys.argv[1:]] or DOCUMENTS
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for document in documents:
            for picture in draw(document, document.parent):
                print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
