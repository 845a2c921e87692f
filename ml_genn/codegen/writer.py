"""Writer of indented C-family text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

HEADING_WIDTH = 96  #: columns of a heading


class CodeWriter:
    """Lines of code with nested blocks: ``with writer.block("for (...)"):``."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def line(self, text: str = "") -> None:
        """Adds one line at the current depth."""
        self._lines.append("  " * self._depth + text if text else "")

    def lines(self, texts: Iterable[str]) -> None:
        """Adds several lines."""
        for text in texts:
            for part in text.splitlines():
                self.line(part)

    def comment(self, text: str) -> None:
        """Adds a comment, one line for each of the text's."""
        for part in text.splitlines():
            self.line(f"// {part}")

    def heading(self, text: str, rule: str = "-") -> None:
        """Adds a comment that begins a section."""
        self.line()
        title = f"// {rule * 4} {text} "
        self.line(title + rule * max(0, HEADING_WIDTH - len(title)))

    @contextmanager
    def block(self, head: str, end: str = "}") -> Iterator[None]:
        """Adds head and an opening brace, the body, and ``end``."""
        self.line(f"{head} {{" if head else "{")
        self._depth += 1
        yield
        self._depth -= 1
        self.line(end)

    @contextmanager
    def function(self, head: str) -> Iterator[None]:
        """Adds a function: a block and an empty line."""
        with self.block(head):
            yield
        self.line()

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"
